/* tests/patterns/client_server_test.c - CLIENT and SERVER, over each transport. */
#include <poll.h>

#include "tests/patterns/numbers.h"

enum { CLIENTS = 3 };

TEST(client_and_server_tell_what_they_are_and_refuse_what_they_cannot)
{
    struct net n = net_open();
    void *client = net_socket(&n, ZMQ_CLIENT), *server = net_socket(&n, ZMQ_SERVER);
    size_t size = sizeof(int);
    int fd;

    CHECK_EQ(test_get_int(client, ZMQ_TYPE), ZMQ_CLIENT);
    CHECK_EQ(test_get_int(server, ZMQ_TYPE), ZMQ_SERVER);
    CHECK_EQ(test_get_int(client, ZMQ_THREAD_SAFE), 1);
    CHECK_EQ(test_get_int(server, ZMQ_THREAD_SAFE), 1);
    CHECK_EQ(test_get_int(client, ZMQ_EVENTS), 0);
    CHECK_EQ(test_get_int(server, ZMQ_EVENTS), ZMQ_POLLOUT);
    CHECK_ERRNO(zmq_getsockopt(client, ZMQ_FD, &fd, &size), EINVAL);
    CHECK_ERRNO(zmq_getsockopt(server, ZMQ_FD, &fd, &size), EINVAL);

    CHECK_ERRNO(zmq_send(client, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO(zmq_send(server, "x", 1, ZMQ_DONTWAIT), EHOSTUNREACH);
    CHECK_ERRNO(send_to_flags(server, 77, "x", 0), EHOSTUNREACH);
    CHECK_ERRNO(zmq_send(client, "x", 1, ZMQ_SNDMORE), EINVAL);
    CHECK_ERRNO(zmq_send(server, "x", 1, ZMQ_SNDMORE), EINVAL);
    CHECK_ERRNO(zmq_recv(client, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO(zmq_recv(server, NULL, 0, ZMQ_DONTWAIT), EAGAIN);

    CHECK_ERRNO(zmq_join(client, "g"), ENOTSUP);
    CHECK_ERRNO(zmq_leave(server, "g"), ENOTSUP);
    CHECK_ERRNO(zmq_disconnect_peer(client, 1), ENOTSUP);
    CHECK_ERRNO(zmq_disconnect_peer(server, 1), EHOSTUNREACH);
    CHECK_EQ(zmq_connect_peer(server, "inproc://nobody"), 0);
    CHECK_EQ(errno, ENOTSUP);
    net_close(&n);
}

TEST(server_answers_each_client_by_its_number)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        static const char *const names[CLIENTS] = { "ada", "bob", "eve" };
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *server = net_bound(&n, ZMQ_SERVER, *t, endpoint), *client[CLIENTS];
        uint32_t number[CLIENTS];

        for (int i = 0; i < CLIENTS; i++) {
            client[i] = net_connected(&n, ZMQ_CLIENT, endpoint);
            send_to(client[i], 0, names[i]);
            number[i] = recv_from(server, names[i]);
            CHECK(number[i] != 0);
            for (int j = 0; j < i; j++)
                CHECK(number[j] != number[i]);
        }
        for (int round = 0; round < 3; round++) {
            for (int i = CLIENTS; i-- > 0;)
                send_to(server, number[i], names[i]);
            for (int i = 0; i < CLIENTS; i++) {
                CHECK_EQ(recv_from(client[i], names[i]), 0, "%s", *t);
                send_to(client[i], 0, names[i]);
                CHECK_EQ(recv_from(server, names[i]), number[i], "%s", *t);
            }
        }
        net_close(&n);
    }
}

/* The number in the message that was received leads back to its sender. */
TEST(server_sends_a_message_back_as_it_came)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT], big[10000];
        struct net n = net_open();
        void *server = net_bound(&n, ZMQ_SERVER, *t, endpoint);
        void *client = net_connected(&n, ZMQ_CLIENT, endpoint);
        zmq_msg_t m, copy;

        memset(big, 'b', sizeof(big));
        CHECK_OK(zmq_send(client, big, sizeof(big), 0));
        CHECK_OK(zmq_msg_init(&m));
        CHECK_OK(zmq_msg_init(&copy));
        CHECK_OK(zmq_msg_recv(&m, server, 0));
        CHECK_OK(zmq_msg_copy(&copy, &m));
        CHECK_EQ(zmq_msg_routing_id(&copy), zmq_msg_routing_id(&m));
        CHECK_OK(zmq_msg_send(&m, server, 0));
        CHECK_OK(zmq_msg_send(&copy, server, 0));
        CHECK_EQ(net_recv(client, big, sizeof(big)), sizeof(big));
        CHECK_EQ(net_recv(client, big, sizeof(big)), sizeof(big));
        CHECK_OK(zmq_msg_close(&m));
        CHECK_OK(zmq_msg_close(&copy));
        net_close(&n);
    }
}

