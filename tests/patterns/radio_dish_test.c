/* tests/patterns/radio_dish_test.c - RADIO and DISH, over each transport. */
#include <stdlib.h>

#include "tests/patterns/net.h"

/* Like zmq_send(), to a group. */
static int send_flags(void *radio, const char *group, const char *text, int flags)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init_buffer(&m, text, strlen(text)));
    CHECK_OK(zmq_msg_set_group(&m, group));
    int rc = zmq_msg_send(&m, radio, flags), err = errno;
    CHECK_STR(zmq_msg_group(&m), rc < 0 ? group : "");
    CHECK_OK(zmq_msg_close(&m));
    errno = err;
    return rc;
}

static void send_group(void *radio, const char *group, const char *text)
{
    CHECK_OK(send_flags(radio, group, text, 0));
}

static void expect_group(void *dish, const char *group, const char *text)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    CHECK_OK(zmq_msg_recv(&m, dish, 0));
    CHECK_STR(zmq_msg_group(&m), group);
    CHECK_EQ(zmq_msg_size(&m), strlen(text), "%s", text);
    CHECK_MEM(zmq_msg_data(&m), text, strlen(text));
    CHECK_EQ(zmq_msg_more(&m), 0);
    CHECK_OK(zmq_msg_close(&m));
}

/* Joins a group of its own and sends to it until the last of what was sent has arrived: nothing
 * is on its way then, to take a place in a queue of one message. */
static void wait_heard(void *radio, void *dish)
{
    static int times;
    char group[32], number[16], last[16] = "";
    zmq_pollitem_t item = { dish, 0, ZMQ_POLLIN, 0 };

    snprintf(group, sizeof(group), "sync %d", ++times);
    CHECK_OK(zmq_join(dish, group));
    for (int i = 0; i == 0 || strcmp(number, last) != 0; i++) {
        snprintf(number, sizeof(number), "%d", i);
        send_group(radio, group, number);
        while (CHECK_OK(zmq_poll(&item, 1, 1)) == 1)
            last[net_recv(dish, last, sizeof(last) - 1)] = '\0';
    }
    CHECK_OK(zmq_leave(dish, group));
}

/* The first time shows that the connection is up: it was told of all groups at once, in any
 * order. The second one comes behind: from then on the radio knows of all that the dish has
 * joined or left before. */
static void wait_joined(void *radio, void *dish)
{
    wait_heard(radio, dish);
    wait_heard(radio, dish);
}

