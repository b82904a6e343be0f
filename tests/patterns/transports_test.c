/* transports_test.c - the table of transports itself: each row that works here carries a message
 * both ways, by the address it reports and by one that was known before. Says which rows every
 * pattern's test leaves out on this machine. */
#include "tests/patterns/net.h"

static void talk(const char *transport, void *a, void *b)
{
    char got[8];

    CHECK_EQ(zmq_send(a, "ping", 4, 0), 4, "%s", transport);
    CHECK_EQ(net_recv(b, got, sizeof got), 4, "%s", transport);
    CHECK_EQ(zmq_send(b, "pong!", 5, 0), 5, "%s", transport);
    CHECK_EQ(net_recv(a, got, sizeof got), 5, "%s", transport);
    CHECK_MEM(got, "pong!", 5);
}

TEST(each_transport_is_reached_by_what_it_reports)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_DEALER, *t, endpoint);

        talk(*t, a, net_connected(&n, ZMQ_DEALER, endpoint));
        CHECK_OK(zmq_unbind(a, endpoint));
        CHECK_ERRNO(zmq_unbind(a, endpoint), ENOENT);
        net_close(&n);
    }
}

TEST(each_transport_is_reached_by_those_who_came_before)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *b = net_socket(&n, ZMQ_DEALER), *a = net_socket(&n, ZMQ_DEALER);

        test_set_int(b, ZMQ_RECONNECT_IVL, 1);
        CHECK_OK(zmq_connect(b, test_fixed_endpoint(*t, endpoint)));
        CHECK_OK(zmq_bind(a, endpoint));
        talk(*t, b, a);
        net_close(&n);
    }
}

TEST(each_transport_of_the_table_works_on_this_machine)
{
    char absent[200] = "";

    for (const char *const *t = test_transports_of(TEST_ABSENT); *t != NULL; t++)
        snprintf(absent + strlen(absent), sizeof absent - strlen(absent), " %s", *t);
    if (absent[0] != '\0')
        test_skip(absent);
}