TEST(client_asks_servers_in_turn)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        struct net n = net_open();
        void *client = net_socket(&n, ZMQ_CLIENT), *server[CLIENTS];

        for (int i = 0; i < CLIENTS; i++) {
            char endpoint[TEST_ENDPOINT];
            server[i] = net_bound(&n, ZMQ_SERVER, *t, endpoint);
            CHECK_OK(zmq_connect(client, endpoint));
        }
        for (int i = 0; i < 2 * CLIENTS; i++)
            send_to(client, 0, "q");
        for (int i = 0; i < CLIENTS; i++) {
            uint32_t number = recv_from(server[i], "q");
            CHECK_EQ(recv_from(server[i], "q"), number, "%s", *t);
            CHECK_ERRNO(zmq_recv(server[i], NULL, 0, ZMQ_DONTWAIT), EAGAIN);
            send_to(server[i], number, "a");
        }
        for (int i = 0; i < CLIENTS; i++)
            recv_from(client, "a");
        net_close(&n);
    }
}

TEST(server_may_connect_to_a_client)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *client = net_bound(&n, ZMQ_CLIENT, *t, endpoint);
        void *server = net_connected(&n, ZMQ_SERVER, endpoint);

        send_to(client, 0, "q");
        send_to(server, recv_from(server, "q"), "a");
        recv_from(client, "a");
        net_close(&n);
    }
}

/* ---- High-water marks. */

TEST(client_is_full_at_the_high_water_mark)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *server = net_socket(&n, ZMQ_SERVER), *client = net_socket(&n, ZMQ_CLIENT);

    test_set_int(server, ZMQ_RCVHWM, 2);
    test_set_int(client, ZMQ_SNDHWM, 2);
    test_bind(server, "inproc", endpoint);
    CHECK_OK(zmq_connect(client, endpoint));
    for (int i = 0; i < 4; i++)
        CHECK_OK(zmq_send(client, "x", 1, ZMQ_DONTWAIT));
    CHECK_ERRNO(zmq_send(client, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK(net_is_mute(client));
    for (int i = 0; i < 4; i++)
        recv_from(server, "x");
    net_wait(client, ZMQ_POLLOUT);
    CHECK_OK(zmq_send(client, "x", 1, ZMQ_DONTWAIT));
    net_close(&n);
}

TEST(server_keeps_a_message_for_a_full_client_but_not_those_for_others)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *server = net_socket(&n, ZMQ_SERVER);

    test_set_int(server, ZMQ_SNDHWM, 1);
    test_bind(server, "inproc", endpoint);
    void *slow = net_socket(&n, ZMQ_CLIENT);
    test_set_int(slow, ZMQ_RCVHWM, 1);
    CHECK_OK(zmq_connect(slow, endpoint));
    void *quick = net_connected(&n, ZMQ_CLIENT, endpoint);
    send_to(slow, 0, "slow");
    uint32_t to_slow = recv_from(server, "slow");
    send_to(quick, 0, "quick");
    uint32_t to_quick = recv_from(server, "quick");

    send_to(server, to_slow, "1");
    send_to(server, to_slow, "2");
    CHECK_ERRNO(send_to_flags(server, to_slow, "3", ZMQ_DONTWAIT), EAGAIN);
    test_set_int(server, ZMQ_SNDTIMEO, 10);
    CHECK_ERRNO(send_to_flags(server, to_slow, "3", 0), EAGAIN);
    CHECK_OK(send_to_flags(server, to_quick, "a", ZMQ_DONTWAIT));
    recv_from(quick, "a");
    recv_from(slow, "1");
    CHECK_OK(send_to_flags(server, to_slow, "3", ZMQ_DONTWAIT));
    recv_from(slow, "2");
    recv_from(slow, "3");
    net_close(&n);
}

/* Sends until it is told that nobody is there; what it needs is in arg. */
static void *send_on_and_on(void *arg)
{
    struct unreachable *to = arg;
    int rc;

    while ((rc = send_to_flags(to->socket, to->number, "x", 0)) >= 0)
        continue;
    CHECK_EQ(errno, EHOSTUNREACH, "%s", zmq_strerror(errno));
    return NULL;
}