TEST(radio_and_dish_tell_what_they_are_and_refuse_what_they_cannot)
{
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH);
    size_t size = sizeof(int);
    int fd;

    CHECK_EQ(test_get_int(radio, ZMQ_TYPE), ZMQ_RADIO);
    CHECK_EQ(test_get_int(dish, ZMQ_TYPE), ZMQ_DISH);
    CHECK_EQ(test_get_int(radio, ZMQ_THREAD_SAFE), 1);
    CHECK_EQ(test_get_int(dish, ZMQ_THREAD_SAFE), 1);
    CHECK_EQ(test_get_int(radio, ZMQ_EVENTS), ZMQ_POLLOUT);
    CHECK_EQ(test_get_int(dish, ZMQ_EVENTS), ZMQ_POLLOUT, "odd, but so it is");
    CHECK_ERRNO(zmq_getsockopt(radio, ZMQ_FD, &fd, &size), EINVAL);
    CHECK_ERRNO(zmq_recv(radio, NULL, 0, 0), ENOTSUP);
    CHECK_ERRNO(zmq_send(dish, "x", 1, 0), ENOTSUP);
    CHECK_ERRNO(zmq_send(dish, "x", 1, ZMQ_SNDMORE), ENOTSUP);
    CHECK_ERRNO(zmq_send(radio, "x", 1, ZMQ_SNDMORE), EINVAL);
    CHECK_EQ(zmq_send(radio, "x", 1, 0), 1, "to nobody");
    CHECK_ERRNO(zmq_recv(dish, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO(zmq_setsockopt(dish, ZMQ_SUBSCRIBE, "x", 1), EINVAL);
    CHECK_ERRNO(zmq_setsockopt(radio, ZMQ_SUBSCRIBE, "x", 1), EINVAL);
    CHECK_ERRNO(zmq_setsockopt(radio, ZMQ_XPUB_WELCOME_MSG, "x", 1), EINVAL);
    CHECK_ERRNO(zmq_setsockopt(dish, ZMQ_XPUB_NODROP, &(int){ 1 }, sizeof(int)), EINVAL);
    net_close(&n);
}

TEST(join_and_leave_refuse_wrong_calls)
{
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH);
    char text[ZMQ_GROUP_MAX_LENGTH + 2] = { 0 };

    memset(text, 'g', ZMQ_GROUP_MAX_LENGTH + 1);
    CHECK_ERRNO(zmq_join(radio, "g"), ENOTSUP);
    CHECK_ERRNO(zmq_leave(radio, "g"), ENOTSUP);
    CHECK_ERRNO(zmq_join(NULL, "g"), ENOTSOCK);
    CHECK_ERRNO(zmq_leave(NULL, "g"), ENOTSOCK);
    CHECK_ERRNO(zmq_join(dish, NULL), EINVAL);
    CHECK_ERRNO(zmq_leave(dish, NULL), EINVAL);
    CHECK_ERRNO(zmq_join(dish, text), EINVAL);
    CHECK_ERRNO(zmq_leave(dish, text), EINVAL);
    text[ZMQ_GROUP_MAX_LENGTH] = '\0';
    const char *const good[] = { text, "", "g" };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK_ERRNO(zmq_leave(dish, good[i]), EINVAL);
        CHECK_OK(zmq_join(dish, good[i]));
        CHECK_ERRNO(zmq_join(dish, good[i]), EINVAL);
        CHECK_OK(zmq_leave(dish, good[i]));
        CHECK_ERRNO(zmq_leave(dish, good[i]), EINVAL);
        CHECK_OK(zmq_join(dish, good[i]));
    }
    CHECK_OK(zmq_ctx_shutdown(n.ctx));
    CHECK_ERRNO(zmq_join(dish, "h"), ETERM);
    CHECK_ERRNO(zmq_leave(dish, "g"), ETERM);
    net_close(&n);
}

/* Exactly those: no prefix counts, nor does the empty group stand for all. */
TEST(dish_gets_the_groups_it_has_joined)
{
    char long_name[ZMQ_GROUP_MAX_LENGTH + 1] = { 0 };

    memset(long_name, 'L', ZMQ_GROUP_MAX_LENGTH);
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *radio = net_bound(&n, ZMQ_RADIO, *t, endpoint);
        void *dish = net_socket(&n, ZMQ_DISH), *other = net_socket(&n, ZMQ_DISH);

        CHECK_OK(zmq_join(dish, "TV"));
        CHECK_OK(zmq_join(dish, long_name));
        CHECK_OK(zmq_connect(dish, endpoint));
        CHECK_OK(zmq_connect(other, endpoint));
        CHECK_OK(zmq_join(dish, "more than fourteen bytes"));
        CHECK_OK(zmq_join(other, ""));
        wait_joined(radio, dish);
        wait_joined(radio, other);

        static const char *const not_joined[] = { "T", "TV2", "tv", "more", "LL" };
        for (size_t i = 0; i < sizeof(not_joined) / sizeof(not_joined[0]); i++)
            send_group(radio, not_joined[i], "no");
        CHECK_OK(zmq_send(radio, "nowhere", 7, 0));
        send_group(radio, "TV", "news");
        send_group(radio, long_name, "");
        send_group(radio, "more than fourteen bytes", "talk");
        send_group(radio, "TV", "weather");
        expect_group(dish, "TV", "news");
        expect_group(dish, long_name, "");
        expect_group(dish, "more than fourteen bytes", "talk");
        expect_group(dish, "TV", "weather");
        expect_group(other, "", "nowhere");
        CHECK_ERRNO(zmq_recv(other, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

TEST(radio_filters_before_it_sends)
{
    enum { LOST = 5000 };

    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *radio = net_socket(&n, ZMQ_RADIO);

        test_set_int(radio, ZMQ_SNDHWM, 1);
        test_bind(radio, *t, endpoint);
        void *dish = net_socket(&n, ZMQ_DISH);
        test_set_int(dish, ZMQ_RCVHWM, 1);
        CHECK_OK(zmq_connect(dish, endpoint));
        wait_joined(radio, dish);
        CHECK_OK(zmq_join(dish, "wanted"));
        wait_joined(radio, dish);
        for (int i = 0; i < LOST; i++)   /* were they queued, there would be no room */
            send_group(radio, "unwanted", "x");
        send_group(radio, "wanted", "y");
        expect_group(dish, "wanted", "y");
        net_close(&n);
    }
}

TEST(dish_that_has_left_a_group_gets_no_more_of_it)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *radio = net_bound(&n, ZMQ_RADIO, *t, endpoint);
        void *dish = net_connected(&n, ZMQ_DISH, endpoint);

        CHECK_OK(zmq_join(dish, "a"));
        CHECK_OK(zmq_join(dish, "b"));
        wait_joined(radio, dish);
        send_group(radio, "a", "1");
        send_group(radio, "b", "2");
        expect_group(dish, "a", "1");
        expect_group(dish, "b", "2");
        CHECK_OK(zmq_leave(dish, "a"));
        wait_joined(radio, dish);
        send_group(radio, "a", "3");
        send_group(radio, "b", "4");
        expect_group(dish, "b", "4");
        net_close(&n);
    }
}

