/* draft_wire_test.c - what CLIENT, SERVER, RADIO, DISH and their kin say on the wire, and
 * what becomes of peers who say something else. */
#include "tests/api/raw.h"

static void *bound(void *ctx, int type, char endpoint[ENDPOINT_MAX])
{
    void *s = open_socket(ctx, type);

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    return s;
}

static void end(void *s, void *ctx)
{
    close_socket(s);
    end_ctx(ctx);
}

static void send_group(void *radio, const char *group, const char *text)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init_buffer(&m, text, strlen(text)));
    CHECK_OK(zmq_msg_set_group(&m, group));
    CHECK_OK(zmq_msg_send(&m, radio, 0));
}

static void expect_group(void *dish, const char *group, const char *text)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    CHECK_OK(zmq_msg_recv(&m, dish, 0));
    CHECK_STR(zmq_msg_group(&m), group);
    CHECK_EQ(zmq_msg_size(&m), strlen(text));
    CHECK_MEM(zmq_msg_data(&m), text, strlen(text));
    CHECK_OK(zmq_msg_close(&m));
}

/* A PONG means that all before the PING has been seen to. */
static void settle(struct peer *p)
{
    ZMTP_SEND(p, COMMAND, "\4PING\0\0x");
    ZMTP_EXPECT(p, COMMAND, "\4PONGx");
}

/* ---- READY. */

TEST(new_types_call_themselves_by_name)
{
    static const struct {
        int type;
        const char *name, *peer;
    } types[] = {
        { ZMQ_SERVER, "SERVER", "CLIENT" },   { ZMQ_CLIENT, "CLIENT", "SERVER" },
        { ZMQ_RADIO, "RADIO", "DISH" },       { ZMQ_DISH, "DISH", "RADIO" },
        { ZMQ_GATHER, "GATHER", "SCATTER" },  { ZMQ_SCATTER, "SCATTER", "GATHER" },
        { ZMQ_PEER, "PEER", "PEER" },         { ZMQ_CHANNEL, "CHANNEL", "CHANNEL" },
    };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(types); i++) {
        char endpoint[ENDPOINT_MAX], body[64] = "\5READY\13Socket-Type";
        void *s = bound(ctx, types[i].type, endpoint);
        int fd = raw_connect(endpoint);
        struct peer p = { fd, V31, "" };
        size_t size = strlen(types[i].name);

        CHECK_OK(zmq_setsockopt(s, ZMQ_ROUTING_ID, "untold", 6));
        raw_send(fd, GREETING_31, 64);
        raw_recv(fd, (char[64]){ 0 }, 64);
        send_ready(&p, types[i].peer, "");
        put_be((unsigned char *)body + 18, size, 4);
        memcpy(body + 22, types[i].name, size);
        zmtp_expect(&p, COMMAND, body, 22 + size);
        settle(&p);
        close(fd);
        close_socket(s);
    }
    end_ctx(ctx);
}

TEST(new_types_turn_others_away)
{
    static const struct {
        int type;
        const char *peer;
    } pairs[] = {
        { ZMQ_SERVER, "SERVER" },   { ZMQ_CLIENT, "CLIENT" }, { ZMQ_CLIENT, "ROUTER" },
        { ZMQ_RADIO, "RADIO" },     { ZMQ_RADIO, "SUB" },     { ZMQ_DISH, "DISH" },
        { ZMQ_GATHER, "GATHER" },   { ZMQ_GATHER, "PUSH" },   { ZMQ_SCATTER, "SCATTER" },
        { ZMQ_PEER, "CLIENT" },     { ZMQ_CHANNEL, "PAIR" },  { ZMQ_DISH, "PUB" },
    };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(pairs); i++) {
        char endpoint[ENDPOINT_MAX];
        void *s = bound(ctx, pairs[i].type, endpoint);
        int fd = raw_connect(endpoint);
        struct peer p = { fd, V31, "" };

        raw_send(fd, GREETING_31, 64);
        send_ready(&p, pairs[i].peer, "");
        raw_expect_close(fd, pairs[i].peer);
        close(fd);
        close_socket(s);
    }
    end_ctx(ctx);
}

/* ---- RADIO. */

TEST(radio_hears_join_and_leave_and_says_group_and_body)
{
    static const enum version versions[] = { V31, V30 };

    for (size_t i = 0; i < ZN_COUNT(versions); i++) {
        char endpoint[ENDPOINT_MAX];
        void *ctx = open_ctx(), *s = bound(ctx, ZMQ_RADIO, endpoint);
        struct peer p = zmtp_connect(endpoint, versions[i], "DISH", "");

        ZMTP_SEND(&p, COMMAND, "\4JOINTV");
        ZMTP_SEND(&p, COMMAND, "\4JOINTV");
        ZMTP_SEND(&p, COMMAND, "\4JOIN");
        settle(&p);
        send_group(s, "TV", "news");
        ZMTP_EXPECT(&p, MORE, "TV");
        ZMTP_EXPECT(&p, 0, "news");
        send_group(s, "TV2", "no");
        CHECK_OK(zmq_send(s, "all", 3, 0));
        ZMTP_EXPECT(&p, MORE, "");
        ZMTP_EXPECT(&p, 0, "all");
        ZMTP_SEND(&p, COMMAND, "\5LEAVETV");
        ZMTP_SEND(&p, COMMAND, "\5LEAVEnever joined");
        settle(&p);
        send_group(s, "TV", "no");
        CHECK_OK(zmq_send(s, "end", 3, 0));
        ZMTP_EXPECT(&p, MORE, "");
        ZMTP_EXPECT(&p, 0, "end");
        close(p.fd);
        end(s, ctx);
    }
}

