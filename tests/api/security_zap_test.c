/* security_zap_test.c - the application's authenticator (RFC 27): when it is asked, what it is
 * asked, and what its answers do. The test plays it, between two calls: no thread of the
 * library waits for it. */
#include "tests/api/raw.h"
#include "tests/api/security.h"

#include <sys/types.h>

TEST(zap_is_asked_about_a_plain_client_by_name_and_password)
{
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    void *zap = open_zap(c.ctx);

    set_text(c.server, ZMQ_ZAP_DOMAIN, "zone");
    set_text(c.server, ZMQ_ROUTING_ID, "server");
    secure(ZMQ_PLAIN, c.server, c.client);
    join_couple(&c, "tcp://127.0.0.1:*");
    expect_request(zap, "zone", "127.0.0.1", "server", "PLAIN");
    expect_flags(zap, "bob", 1);
    expect_flags(zap, "secret", 0);
    answer_with(zap, "200", "bob", "", 0);
    send_text(c.client, "hello");
    expect_text(c.server, "hello");
    close_socket(zap);
    close_couple(&c);
}

TEST(zap_is_asked_about_a_curve_client_by_its_key)
{
    if (!zmq_has("curve"))
        test_skip("no CURVE");
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    void *zap = open_zap(c.ctx);
    uint8_t want[32], got[33];
    size_t size = sizeof want;

    secure(ZMQ_CURVE, c.server, c.client);
    CHECK_OK(zmq_getsockopt(c.client, ZMQ_CURVE_PUBLICKEY, want, &size));
    join_couple(&c, "tcp://127.0.0.1:*");
    expect_request(zap, "", "127.0.0.1", "", "CURVE");
    CHECK_EQ(zmq_recv(zap, got, sizeof got, 0), 32);
    CHECK_MEM(got, want, 32);
    CHECK_EQ(test_get_int(zap, ZMQ_RCVMORE), 0);
    answer_with(zap, "200", "bob", "", 0);
    send_text(c.client, "hello");
    expect_text(c.server, "hello");
    close_socket(zap);
    close_couple(&c);
}

TEST(zap_is_told_who_is_at_the_other_end_of_ipc)
{
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    void *zap = open_zap(c.ctx);
    char address[64];

    snprintf(address, sizeof address, "localhost:%u:%u:%d", getuid(), getgid(), getpid());
    set_text(c.server, ZMQ_ZAP_DOMAIN, "zone");
    join_couple(&c, "ipc://*");
    expect_request(zap, "zone", address, "", "NULL");
    answer_with(zap, "200", "", "", 0);
    send_text(c.client, "hello");
    expect_text(c.server, "hello");
    close_socket(zap);
    close_couple(&c);
}

static void check_property(zmq_msg_t *m, const char *name, const char *value)
{
    CHECK_STR(zmq_msg_gets(m, name), value, "%s", name);
}

/* zinc: libzmq believes a peer that calls itself by a User-Id, where nothing else is known. */
TEST(messages_tell_what_zap_said_and_no_peer_can_forge_it)
{
    static const char metadata[] = "\4Role\0\0\0\5admin\6X-Both\0\0\0\3zap";
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    void *zap = open_zap(c.ctx);
    zmq_msg_t m;

    secure(ZMQ_PLAIN, c.server, c.client);
    set_text(c.client, ZMQ_METADATA, "X-Both:peer");
    set_text(c.client, ZMQ_METADATA, "X-Mine:own");
    join_couple(&c, "tcp://127.0.0.1:*");
    take_request(zap);
    answer_with(zap, "200", "robert", metadata, sizeof metadata - 1);
    send_text(c.client, "hello");
    CHECK_OK(zmq_msg_init(&m));
    CHECK_OK(zmq_msg_recv(&m, c.server, 0));
    check_property(&m, "User-Id", "robert");
    check_property(&m, "Role", "admin");
    check_property(&m, "X-Both", "zap");
    check_property(&m, "X-Mine", "own");
    check_property(&m, "Peer-Address", "127.0.0.1");
    check_property(&m, "Socket-Type", "PUSH");
    CHECK_OK(zmq_msg_close(&m));
    close_socket(zap);
    close_couple(&c);

    /* nobody is asked: a peer says it by itself */
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];
    static const char ready[] = "\5READY\13Socket-Type\0\0\0\4PUSH\7User-Id\0\0\0\4root"
                                "\14Peer-Address\0\0\0\7"
                                "8.8.8.8";
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = { raw_connect(endpoint), V31, "" };
    RAW_SEND(p.fd, GREETING_31);
    zmtp_send(&p, COMMAND, ready, sizeof ready - 1);
    char sink[100];
    raw_recv(p.fd, sink, 64 + 2);
    raw_recv(p.fd, sink, (size_t)sink[1]);
    ZMTP_SEND(&p, 0, "hello");
    CHECK_OK(zmq_msg_init(&m));
    CHECK_OK(zmq_msg_recv(&m, s, 0));
    check_property(&m, "User-Id", NULL);
    check_property(&m, "Peer-Address", "127.0.0.1");
    CHECK_OK(zmq_msg_close(&m));
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

