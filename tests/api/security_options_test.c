/* security_options_test.c - the options of PLAIN, CURVE, GSSAPI and ZAP, and the limits of
 * connections. */
#include "tests/api/raw.h"
#include "tests/api/security.h"

#include "core/options.h"

static void expect_state(void *s, int mechanism, int server, const char *what)
{
    CHECK_EQ(test_get_int(s, ZMQ_MECHANISM), mechanism, "%s", what);
    CHECK_EQ(test_get_int(s, ZMQ_PLAIN_SERVER), server && mechanism == ZMQ_PLAIN, "%s",
             what);
    if (zmq_has("curve"))
        CHECK_EQ(test_get_int(s, ZMQ_CURVE_SERVER), server && mechanism == ZMQ_CURVE,
                 "%s", what);
}

TEST(last_security_option_chooses_mechanism_and_side)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);
    struct key_pair k = { "", "" };

    expect_state(s, ZMQ_NULL, 0, "at first");
    test_set_int(s, ZMQ_PLAIN_SERVER, 1);
    expect_state(s, ZMQ_PLAIN, 1, "PLAIN_SERVER 1");
    set_text(s, ZMQ_PLAIN_PASSWORD, "pw");
    expect_state(s, ZMQ_PLAIN, 0, "PLAIN_PASSWORD");
    test_set_int(s, ZMQ_PLAIN_SERVER, 0);
    expect_state(s, ZMQ_NULL, 0, "PLAIN_SERVER 0");
    set_text(s, ZMQ_PLAIN_USERNAME, "bob");
    expect_state(s, ZMQ_PLAIN, 0, "PLAIN_USERNAME");
    CHECK_OK(zmq_setsockopt(s, ZMQ_PLAIN_USERNAME, NULL, 0));
    expect_state(s, ZMQ_NULL, 0, "PLAIN_USERNAME NULL");
    if (zmq_has("curve")) {
        k = new_keys();
        test_set_int(s, ZMQ_CURVE_SERVER, 1);
        expect_state(s, ZMQ_CURVE, 1, "CURVE_SERVER 1");
        set_text(s, ZMQ_CURVE_SECRETKEY, k.secret_key);
        set_text(s, ZMQ_CURVE_PUBLICKEY, k.public_key);
        expect_state(s, ZMQ_CURVE, 1, "CURVE_SECRETKEY");
        set_text(s, ZMQ_CURVE_SERVERKEY, k.public_key);
        expect_state(s, ZMQ_CURVE, 0, "CURVE_SERVERKEY");
        test_set_int(s, ZMQ_CURVE_SERVER, 0);
        expect_state(s, ZMQ_NULL, 0, "CURVE_SERVER 0");
        set_text(s, ZMQ_CURVE_PUBLICKEY, k.public_key);
        expect_state(s, ZMQ_CURVE, 0, "CURVE_PUBLICKEY");
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(names_and_passwords_are_1_to_255_bytes)
{
    static const int options[] = { ZMQ_PLAIN_USERNAME, ZMQ_PLAIN_PASSWORD };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);
    char big[256], got[256];

    memset(big, 'a', sizeof big);
    for (size_t i = 0; i < ZN_COUNT(options); i++) {
        size_t size = sizeof got;
        CHECK_OK(zmq_getsockopt(s, options[i], got, &size));
        CHECK_EQ(size, 1);
        REFUSED(zmq_setsockopt(s, options[i], "", 0), EINVAL, "%d", options[i]);
        REFUSED(zmq_setsockopt(s, options[i], big, 256), EINVAL, "%d", options[i]);
        CHECK_OK(zmq_setsockopt(s, options[i], big, 255));
        size = sizeof got;
        CHECK_OK(zmq_getsockopt(s, options[i], got, &size));
        CHECK_EQ(size, 256);
        CHECK_MEM(got, big, 255);
        size = 255;
        REFUSED(zmq_getsockopt(s, options[i], got, &size), EINVAL, "%d", options[i]);
        CHECK_OK(zmq_setsockopt(s, options[i], "x", 1));
        CHECK_OK(zmq_setsockopt(s, options[i], NULL, 0));
        size = sizeof got;
        CHECK_OK(zmq_getsockopt(s, options[i], got, &size));
        CHECK_STR(got, "x");             /* and only the mechanism is gone */
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(keys_are_32_bytes_or_their_text)
{
    static const int options[] = { ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY,
                                   ZMQ_CURVE_SERVERKEY };
    static const char text[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    if (!zmq_has("curve"))
        test_skip("no CURVE");
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);

    for (size_t i = 0; i < ZN_COUNT(options); i++) {
        uint8_t binary[32], got[64] = { 0 };
        char bad[42];
        size_t size = 41;

        CHECK_OK(zmq_getsockopt(s, options[i], got, &size));
        CHECK_STR((char *)got, "0000000000000000000000000000000000000000");
        for (size_t length = 0; length <= 64; length++) {
            if (length != 32 && length != 40 && length != 41)
                REFUSED(zmq_setsockopt(s, options[i], length ? got : NULL, length),
                        EINVAL, "%zu bytes", length);
            size = length;
            if (length != 32 && length != 41)
                REFUSED(zmq_getsockopt(s, options[i], got, &size), EINVAL, "%zu", length);
        }
        CHECK_OK(zmq_setsockopt(s, options[i], text, 40));
        size = 32;
        CHECK_OK(zmq_getsockopt(s, options[i], binary, &size));
        CHECK_OK(zmq_setsockopt(s, options[i], binary, 32));
        CHECK_OK(zmq_setsockopt(s, options[i], text, 41));
        /* zinc: libzmq keeps a part of a text that is refused. */
        memcpy(bad, text, sizeof text);
        bad[39] = '"';
        REFUSED(zmq_setsockopt(s, options[i], bad, 40), EINVAL, "not Z85");
        bad[20] = '\0';
        REFUSED(zmq_setsockopt(s, options[i], bad, 40), EINVAL, "cut");
        memcpy(bad, text, sizeof text);
        bad[40] = 'a';
        REFUSED(zmq_setsockopt(s, options[i], bad, 41), EINVAL, "no end");
        size = 41;
        CHECK_OK(zmq_getsockopt(s, options[i], got, &size));
        CHECK_STR((char *)got, text);
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(gssapi_options)
{
    if (!zmq_has("gssapi"))
        test_skip("no GSSAPI");
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);
    char got[256];
    size_t size = sizeof got;

    test_set_int(s, ZMQ_GSSAPI_PLAINTEXT, 1);
    test_set_int(s, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, 2);
    test_set_int(s, ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, 1);
    CHECK_EQ(test_get_int(s, ZMQ_GSSAPI_PLAINTEXT), 1);
    CHECK_EQ(test_get_int(s, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE), 2);
    CHECK_EQ(test_get_int(s, ZMQ_MECHANISM), ZMQ_NULL);
    test_set_int(s, ZMQ_GSSAPI_SERVER, 1);
    CHECK_EQ(test_get_int(s, ZMQ_MECHANISM), ZMQ_GSSAPI);
    CHECK_EQ(test_get_int(s, ZMQ_GSSAPI_SERVER), 1);
    set_text(s, ZMQ_GSSAPI_PRINCIPAL, "me");
    CHECK_EQ(test_get_int(s, ZMQ_GSSAPI_SERVER), 1);
    set_text(s, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "them");
    CHECK_EQ(test_get_int(s, ZMQ_GSSAPI_SERVER), 0);
    CHECK_OK(zmq_getsockopt(s, ZMQ_GSSAPI_PRINCIPAL, got, &size));
    CHECK_STR(got, "me");
    test_set_int(s, ZMQ_GSSAPI_SERVER, 0);
    CHECK_EQ(test_get_int(s, ZMQ_MECHANISM), ZMQ_GSSAPI);
    REFUSED(zmq_setsockopt(s, ZMQ_GSSAPI_PRINCIPAL, NULL, 0), EINVAL, "no name");
    close_socket(s);
    end_ctx(ctx);
}

TEST(zap_domain_cannot_be_cleared)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);
    char got[16];
    size_t size = sizeof got;

    REFUSED(zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, "", 0), EINVAL, "empty");
    set_text(s, ZMQ_ZAP_DOMAIN, "zone");
    REFUSED(zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, NULL, 0), EINVAL, "NULL");
    CHECK_OK(zmq_getsockopt(s, ZMQ_ZAP_DOMAIN, got, &size));
    CHECK_STR(got, "zone");
    close_socket(s);
    end_ctx(ctx);
}

