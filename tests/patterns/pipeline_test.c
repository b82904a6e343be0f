/* tests/patterns/pipeline_test.c - PUSH and PULL, over each transport. */
#include "tests/patterns/net.h"

enum { WORKERS = 3 };

TEST(push_and_pull_go_one_way)
{
    struct net n = net_open();
    void *push = net_socket(&n, ZMQ_PUSH), *pull = net_socket(&n, ZMQ_PULL);

    CHECK_ERRNO(zmq_recv(push, NULL, 0, 0), ENOTSUP);
    CHECK_ERRNO(zmq_send(pull, "x", 1, 0), ENOTSUP);
    CHECK_ERRNO(zmq_send(push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO(zmq_recv(pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    CHECK_EQ(test_get_int(push, ZMQ_EVENTS), 0);
    CHECK_EQ(test_get_int(pull, ZMQ_EVENTS), 0);
    net_close(&n);
}

TEST(push_deals_whole_messages_out_in_turn)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        struct net n = net_open();
        void *push = net_socket(&n, ZMQ_PUSH), *pull[WORKERS];

        for (int i = 0; i < WORKERS; i++) {
            char endpoint[TEST_ENDPOINT];
            pull[i] = net_bound(&n, ZMQ_PULL, *t, endpoint);
            CHECK_OK(zmq_connect(push, endpoint));
        }
        for (int i = 0; i < 2 * WORKERS; i++)
            test_send_strings(push, "a", "b", "c", NULL);
        for (int i = 0; i < WORKERS; i++) {
            test_expect_strings(pull[i], "a", "b", "c", NULL);
            test_expect_strings(pull[i], "a", "b", "c", NULL);
        }
        for (int i = 0; i < WORKERS; i++)
            CHECK_ERRNO(zmq_recv(pull[i], NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

TEST(pull_gets_all_messages_of_each_push_in_order)
{
    enum { MESSAGES = 500 };

    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *pull = net_bound(&n, ZMQ_PULL, *t, endpoint), *push[WORKERS];
        int next[WORKERS] = { 0 }, frame[2];

        for (int i = 0; i < WORKERS; i++)
            push[i] = net_connected(&n, ZMQ_PUSH, endpoint);
        for (int k = 0; k < MESSAGES; k++)
            for (int i = 0; i < WORKERS; i++) {
                frame[0] = i;
                frame[1] = k;
                CHECK_OK(zmq_send(push[i], frame, sizeof(frame), 0));
            }
        for (int k = 0; k < MESSAGES * WORKERS; k++) {
            CHECK_EQ(net_recv(pull, frame, sizeof(frame)), sizeof(frame));
            CHECK_EQ(frame[1], next[frame[0]]++, "%s, push %d", *t, frame[0]);
        }
        net_close(&n);
    }
}

/* Whoever has queued a lot does not keep the others waiting. */
TEST(pull_takes_one_message_of_each_push_in_turn)
{
    char endpoint[TEST_ENDPOINT], who;
    struct net n = net_open();
    void *pull = net_bound(&n, ZMQ_PULL, "inproc", endpoint), *push[WORKERS];

    for (int i = 0; i < WORKERS; i++) {
        push[i] = net_connected(&n, ZMQ_PUSH, endpoint);
        for (int k = 0; k < 10; k++)
            CHECK_OK(zmq_send(push[i], &(char){ (char)('a' + i) }, 1, 0));
    }
    for (int round = 0; round < 10; round++) {
        int seen = 0;
        for (int i = 0; i < WORKERS; i++) {
            net_recv(pull, &who, 1);
            seen |= 1 << (who - 'a');
        }
        CHECK_EQ(seen, 7, "round %d", round);
    }
    net_close(&n);
}

TEST(pull_gets_a_message_whole_while_others_wait)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *pull = net_bound(&n, ZMQ_PULL, *t, endpoint);

        for (int i = 0; i < WORKERS; i++) {
            void *push = net_connected(&n, ZMQ_PUSH, endpoint);
            for (int k = 0; k < 10; k++)
                test_send_strings(push, "head", "", "tail", NULL);
        }
        for (int i = 0; i < WORKERS * 10; i++)
            test_expect_strings(pull, "head", "", "tail", NULL);
        net_close(&n);
    }
}

TEST(push_is_full_at_both_high_water_marks_together)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *pull = net_socket(&n, ZMQ_PULL), *push = net_socket(&n, ZMQ_PUSH);

    test_set_int(pull, ZMQ_RCVHWM, 2);
    test_set_int(push, ZMQ_SNDHWM, 2);
    test_bind(pull, "inproc", endpoint);
    CHECK_OK(zmq_connect(push, endpoint));

    for (int i = 0; i < 4; i++)
        CHECK_OK(zmq_send(push, "x", 1, ZMQ_DONTWAIT));
    CHECK_ERRNO(zmq_send(push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK(net_is_mute(push));
    for (int i = 0; i < 4; i++)
        test_expect_strings(pull, "x", NULL);
    net_wait(push, ZMQ_POLLOUT);
    CHECK_OK(zmq_send(push, "x", 1, ZMQ_DONTWAIT));
    net_close(&n);
}

TEST(push_passes_over_a_full_pull)
{
    char slow_endpoint[TEST_ENDPOINT], endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *slow = net_socket(&n, ZMQ_PULL), *push = net_socket(&n, ZMQ_PUSH);
    void *quick = net_bound(&n, ZMQ_PULL, "inproc", endpoint);

    test_set_int(slow, ZMQ_RCVHWM, 1);
    test_set_int(push, ZMQ_SNDHWM, 1);
    test_bind(slow, "inproc", slow_endpoint);
    CHECK_OK(zmq_connect(push, slow_endpoint));
    CHECK_OK(zmq_connect(push, endpoint));

    for (int i = 0; i < 20; i++)
        CHECK_OK(zmq_send(push, "x", 1, ZMQ_DONTWAIT));
    for (int i = 0; i < 18; i++)
        test_expect_strings(quick, "x", NULL);
    for (int i = 0; i < 2; i++)
        test_expect_strings(slow, "x", NULL);
    net_close(&n);
}

TEST(push_forgets_half_a_message_when_its_peer_goes)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char first[TEST_ENDPOINT], second[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PULL, *t, first);
        void *b = net_bound(&n, ZMQ_PULL, *t, second);
        void *push = net_connected(&n, ZMQ_PUSH, first);

        test_send_strings(push, "whole", NULL);
        test_expect_strings(a, "whole", NULL);
        CHECK_OK(zmq_send(push, "half", 4, ZMQ_SNDMORE));
        CHECK_OK(zmq_disconnect(push, first));
        CHECK_OK(zmq_send(push, "middle", 6, ZMQ_SNDMORE | ZMQ_DONTWAIT));
        CHECK_OK(zmq_send(push, "end", 3, 0));
        net_wait_mute(push);
        CHECK_OK(zmq_connect(push, second));
        test_send_strings(push, "next", "message", NULL);
        test_expect_strings(b, "next", "message", NULL);
        CHECK_ERRNO(zmq_recv(a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

TEST(pull_still_reads_what_a_push_sent_that_has_gone)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *pull = net_bound(&n, ZMQ_PULL, *t, endpoint);

        for (int i = 0; i < WORKERS; i++) {
            void *push = net_connected(&n, ZMQ_PUSH, endpoint);
            test_send_strings(push, "one", "more", NULL);
            test_send_strings(push, "one", "more", NULL);
            net_leave(&n, push);
        }
        for (int i = 0; i < 2 * WORKERS; i++)
            test_expect_strings(pull, "one", "more", NULL);
        CHECK_ERRNO(zmq_recv(pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

TEST(push_blocks_until_there_is_room)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *push = net_bound(&n, ZMQ_PUSH, *t, endpoint);
        void *pull = net_connected(&n, ZMQ_PULL, endpoint);

        test_send_strings(push, "to whoever comes", NULL);
        test_expect_strings(pull, "to whoever comes", NULL);
        net_leave(&n, pull);
        net_wait_mute(push);
        CHECK_ERRNO(zmq_send(push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

TEST(push_and_pull_conflate_to_the_last_message)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *pull = net_bound(&n, ZMQ_PULL, "inproc", endpoint);
    void *push = net_socket(&n, ZMQ_PUSH);

    test_set_int(push, ZMQ_CONFLATE, 1);
    CHECK_OK(zmq_connect(push, endpoint));
    for (char c = 'a'; c <= 'e'; c++)
        CHECK_OK(zmq_send(push, &c, 1, ZMQ_DONTWAIT));
    test_expect_strings(pull, "e", NULL);
    CHECK_ERRNO(zmq_recv(pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    net_close(&n);
}