/* What is on its way when a group is left is dropped; what poll has promised is not. */
TEST(dish_drops_what_crossed_its_leaving)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *radio = net_bound(&n, ZMQ_RADIO, "inproc", endpoint);
    void *dish = net_connected(&n, ZMQ_DISH, endpoint);

    CHECK_OK(zmq_join(dish, "a"));
    CHECK_OK(zmq_join(dish, "b"));
    send_group(radio, "a", "1");
    send_group(radio, "a", "2");
    send_group(radio, "b", "3");
    CHECK_EQ(test_get_int(dish, ZMQ_EVENTS), ZMQ_POLLIN | ZMQ_POLLOUT);
    CHECK_OK(zmq_leave(dish, "a"));
    expect_group(dish, "a", "1");
    expect_group(dish, "b", "3");
    CHECK_ERRNO(zmq_recv(dish, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    net_close(&n);
}

TEST(radio_may_connect_and_dish_bind)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *dish = net_bound(&n, ZMQ_DISH, *t, endpoint);
        void *a = net_connected(&n, ZMQ_RADIO, endpoint);
        void *b = net_connected(&n, ZMQ_RADIO, endpoint);

        CHECK_OK(zmq_join(dish, "g"));
        wait_joined(a, dish);
        wait_joined(b, dish);
        send_group(a, "g", "a");
        expect_group(dish, "g", "a");
        send_group(b, "g", "b");
        expect_group(dish, "g", "b");
        net_close(&n);
    }
}

TEST(each_dish_gets_its_own_copy)
{
    enum { DISHES = 5 };

    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT], big[20001];
        struct net n = net_open();
        void *radio = net_bound(&n, ZMQ_RADIO, *t, endpoint), *dish[DISHES];

        memset(big, 'b', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        for (int i = 0; i < DISHES; i++) {
            dish[i] = net_connected(&n, ZMQ_DISH, endpoint);
            CHECK_OK(zmq_join(dish[i], i % 2 ? "odd" : "even"));
            CHECK_OK(zmq_join(dish[i], "all"));
            wait_joined(radio, dish[i]);
        }
        send_group(radio, "odd", big);
        send_group(radio, "all", "x");
        for (int i = 0; i < DISHES; i++) {
            if (i % 2)
                expect_group(dish[i], "odd", big);
            expect_group(dish[i], "all", "x");
        }
        net_leave(&n, dish[1]);
        send_group(radio, "all", "y");
        for (int i = 0; i < DISHES; i++)
            if (i != 1)
                expect_group(dish[i], "all", "y");
        net_close(&n);
    }
}