/* What is on the heap is cleared by the same call; it cannot be looked at afterwards. */
TEST(keys_are_cleared_with_their_options)
{
    if (!zmq_has("curve"))
        test_skip("no CURVE");
    static const uint8_t zeros[32];
    uint8_t key[32];
    struct zn_options o, copy;

    memset(key, 0x5a, sizeof key);
    zn_options_init(&o);
    CHECK_EQ(zn_options_set(&o, ZMQ_CURVE_SECRETKEY, key, 32), 0);
    CHECK_EQ(zn_options_set(&o, ZMQ_PLAIN_PASSWORD, "secret", 6), 0);
    CHECK_EQ(zn_options_copy(&copy, &o), 0);
    CHECK_MEM(copy.curve_secretkey, key, 32);
    CHECK_MEM(copy.plain_password.data, "secret", 6);
    zn_options_fini(&copy);
    zn_options_fini(&o);
    CHECK_MEM(o.curve_secretkey, zeros, 32);
    CHECK_MEM(copy.curve_secretkey, zeros, 32);
    CHECK(o.plain_password.data == NULL && copy.plain_password.data == NULL);
}

/* ---- zinc's own: how many may come in. */

static void expect_refused(void *monitor)
{
    struct event e = wait_event(monitor, ZMQ_EVENT_ACCEPT_FAILED);
    CHECK_EQ(e.value, ECONNREFUSED);
}

