/* options_test.c - every socket and context option: type, default, range, access. */

#include "tests/api/api.h"

#include <limits.h>

enum { TYPES = ZMQ_STREAM + 1 };

#define ALL       ((1u << TYPES) - 1)
#define OF(type)  (1u << (type))
#define ROUTERS   (OF(ZMQ_ROUTER) | OF(ZMQ_REP))
#define PUBS      (OF(ZMQ_PUB) | OF(ZMQ_XPUB))
#define REQUESTERS (OF(ZMQ_REQ) | OF(ZMQ_DEALER))

enum access { GET = 1, SET = 2, BOTH = 3 };

struct row {
    int option;
    const char *name;
    enum access access;
    unsigned types;                               /* that let it be set */
    int initial, lo, hi;
};

#define ROW(name, access, types, initial, lo, hi)   \
    {                                               \
        name, #name, access, types, initial, lo, hi \
    }

/* LINGER's default has a test of its own. */
static const struct row ints[] = {
    ROW(ZMQ_RATE, BOTH, ALL, 100, 1, INT_MAX),
    ROW(ZMQ_RECOVERY_IVL, BOTH, ALL, 10000, 0, INT_MAX),
    ROW(ZMQ_SNDBUF, BOTH, ALL, -1, -1, INT_MAX),
    ROW(ZMQ_RCVBUF, BOTH, ALL, -1, -1, INT_MAX),
    ROW(ZMQ_RECONNECT_IVL, BOTH, ALL, 100, -1, INT_MAX),
    ROW(ZMQ_RECONNECT_IVL_MAX, BOTH, ALL, 0, 0, INT_MAX),
    ROW(ZMQ_BACKLOG, BOTH, ALL, 100, 0, INT_MAX),
    ROW(ZMQ_SNDHWM, BOTH, ALL, 1000, 0, INT_MAX),
    ROW(ZMQ_RCVHWM, BOTH, ALL, 1000, 0, INT_MAX),
    ROW(ZMQ_MULTICAST_HOPS, BOTH, ALL, 1, 1, INT_MAX),
    ROW(ZMQ_MULTICAST_MAXTPDU, BOTH, ALL, 1500, 1, INT_MAX),
    ROW(ZMQ_RCVTIMEO, BOTH, ALL, -1, -1, INT_MAX),
    ROW(ZMQ_SNDTIMEO, BOTH, ALL, -1, -1, INT_MAX),
    ROW(ZMQ_IPV4ONLY, BOTH, ALL, 1, 0, 1),
    ROW(ZMQ_IPV6, BOTH, ALL, 0, 0, 1),
    ROW(ZMQ_IMMEDIATE, BOTH, ALL, 0, 0, 1),
    ROW(ZMQ_CONFLATE, BOTH, ALL, 0, 0, 1),
    ROW(ZMQ_TCP_KEEPALIVE, BOTH, ALL, -1, -1, 1),
    ROW(ZMQ_TCP_KEEPALIVE_CNT, BOTH, ALL, -1, -1, INT_MAX),
    ROW(ZMQ_TCP_KEEPALIVE_IDLE, BOTH, ALL, -1, -1, INT_MAX),
    ROW(ZMQ_TCP_KEEPALIVE_INTVL, BOTH, ALL, -1, -1, INT_MAX),
    ROW(ZMQ_TCP_MAXRT, BOTH, ALL, 0, 0, INT_MAX),
    ROW(ZMQ_TOS, BOTH, ALL, 0, 0, INT_MAX),
    ROW(ZMQ_HANDSHAKE_IVL, BOTH, ALL, 30000, 0, INT_MAX),
    ROW(ZMQ_HEARTBEAT_IVL, BOTH, ALL, 0, 0, INT_MAX),
    ROW(ZMQ_HEARTBEAT_TIMEOUT, BOTH, ALL, -1, 0, INT_MAX),
    ROW(ZMQ_CONNECT_TIMEOUT, BOTH, ALL, 0, 0, INT_MAX),
    ROW(ZMQ_USE_FD, BOTH, ALL, -1, -1, INT_MAX),
    ROW(ZMQ_RECONNECT_STOP, BOTH, ALL, 0, INT_MIN, INT_MAX),

    ROW(ZMQ_ROUTER_MANDATORY, SET, ROUTERS, 0, 0, INT_MAX),
    ROW(ZMQ_ROUTER_RAW, SET, ROUTERS, 0, 0, INT_MAX),
    ROW(ZMQ_ROUTER_HANDOVER, SET, ROUTERS, 0, 0, INT_MAX),
    ROW(ZMQ_PROBE_ROUTER, SET, ROUTERS | REQUESTERS, 0, 0, INT_MAX),
    ROW(ZMQ_REQ_CORRELATE, SET, OF(ZMQ_REQ), 0, 0, INT_MAX),
    ROW(ZMQ_REQ_RELAXED, SET, OF(ZMQ_REQ), 0, 0, INT_MAX),
    ROW(ZMQ_XPUB_VERBOSE, SET, PUBS, 0, 0, INT_MAX),
    ROW(ZMQ_XPUB_VERBOSER, SET, PUBS, 0, 0, INT_MAX),
    ROW(ZMQ_XPUB_NODROP, SET, PUBS, 0, 0, INT_MAX),
    ROW(ZMQ_XPUB_MANUAL, SET, PUBS, 0, 0, INT_MAX),
    ROW(ZMQ_XPUB_MANUAL_LAST_VALUE, SET, PUBS, 0, 0, INT_MAX),
    ROW(ZMQ_STREAM_NOTIFY, SET, OF(ZMQ_STREAM), 1, 0, 1),
    ROW(ZMQ_IPC_FILTER_PID, SET, ALL, 0, INT_MIN, INT_MAX),
    ROW(ZMQ_IPC_FILTER_UID, SET, ALL, 0, INT_MIN, INT_MAX),
    ROW(ZMQ_IPC_FILTER_GID, SET, ALL, 0, INT_MIN, INT_MAX),
};

