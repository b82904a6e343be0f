/* fork_test.c - what a forked child may do, with what it inherited and with what it makes. */

#include "tests/api/api.h"

#include <stdatomic.h>
#include <sys/wait.h>

TEST(child_may_close_what_it_inherited_and_the_parent_talks_on)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
    void *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    int status;

    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    connect_to(out, endpoint);
    send_text(out, "before");
    expect_text(in, "before");
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        zmq_ctx_term(ctx);                        /* libzmq returns -1, having closed */
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0, "term in the child");
    send_text(out, "after");
    expect_text(in, "after");
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

TEST(child_may_make_a_context_of_its_own)
{
#ifdef API_NO_LIFE_AFTER_FORK
    test_skip("not with a sanitizer's allocator");
#endif
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];
    int status;

    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    pid_t child = fork();
    if (child == 0) {
        void *own = open_ctx(), *out = open_socket(own, ZMQ_PUSH);
        connect_to(out, endpoint);
        test_set_int(out, ZMQ_LINGER, -1);
        send_text(out, "from the child");
        close_socket(out);
        end_ctx(own);
        _exit(0);
    }
    expect_text(in, "from the child");
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    close_socket(in);
    end_ctx(ctx);
}

/* zinc: in libzmq only zmq_ctx_term is for the child. */
TEST(child_may_close_inherited_sockets_before_the_context)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
    void *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    int status;

    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    connect_to(out, endpoint);
    send_text(out, "before");
    expect_text(in, "before");
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        _exit(zmq_close(in) == 0 && zmq_close(out) == 0 && zmq_ctx_term(ctx) == 0 ? 0
                                                                                  : 1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0, "close and term in the child");
    send_text(out, "after");
    expect_text(in, "after");
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

/* ---- while other threads of the parent are at work ---- */

enum { CHILDREN = 400, WORKERS = 3 };

struct parent {
    void *ctx;
    atomic_bool stop;
};

static void *open_and_close(void *arg)
{
    struct parent *p = arg;

    while (!atomic_load(&p->stop))
        CHECK_OK(zmq_close(zmq_socket(p->ctx, ZMQ_PAIR)));
    return NULL;
}

/* Each child must be through with its work before the alarm. */
static void fork_amid_work(int (*child)(void *ctx))
{
    struct parent p = { open_ctx(), false };
    struct test_thread *threads[WORKERS];
    int status;

#ifdef API_NO_LIFE_AFTER_FORK
    test_skip("not with a sanitizer's allocator");
#endif
    for (int i = 0; i < WORKERS; i++)
        threads[i] = test_thread_start(open_and_close, &p);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(10);
            _exit(child(p.ctx));
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK_EQ(status, 0, "child %d", i);
    }
    atomic_store(&p.stop, true);
    for (int i = 0; i < WORKERS; i++)
        test_thread_join(threads[i]);
    end_ctx(p.ctx);
}

static int use_own_context(void *inherited)
{
    void *ctx = zmq_ctx_new(), *s = zmq_socket(ctx, ZMQ_PAIR);

    (void)inherited;
    return s != NULL && zmq_close(s) == 0 && zmq_ctx_term(ctx) == 0 ? 0 : 1;
}

TEST_TIMEOUT(child_has_a_context_of_its_own_whatever_threads_of_the_parent_did, 60)
{
    fork_amid_work(use_own_context);
}

static int use_inherited_context(void *ctx)
{
    if (zmq_ctx_set(ctx, ZMQ_MAX_SOCKETS, 10) == 0 || errno != ETERM)
        return 1;
    if (zmq_ctx_get(ctx, ZMQ_MAX_SOCKETS) != -1 || errno != ETERM)
        return 2;
    if (zmq_socket(ctx, ZMQ_PAIR) != NULL || errno != ETERM)
        return 3;
    return zmq_ctx_shutdown(ctx) == 0 && zmq_ctx_term(ctx) == 0 ? 0 : 4;
}

/* zinc: in libzmq only zmq_ctx_term is for the child. */
TEST_TIMEOUT(child_is_answered_at_once_by_the_context_it_inherited, 60)
{
    fork_amid_work(use_inherited_context);
}