TEST(listener_with_a_limit_refuses_more_until_some_go)
{
    for (int t = 0; t < 2; t++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
        void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL), *in[3];
        char endpoint[ENDPOINT_MAX];

        CHECK_EQ(test_get_int(s, ZMQ_ZINC_MAX_CONNECTIONS), 0);
        test_set_int(s, ZMQ_ZINC_MAX_CONNECTIONS, 2);
        bind_to(s, each_transport[t], endpoint);
        for (int i = 0; i < 2; i++) {
            in[i] = open_socket(ctx, ZMQ_PUSH);
            connect_to(in[i], endpoint);
            send_text(in[i], "in");
            expect_text(s, "in");
        }
        in[2] = open_socket(ctx, ZMQ_PUSH);
        test_set_int(in[2], ZMQ_RECONNECT_IVL, 10);
        connect_to(in[2], endpoint);
        send_text(in[2], "waits");
        expect_refused(monitor);
        close_socket(in[0]);
        expect_text(s, "waits");         /* at a later attempt */
        close_socket(in[1]);
        close_socket(in[2]);
        close_socket(s);
        close_socket(monitor);
        end_ctx(ctx);
    }
}

TEST(limit_of_one_address_leaves_room_for_others)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    void *first = open_socket(ctx, ZMQ_PUSH), *other = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX], from_2[ENDPOINT_MAX + 32];

    test_set_int(s, ZMQ_ZINC_MAX_CONNECTIONS_PER_ADDRESS, 1);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    connect_to(first, endpoint);
    send_text(first, "in");
    expect_text(s, "in");
    int fd = raw_connect(endpoint);
    raw_expect_close(fd, "a second one");
    expect_refused(monitor);
    close(fd);
    snprintf(from_2, sizeof from_2, "tcp://127.0.0.2:0;%s", endpoint + 6);
    connect_to(other, from_2);
    send_text(other, "in, too");
    expect_text(s, "in, too");
    close_socket(first);
    close_socket(other);
    close_socket(s);
    close_socket(monitor);
    end_ctx(ctx);
}

/* CVE-2020-15166: what never shakes hands counts, too, and has its time. */
TEST(connections_that_say_nothing_do_not_keep_others_out_for_long)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *client = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    int fds[20];

    test_set_int(s, ZMQ_ZINC_MAX_CONNECTIONS, 10);
    test_set_int(s, ZMQ_HANDSHAKE_IVL, 100);
    test_set_int(s, ZMQ_PLAIN_SERVER, 1);
    void *zap = open_zap(ctx);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (size_t i = 0; i < ZN_COUNT(fds); i++)
        fds[i] = raw_connect(endpoint);
    set_text(client, ZMQ_PLAIN_USERNAME, "bob");
    test_set_int(client, ZMQ_RECONNECT_IVL, 10);
    connect_to(client, endpoint);
    send_text(client, "hello");
    answer(zap, "200");
    expect_text(s, "hello");
    for (size_t i = 0; i < ZN_COUNT(fds); i++)
        close(fds[i]);
    close_socket(zap);
    close_socket(client);
    close_socket(s);
    end_ctx(ctx);
}