/* zinc: has them always; Debian's libzmq not at all. */
static const struct row draft_ints[] = {
    ROW(ZMQ_ROUTER_NOTIFY, BOTH, ROUTERS, 0, 0, 3),
    ROW(ZMQ_IN_BATCH_SIZE, BOTH, ALL, 8192, 1, INT_MAX),
    ROW(ZMQ_OUT_BATCH_SIZE, BOTH, ALL, 8192, 1, INT_MAX),
    ROW(ZMQ_PRIORITY, BOTH, ALL, 0, 0, INT_MAX),
    ROW(ZMQ_BUSY_POLL, SET, ALL, 0, INT_MIN, INT_MAX),
    ROW(ZMQ_ONLY_FIRST_SUBSCRIBE, SET, PUBS | OF(ZMQ_XSUB), 0, 0, INT_MAX),
    ROW(ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, SET, OF(ZMQ_XSUB), 0, INT_MIN, INT_MAX),
};

static int set(void *s, int option, int value)
{
    return zmq_setsockopt(s, option, &value, sizeof value);
}

static void check_value(void *s, const struct row *row, int value, int want)
{
    if (want != 0) {
        REFUSED(set(s, row->option, value), want, "%s := %d", row->name, value);
        return;
    }
    CHECK_EQ(set(s, row->option, value), 0, "%s := %d", row->name, value);
    if (row->access & GET)
        CHECK_EQ(test_get_int(s, row->option), value, "%s", row->name);
}

static void check_sizes(void *s, const struct row *row, int settable)
{
    static const size_t wrong[] = { 1, 3, 5, 8 };
    char value[8] = { 0 };

    for (size_t i = 0; i < ZN_COUNT(wrong); i++) {
        size_t len = wrong[i];
        if (settable && row->option != ZMQ_XSUB_VERBOSE_UNSUBSCRIBE)
            REFUSED(zmq_setsockopt(s, row->option, value, len), EINVAL, "%s, %zu bytes",
                    row->name, len);
        REFUSED(zmq_getsockopt(s, row->option, value, &len), EINVAL, "%s, %zu bytes",
                row->name, len);
    }
}

static void check_rows(const struct row *rows, size_t count, int type)
{
    void *ctx = open_ctx();

    for (size_t i = 0; i < count; i++) {
        void *s = zmq_socket(ctx, type);
        const struct row *row = &rows[i];
        int settable = (row->types & OF(type)) != 0, value;
        size_t len = sizeof value;

        if (row->access & GET)
            CHECK_EQ(test_get_int(s, row->option), row->initial, "%s on type %d",
                     row->name, type);
        else
            REFUSED(zmq_getsockopt(s, row->option, &value, &len), EINVAL, "get %s",
                    row->name);
        check_value(s, row, row->lo, settable ? 0 : EINVAL);
        check_value(s, row, row->hi, settable ? 0 : EINVAL);
        if (row->lo > INT_MIN)
            check_value(s, row, row->lo - 1, EINVAL);
        if (row->lo > INT_MIN)
            check_value(s, row, INT_MIN, EINVAL);
        if (row->hi < INT_MAX)
            check_value(s, row, row->hi + 1, EINVAL);
        check_sizes(s, row, settable);
        /* A descriptor which is not ours must not be closed with the socket. */
        if (row->option == ZMQ_USE_FD)
            CHECK_OK(set(s, row->option, -1));
        close_socket(s);
    }
    end_ctx(ctx);
}