/* All groups, whatever the high-water mark says; and again to a radio that comes back. */
TEST(dish_tells_all_its_groups_to_each_radio)
{
    enum { GROUPS = 3000 };

    for (const char *const *t = test_transports_of(TEST_STREAMS); *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT], group[16];
        struct net n = net_open();
        void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH);

        CHECK_OK(zmq_bind(radio, test_fixed_endpoint(*t, endpoint)));
        test_set_int(dish, ZMQ_RECONNECT_IVL, 1);
        for (int i = 0; i < GROUPS; i++) {
            snprintf(group, sizeof(group), "group %d", i);
            CHECK_OK(zmq_join(dish, group));
            if (i == GROUPS / 2)
                CHECK_OK(zmq_connect(dish, endpoint));
        }
        for (int times = 0; times < 2; times++) {
            wait_joined(radio, dish);
            for (int i = 0; i < GROUPS; i += 500) {
                snprintf(group, sizeof(group), "group %d", i);
                send_group(radio, group, "x");
                expect_group(dish, group, "x");
            }
            if (times > 0)
                break;
            net_leave(&n, radio);
            radio = net_socket(&n, ZMQ_RADIO);
            CHECK_OK(zmq_bind(radio, endpoint));
        }
        net_close(&n);
    }
}

TEST(a_connecting_radio_forgets_what_a_lost_dish_wanted)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *dish = net_bound(&n, ZMQ_DISH, "tcp", endpoint);
    void *radio = net_socket(&n, ZMQ_RADIO);

    test_set_int(radio, ZMQ_RECONNECT_IVL, 1);
    CHECK_OK(zmq_connect(radio, endpoint));
    CHECK_OK(zmq_join(dish, "old"));
    wait_joined(radio, dish);
    net_leave(&n, dish);

    dish = net_socket(&n, ZMQ_DISH);
    CHECK_OK(zmq_join(dish, "new"));
    CHECK_OK(zmq_bind(dish, endpoint));
    wait_joined(radio, dish);
    CHECK_OK(zmq_join(dish, "old"));
    CHECK_OK(zmq_leave(dish, "old"));
    wait_joined(radio, dish);
    send_group(radio, "old", "x");
    send_group(radio, "new", "y");
    expect_group(dish, "new", "y");
    net_close(&n);
}

/* JOIN, LEAVE and both frames go sealed as well. */
TEST(radio_and_dish_talk_under_curve)
{
    char endpoint[TEST_ENDPOINT], public[41], secret[41];
    struct net n = net_open();

    if (!zmq_has("curve"))
        test_skip("built without CURVE");
    void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH);
    CHECK_OK(zmq_curve_keypair(public, secret));
    test_set_int(radio, ZMQ_CURVE_SERVER, 1);
    CHECK_OK(zmq_setsockopt(radio, ZMQ_CURVE_SECRETKEY, secret, 41));
    CHECK_OK(zmq_setsockopt(dish, ZMQ_CURVE_SERVERKEY, public, 41));
    CHECK_OK(zmq_setsockopt(dish, ZMQ_CURVE_PUBLICKEY, public, 41));
    CHECK_OK(zmq_setsockopt(dish, ZMQ_CURVE_SECRETKEY, secret, 41));
    test_bind(radio, "tcp", endpoint);
    CHECK_OK(zmq_join(dish, "a"));
    CHECK_OK(zmq_connect(dish, endpoint));
    CHECK_OK(zmq_join(dish, "b"));
    wait_joined(radio, dish);
    send_group(radio, "a", "1");
    send_group(radio, "b", "2");
    expect_group(dish, "a", "1");
    expect_group(dish, "b", "2");
    CHECK_OK(zmq_leave(dish, "a"));
    wait_joined(radio, dish);
    send_group(radio, "a", "3");
    send_group(radio, "b", "4");
    expect_group(dish, "b", "4");
    net_close(&n);
}

/* ---- High-water marks. */

