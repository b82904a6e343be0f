/* tests/transports/udp_faults_test.c - as api/faults_test.c: every allocation and every system
 * call fails in turn while RADIO, DISH and DGRAM talk over UDP. */
#include "tests/api/faults.h"

static void last_endpoint(void *s, char endpoint[TEST_ENDPOINT])
{
    size_t size = TEST_ENDPOINT - 6;

    memcpy(endpoint, "udp://", 6);
    CHECK_OK(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, endpoint + 6, &size));
}

static void send_group(void *radio, const char *group, const char *text, size_t size)
{
    zmq_msg_t m;

    KEEP(zmq_msg_init_buffer(&m, text, size));
    KEEP(zmq_msg_set_group(&m, group));
    KEEP(zmq_msg_send(&m, radio, 0));
    CHECK_OK(zmq_msg_close(&m));
}

/* Datagrams may be lost, and what was sent twice may come twice. */
static void say(void *radio, void *dish, const char *group, const char *text, size_t size)
{
    int waits = 0, n;
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    do {
        send_group(radio, group, text, size);
        KEEP_TRYING(n = zmq_msg_recv(&m, dish, 0));
        if (n < 0)
            net_wait_more(&waits);
    } while (n != (int)size);
    CHECK_STR(zmq_msg_group(&m), group);
    CHECK_MEM(zmq_msg_data(&m), text, size);
    CHECK_OK(zmq_msg_close(&m));
}

static void groups_by(struct net *net, const char *where)
{
    static char large[6000];
    void *radio = net_socket(net, ZMQ_RADIO), *dish = net_socket(net, ZMQ_DISH);

    KEEP(zmq_join(dish, "g"));
    KEEP(zmq_join(dish, "a group with a long name"));
    KEEP(zmq_bind(dish, where));
    last_endpoint(dish, net->endpoint);
    KEEP(zmq_connect(radio, net->endpoint));
    memset(large, 'L', sizeof(large));
    say(radio, dish, "g", "small", 5);
    say(radio, dish, "a group with a long name", large, sizeof(large));
    KEEP(zmq_unbind(dish, where));
    KEEP(zmq_bind(dish, net->endpoint));
    say(radio, dish, "g", "again", 6);
    KEEP(zmq_disconnect(radio, net->endpoint));
    net_close(radio);
    net_close(dish);
}

static void groups(struct net *net)
{
    groups_by(net, "udp://127.0.0.1:*");
}

static void interfaces(struct net *net)
{
    groups_by(net, "udp://lo:*");
}

static void multicast(struct net *net)
{
    void *radio = net_socket(net, ZMQ_RADIO), *dish = net_socket(net, ZMQ_DISH);

    snprintf(net->endpoint, sizeof(net->endpoint), "udp://127.0.0.1;239.7.8.9:%d",
             test_free_port());
    KEEP(zmq_join(dish, "g"));
    KEEP(zmq_bind(dish, net->endpoint));
    KEEP(zmq_connect(radio, net->endpoint));
    say(radio, dish, "g", "to many", 7);
    net_close(radio);
    net_close(dish);
}

static void names(struct net *net)
{
    void *radio = net_socket(net, ZMQ_RADIO), *dish = net_socket(net, ZMQ_DISH);

    KEEP(zmq_join(dish, "g"));
    KEEP(zmq_bind(dish, "udp://127.0.0.1:*"));
    last_endpoint(dish, net->endpoint);
    int port = atoi(strrchr(net->endpoint, ':') + 1);
    snprintf(net->endpoint, sizeof(net->endpoint), "udp://localhost:%d", port);
    KEEP(zmq_connect(radio, net->endpoint));
    say(radio, dish, "g", "by name", 7);
    net_close(radio);
    net_close(dish);
}

static void dgrams(struct net *net)
{
    void *a = net_socket(net, ZMQ_DGRAM), *b = net_socket(net, ZMQ_DGRAM);
    char address[TEST_ENDPOINT], got[16];
    int waits = 0, n;

    KEEP(zmq_bind(a, "udp://127.0.0.1:*"));
    KEEP(zmq_bind(b, "udp://127.0.0.1:*"));
    last_endpoint(a, net->endpoint);
    do {
        KEEP(zmq_send(b, net->endpoint + 6, strlen(net->endpoint + 6), ZMQ_SNDMORE));
        KEEP(zmq_send(b, "question", 8, 0));
        KEEP_TRYING(n = zmq_recv(a, address, sizeof(address), 0));
        if (n < 0) {
            net_wait_more(&waits);
            continue;
        }
        KEEP(zmq_recv(a, got, sizeof(got), 0));
        KEEP(zmq_send(a, address, (size_t)n, ZMQ_SNDMORE));
        KEEP(zmq_send(a, "answer", 6, 0));
        KEEP_TRYING(n = zmq_recv(b, address, sizeof(address), 0));
        if (n < 0)
            net_wait_more(&waits);
    } while (n < 0);
    CHECK_STR(address, net->endpoint + 6);
    int size;
    KEEP(size = zmq_recv(b, got, sizeof(got), 0));
    CHECK_EQ(size, 6);
    net_close(a);
    net_close(b);
}

FAULT_TESTS(groups, TCP_ONLY)
FAULT_TESTS(interfaces, TCP_ONLY)
FAULT_TESTS(multicast, TCP_ONLY)
FAULT_TESTS(names, TCP_ONLY)
FAULT_TESTS(dgrams, TCP_ONLY)
