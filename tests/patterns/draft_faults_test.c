/* tests/patterns/draft_faults_test.c - as api/faults_test.c: every allocation and every
 * system call fails in turn while CLIENT, SERVER, RADIO, DISH and their kin talk. */
#include "tests/api/faults.h"

static void talk_single(struct net *net, void *from, void *to)
{
    net_converse(net, from, to, SMALL);
    net_converse(net, from, to, LARGE);
}

static void scattering(struct net *net)
{
    void *gather = net_socket(net, ZMQ_GATHER), *scatter = net_socket(net, ZMQ_SCATTER);

    net_bind(net, gather);
    net_connect(net, scatter);
    talk_single(net, scatter, gather);
    net_close(scatter);
    net_close(gather);
}

static void channels(struct net *net)
{
    void *a = net_socket(net, ZMQ_CHANNEL), *b = net_socket(net, ZMQ_CHANNEL);

    net_bind(net, a);
    net_connect(net, b);
    talk_single(net, b, a);
    talk_single(net, a, b);
    net_close(b);
    net_close(a);
}

/* ---- Numbers. */

/* Sends to the peer of this number. False: there is none, any more. */
static bool send_to(void *s, uint32_t number, const char *text)
{
    zmq_msg_t m;
    int rc;

    KEEP(zmq_msg_init_buffer(&m, text, strlen(text)));
    CHECK_OK(zmq_msg_set_routing_id(&m, number));
    do
        rc = zmq_msg_send(&m, s, 0);
    while (rc < 0 && errno != EHOSTUNREACH && net_again("zmq_msg_send"));
    CHECK_OK(zmq_msg_close(&m));
    return rc >= 0;
}

/* Receives a text of this size: the number of its sender; 0 if none comes, but what was
 * said twice before. */
static uint32_t recv_number(void *s, size_t size)
{
    zmq_msg_t m;
    int n;

    net_calm();
    CHECK_OK(zmq_msg_init(&m));
    KEEP_TRYING(n = zmq_msg_recv(&m, s, 0));
    uint32_t number = n == (int)size ? zmq_msg_routing_id(&m) : 0;
    CHECK_OK(zmq_msg_close(&m));
    return number;
}

static void serving(struct net *net)
{
    static const char text[] = "more than what a message itself has room for";
    void *server = net_socket(net, ZMQ_SERVER), *client = net_socket(net, ZMQ_CLIENT);
    int waits = 0, n;

    net_bind(net, server);
    net_connect(net, client);
    talk_single(net, client, server);
    for (;;) {
        KEEP_TRYING(n = zmq_send(client, "q", 1, 0));
        uint32_t number = recv_number(server, 1);
        if (number != 0 && send_to(server, number, text)) {
            KEEP_TRYING(n = zmq_recv(client, NULL, 0, 0));
            if (n >= 0)
                break;
        }
        net_wait_more(&waits);
    }
    CHECK_EQ(n, sizeof(text) - 1);
    net_close(client);
    net_close(server);
}

static void peering(struct net *net)
{
    void *a = net_socket(net, ZMQ_PEER), *b = net_socket(net, ZMQ_PEER);
    uint32_t to_a, to_b = 0;
    int waits = 0;

    net_bind(net, a);
    while ((to_a = zmq_connect_peer(b, net->endpoint)) == 0)
        net_again("zmq_connect_peer");
    while (to_b == 0) {
        CHECK(send_to(b, to_a, "a"), "connected, so it has a number");
        to_b = recv_number(a, 1);
        if (to_b == 0)
            net_wait_more(&waits);
    }
    (void)send_to(a, to_b, "b");         /* it may have gone, and come again */
    CHECK_OK(zmq_disconnect_peer(b, to_a));
    CHECK_ERRNO(zmq_disconnect_peer(b, to_a), EHOSTUNREACH);
    net_close(b);
    net_close(a);
}

/* ---- Groups. */

enum { GROUPS = 12 };

static const char *group_name(int i, char name[64])
{
    snprintf(name, 64, i % 2 ? "g%d" : "a group with a long name: %d", i);
    return name;
}

static void send_group(void *radio, const char *group)
{
    zmq_msg_t m;

    KEEP(zmq_msg_init_buffer(&m, group, strlen(group)));
    KEEP(zmq_msg_set_group(&m, group));
    KEEP(zmq_msg_send(&m, radio, 0));
    CHECK_OK(zmq_msg_close(&m));
}

/* Groups joined before and after the connect all count. */
static void groups(struct net *net)
{
    void *radio = net_socket(net, ZMQ_RADIO), *dish = net_socket(net, ZMQ_DISH);
    char name[64];

    net_bind(net, radio);
    for (int i = 0; i < GROUPS; i++) {
        KEEP(zmq_join(dish, group_name(i, name)));
        if (i == GROUPS / 2)
            net_connect(net, dish);
    }
    for (int i = 0; i < GROUPS; i++) {
        bool arrived = false;
        zmq_msg_t m;
        int n, waits = 0;

        group_name(i, name);
        CHECK_OK(zmq_msg_init(&m));
        do {
            send_group(radio, name);
            KEEP_TRYING(n = zmq_msg_recv(&m, dish, 0));
            if (n < 0)
                net_wait_more(&waits);
            else
                CHECK_EQ(zmq_msg_size(&m), strlen(zmq_msg_group(&m)));
            arrived = n >= 0 && strcmp(zmq_msg_group(&m), name) == 0;
        } while (!arrived);
        CHECK_OK(zmq_msg_close(&m));
        CHECK_OK(zmq_leave(dish, name));
    }
    net_close(dish);
    net_close(radio);
}

FAULT_TESTS(scattering, EVERYWHERE)
FAULT_TESTS(channels, EVERYWHERE)
FAULT_TESTS(serving, EVERYWHERE)
FAULT_TESTS(peering, EVERYWHERE)
FAULT_TESTS(groups, EVERYWHERE)
