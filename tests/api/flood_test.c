/* flood_test.c - peers that send as much as they can: what it costs, and what others notice. */

#include "tests/api/raw.h"
#include "tests/api/security.h"

#include <stdatomic.h>

struct flood {
    char endpoint[ENDPOINT_MAX];
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