TEST(radio_ignores_all_else)
{
    static const struct {
        const char *bytes;
        size_t size;
        int flags;
    } odd[] = {
        { "\4JOINa", 6, 0 },                       /* no command */
        { "\1a", 2, 0 },
        { "\1a", 2, MORE },
        { "", 0, 0 },
        { "\11SUBSCRIBEa", 11, COMMAND },
        { "\6CANCELg", 8, COMMAND },
        { "\4joina", 6, COMMAND },
        { "\5JOINa", 6, COMMAND },
        { "\4LEAVEg", 7, COMMAND },
        { "\377JOINa", 6, COMMAND },
        { "\4JOI", 4, COMMAND },
        { "", 0, COMMAND },
    };
    char endpoint[ENDPOINT_MAX], too_long[5 + 256] = "\4JOIN";
    void *ctx = open_ctx(), *s = bound(ctx, ZMQ_RADIO, endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "DISH", "");

    ZMTP_SEND(&p, COMMAND, "\4JOINg");
    for (size_t i = 0; i < ZN_COUNT(odd); i++)
        zmtp_send(&p, odd[i].flags, odd[i].bytes, odd[i].size);
    memset(too_long + 5, 'l', 256);
    zmtp_send(&p, COMMAND, too_long, sizeof too_long);
    settle(&p);
    send_group(s, "a", "no");
    too_long[5 + 255] = '\0';
    send_group(s, too_long + 5, "no");
    send_group(s, "g", "yes");
    ZMTP_EXPECT(&p, MORE, "g");
    ZMTP_EXPECT(&p, 0, "yes");
    close(p.fd);
    end(s, ctx);
}

TEST(radio_takes_the_longest_group)
{
    char endpoint[ENDPOINT_MAX], join[5 + 256] = "\4JOIN";
    void *ctx = open_ctx(), *s = bound(ctx, ZMQ_RADIO, endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "DISH", "");

    memset(join + 5, 'l', 255);
    zmtp_send(&p, COMMAND, join, 5 + 255);
    settle(&p);
    send_group(s, join + 5, "yes");
    zmtp_expect(&p, MORE, join + 5, 255);
    ZMTP_EXPECT(&p, 0, "yes");
    close(p.fd);
    end(s, ctx);
}

/* ---- DISH. */

TEST(subscriptions_within_a_group_message_are_no_part_of_it)
{
    char endpoint[ENDPOINT_MAX];
    void *ctx = open_ctx(), *s = bound(ctx, ZMQ_DISH, endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "RADIO", "");

    CHECK_OK(zmq_join(s, "g"));
    ZMTP_SEND(&p, COMMAND, "\6CANCELg");
    ZMTP_SEND(&p, MORE, "g");
    ZMTP_SEND(&p, COMMAND, "\11SUBSCRIBEg");
    ZMTP_SEND(&p, 0, "body");
    expect_text(s, "body");
    close(p.fd);
    end(s, ctx);
}

TEST(dish_says_join_and_leave)
{
    static const enum version versions[] = { V31, V30 };

    for (size_t i = 0; i < ZN_COUNT(versions); i++) {
        char endpoint[ENDPOINT_MAX];
        void *ctx = open_ctx(), *s = bound(ctx, ZMQ_DISH, endpoint);

        CHECK_OK(zmq_join(s, "early"));
        struct peer p = zmtp_connect(endpoint, versions[i], "RADIO", "");
        ZMTP_EXPECT(&p, COMMAND, "\4JOINearly");
        CHECK_OK(zmq_join(s, ""));
        ZMTP_EXPECT(&p, COMMAND, "\4JOIN");
        CHECK_OK(zmq_leave(s, "early"));
        ZMTP_EXPECT(&p, COMMAND, "\5LEAVEearly");
        ZMTP_SEND(&p, MORE, "early");
        ZMTP_SEND(&p, 0, "too late");
        ZMTP_SEND(&p, MORE, "");
        ZMTP_SEND(&p, 0, "body");
        expect_group(s, "", "body");
        close(p.fd);
        end(s, ctx);
    }
}