TEST(integer_options_keep_their_defaults_and_ranges_on_every_type)
{
    for (int type = 0; type < TYPES; type++)
        check_rows(ints, ZN_COUNT(ints), type);
}

/* zinc: see draft_ints. */
TEST(draft_options_are_always_there)
{
    for (int type = 0; type < TYPES; type++)
        check_rows(draft_ints, ZN_COUNT(draft_ints), type);
}

TEST(options_that_take_any_integer_as_yes_or_no)
{
    static const struct {
        int option, initial;
    } cases[] = {
        { ZMQ_INVERT_MATCHING, 0 },
        { ZMQ_ZAP_ENFORCE_DOMAIN, 0 },
        { ZMQ_LOOPBACK_FASTPATH, 0 },
        { ZMQ_MULTICAST_LOOP, 1 },
    };
    static const int values[] = { 0, 1, 2, -1, INT_MAX, INT_MIN };
    void *ctx = open_ctx();

    for (int type = 0; type < TYPES; type++) {
        void *s = zmq_socket(ctx, type);
        for (size_t i = 0; i < ZN_COUNT(cases); i++) {
            CHECK_EQ(test_get_int(s, cases[i].option), cases[i].initial, "option %d",
                     cases[i].option);
            for (size_t j = 0; j < ZN_COUNT(values); j++) {
                test_set_int(s, cases[i].option, values[j]);
                CHECK_EQ(test_get_int(s, cases[i].option) != 0, values[j] != 0,
                         "option %d := %d", cases[i].option, values[j]);
            }
        }
        close_socket(s);
    }
    end_ctx(ctx);
}

TEST(heartbeat_ttl_counts_in_tenths_of_a_second)
{
    static const struct {
        int set, get;
    } cases[] = {
        { 0, 0 },   { 99, 0 },       { 100, 100 }, { 199, 100 },    { 6553599, 6553500 },
        { -99, 0 }, { 6553600, -1 }, { -100, -1 }, { INT_MIN, -1 }, { INT_MAX, -1 },
    };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);

    CHECK_EQ(test_get_int(s, ZMQ_HEARTBEAT_TTL), 0);
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        if (cases[i].get < 0) {
            REFUSED(set(s, ZMQ_HEARTBEAT_TTL, cases[i].set), EINVAL, "%d", cases[i].set);
            continue;
        }
        test_set_int(s, ZMQ_HEARTBEAT_TTL, cases[i].set);
        CHECK_EQ(test_get_int(s, ZMQ_HEARTBEAT_TTL), cases[i].get, "%d", cases[i].set);
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(wide_integer_options_take_eight_bytes)
{
    static const struct {
        int option;
        int64_t initial;
    } cases[] = {
        { ZMQ_AFFINITY, 0 },
        { ZMQ_MAXMSGSIZE, -1 },
    };
    static const int64_t values[] = { 0, 1, -1, INT64_MAX, INT64_MIN };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        int option = cases[i].option;
        int64_t got = 99;
        size_t len = sizeof got, four = 4;

        CHECK_OK(zmq_getsockopt(s, option, &got, &len));
        CHECK_EQ(got, cases[i].initial, "option %d", option);
        for (size_t j = 0; j < ZN_COUNT(values); j++) {
            CHECK_OK(zmq_setsockopt(s, option, &values[j], 8));
            CHECK_OK(zmq_getsockopt(s, option, &got, &len));
            CHECK(got == values[j] && len == 8);
        }
        REFUSED(zmq_setsockopt(s, option, &got, 4), EINVAL, "option %d", option);
        REFUSED(zmq_getsockopt(s, option, &got, &four), EINVAL, "option %d", option);
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(options_that_can_only_be_read)
{
    static const struct {
        int option, wide;
    } cases[] = {
        { ZMQ_RCVMORE, 1 },     { ZMQ_FD, 1 },   { ZMQ_EVENTS, 1 },
        { ZMQ_THREAD_SAFE, 1 }, { ZMQ_TYPE, 0 }, { ZMQ_MECHANISM, 0 },
    };
    void *ctx = open_ctx();

    for (int type = 0; type < TYPES; type++) {
        void *s = zmq_socket(ctx, type);
        for (size_t i = 0; i < ZN_COUNT(cases); i++) {
            int64_t value = -1;
            size_t len = 8, three = 3, four = 4;

            REFUSED(zmq_setsockopt(s, cases[i].option, &value, 4), EINVAL, "option %d",
                    cases[i].option);
            REFUSED(zmq_getsockopt(s, cases[i].option, &value, &three), EINVAL,
                    "option %d, 3 bytes", cases[i].option);
            CHECK_OK(zmq_getsockopt(s, cases[i].option, &value, &four));
            value = -1;
            if (cases[i].wide) {                  /* the rest is zeroed */
                CHECK_OK(zmq_getsockopt(s, cases[i].option, &value, &len));
                CHECK(len == 4 && value >= 0 && value < 1000000);
            } else {
                REFUSED(zmq_getsockopt(s, cases[i].option, &value, &len), EINVAL,
                        "option %d, 8 bytes", cases[i].option);
            }
        }
        CHECK_EQ(test_get_int(s, ZMQ_TYPE), type);
        CHECK_EQ(test_get_int(s, ZMQ_MECHANISM), ZMQ_NULL);
        CHECK_EQ(test_get_int(s, ZMQ_THREAD_SAFE), 0);
        CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), 0);
        close_socket(s);
    }
    end_ctx(ctx);
}