/* ---- What an answer does. */

static const int zap_mechanisms[] = { ZMQ_NULL, ZMQ_PLAIN, ZMQ_CURVE };
static const char *const mechanism_names[] = { "NULL", "PLAIN", "CURVE" };

static struct couple ask_couple(int mechanism, void **zap)
{
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    *zap = open_zap(c.ctx);
    if (mechanism == ZMQ_NULL)
        set_text(c.server, ZMQ_ZAP_DOMAIN, "zone");
    secure(mechanism, c.server, c.client);
    test_set_int(c.client, ZMQ_RECONNECT_IVL, 60000);
    return c;
}

TEST(refusals_of_400_and_500_are_told_to_both_sides)
{
    static const struct {
        const char *text;
        uint32_t status;
    } cases[] = { { "400", 400 }, { "500", 500 } };

    for (size_t m = 0; m < ZN_COUNT(zap_mechanisms); m++) {
        if (!has_mechanism(zap_mechanisms[m]))
            continue;
        for (size_t i = 0; i < ZN_COUNT(cases); i++) {
            void *zap;
            struct couple c = ask_couple(zap_mechanisms[m], &zap);
            const char *what = mechanism_names[m];

            join_couple(&c, "tcp://127.0.0.1:*");
            answer(zap, cases[i].text);
            expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, cases[i].status,
                           what);
            EXPECT_LOST(c.on_server, what);
            expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, cases[i].status,
                           what);
            EXPECT_LOST(c.on_client, what);
            test_expect_nothing(c.on_client, 20);         /* it does not try again */
            close_socket(zap);
            close_couple(&c);
        }
    }
}

TEST(refusal_of_300_says_nothing_until_time_is_up)
{
    for (size_t m = 0; m < ZN_COUNT(zap_mechanisms); m++) {
        if (!has_mechanism(zap_mechanisms[m]))
            continue;
        void *zap;
        struct couple c = ask_couple(zap_mechanisms[m], &zap);
        const char *what = mechanism_names[m];

        test_set_int(c.client, ZMQ_HANDSHAKE_IVL, 100);
        join_couple(&c, "tcp://127.0.0.1:*");
        answer(zap, "300");
        expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 300, what);
        EXPECT_LOST(c.on_server, what);
        expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EAGAIN, what);
        EXPECT_LOST(c.on_client, what);
        wait_event(c.on_client, ZMQ_EVENT_CONNECT_RETRIED);
        close_socket(zap);
        close_couple(&c);
    }
}

/* A peer that was refused and stays is closed when its time is up, or if it talks. */
TEST(peer_that_was_refused_and_stays_is_closed)
{
    for (int talks = 0; talks < 2; talks++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL), *zap = open_zap(ctx);
        void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
        char endpoint[ENDPOINT_MAX], junk[4096] = { 0 };

        set_text(s, ZMQ_ZAP_DOMAIN, "zone");
        test_set_int(s, ZMQ_HANDSHAKE_IVL, talks ? 0 : 100);
        bind_to(s, "tcp://127.0.0.1:*", endpoint);
        int fd = raw_connect(endpoint);
        RAW_SEND(fd, GREETING_31);
        answer(zap, "400");
        expect_outcome(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400, "stays");
        char head[64];
        raw_recv(fd, head, sizeof head);
        RAW_EXPECT(fd, "\4\12\5ERROR\003400");
        while (talks && send(fd, junk, sizeof junk, MSG_NOSIGNAL) > 0)
            ;
        if (!talks)
            raw_expect_close(fd, "stays");
        EXPECT_LOST(monitor, "stays");
        close(fd);
        close_socket(zap);
        close_socket(s);
        close_socket(monitor);
        end_ctx(ctx);
    }
}