TEST(radio_skips_a_dish_that_is_full)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *slow = net_socket(&n, ZMQ_DISH);

    test_set_int(radio, ZMQ_SNDHWM, 1);
    test_bind(radio, "inproc", endpoint);
    test_set_int(slow, ZMQ_RCVHWM, 1);
    CHECK_OK(zmq_connect(slow, endpoint));
    void *quick = net_connected(&n, ZMQ_DISH, endpoint);
    CHECK_OK(zmq_join(slow, "g"));
    CHECK_OK(zmq_join(quick, "g"));
    for (int i = 0; i < 5; i++)
        CHECK_OK(send_flags(radio, "g", (char[]){ (char)('1' + i), 0 }, ZMQ_DONTWAIT));
    for (int i = 0; i < 5; i++)
        expect_group(quick, "g", (char[]){ (char)('1' + i), 0 });
    expect_group(slow, "g", "1");
    expect_group(slow, "g", "2");
    CHECK_ERRNO(zmq_recv(slow, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    send_group(radio, "g", "6");
    expect_group(slow, "g", "6");
    net_close(&n);
}

static void *send_late(void *radio)
{
    send_group(radio, "g", "late");
    return NULL;
}

TEST(radio_waits_for_all_if_it_is_not_to_drop)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *slow = net_socket(&n, ZMQ_DISH);

    test_set_int(radio, ZMQ_SNDHWM, 1);
    test_set_int(radio, ZMQ_XPUB_NODROP, 1);
    test_bind(radio, "inproc", endpoint);
    test_set_int(slow, ZMQ_RCVHWM, 1);
    CHECK_OK(zmq_connect(slow, endpoint));
    void *quick = net_connected(&n, ZMQ_DISH, endpoint);
    CHECK_OK(zmq_join(slow, "g"));
    CHECK_OK(zmq_join(quick, "g"));
    CHECK_OK(zmq_join(quick, "h"));
    send_group(radio, "g", "1");
    send_group(radio, "g", "2");
    CHECK_ERRNO(send_flags(radio, "g", "3", ZMQ_DONTWAIT), EAGAIN);
    CHECK_OK(send_flags(radio, "h", "4", ZMQ_DONTWAIT));
    expect_group(quick, "g", "1");
    expect_group(quick, "g", "2");
    expect_group(quick, "h", "4");
    struct test_thread *thread = test_thread_start(send_late, radio);
    expect_group(slow, "g", "1");
    expect_group(slow, "g", "2");
    expect_group(slow, "g", "late");
    expect_group(quick, "g", "late");
    test_thread_join(thread);
    net_close(&n);
}

/* ---- Peers of other kinds: only inproc lets them in. */