/* ---- bytes and strings ---- */

struct bytes_row {
    int option;
    const char *name;
    enum access access;
    unsigned types;
    size_t lo, hi;                                /* accepted lengths; hi 0: any */
    int string;                                   /* read back with its NUL */
};

#define BYTES(name, access, types, lo, hi, string) \
    {                                              \
        name, #name, access, types, lo, hi, string \
    }

static const struct bytes_row blobs[] = {
    BYTES(ZMQ_ROUTING_ID, BOTH, ALL & ~OF(ZMQ_STREAM), 1, 255, 0),
    BYTES(ZMQ_SUBSCRIBE, SET, OF(ZMQ_SUB), 0, 0, 0),
    BYTES(ZMQ_UNSUBSCRIBE, SET, OF(ZMQ_SUB), 0, 0, 0),
    BYTES(ZMQ_CONNECT_ROUTING_ID, SET, ROUTERS | OF(ZMQ_STREAM), 1, 0, 0),
    BYTES(ZMQ_XPUB_WELCOME_MSG, SET, PUBS, 0, 0, 0),
    BYTES(ZMQ_ZAP_DOMAIN, BOTH, ALL, 1, 255, 1),
    BYTES(ZMQ_SOCKS_PROXY, BOTH, ALL, 0, 0, 1),
    BYTES(ZMQ_SOCKS_USERNAME, BOTH, ALL, 0, 255, 1),
    BYTES(ZMQ_SOCKS_PASSWORD, BOTH, ALL, 0, 255, 1),
    BYTES(ZMQ_BINDTODEVICE, BOTH, ALL, 0, 16, 1),
};

/* zinc: as draft_ints. */
static const struct bytes_row draft_blobs[] = {
    BYTES(ZMQ_HELLO_MSG, SET, ALL, 0, 0, 0),
    BYTES(ZMQ_DISCONNECT_MSG, SET, ALL, 0, 0, 0),
    BYTES(ZMQ_HICCUP_MSG, SET, ALL, 0, 0, 0),
};

static void check_bytes(void *s, const struct bytes_row *row, int type, size_t len)
{
    char value[301], got[302];
    size_t room = sizeof got;
    int fits = len >= row->lo && (row->hi == 0 || len <= row->hi);

    memset(value, 'v', sizeof value);
    if (!fits || (row->types & OF(type)) == 0) {
        REFUSED(zmq_setsockopt(s, row->option, len == 0 ? NULL : value, len), EINVAL,
                "%s, %zu bytes, type %d", row->name, len, type);
        return;
    }
    CHECK_EQ(zmq_setsockopt(s, row->option, len == 0 ? NULL : value, len), 0,
             "%s, %zu bytes, type %d", row->name, len, type);
    if ((row->access & GET) == 0) {
        REFUSED(zmq_getsockopt(s, row->option, got, &room), EINVAL, "get %s", row->name);
        return;
    }
    CHECK_OK(zmq_getsockopt(s, row->option, got, &room));
    CHECK_EQ(room, len + (size_t)row->string, "%s", row->name);
    CHECK_MEM(got, value, len);
    CHECK(!row->string || got[len] == 0);
    if (len > 0) {
        room = len + (size_t)row->string - 1;
        REFUSED(zmq_getsockopt(s, row->option, got, &room), EINVAL, "%s: no room",
                row->name);
    }
}