TEST(server_blocked_on_a_client_that_goes_is_told)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *server = net_socket(&n, ZMQ_SERVER), *client = net_socket(&n, ZMQ_CLIENT);

        test_set_int(server, ZMQ_SNDHWM, 1);
        test_set_int(client, ZMQ_RCVHWM, 1);
        test_bind(server, *t, endpoint);
        CHECK_OK(zmq_connect(client, endpoint));
        send_to(client, 0, "q");
        struct unreachable to = { server, recv_from(server, "q") };
        struct test_thread *thread = test_thread_start(send_on_and_on, &to);
        recv_from(client, "x");
        net_leave(&n, client);
        test_thread_join(thread);
        net_close(&n);
    }
}

/* ---- Peers go. */

TEST(server_still_gets_what_a_client_that_left_has_sent)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *server = net_bound(&n, ZMQ_SERVER, *t, endpoint);
        void *client = net_connected(&n, ZMQ_CLIENT, endpoint);

        send_to(client, 0, "1");
        uint32_t number = recv_from(server, "1");
        send_to(client, 0, "2");
        send_to(client, 0, "3");
        net_leave(&n, client);
        CHECK_EQ(recv_from(server, "2"), number, "%s", *t);
        wait_unreachable(server, number);
        CHECK_EQ(recv_from(server, "3"), number, "%s", *t);
        CHECK_ERRNO(zmq_disconnect_peer(server, number), EHOSTUNREACH);
        net_close(&n);
    }
}

TEST(server_may_end_the_connection_to_a_client)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *server = net_bound(&n, ZMQ_SERVER, *t, endpoint);
        void *client = net_connected(&n, ZMQ_CLIENT, endpoint);
        void *other = net_connected(&n, ZMQ_CLIENT, endpoint);
        void *monitor = net_monitor(&n, client, ZMQ_EVENT_DISCONNECTED);

        send_to(client, 0, "q");
        uint32_t number = recv_from(server, "q");
        CHECK_OK(zmq_disconnect_peer(server, number));
        CHECK_ERRNO(zmq_disconnect_peer(server, number), EHOSTUNREACH);
        CHECK_ERRNO(send_to_flags(server, number, "a", 0), EHOSTUNREACH);
        send_to(other, 0, "q");
        CHECK(recv_from(server, "q") != number);
        if (strcmp(*t, "inproc") == 0) {
            net_wait_mute(client);
        } else {                         /* it comes again, as somebody new */
            CHECK_EQ(net_event(monitor), ZMQ_EVENT_DISCONNECTED);
            send_to(client, 0, "again");
            CHECK(recv_from(server, "again") != number);
        }
        net_close(&n);
    }
}

TEST(server_says_hello_and_hears_of_clients_that_go)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *server = net_socket(&n, ZMQ_SERVER);

        CHECK_OK(zmq_setsockopt(server, ZMQ_HELLO_MSG, "hello", 5));
        CHECK_OK(zmq_setsockopt(server, ZMQ_DISCONNECT_MSG, "bye", 3));
        test_bind(server, *t, endpoint);
        void *client = net_connected(&n, ZMQ_CLIENT, endpoint);
        recv_from(client, "hello");
        send_to(client, 0, "q");
        uint32_t number = recv_from(server, "q");
        net_leave(&n, client);
        CHECK_EQ(recv_from(server, "bye"), number, "%s", *t);
        net_close(&n);
    }
}

/* ---- Peers of other kinds: only inproc lets them in. */

