/* flood_test.c - peers that send as much as they can: what it costs, and what others notice. */

#include "tests/api/raw.h"
#include "tests/api/security.h"
#include "tests/transports/ws.h"

#include <stdatomic.h>

struct flood {
    char endpoint[ENDPOINT_MAX];
    int frames;
    atomic_bool over;                             /* until then somebody honest is served */
};

/* ---- handshakes ---- */

static void *send_empty_commands(void *arg)
{
    static const char greeting[64] = SIGNATURE "\3\1GSSAPI";
    static char commands[1 << 17];
    struct flood *f = arg;
    int fd = raw_connect(f->endpoint);

    for (size_t i = 0; i < sizeof commands; i += 2)
        commands[i] = COMMAND;
    raw_send(fd, greeting, sizeof greeting);
    while (send(fd, commands, sizeof commands, MSG_NOSIGNAL) > 0)
        ;
    CHECK(errno == ECONNRESET || errno == EPIPE);
    close(fd);
    atomic_store(&f->over, true);
    return NULL;
}

/* GSSAPI has commands that do not count, for libzmq's clients send them. */
TEST(commands_that_lead_nowhere_end_with_the_handshakes_time_and_delay_nobody)
{
    if (!zmq_has("gssapi"))
        test_skip("no GSSAPI");
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *in = open_socket(ctx, ZMQ_PULL), *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    struct flood f = { .over = false };

    test_set_int(s, ZMQ_GSSAPI_SERVER, 1);
    test_set_int(s, ZMQ_HANDSHAKE_IVL, 500);
    bind_to(s, "tcp://127.0.0.1:*", f.endpoint);
    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    connect_to(out, endpoint);
    struct test_thread *thread = test_thread_start(send_empty_commands, &f);
    do {                                          /* all on one loop */
        send_text(out, "honest");
        expect_text(in, "honest");
    } while (!atomic_load(&f.over));
    test_thread_join(thread);
    close_socket(s);
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

/* ---- what nobody reads ---- */

static void *send_pings(void *arg)
{
    static uint8_t pings[6 * 20000];
    struct flood *f = arg;
    struct ws_peer p = ws_client(f->endpoint, "ZWS2.0/NULL");

    for (size_t i = 0; i < sizeof pings; i += 6) {
        pings[i] = FIN | PONG;                    /* nobody has to answer, or to read */
        pings[i + 1] = 0x80;
    }
    while (send(p.fd, pings, sizeof pings, MSG_NOSIGNAL) > 0)
        ;
    CHECK(errno == ECONNRESET || errno == EPIPE);
    close(p.fd);
    atomic_store(&f->over, true);
    return NULL;
}

TEST(pongs_without_end_delay_nobody)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *in = open_socket(ctx, ZMQ_PULL), *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    struct flood f = { .over = false };

    test_set_int(s, ZMQ_HANDSHAKE_IVL, 500);
    bind_to(s, "ws://127.0.0.1:*", f.endpoint);
    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    connect_to(out, endpoint);
    struct test_thread *thread = test_thread_start(send_pings, &f);
    do {                                          /* all on one loop */
        send_text(out, "honest");
        expect_text(in, "honest");
    } while (!atomic_load(&f.over));
    test_thread_join(thread);
    close_socket(s);
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

/* ---- messages of very many frames ---- */

/* Four times the frames cost some four times as much: not sixteen. */
static void expect_linear_cost(void (*run)(int frames), int frames)
{
    double before = test_cpu_seconds();
    run(frames / 4);
    double quarter = test_cpu_seconds() - before;
    run(frames);
    double whole = test_cpu_seconds() - before - quarter;
    CHECK(whole < 6 * quarter + 0.1, "%d frames took %.2f s, %d %.2f s", frames / 4,
          quarter, frames, whole);
}

/* One request with a long way back, in ZMTP 1; and what comes back. */
static void *ask_with_long_envelope(void *arg)
{
    struct flood *f = arg;
    struct peer p = zmtp_connect(f->endpoint, V10, "REQ", "");
    size_t size = (size_t)f->frames * 3;
    char *frames = malloc(size), *got = malloc(size);

    CHECK(frames != NULL && got != NULL);
    for (size_t i = 0; i < size; i += 3)
        memcpy(frames + i, "\2\1x", 3);
    raw_send(p.fd, frames, size);
    ZMTP_SEND(&p, MORE, "");
    ZMTP_SEND(&p, 0, "question");
    raw_recv(p.fd, got, size);
    CHECK_MEM(got, frames, size);
    ZMTP_EXPECT(&p, MORE, "");
    ZMTP_EXPECT(&p, 0, "answer");
    free(frames);
    free(got);
    close(p.fd);
    atomic_store(&f->over, true);
    return NULL;
}

static void answer_long_envelope(int frames)
{
    void *ctx = open_ctx(), *rep = open_socket(ctx, ZMQ_REP);
    void *req = open_socket(ctx, ZMQ_REQ);
    struct flood f = { .frames = frames };

    bind_to(rep, "tcp://127.0.0.1:*", f.endpoint);
    connect_to(req, f.endpoint);
    struct test_thread *thread = test_thread_start(ask_with_long_envelope, &f);
    expect_text(rep, "question");
    send_text(rep, "answer");
    do {
        send_text(req, "question");
        expect_text(rep, "question");
        send_text(rep, "answer");
        expect_text(req, "answer");
    } while (!atomic_load(&f.over));
    test_thread_join(thread);
    close_socket(req);
    close_socket(rep);
    end_ctx(ctx);
}

TEST(envelope_of_200000_frames_costs_as_much_as_it_is_long)
{
    expect_linear_cost(answer_long_envelope, 200000);
}

static void seal_many_parts(int parts)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
    void *in = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    secure(ZMQ_CURVE, in, out);
    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    connect_to(out, endpoint);
    for (int i = 1; i <= parts; i++)
        send_flags(out, "x", i < parts ? ZMQ_SNDMORE : 0);
    for (int i = 1; i <= parts; i++)
        expect_flags(in, "x", i < parts);
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

TEST(sealing_300000_parts_costs_as_much_as_they_are_long)
{
    if (!has_mechanism(ZMQ_CURVE))
        test_skip("no CURVE");
    expect_linear_cost(seal_many_parts, 300000);
}