static void check_blobs(const struct bytes_row *rows, size_t count)
{
    static const size_t lengths[] = { 1, 16, 17, 255, 256, 300, 0 };
    void *ctx = open_ctx();

    for (int type = 0; type < TYPES; type++) {
        for (size_t i = 0; i < count; i++) {
            void *s = zmq_socket(ctx, type);
            if (type == ZMQ_STREAM && rows[i].option == ZMQ_ROUTING_ID) {
                close_socket(s);
                continue;                         /* there it names a connection */
            }
            for (size_t j = 0; j < ZN_COUNT(lengths); j++)
                check_bytes(s, &rows[i], type, lengths[j]);
            close_socket(s);
        }
    }
    end_ctx(ctx);
}

TEST(byte_options_keep_their_lengths)
{
    check_blobs(blobs, ZN_COUNT(blobs));
}

/* zinc: see draft_blobs. */
TEST(draft_byte_options_are_always_there)
{
    check_blobs(draft_blobs, ZN_COUNT(draft_blobs));
}

TEST(byte_options_start_empty)
{
    static const struct {
        int option;
        size_t len;
    } cases[] = {
        { ZMQ_ROUTING_ID, 0 }, { ZMQ_LAST_ENDPOINT, 1 }, { ZMQ_ZAP_DOMAIN, 1 },
        { ZMQ_SOCKS_PROXY, 1 }, { ZMQ_SOCKS_USERNAME, 1 }, { ZMQ_SOCKS_PASSWORD, 1 },
        { ZMQ_BINDTODEVICE, 1 },
    };
    void *ctx = open_ctx();

    for (int type = 0; type < TYPES; type++) {
        void *s = zmq_socket(ctx, type);
        for (size_t i = 0; i < ZN_COUNT(cases); i++) {
            char got[300];
            size_t len = sizeof got;

            CHECK_OK(zmq_getsockopt(s, cases[i].option, got, &len));
            CHECK_EQ(len, cases[i].len, "option %d", cases[i].option);
        }
        close_socket(s);
    }
    end_ctx(ctx);
}

TEST(publishers_take_subscriptions_from_the_application_in_manual_mode_only)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_XPUB),
         *sub = open_socket(ctx, ZMQ_SUB);

    REFUSED(zmq_setsockopt(s, ZMQ_SUBSCRIBE, "a", 1), EINVAL, "not manual");
    test_set_int(s, ZMQ_XPUB_MANUAL, 1);
    CHECK_OK(zmq_bind(s, "inproc://x"));
    connect_to(sub, "inproc://x");
    CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0));
    expect_text(s, "\1");
    CHECK_OK(zmq_setsockopt(s, ZMQ_SUBSCRIBE, "a", 1));
    send_text(s, "b");
    send_text(s, "a");
    expect_text(sub, "a");
    CHECK_OK(zmq_setsockopt(s, ZMQ_UNSUBSCRIBE, "a", 1));
    close_socket(sub);
    close_socket(s);
    end_ctx(ctx);
}

TEST(accept_filter_takes_addresses_with_a_prefix)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        { "127.0.0.1", 0 },     { "127.0.0.1/32", 0 },      { "10.0.0.0/8", 0 },
        { "0.0.0.0/0", 0 },     { "127.0.0.1/33", EINVAL }, { "127.0.0.1/", EINVAL },
        { "nonsense", EINVAL }, { "127.0.0.1/x", EINVAL },  { "/8", EINVAL },
    };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        const char *text = cases[i].text;
        if (cases[i].want == 0)
            CHECK_EQ(zmq_setsockopt(s, ZMQ_TCP_ACCEPT_FILTER, text, strlen(text)), 0,
                     "%s", text);
        else
            REFUSED(zmq_setsockopt(s, ZMQ_TCP_ACCEPT_FILTER, text, strlen(text)),
                    cases[i].want, "%s", text);
    }
    CHECK_OK(zmq_setsockopt(s, ZMQ_TCP_ACCEPT_FILTER, NULL, 0));
    close_socket(s);
    end_ctx(ctx);
}