TEST(answers_that_cannot_be_understood_have_codes)
{
    static const struct {
        const char *what;
        const char *frames[9];           /* behind the delimiter, which REP adds */
        uint32_t code;
    } cases[] = {
        { "too few",
          { "1.0", "1", "200", "", "" },
          ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY },
        { "one", { "1.0" }, ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY },
        { "too many",
          { "1.0", "1", "200", "", "", "", "" },
          ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY },
        { "version",
          { "1.1", "1", "200", "", "", "" },
          ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION },
        { "request id",
          { "1.0", "2", "200", "", "", "" },
          ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID },
        { "status 201",
          { "1.0", "1", "201", "", "", "" },
          ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE },
        { "no status",
          { "1.0", "1", "", "", "", "" },
          ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE },
        { "status 2000",
          { "1.0", "1", "2000", "", "", "" },
          ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE },
        { "metadata",
          { "1.0", "1", "200", "", "bob", "\5Hello" },
          ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *zap;
        struct couple c = ask_couple(ZMQ_PLAIN, &zap);

        join_couple(&c, "tcp://127.0.0.1:*");
        take_request(zap);
        for (int f = 0; cases[i].frames[f] != NULL; f++)
            send_flags(zap, cases[i].frames[f],
                       cases[i].frames[f + 1] != NULL ? ZMQ_SNDMORE : 0);
        expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, cases[i].code,
                       cases[i].what);
        EXPECT_LOST(c.on_server, cases[i].what);
        expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EPIPE,
                       cases[i].what);
        close_socket(zap);
        close_couple(&c);
    }
}

TEST(router_may_be_the_authenticator_and_must_begin_with_an_empty_frame)
{
    for (int good = 0; good < 2; good++) {
        struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
        void *zap = open_socket(c.ctx, ZMQ_ROUTER);
        char id[16];

        CHECK_OK(zmq_bind(zap, ZAP_ENDPOINT));
        secure(ZMQ_PLAIN, c.server, c.client);
        join_couple(&c, "tcp://127.0.0.1:*");
        int size = zmq_recv(zap, id, sizeof id, 0);
        CHECK_EQ(size, 5);
        expect_flags(zap, "", 1);
        expect_request(zap, "", "127.0.0.1", "", "PLAIN");
        expect_flags(zap, "bob", 1);
        expect_flags(zap, "secret", 0);
        CHECK_EQ(zmq_send(zap, id, (size_t)size, ZMQ_SNDMORE), size);
        send_flags(zap, good ? "" : "x", ZMQ_SNDMORE);
        answer_with(zap, "200", "bob", "", 0);
        if (good) {
            EXPECT_UP(c.on_server, "ROUTER");
        } else {
            expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                           ZMQ_PROTOCOL_ERROR_ZAP_UNSPECIFIED, "ROUTER");
        }
        close_socket(zap);
        close_couple(&c);
    }
}

/* ---- No answer, or nobody to give one. */

TEST(question_that_is_not_answered_ends_with_the_handshakes_time)
{
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    void *zap = open_zap(c.ctx);

    secure(ZMQ_PLAIN, c.server, c.client);
    test_set_int(c.server, ZMQ_HANDSHAKE_IVL, 50);
    test_set_int(c.client, ZMQ_RECONNECT_IVL, 10);
    join_couple(&c, "tcp://127.0.0.1:*");
    take_request(zap);
    expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EAGAIN, "late");
    EXPECT_LOST(c.on_server, "late");
    answer_with(zap, "200", "bob", "", 0);       /* goes nowhere */
    CHECK_OK(zmq_unbind(c.server, c.endpoint));
    test_set_int(c.server, ZMQ_HANDSHAKE_IVL, 30000);
    CHECK_OK(zmq_bind(c.server, c.endpoint));
    send_text(c.client, "hello");
    /* Requests of attempts made until then may still be there. */
    char got[8];
    for (int rc = -1; rc < 0;) {
        zmq_pollitem_t items[] = { { zap, 0, ZMQ_POLLIN, 0 },
                                   { c.server, 0, ZMQ_POLLIN, 0 } };
        CHECK(zmq_poll(items, 2, PATIENCE) > 0);
        if (items[0].revents)
            answer(zap, "200");
        if (items[1].revents)
            rc = CHECK_OK(zmq_recv(c.server, got, sizeof got, 0)) == 5 ? 0 : -1;
    }
    close_socket(zap);
    close_couple(&c);
}

