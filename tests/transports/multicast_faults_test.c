/* tests/transports/multicast_faults_test.c - as api/faults_test.c: every allocation and every
 * system call of the library's own fails in turn while epgm and norm carry messages. */
#include "tests/api/faults.h"

#ifdef ZN_HAVE_PGM

/* Messages may be lost, and what was sent twice may come twice. */
static void say(void *pub, void *sub, char letter, size_t size)
{
    static char text[10000], got[10001];
    int waits = 0, n;

    memset(text, letter, size);
    do {
        KEEP(zmq_send(pub, text, size / 2, ZMQ_SNDMORE));
        KEEP(zmq_send(pub, text, size, 0));
        KEEP_TRYING(n = zmq_recv(sub, got, sizeof got, 0));
        if (n < 0) {
            net_wait_more(&waits);
            continue;
        }
        CHECK(n == (int)size / 2 || got[0] != letter, "%d", n);
        KEEP(n = zmq_recv(sub, got, sizeof got, 0));
    } while (n != (int)size || got[0] != letter);
    CHECK_MEM(got, text, size);
}

static void carried(struct net *net)
{
    void *pub = net_socket(net, ZMQ_PUB), *sub = net_socket(net, ZMQ_SUB);

    net_set(pub, ZMQ_RATE, 20000);
    net_set(sub, ZMQ_RATE, 20000);
    KEEP(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0));
    KEEP(zmq_connect(sub, net->endpoint));
    KEEP(zmq_bind(pub, net->endpoint));
    say(pub, sub, 'a', 10);
    say(pub, sub, 'b', 9000);
    KEEP(zmq_unbind(pub, net->endpoint));
    KEEP(zmq_bind(pub, net->endpoint));
    say(pub, sub, 'c', 20);
    net_close(pub);
    net_close(sub);
}

static void epgm(struct net *net)
{
    snprintf(net->endpoint, sizeof(net->endpoint), "epgm://lo;239.78.1.1:%d",
             test_free_port());
    carried(net);
}

FAULT_TESTS(epgm, TCP_ONLY)

#else

TEST(epgm_is_not_built_in)
{
    test_skip("no OpenPGM");
}

#endif