TEST(metadata_is_a_pair_whose_name_starts_with_x)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        { "X-key:value", 0 },    { "X-a:b", 0 },       { "X-a:b:c", 0 },
        { "key:value", EINVAL }, { ":value", EINVAL }, { "X-key", EINVAL },
        { "X-key:", EINVAL },
    };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        const char *text = cases[i].text;
        if (cases[i].want == 0)
            CHECK_EQ(zmq_setsockopt(s, ZMQ_METADATA, text, strlen(text)), 0, "%s", text);
        else
            REFUSED(zmq_setsockopt(s, ZMQ_METADATA, text, strlen(text)), EINVAL, "%s",
                    text);
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(unknown_options_are_einval)
{
    static const int options[] = { -1, 0,  1,  2,  3,  10, 20, 26,
                                   29, 30, 67, 70, 82, 83, 85,
#ifndef ZN_HAVE_NORM
                                   117, 124,
#endif
                                   125, 1000, INT_MAX, INT_MIN };
    void *ctx = open_ctx();

    for (int type = 0; type < TYPES; type++) {
        void *s = zmq_socket(ctx, type);
        for (size_t i = 0; i < ZN_COUNT(options); i++) {
            char value[300] = { 0 };
            size_t len = 4;
            REFUSED(zmq_setsockopt(s, options[i], value, len), EINVAL, "%d", options[i]);
            REFUSED(zmq_getsockopt(s, options[i], value, &len), EINVAL, "%d", options[i]);
        }
        close_socket(s);
    }
    end_ctx(ctx);
}

/* As a libzmq built without them says. */
TEST(security_options_not_built_in_are_einval)
{
    static const struct {
        int option;
        const char *needs;
    } options[] = {
        { ZMQ_CURVE_SERVER, "curve" },
        { ZMQ_GSSAPI_SERVER, "gssapi" },
        { ZMQ_GSSAPI_PLAINTEXT, "gssapi" },
        { ZMQ_WSS_TRUST_SYSTEM, "WSS" },
    };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);

    for (size_t i = 0; i < ZN_COUNT(options); i++) {
        if (zmq_has(options[i].needs))
            continue;
        REFUSED(set(s, options[i].option, 1), EINVAL, "option %d", options[i].option);
        CHECK_EQ(test_get_int(s, ZMQ_MECHANISM), ZMQ_NULL);
    }
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq reads through the NULL. */
TEST(null_values_are_einval)
{
    static const int options[] = { ZMQ_LINGER,     ZMQ_SNDHWM,    ZMQ_ROUTING_ID,
                                   ZMQ_MAXMSGSIZE, ZMQ_SUBSCRIBE, ZMQ_LAST_ENDPOINT };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_SUB);

    for (size_t i = 0; i < ZN_COUNT(options); i++) {
        size_t len = 8, four = 4;
        int value;
        REFUSED(zmq_setsockopt(s, options[i], NULL, 4), EINVAL, "option %d", options[i]);
        REFUSED(zmq_setsockopt(s, options[i], NULL, 8), EINVAL, "option %d", options[i]);
        REFUSED(zmq_getsockopt(s, options[i], NULL, &len), EINVAL, "option %d",
                options[i]);
        REFUSED(zmq_getsockopt(s, options[i], NULL, &four), EINVAL, "option %d",
                options[i]);
        REFUSED(zmq_getsockopt(s, options[i], &value, NULL), EINVAL, "option %d",
                options[i]);
    }
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: new in 4.3.5. */
TEST(topics_count_counts_distinct_prefixes)
{
    void *ctx = open_ctx(), *pub = open_socket(ctx, ZMQ_XPUB);
    void *sub[2] = { open_socket(ctx, ZMQ_SUB), open_socket(ctx, ZMQ_SUB) };

    CHECK_EQ(test_get_int(pub, ZMQ_TOPICS_COUNT), 0);
    CHECK_OK(zmq_bind(pub, "inproc://x"));
    for (int i = 0; i < 2; i++) {
        connect_to(sub[i], "inproc://x");
        CHECK_OK(zmq_setsockopt(sub[i], ZMQ_SUBSCRIBE, "a", 1));
        CHECK_OK(zmq_setsockopt(sub[i], ZMQ_SUBSCRIBE, "ab", 2));
        CHECK_OK(zmq_setsockopt(sub[i], ZMQ_SUBSCRIBE, "", 0));
        CHECK_EQ(test_get_int(sub[i], ZMQ_TOPICS_COUNT), 3);
    }
    expect_text(pub, "\1a");
    expect_text(pub, "\1ab");
    expect_text(pub, "\1");
    CHECK_EQ(test_get_int(pub, ZMQ_EVENTS) & ZMQ_POLLIN, 0);
    CHECK_EQ(test_get_int(pub, ZMQ_TOPICS_COUNT), 3, "once, however many peers");
    CHECK_OK(zmq_setsockopt(sub[0], ZMQ_UNSUBSCRIBE, "ab", 2));
    CHECK_EQ(test_get_int(sub[0], ZMQ_TOPICS_COUNT), 2);
    for (int i = 0; i < 2; i++)
        close_socket(sub[i]);
    close_socket(pub);
    end_ctx(ctx);
}