TEST(dish_takes_nothing_but_a_group_and_a_body)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *dish = net_bound(&n, ZMQ_DISH, "inproc", endpoint);
    void *push = net_connected(&n, ZMQ_PUSH, endpoint);

    CHECK_OK(zmq_join(dish, "g"));
    test_send_strings(push, "g", NULL);
    test_send_strings(push, "", NULL);
    test_send_strings(push, "h", "body", NULL);
    CHECK_EQ(test_get_int(dish, ZMQ_EVENTS), ZMQ_POLLOUT);
    test_send_strings(push, "g", "body", "more", NULL);
    test_send_strings(push, "g", "body", "still", "more", NULL);
    test_send_strings(push, "g", "good", NULL);
    expect_group(dish, "g", "good");
    test_send_strings(push, "g", "body", "more", NULL);
    CHECK_ERRNO(zmq_recv(dish, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    net_close(&n);
}

TEST(radio_takes_no_notice_of_messages)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *radio = net_bound(&n, ZMQ_RADIO, "inproc", endpoint);
    void *dealer = net_connected(&n, ZMQ_DEALER, endpoint);
    void *dish = net_connected(&n, ZMQ_DISH, endpoint);

    CHECK_OK(zmq_join(dish, "g"));
    test_send_strings(dealer, "\1g", NULL);
    test_send_strings(dealer, "\4JOINg", "\1g", NULL);
    test_send_strings(dealer, "", NULL);
    send_group(radio, "g", "x");
    expect_group(dish, "g", "x");
    CHECK_ERRNO(zmq_recv(dealer, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    net_close(&n);
}

/* The group goes with the message through a proxy, and into its copies. */
TEST(messages_carry_their_group_on)
{
    char endpoint[2][TEST_ENDPOINT];
    struct net n = net_open();
    void *radio = net_bound(&n, ZMQ_RADIO, "inproc", endpoint[0]);
    void *in = net_connected(&n, ZMQ_DISH, endpoint[0]);
    void *out = net_bound(&n, ZMQ_RADIO, "inproc", endpoint[1]);
    void *dish = net_connected(&n, ZMQ_DISH, endpoint[1]);
    static const char *const groups[] = { "short", "one of more than fourteen bytes" };
    zmq_msg_t m, copy;

    CHECK_OK(zmq_msg_init(&m));
    CHECK_OK(zmq_msg_init(&copy));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(zmq_join(in, groups[i]));
        CHECK_OK(zmq_join(dish, groups[i]));
        send_group(radio, groups[i], "x");
        send_group(radio, groups[i], "y");
        CHECK_OK(zmq_msg_recv(&m, in, 0));
        CHECK_OK(zmq_msg_copy(&copy, &m));
        CHECK_OK(zmq_msg_recv(&m, in, 0));
        CHECK_STR(zmq_msg_group(&copy), groups[i]);
        CHECK_OK(zmq_msg_send(&copy, out, 0));
        CHECK_OK(zmq_msg_send(&m, out, 0));
        expect_group(dish, groups[i], "x");
        expect_group(dish, groups[i], "y");
    }
    CHECK_OK(zmq_msg_close(&m));
    CHECK_OK(zmq_msg_close(&copy));
    net_close(&n);
}

/* ---- Threads. */

enum { THREADS = 4, ROUNDS = 200 };

struct station {
    void *radio, *dish;
    int number;
};

static void *broadcast(void *arg)
{
    struct station *s = arg;
    char group[16];

    snprintf(group, sizeof(group), "group %d", s->number);
    for (int i = 0; i < ROUNDS / test_patience(); i++)
        send_group(s->radio, group, group);
    return NULL;
}

static void *listen_in(void *arg)
{
    struct station *s = arg;
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    for (int i = 0; i < ROUNDS / test_patience(); i++) {
        CHECK_OK(zmq_msg_recv(&m, s->dish, 0));
        CHECK_EQ(zmq_msg_size(&m), strlen(zmq_msg_group(&m)));
        CHECK_MEM(zmq_msg_data(&m), zmq_msg_group(&m), zmq_msg_size(&m));
    }
    CHECK_OK(zmq_msg_close(&m));
    return NULL;
}

static void *come_and_go(void *arg)
{
    struct station *s = arg;
    char group[16];

    snprintf(group, sizeof(group), "mine %d", s->number);
    for (int i = 0; i < ROUNDS / test_patience(); i++) {
        CHECK_OK(zmq_join(s->dish, group));
        CHECK_OK(zmq_leave(s->dish, group));
    }
    return NULL;
}

TEST(threads_share_a_radio_and_a_dish)
{
    static void *(*const works[])(void *) = { broadcast, listen_in, come_and_go };

    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT], group[16];
        struct net n = net_open();
        void *radio = net_bound(&n, ZMQ_RADIO, *t, endpoint);
        void *dish = net_connected(&n, ZMQ_DISH, endpoint);
        struct test_thread *threads[3 * THREADS];
        struct station stations[THREADS];

        for (int i = 0; i < THREADS; i++) {
            snprintf(group, sizeof(group), "group %d", i);
            CHECK_OK(zmq_join(dish, group));
            stations[i] = (struct station){ radio, dish, i };
        }
        wait_joined(radio, dish);
        for (int i = 0; i < 3 * THREADS; i++)
            threads[i] = test_thread_start(works[i % 3], &stations[i / 3]);
        for (int i = 0; i < 3 * THREADS; i++)
            test_thread_join(threads[i]);
        net_close(&n);
    }
}