/* zinc: libzmq lets the connection hang until the handshake's time is up. */
TEST(authenticator_that_goes_without_an_answer_fails_the_handshake)
{
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    void *zap = open_zap(c.ctx);

    secure(ZMQ_PLAIN, c.server, c.client);
    test_set_int(c.client, ZMQ_RECONNECT_IVL, 10);
    join_couple(&c, "tcp://127.0.0.1:*");
    take_request(zap);
    close_socket(zap);
    expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EFAULT, "dying");
    EXPECT_LOST(c.on_server, "dying");
    expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EPIPE, "dying");

    zap = open_zap(c.ctx);                        /* the next one is asked anew */
    answer(zap, "200");
    send_text(c.client, "hello");
    expect_text(c.server, "hello");
    close_socket(zap);
    close_couple(&c);
}

/* What becomes of a peer where nobody is bound, or what is bound cannot answer. */
TEST(absent_authenticator_and_the_rules_of_domains)
{
    static const struct {
        const char *what;
        int mechanism;
        bool domain, enforce, admitted;
    } cases[] = {
        { "NULL, domain", ZMQ_NULL, true, false, true },
        { "NULL, domain enforced", ZMQ_NULL, true, true, false },
        { "NULL, enforced, no domain", ZMQ_NULL, false, true, true },
        { "PLAIN", ZMQ_PLAIN, false, false, false },
        { "PLAIN, domain", ZMQ_PLAIN, true, false, false },
        { "PLAIN, domain enforced", ZMQ_PLAIN, true, true, false },
        { "PLAIN, enforced, no domain", ZMQ_PLAIN, false, true, false },
        { "CURVE", ZMQ_CURVE, false, false, true },
        { "CURVE, domain", ZMQ_CURVE, true, false, true },
        { "CURVE, domain enforced", ZMQ_CURVE, true, true, false },
        { "CURVE, enforced, no domain", ZMQ_CURVE, false, true, true },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        for (int other = 0; other < 2; other++) {
            if (!has_mechanism(cases[i].mechanism))
                continue;
            struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
            void *no_zap = open_socket(c.ctx, ZMQ_DEALER);

            /* zinc: libzmq aborts for a type that cannot be a handler. */
            if (other)
                CHECK_OK(zmq_bind(no_zap, ZAP_ENDPOINT));
            if (cases[i].domain)
                set_text(c.server, ZMQ_ZAP_DOMAIN, "zone");
            test_set_int(c.server, ZMQ_ZAP_ENFORCE_DOMAIN, cases[i].enforce);
            secure(cases[i].mechanism, c.server, c.client);
            join_couple(&c, "tcp://127.0.0.1:*");
            if (cases[i].admitted) {
                send_text(c.client, "hello");
                expect_text(c.server, "hello");
            } else {
                expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EFAULT,
                               cases[i].what);
                EXPECT_LOST(c.on_server, cases[i].what);
                expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EPIPE,
                               cases[i].what);
                wait_event(c.on_client, ZMQ_EVENT_CONNECT_RETRIED);
            }
            close_socket(no_zap);
            close_couple(&c);
        }
    }
}

/* zinc: libzmq fails an assertion for PLAIN. */
TEST(enforced_domain_that_is_not_set_asks_nobody)
{
    static const int mechanisms[] = { ZMQ_PLAIN, ZMQ_CURVE };

    for (size_t m = 0; m < ZN_COUNT(mechanisms); m++) {
        if (!has_mechanism(mechanisms[m]))
            continue;
        struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
        void *zap = open_zap(c.ctx);

        test_set_int(c.server, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
        secure(mechanisms[m], c.server, c.client);
        join_couple(&c, "tcp://127.0.0.1:*");
        if (mechanisms[m] == ZMQ_PLAIN)
            expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EFAULT,
                           "PLAIN");
        else
            EXPECT_UP(c.on_server, "CURVE");
        test_expect_nothing(zap, 0);
        close_socket(zap);
        close_couple(&c);
    }
}

/* ---- The library's threads never wait for it. */