/* ---- the context's ---- */

TEST(context_options_keep_their_defaults_and_ranges)
{
    enum { NONE = -2 };
    static const struct {
        const char *name;
        int option, initial, lo, get;
    } cases[] = {
        { "IO_THREADS", ZMQ_IO_THREADS, 1, 0, 1 },
        { "MAX_SOCKETS", ZMQ_MAX_SOCKETS, 1023, 1, 1 },
        { "SOCKET_LIMIT", ZMQ_SOCKET_LIMIT, 65535, NONE, 1 },
        { "SCHED_POLICY", ZMQ_THREAD_SCHED_POLICY, -1, 0, 1 },
        { "MAX_MSGSZ", ZMQ_MAX_MSGSZ, INT_MAX, 0, 1 },
        { "MSG_T_SIZE", ZMQ_MSG_T_SIZE, sizeof(zmq_msg_t), NONE, 1 },
        { "AFFINITY_CPU_ADD", ZMQ_THREAD_AFFINITY_CPU_ADD, 0, 0, 0 },
        { "NAME_PREFIX", ZMQ_THREAD_NAME_PREFIX, 0, 0, 1 },
        { "IPV6", ZMQ_IPV6, 0, 0, 1 },
        { "BLOCKY", ZMQ_BLOCKY, 1, 0, 1 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *ctx = open_ctx();

        if (cases[i].get)
            CHECK_EQ(zmq_ctx_get(ctx, cases[i].option), cases[i].initial, "%s",
                     cases[i].name);
        if (cases[i].lo != NONE) {
            CHECK_EQ(zmq_ctx_set(ctx, cases[i].option, cases[i].lo), 0, "%s",
                     cases[i].name);
            CHECK_EQ(zmq_ctx_set(ctx, cases[i].option, 1), 0, "%s", cases[i].name);
            if (cases[i].get)
                CHECK_EQ(zmq_ctx_get(ctx, cases[i].option), 1, "%s", cases[i].name);
            if (cases[i].option != ZMQ_THREAD_NAME_PREFIX)
                REFUSED(zmq_ctx_set(ctx, cases[i].option, cases[i].lo - 1), EINVAL, "%s",
                        cases[i].name);
        }
        end_ctx(ctx);
    }
}

TEST(context_refuses_unknown_options_and_handles)
{
    static const int options[] = { -1, 0, 11, 41, 43, 71, INT_MAX, INT_MIN };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(options); i++) {
        REFUSED(zmq_ctx_set(ctx, options[i], 1), EINVAL, "%d", options[i]);
        REFUSED(zmq_ctx_get(ctx, options[i]), EINVAL, "%d", options[i]);
    }
    CHECK_OK(zmq_ctx_set(ctx, ZMQ_THREAD_AFFINITY_CPU_ADD, 3));
    CHECK_OK(zmq_ctx_set(ctx, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 3));
    REFUSED(zmq_ctx_set(ctx, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 3), EINVAL, "absent");
    REFUSED(zmq_ctx_set(ctx, ZMQ_THREAD_AFFINITY_CPU_ADD, 1024), EINVAL,
            "zinc: beyond all");
    REFUSED(zmq_ctx_set(ctx, ZMQ_MSG_T_SIZE, 1), EINVAL, "read only");
    REFUSED(zmq_ctx_set(NULL, ZMQ_IO_THREADS, 1), EFAULT, "NULL");
    REFUSED(zmq_ctx_get(NULL, ZMQ_IO_THREADS), EFAULT, "NULL");
    end_ctx(ctx);
}