/* Peers of ZMTP 2.0 and before know no commands: they are told nothing, and may send. */
TEST(dish_says_nothing_to_old_peers)
{
    static const enum version versions[] = { V20, V10, UNVERSIONED };

    for (size_t i = 0; i < ZN_COUNT(versions); i++) {
        char endpoint[ENDPOINT_MAX];
        void *ctx = open_ctx(), *s = bound(ctx, ZMQ_DISH, endpoint);
        struct pollfd ready = { -1, POLLIN, 0 };

        CHECK_OK(zmq_join(s, "g"));
        struct peer p = zmtp_connect(endpoint, versions[i], "RADIO", "");
        ZMTP_SEND(&p, MORE, "g");
        ZMTP_SEND(&p, 0, "x");
        expect_group(s, "g", "x");
        CHECK_OK(zmq_join(s, "h"));
        ready.fd = p.fd;
        CHECK_EQ(poll(&ready, 1, 20), 0, "ZMTP %s", version_name[versions[i]]);
        close(p.fd);
        end(s, ctx);
    }
}

TEST(dish_hangs_up_on_who_does_not_send_a_group_and_a_body)
{
    static const struct {
        const char *what;
        int flags[2];
        size_t sizes[2], count;
    } bad[] = {
        { "no body", { 0 }, { 1 }, 1 },
        { "an empty message", { 0 }, { 0 }, 1 },
        { "a large message alone", { 0 }, { 300 }, 1 },
        { "a group of 256 bytes", { MORE }, { 256 }, 1 },
        { "a group of 300 bytes", { MORE }, { 300 }, 1 },
        { "more after the body", { MORE, MORE }, { 1, 1 }, 2 },
        { "more after a large body", { MORE, MORE }, { 1, 300 }, 2 },
    };
    char bytes[300];

    memset(bytes, 'g', sizeof bytes);
    for (size_t i = 0; i < ZN_COUNT(bad); i++) {
        char endpoint[ENDPOINT_MAX];
        void *ctx = open_ctx(), *s = bound(ctx, ZMQ_DISH, endpoint);

        CHECK_OK(zmq_join(s, "g"));
        struct peer p = zmtp_connect(endpoint, V31, "RADIO", "");
        ZMTP_EXPECT(&p, COMMAND, "\4JOINg");
        ZMTP_SEND(&p, MORE, "g");
        ZMTP_SEND(&p, 0, "good");
        expect_group(s, "g", "good");
        for (size_t k = 0; k < bad[i].count; k++)
            zmtp_send(&p, bad[i].flags[k], bytes, bad[i].sizes[k]);
        raw_expect_close(p.fd, bad[i].what);
        REFUSED(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), EAGAIN, "%s", bad[i].what);
        close(p.fd);
        end(s, ctx);
    }
}

/* Groups that nobody can have joined, and commands that are not for it. */
TEST(dish_drops_what_it_has_not_joined)
{
    char endpoint[ENDPOINT_MAX], name[255];
    void *ctx = open_ctx(), *s = bound(ctx, ZMQ_DISH, endpoint);

    CHECK_OK(zmq_join(s, "g"));
    struct peer p = zmtp_connect(endpoint, V31, "RADIO", "");
    ZMTP_EXPECT(&p, COMMAND, "\4JOINg");
    memset(name, 'g', sizeof name);
    zmtp_send(&p, MORE, name, sizeof name);
    ZMTP_SEND(&p, 0, "no");
    ZMTP_SEND(&p, MORE, "g\0");
    ZMTP_SEND(&p, 0, "no");
    ZMTP_SEND(&p, COMMAND, "\4JOINg");
    ZMTP_SEND(&p, COMMAND, "\11SUBSCRIBEg");
    ZMTP_SEND(&p, MORE, "");
    ZMTP_SEND(&p, 0, "no");
    ZMTP_SEND(&p, MORE, "g");
    ZMTP_SEND(&p, 0, "yes");
    expect_group(s, "g", "yes");
    close(p.fd);
    end(s, ctx);
}

/* ---- Single frames. */

TEST(new_types_drop_multipart_messages_of_any_peer)
{
    static const struct {
        int type;
        const char *peer;
    } pairs[] = {
        { ZMQ_SERVER, "CLIENT" },   { ZMQ_CLIENT, "SERVER" }, { ZMQ_PEER, "PEER" },
        { ZMQ_GATHER, "SCATTER" },  { ZMQ_CHANNEL, "CHANNEL" },
    };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(pairs); i++) {
        char endpoint[ENDPOINT_MAX], large[300] = { 0 };
        void *s = bound(ctx, pairs[i].type, endpoint);
        struct peer p = zmtp_connect(endpoint, V31, pairs[i].peer, "");

        ZMTP_SEND(&p, MORE, "two");
        ZMTP_SEND(&p, 0, "parts");
        ZMTP_SEND(&p, MORE, "");
        zmtp_send(&p, MORE, large, sizeof large);
        ZMTP_SEND(&p, 0, "");
        ZMTP_SEND(&p, 0, "one");
        expect_text(s, "one");
        REFUSED(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), EAGAIN, "%s", pairs[i].peer);
        close(p.fd);
        close_socket(s);
    }
    end_ctx(ctx);
}