TEST(unanswered_questions_hold_up_nobody_else)
{
    void *ctx = open_ctx(), *zap = open_zap(ctx);
    void *guarded = open_socket(ctx, ZMQ_PULL), *open = open_socket(ctx, ZMQ_PULL);
    void *knock[8], *push = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX], open_endpoint[ENDPOINT_MAX];

    test_set_int(guarded, ZMQ_PLAIN_SERVER, 1);
    bind_to(guarded, "tcp://127.0.0.1:*", endpoint);
    for (size_t i = 0; i < ZN_COUNT(knock); i++) {
        knock[i] = open_socket(ctx, ZMQ_PUSH);
        set_text(knock[i], ZMQ_PLAIN_USERNAME, "bob");
        connect_to(knock[i], endpoint);
        send_text(knock[i], "let in");
        if (i == 0)
            take_request(zap);           /* the others wait for its answer */
    }
    bind_to(open, "tcp://127.0.0.1:*", open_endpoint);
    connect_to(push, open_endpoint);
    for (int i = 0; i < 100; i++) {
        send_text(push, "hello");
        expect_text(open, "hello");
    }
    for (size_t i = 0; i < ZN_COUNT(knock); i++) {       /* and in the end all come in */
        if (i > 0)
            take_request(zap);
        answer_with(zap, "200", "bob", "", 0);
        expect_text(guarded, "let in");
    }
    for (size_t i = 0; i < ZN_COUNT(knock); i++)
        close_socket(knock[i]);
    close_socket(push);
    close_socket(open);
    close_socket(guarded);
    close_socket(zap);
    end_ctx(ctx);
}

TEST(sockets_and_contexts_end_while_a_question_is_open)
{
    for (int first = 0; first < 3; first++) {
        struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
        void *zap = open_zap(c.ctx);

        secure(ZMQ_PLAIN, c.server, c.client);
        join_couple(&c, "tcp://127.0.0.1:*");
        take_request(zap);
        if (first == 0)
            close_socket(zap);
        if (first == 1)
            CHECK_OK(zmq_unbind(c.server, c.endpoint));
        if (first == 2)
            CHECK_OK(zmq_ctx_shutdown(c.ctx));
        if (first != 0)
            close_socket(zap);
        close_couple(&c);
    }
}

/* ---- CVE-2014-9721, CVE-2014-7202: nobody gets around it with an older protocol, or a
 * weaker mechanism. */

TEST(older_or_weaker_peers_do_not_get_in_unasked)
{
    static const int mechanisms[] = { ZMQ_NULL, ZMQ_PLAIN, ZMQ_CURVE };
    static const struct {
        const char *what, *bytes;
        size_t size;
    } cases[] = {
#define CASE(what, bytes) { what, bytes, sizeof(bytes) - 1 }
        CASE("unversioned", "\1\0\6\0evil"),
        CASE("1.0", SIGNATURE "\0\10\1\0\6\0evil"),
        CASE("2.0", SIGNATURE "\1\10\0\0\0\4evil"),
        CASE("NULL 3.0", SIGNATURE "\3\0NULL" ZERO16 ZERO16 ZERO16
                                   "\4\32\5READY\13Socket-Type\0\0\0\4PUSH\0\4evil"),
#undef CASE
    };

    for (size_t m = 0; m < ZN_COUNT(mechanisms); m++) {
        if (!has_mechanism(mechanisms[m]))
            continue;
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL), *zap = open_zap(ctx);
        char endpoint[ENDPOINT_MAX];

        if (mechanisms[m] == ZMQ_NULL)
            set_text(s, ZMQ_ZAP_DOMAIN, "zone");
        if (mechanisms[m] == ZMQ_PLAIN)
            test_set_int(s, ZMQ_PLAIN_SERVER, 1);
        if (mechanisms[m] == ZMQ_CURVE)
            test_set_int(s, ZMQ_CURVE_SERVER, 1);
        bind_to(s, "tcp://127.0.0.1:*", endpoint);
        for (size_t i = 0; i < ZN_COUNT(cases); i++) {
            bool asked = mechanisms[m] == ZMQ_NULL && cases[i].size > 64;
            int fd = raw_connect(endpoint);
            raw_send(fd, cases[i].bytes, cases[i].size);
            if (asked)
                answer(zap, "400");
            if (!asked)
                raw_expect_close(fd, cases[i].what);
            test_expect_nothing(s, 10);
            close(fd);
        }
        close_socket(zap);
        close_socket(s);
        end_ctx(ctx);
    }
}