TEST(ipv6_of_the_context_is_the_default_of_its_sockets)
{
    void *ctx = open_ctx(), *before = open_socket(ctx, ZMQ_PAIR);

    CHECK_OK(zmq_ctx_set(ctx, ZMQ_IPV6, 1));
    void *after = open_socket(ctx, ZMQ_PAIR);
    CHECK_EQ(test_get_int(before, ZMQ_IPV6), 0);
    CHECK_EQ(test_get_int(after, ZMQ_IPV6), 1);
    CHECK_EQ(test_get_int(after, ZMQ_IPV4ONLY), 0);
    close_socket(before);
    close_socket(after);
    end_ctx(ctx);
}

/* zinc: Debian's libzmq lacks the _ext calls and ZERO_COPY_RECV. */
TEST(context_options_by_reference)
{
    void *ctx = open_ctx();
    int value = 7;
    size_t len = sizeof value;
    char prefix[16] = "";

    CHECK_EQ(zmq_ctx_get(ctx, ZMQ_ZERO_COPY_RECV), 1);
    CHECK_OK(zmq_ctx_set(ctx, ZMQ_ZERO_COPY_RECV, 0));
    CHECK_EQ(zmq_ctx_get(ctx, ZMQ_ZERO_COPY_RECV), 0);
    CHECK_OK(zmq_ctx_set_ext(ctx, ZMQ_MAX_SOCKETS, &value, sizeof value));
    CHECK_EQ(zmq_ctx_get(ctx, ZMQ_MAX_SOCKETS), 7);
    value = 0;
    CHECK_OK(zmq_ctx_get_ext(ctx, ZMQ_MAX_SOCKETS, &value, &len));
    CHECK_EQ(value, 7);
    CHECK_OK(zmq_ctx_set_ext(ctx, ZMQ_THREAD_NAME_PREFIX, "prefix", 6));
    len = sizeof prefix;
    CHECK_OK(zmq_ctx_get_ext(ctx, ZMQ_THREAD_NAME_PREFIX, prefix, &len));
    CHECK_STR(prefix, "prefix");
    len = 3;
    REFUSED(zmq_ctx_get_ext(ctx, ZMQ_THREAD_NAME_PREFIX, prefix, &len), EINVAL,
            "no room");
    REFUSED(zmq_ctx_set_ext(ctx, ZMQ_THREAD_NAME_PREFIX, "seventeen letters", 17), EINVAL,
            "17 bytes");
    REFUSED(zmq_ctx_set_ext(ctx, ZMQ_THREAD_NAME_PREFIX, prefix, 0), EINVAL, "none");
    REFUSED(zmq_ctx_set_ext(ctx, ZMQ_MAX_SOCKETS, &value, 3), EINVAL, "3 bytes");
    REFUSED(zmq_ctx_set_ext(NULL, ZMQ_MAX_SOCKETS, &value, 4), EFAULT, "NULL");
    REFUSED(zmq_ctx_get_ext(NULL, ZMQ_MAX_SOCKETS, &value, &len), EFAULT, "NULL");
    end_ctx(ctx);
}

/* zinc: its own option. */
static void *answer_all(void *s)
{
    char got[8];

    for (int n; (n = zmq_recv(s, got, sizeof got, 0)) > 0;)
        CHECK(zmq_send(s, got, (size_t)n, 0) == n);
    CHECK_EQ(zmq_errno(), ETERM);
    close_socket(s);
    return NULL;
}

TEST(a_call_may_wait_awake_or_not)
{
    static const int times[] = { 0, 1, 60, 1000 };

    for (size_t i = 0; i < ZN_COUNT(times); i++) {
        void *ctx = open_ctx(), *req = open_socket(ctx, ZMQ_REQ);
        void *rep = open_socket(ctx, ZMQ_REP);
        char endpoint[ENDPOINT_MAX];

        CHECK_EQ(test_get_int(req, ZMQ_ZINC_SPIN), 60);
        test_set_int(req, ZMQ_ZINC_SPIN, times[i]);
        test_set_int(rep, ZMQ_ZINC_SPIN, times[i]);
        CHECK_EQ(test_get_int(req, ZMQ_ZINC_SPIN), times[i]);
        bind_to(rep, i % 2 == 0 ? "tcp://127.0.0.1:*" : "inproc://spin", endpoint);
        connect_to(req, endpoint);
        struct test_thread *thread = test_thread_start(answer_all, rep);
        for (int n = 0; n < 300; n++) {
            send_text(req, "ask");
            expect_text(req, "ask");
        }
        close_socket(req);
        CHECK_OK(zmq_ctx_shutdown(ctx));
        test_thread_join(thread);
        end_ctx(ctx);
    }
}