TEST(server_and_client_drop_multipart_messages_whole)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *server = net_bound(&n, ZMQ_SERVER, "inproc", endpoint);
    void *dealer = net_connected(&n, ZMQ_DEALER, endpoint);

    test_send_strings(dealer, "two", "parts", NULL);
    CHECK_EQ(test_get_int(server, ZMQ_EVENTS), ZMQ_POLLOUT);
    test_send_strings(dealer, "and", "more", "parts", NULL);
    test_send_strings(dealer, "one", NULL);
    CHECK(recv_from(server, "one") != 0);

    void *client = net_bound(&n, ZMQ_CLIENT, "inproc", endpoint);
    CHECK_OK(zmq_connect(dealer, endpoint));
    for (int i = 0; i < 2; i++)          /* DEALER's turns */
        test_send_strings(dealer, "two", "parts", NULL);
    for (int i = 0; i < 2; i++)
        test_send_strings(dealer, "one", NULL);
    recv_from(server, "one");
    recv_from(client, "one");
    CHECK_ERRNO(zmq_recv(client, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    net_close(&n);
}

TEST(client_turns_other_types_away)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *client = net_bound(&n, ZMQ_CLIENT, "tcp", endpoint);
    void *monitor =
        net_monitor(&n, client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);

    net_connected(&n, ZMQ_CLIENT, endpoint);
    CHECK_EQ(net_event(monitor), ZMQ_EVENT_DISCONNECTED);
    net_connected(&n, ZMQ_SERVER, endpoint);
    CHECK_EQ(net_event(monitor), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    net_close(&n);
}

/* ---- Polling. */

static bool is_readable(int fd)
{
    struct pollfd item = { fd, POLLIN, 0 };

    return poll(&item, 1, 0) == 1;
}

static void wait_readable(int fd)
{
    struct pollfd item = { fd, POLLIN, 0 };

    CHECK_EQ(poll(&item, 1, NET_PATIENCE), 1);
}

TEST(poller_has_a_descriptor_for_thread_safe_types)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *server = net_bound(&n, ZMQ_SERVER, *t, endpoint);
        void *client = net_connected(&n, ZMQ_CLIENT, endpoint);
        void *poller = zmq_poller_new(), *pair = net_socket(&n, ZMQ_PAIR);
        zmq_poller_event_t event;
        zmq_fd_t fd, again;

        CHECK_OK(zmq_poller_add(poller, pair, NULL, ZMQ_POLLIN));
        CHECK_ERRNO(zmq_poller_fd(poller, &fd), EINVAL);
        CHECK_OK(zmq_poller_add(poller, server, server, ZMQ_POLLIN));
        CHECK_OK(zmq_poller_fd(poller, &fd));
        CHECK_OK(zmq_poller_add(poller, client, client, ZMQ_POLLIN));
        CHECK_OK(zmq_poller_fd(poller, &again));
        CHECK_EQ(fd, again);

        for (int i = 0; i < 3; i++) {
            send_to(client, 0, "1");
            send_to(client, 0, "2");
            do
                wait_readable(fd);
            while (zmq_poller_wait(poller, &event, 0) < 0);
            CHECK(event.user_data == server && event.events == ZMQ_POLLIN);
            recv_from(server, "1");
            wait_readable(fd);           /* there is more, or will be soon */
            uint32_t number = recv_from(server, "2");
            while (zmq_poller_wait(poller, &event, 0) == 0)
                continue;

            send_to(server, number, "3");
            do
                wait_readable(fd);
            while (zmq_poller_wait(poller, &event, 0) < 0);
            CHECK(event.user_data == client);
            recv_from(client, "3");
            for (int looks = 0; looks < 3; looks++)
                CHECK_ERRNO(zmq_poller_wait(poller, &event, 0), EAGAIN);
        }
        CHECK_OK(zmq_poller_remove(poller, server));
        for (int looks = 0; looks < 3; looks++)
            CHECK_ERRNO(zmq_poller_wait(poller, &event, 0), EAGAIN);
        CHECK(!is_readable(fd), "%s", *t);
        send_to(client, 0, "4");
        recv_from(server, "4");
        CHECK_OK(zmq_poller_destroy(&poller));
        net_close(&n);
    }
}

/* ---- Threads. */

enum { THREADS = 4, ROUNDS = 200 };

static void *ask(void *client)
{
    for (int i = 0; i < ROUNDS / test_patience(); i++) {
        send_to(client, 0, "q");
        recv_from(client, "q");
    }
    return NULL;
}

static void *answer(void *server)
{
    zmq_msg_t m;
    bool on = true;

    CHECK_OK(zmq_msg_init(&m));
    while (on) {
        CHECK_OK(zmq_msg_recv(&m, server, 0));
        on = zmq_msg_size(&m) > 0;
        if (on)
            CHECK_OK(zmq_msg_send(&m, server, 0));
    }
    CHECK_OK(zmq_msg_close(&m));
    return NULL;
}

TEST(threads_share_a_client_and_a_server)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *server = net_bound(&n, ZMQ_SERVER, *t, endpoint);
        void *client = net_connected(&n, ZMQ_CLIENT, endpoint);
        struct test_thread *asking[THREADS], *answering[THREADS];

        for (int i = 0; i < THREADS; i++) {
            asking[i] = test_thread_start(ask, client);
            answering[i] = test_thread_start(answer, server);
        }
        for (int i = 0; i < THREADS; i++)
            test_thread_join(asking[i]);
        for (int i = 0; i < THREADS; i++)
            CHECK_OK(zmq_send(client, NULL, 0, 0));
        for (int i = 0; i < THREADS; i++)
            test_thread_join(answering[i]);
        net_close(&n);
    }
}
