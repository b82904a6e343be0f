/* poll_test.c - zmq_poll, zmq_ppoll, zmq_poller, and ZMQ_FD with ZMQ_EVENTS. */

#include "tests/api/raw.h"
#include "tests/api/sleeper.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

struct pair {
    void *ctx, *in, *out;
};

static struct pair open_pair(const char *address)
{
    struct pair p = { .ctx = open_ctx() };
    char endpoint[ENDPOINT_MAX];

    p.in = open_socket(p.ctx, ZMQ_PULL);
    p.out = open_socket(p.ctx, ZMQ_PUSH);
    bind_to(p.in, address, endpoint);
    connect_to(p.out, endpoint);
    return p;
}

static void close_pair(struct pair *p)
{
    close_socket(p->in);
    close_socket(p->out);
    end_ctx(p->ctx);
}

static int fd_readable(int fd, int ms)
{
    struct pollfd p = { fd, POLLIN, 0 };

    return poll(&p, 1, ms) == 1 && (p.revents & POLLIN) != 0;
}

/* ---- zmq_poll ---- */

TEST(poll_reports_what_each_socket_can_do)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct pair p = open_pair(each_transport[t]);
        zmq_pollitem_t items[] = {
            { p.in, 0, ZMQ_POLLIN, 0 },
            { p.out, 0, ZMQ_POLLOUT, 0 },
            { p.in, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0 },   /* listed twice */
            { p.in, 0, 0, -1 },                   /* asks for nothing */
        };

        wait_events(p.out, ZMQ_POLLOUT);
        CHECK_EQ(zmq_poll(items, 4, 0), 1, "%s: one can send", each_transport[t]);
        CHECK_EQ(items[0].revents, 0);
        CHECK_EQ(items[1].revents, ZMQ_POLLOUT);
        send_text(p.out, "x");
        CHECK_EQ(zmq_poll(items, 1, PATIENCE), 1);
        CHECK_EQ(zmq_poll(items, 4, 0), 3);
        CHECK_EQ(items[0].revents, ZMQ_POLLIN);
        CHECK_EQ(items[2].revents, ZMQ_POLLIN);
        CHECK_EQ(items[3].revents, 0);
        expect_text(p.in, "x");
        CHECK_EQ(zmq_poll(items, 1, 0), 0, "read");
        CHECK_EQ(items[0].revents, 0);
        close_pair(&p);
    }
}

TEST(poll_refuses_bad_arguments)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PAIR);
    zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 },
                   not_a_socket = { &item, 0, ZMQ_POLLIN, 0 };

    REFUSED(zmq_poll(&item, -1, 0), EINVAL, "n < 0");
    REFUSED(zmq_poll(NULL, 1, 0), EFAULT, "NULL items");
    REFUSED(zmq_poll(&not_a_socket, 1, 0), ENOTSOCK, "not a socket");
    CHECK_EQ(zmq_poll(NULL, 0, 0), 0, "nothing at all");
    CHECK_EQ(zmq_poll(&item, 0, 1), 0, "nothing but a wait");
    CHECK_EQ(zmq_poll(&item, 1, 0), 0, "nothing yet");
    item.events = 0x70 | ZMQ_POLLIN;
    CHECK_EQ(zmq_poll(&item, 1, 0), 0, "unknown bits are ignored");
    close_socket(s);
    end_ctx(ctx);
}

TEST(poll_waits_no_less_than_its_timeout)
{
    static const long timeouts[] = { 1, 30, 100 };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PAIR);
    zmq_pollitem_t item = { s, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0 };

    for (size_t i = 0; i < ZN_COUNT(timeouts) * 2; i++) {
        long before = now_ms();
        CHECK_EQ(zmq_poll(&item, i % 2, timeouts[i / 2]), 0);
        CHECK(now_ms() - before >= timeouts[i / 2] - 1);
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(poll_watches_descriptors_beside_sockets)
{
    struct pair p = open_pair("inproc://x");
    int fds[2];

    CHECK_OK(pipe(fds));
    zmq_pollitem_t items[] = {
        { p.in, -1, ZMQ_POLLIN, 0 },
        { NULL, fds[0], ZMQ_POLLIN, 0 },
        { NULL, fds[1], ZMQ_POLLOUT, 0 },
        { NULL, -1, ZMQ_POLLIN, 0 },
    };
    CHECK_EQ(zmq_poll(items, 4, 0), 1);
    CHECK_EQ(items[2].revents, ZMQ_POLLOUT);
    CHECK_EQ(zmq_poll(items, 2, 1), 0);
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK_EQ(zmq_poll(items, 2, -1), 1);
    CHECK_EQ(items[0].revents, 0);
    CHECK_EQ(items[1].revents, ZMQ_POLLIN);
    send_text(p.out, "x");
    CHECK_EQ(zmq_poll(items, 4, -1), 3);
    close(fds[1]);
    char c;
    CHECK(read(fds[0], &c, 1) == 1);
    CHECK_EQ(zmq_poll(items + 1, 1, -1), 1, "hang-up");
    CHECK_EQ(items[1].revents, ZMQ_POLLERR, "hang-up");
    CHECK_EQ(zmq_poll(items + 2, 1, 0), 1, "closed descriptor");
    CHECK_EQ(items[2].revents, ZMQ_POLLERR, "closed descriptor");
    close(fds[0]);
    close_pair(&p);
}

TEST(descriptor_0_is_a_descriptor)
{
    int fds[2], saved = dup(0);

    CHECK_OK(pipe(fds));
    CHECK_OK(dup2(fds[0], 0));
    zmq_pollitem_t item = { NULL, 0, ZMQ_POLLIN, 0 };
    CHECK_EQ(zmq_poll(&item, 1, 0), 0);
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK_EQ(zmq_poll(&item, 1, -1), 1);
    CHECK_EQ(item.revents, ZMQ_POLLIN);
    if (saved >= 0) {
        dup2(saved, 0);
        close(saved);
    } else {
        close(0);
    }
    close(fds[0]);
    close(fds[1]);
}

static void *send_to(void *s)
{
    send_text(s, "woken");
    return NULL;
}

TEST(poll_is_woken_by_a_message_from_another_thread)
{
    for (int t = 0; t < TRANSPORTS * 2; t++) {
        struct pair p = open_pair(each_transport[t / 2]);
        int fds[2];

        CHECK_OK(pipe(fds));
        zmq_pollitem_t items[] = {
            { p.in, 0, ZMQ_POLLIN, 0 },
            { NULL, fds[0], ZMQ_POLLIN, 0 },
        };
        struct test_thread *thread = test_thread_start(send_to, p.out);
        CHECK_EQ(zmq_poll(items, 1 + t % 2, -1), 1, "%s", each_transport[t / 2]);
        CHECK_EQ(items[0].revents, ZMQ_POLLIN);
        expect_text(p.in, "woken");
        test_thread_join(thread);
        close(fds[0]);
        close(fds[1]);
        close_pair(&p);
    }
}

struct polled {
    zmq_pollitem_t items[2];
    int rc, err;
};

static void *poll_both(void *arg)
{
    struct polled *p = arg;

    p->rc = zmq_poll(p->items, 2, -1);
    p->err = errno;
    return NULL;
}

/* The socket's end makes the descriptor ready: it is the one that tells of it. zinc: libzmq's
 * sockets cannot be closed while another thread waits. */
TEST(poll_says_what_ended_it_though_a_descriptor_is_ready_too)
{
    static const int errors[] = { ETERM, ENOTSOCK };

    for (size_t i = 0; i < ZN_COUNT(errors) * 10; i++) {
        struct pair p = open_pair("inproc://x");
        int fd = dup(test_get_int(p.in, ZMQ_FD));
        struct polled polled = { .items = { { p.in, 0, ZMQ_POLLIN, 0 },
                                            { NULL, fd, ZMQ_POLLIN, 0 } } };
        struct sleeper sleeper;
        bool close_it = errors[i % 2] == ENOTSOCK;

        while (test_get_int(p.in, ZMQ_EVENTS) != 0 || fd_readable(fd, 0))
            ;                            /* news of the connection */
        struct test_thread *t = sleeper_start(&sleeper, poll_both, &polled);
        if (close_it)
            close_socket(p.in);
        else
            CHECK_OK(zmq_ctx_shutdown(p.ctx));
        test_thread_join(t);
        CHECK_EQ(polled.rc, -1);
        CHECK_EQ(polled.err, errors[i % 2]);
        close(fd);
        if (!close_it)
            close_socket(p.in);
        close_socket(p.out);
        end_ctx(p.ctx);
    }
}

TEST(poll_over_many_sockets_finds_the_one)
{
    enum { MANY = 200 };
    void *ctx = open_ctx();
    zmq_pollitem_t items[MANY];

    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "inproc://%d", i);
        items[i] = (zmq_pollitem_t){ open_socket(ctx, ZMQ_PULL), 0, ZMQ_POLLIN, 0 };
        CHECK_OK(zmq_bind(items[i].socket, name));
    }
    for (int i = 0; i < MANY; i += 37) {
        char name[32];
        void *out = open_socket(ctx, ZMQ_PUSH);
        snprintf(name, sizeof name, "inproc://%d", i);
        connect_to(out, name);
        send_text(out, name);
        CHECK_EQ(zmq_poll(items, MANY, -1), 1);
        CHECK_EQ(items[i].revents, ZMQ_POLLIN, "socket %d", i);
        expect_text(items[i].socket, name);
        close_socket(out);
    }
    for (int i = 0; i < MANY; i++)
        close_socket(items[i].socket);
    end_ctx(ctx);
}

/* ---- zmq_ppoll ---- */

static void on_signal(int number)
{
    (void)number;
}

/* zinc: Debian's libzmq has no zmq_ppoll. */
TEST(ppoll_sets_the_signal_mask_for_the_wait_alone)
{
    struct pair p = open_pair("inproc://x");
    zmq_pollitem_t item = { p.in, 0, ZMQ_POLLIN, 0 };
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t blocked, before, now;

    sigemptyset(&action.sa_mask);
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, &before));
    raise(SIGUSR1);                               /* stays pending until we wait */
    CHECK_EQ(zmq_poll(&item, 1, 10), 0);
    REFUSED(zmq_ppoll(&item, 1, -1, &before), EINTR, "pending signal");
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &now));
    CHECK(sigismember(&now, SIGUSR1), "mask restored");
    CHECK_EQ(zmq_ppoll(&item, 1, 10, &before), 0, "time-out");
    CHECK_EQ(zmq_ppoll(&item, 1, 0, NULL), 0, "no mask");
    send_text(p.out, "x");
    CHECK_EQ(zmq_ppoll(&item, 1, -1, &before), 1);
    CHECK_EQ(item.revents, ZMQ_POLLIN);
    REFUSED(zmq_ppoll(NULL, 1, 0, NULL), EFAULT, "NULL items");
    close_pair(&p);
}

/* ---- zmq_poller ---- */

/* zinc: Debian's libzmq has no zmq_poller. */
TEST(poller_refuses_bad_arguments)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PAIR),
         *other = open_socket(ctx, ZMQ_PAIR);
    void *poller = zmq_poller_new(), *none = NULL;
    zmq_poller_event_t event;
    zmq_fd_t fd;

    CHECK(poller != NULL);
    REFUSED(zmq_poller_destroy(NULL), EFAULT, "destroy");
    REFUSED(zmq_poller_destroy(&none), EFAULT, "destroy");
    REFUSED(zmq_poller_size(NULL), EFAULT, "size");
    REFUSED(zmq_poller_add(NULL, s, NULL, ZMQ_POLLIN), EFAULT, "add");
    REFUSED(zmq_poller_add(poller, NULL, NULL, ZMQ_POLLIN), ENOTSOCK, "add");
    REFUSED(zmq_poller_add(poller, &event, NULL, ZMQ_POLLIN), ENOTSOCK, "add");
    REFUSED(zmq_poller_add(poller, s, NULL, 0x40), EINVAL, "bits");
    CHECK_OK(zmq_poller_add(poller, s, NULL, ZMQ_POLLIN));
    REFUSED(zmq_poller_add(poller, s, NULL, ZMQ_POLLIN), EINVAL, "twice");
    REFUSED(zmq_poller_modify(poller, s, 0x40), EINVAL, "bits");
    REFUSED(zmq_poller_modify(poller, other, ZMQ_POLLIN), EINVAL, "not in");
    REFUSED(zmq_poller_modify(poller, NULL, ZMQ_POLLIN), ENOTSOCK, "modify");
    REFUSED(zmq_poller_remove(poller, other), EINVAL, "not in");
    REFUSED(zmq_poller_remove(poller, NULL), ENOTSOCK, "remove");
    REFUSED(zmq_poller_add_fd(poller, -1, NULL, ZMQ_POLLIN), EBADF, "add_fd");
    CHECK_OK(zmq_poller_add_fd(poller, 1, NULL, ZMQ_POLLIN));
    REFUSED(zmq_poller_add_fd(poller, 1, NULL, ZMQ_POLLIN), EINVAL, "twice");
    REFUSED(zmq_poller_modify_fd(poller, 2, ZMQ_POLLIN), EINVAL, "not in");
    REFUSED(zmq_poller_modify_fd(poller, -1, ZMQ_POLLIN), EBADF, "modify_fd");
    REFUSED(zmq_poller_remove_fd(poller, 2), EINVAL, "not in");
    REFUSED(zmq_poller_remove_fd(poller, -1), EBADF, "remove_fd");
    CHECK_EQ(zmq_poller_size(poller), 2);
    REFUSED(zmq_poller_wait(NULL, &event, 0), EFAULT, "wait");
    REFUSED(zmq_poller_wait(poller, NULL, 0), EFAULT, "wait");
    REFUSED(zmq_poller_wait_all(poller, NULL, 1, 0), EFAULT, "wait_all");
    REFUSED(zmq_poller_wait_all(poller, &event, -1, 0), EINVAL, "wait_all");
    REFUSED(zmq_poller_fd(poller, &fd), EINVAL, "no thread-safe socket");
    REFUSED(zmq_poller_fd(NULL, &fd), EFAULT, "poller_fd");
    CHECK_OK(zmq_poller_destroy(&poller));
    CHECK(poller == NULL);
    close_socket(s);
    close_socket(other);
    end_ctx(ctx);
}

/* zinc: Debian's libzmq has no zmq_poller. */
TEST(poller_reports_sockets_and_descriptors_with_their_user_data)
{
    struct pair p = open_pair("inproc://x");
    void *poller = zmq_poller_new();
    zmq_poller_event_t event, events[4];
    int fds[2], tag_in, tag_fd;

    CHECK_OK(pipe(fds));
    CHECK_OK(zmq_poller_add(poller, p.in, &tag_in, ZMQ_POLLIN));
    CHECK_OK(zmq_poller_add(poller, p.out, NULL, 0));
    CHECK_OK(zmq_poller_add_fd(poller, fds[0], &tag_fd, ZMQ_POLLIN));
    REFUSED(zmq_poller_wait(poller, &event, 0), EAGAIN, "nothing");
    CHECK(event.socket == NULL && event.fd == -1 && event.user_data == NULL &&
          event.events == 0);
    REFUSED(zmq_poller_wait_all(poller, events, 4, 1), EAGAIN, "nothing");

    send_text(p.out, "x");
    CHECK_EQ(zmq_poller_wait(poller, &event, -1), 0);
    CHECK(event.socket == p.in && event.user_data == &tag_in &&
          event.events == ZMQ_POLLIN);
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK_EQ(zmq_poller_wait_all(poller, events, 4, -1), 2);
    CHECK(events[0].socket == p.in || events[1].socket == p.in);
    CHECK_EQ(zmq_poller_wait_all(poller, events, 1, -1), 1, "as many as fit");

    CHECK_OK(zmq_poller_modify(poller, p.in, 0));
    CHECK_EQ(zmq_poller_wait(poller, &event, -1), 0);
    CHECK(event.socket == NULL && event.fd == fds[0] && event.user_data == &tag_fd);
    CHECK_OK(zmq_poller_modify_fd(poller, fds[0], 0));
    CHECK_OK(zmq_poller_modify(poller, p.out, ZMQ_POLLOUT));
    CHECK_EQ(zmq_poller_wait(poller, &event, -1), 0);
    CHECK(event.socket == p.out && event.events == ZMQ_POLLOUT &&
          event.user_data == NULL);

    CHECK_OK(zmq_poller_remove(poller, p.out));
    CHECK_OK(zmq_poller_remove_fd(poller, fds[0]));
    CHECK_EQ(zmq_poller_size(poller), 1);
    REFUSED(zmq_poller_wait(poller, &event, -1), EFAULT, "all disabled, for ever");
    REFUSED(zmq_poller_wait(poller, &event, 1), EAGAIN, "all disabled");
    CHECK_OK(zmq_poller_remove(poller, p.in));
    REFUSED(zmq_poller_wait(poller, &event, -1), EFAULT, "empty, for ever");
    REFUSED(zmq_poller_wait_all(poller, events, 4, 1), EAGAIN, "empty");
    CHECK_OK(zmq_poller_destroy(&poller));
    close(fds[0]);
    close(fds[1]);
    close_pair(&p);
}

/* zinc: Debian's libzmq has no zmq_poller. */
TEST(poller_sees_what_was_closed_or_terminated)
{
    struct pair p = open_pair("inproc://x");
    void *poller = zmq_poller_new();
    zmq_poller_event_t event;

    CHECK_OK(zmq_poller_add(poller, p.in, NULL, ZMQ_POLLIN));
    CHECK_OK(zmq_ctx_shutdown(p.ctx));
    REFUSED(zmq_poller_wait(poller, &event, -1), ETERM, "shut down");
    CHECK_OK(zmq_poller_remove(poller, p.in));
    CHECK_OK(zmq_poller_destroy(&poller));
    close_pair(&p);
}

/* zinc: Debian's libzmq has no zmq_poller. */
TEST(poller_fd_tells_nothing_of_a_socket_that_lingers)
{
    void *ctx = open_ctx(), *poller = zmq_poller_new();
    void *gone = open_socket(ctx, ZMQ_CLIENT), *stays = open_socket(ctx, ZMQ_CLIENT);
    void *late = open_socket(ctx, ZMQ_SERVER);
    char endpoint[ENDPOINT_MAX];
    zmq_poller_event_t event;
    int fd;

    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
    CHECK_OK(zmq_poller_add(poller, gone, NULL, ZMQ_POLLIN));
    CHECK_OK(zmq_poller_add(poller, stays, NULL, ZMQ_POLLIN));
    CHECK_OK(zmq_poller_fd(poller, &fd));
    test_set_int(gone, ZMQ_LINGER, -1);
    connect_to(gone, endpoint);
    send_text(gone, "testament");
    close_socket(gone);
    CHECK_OK(zmq_poller_remove(poller, gone));
    REFUSED(zmq_poller_wait(poller, &event, 0), EAGAIN, "nothing");
    CHECK(!fd_readable(fd, 0));
    CHECK_OK(zmq_bind(late, endpoint));
    expect_text(late, "testament");
    CHECK(!fd_readable(fd, 0), "its peer came and went");
    CHECK_OK(zmq_poller_destroy(&poller));
    close_socket(stays);
    close_socket(late);
    end_ctx(ctx);
}

/* ---- ZMQ_FD ---- */

TEST(fd_wakes_and_events_tell_until_nothing_is_left)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct pair p = open_pair(each_transport[t]);
        int fd = test_get_int(p.in, ZMQ_FD);

        for (int round = 0; round < 20; round++) {
            send_text(p.out, "a");
            send_text(p.out, "b");
            int got = 0;
            while (got < 2) {
                while ((test_get_int(p.in, ZMQ_EVENTS) & ZMQ_POLLIN) == 0)
                    CHECK(fd_readable(fd, PATIENCE), "%s", each_transport[t]);
                expect_text(p.in, got++ == 0 ? "a" : "b");
            }
            CHECK_EQ(test_get_int(p.in, ZMQ_EVENTS), 0);
        }
        close_pair(&p);
    }
}

/* As czmq's poller may do. Whoever looks at the socket has seen what its descriptor tells of. */
TEST(fd_is_reported_though_its_socket_is_polled_beside_it)
{
    void *ctx = zmq_ctx_new();
    void *push = test_socket(ctx, ZMQ_PUSH), *pull = test_socket(ctx, ZMQ_PULL);

    CHECK_OK(zmq_bind(push, "inproc://beside"));
    CHECK_OK(zmq_connect(pull, "inproc://beside"));

    zmq_pollitem_t items[2] = {
        { .socket = pull, .events = ZMQ_POLLIN },
        { .fd = test_get_int(pull, ZMQ_FD), .events = ZMQ_POLLIN },
    };
    CHECK_EQ(zmq_poll(items, 2, 0), 1);               /* a connection has been made */
    CHECK_EQ(items[0].revents, 0);
    CHECK_EQ(items[1].revents, ZMQ_POLLIN);
    CHECK_EQ(zmq_poll(items, 2, 0), 0);
    CHECK_EQ(zmq_send(push, "m", 1, 0), 1);
    CHECK_EQ(zmq_poll(items, 2, -1), 2);
    CHECK_EQ(items[0].revents, ZMQ_POLLIN);
    CHECK_EQ(items[1].revents, ZMQ_POLLIN);
    zmq_close(push);
    zmq_close(pull);
    zmq_ctx_term(ctx);
}

TEST(fd_wakes_for_room_to_send_too)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH),
         *in = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
    CHECK_OK(zmq_bind(out, endpoint));
    int fd = test_get_int(out, ZMQ_FD);
    CHECK_EQ(test_get_int(out, ZMQ_EVENTS), 0);
    connect_to(in, endpoint);
    while ((test_get_int(out, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0)
        CHECK(fd_readable(fd, PATIENCE));
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
}

/* zinc: libzmq's descriptor tells of commands once, not of messages. */
TEST(fd_stays_readable_while_a_message_waits)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct pair p = open_pair(each_transport[t]);
        int fd = test_get_int(p.in, ZMQ_FD);

        send_text(p.out, "a");
        send_text(p.out, "b");
        wait_events(p.in, ZMQ_POLLIN);
        CHECK(fd_readable(fd, PATIENCE), "%s: after ZMQ_EVENTS", each_transport[t]);
        expect_text(p.in, "a");
        CHECK(fd_readable(fd, PATIENCE), "%s: one left", each_transport[t]);
        expect_text(p.in, "b");
        /* Who brought a message may raise the descriptor after it has been read: once each. */
        int late = 0;
        do
            CHECK_EQ(test_get_int(p.in, ZMQ_EVENTS), 0);
        while (fd_readable(fd, 0) && late++ < 2);
        CHECK(late <= 2, "%s: none left", each_transport[t]);
        close_pair(&p);
    }
}

TEST(fd_is_one_descriptor_for_the_life_of_the_socket)
{
    struct pair p = open_pair("inproc://x");
    int fd = test_get_int(p.in, ZMQ_FD);

    CHECK(fd >= 0);
    send_text(p.out, "x");
    expect_text(p.in, "x");
    CHECK_EQ(test_get_int(p.in, ZMQ_FD), fd);
    CHECK(test_get_int(p.out, ZMQ_FD) != fd);
    close_pair(&p);
}

static bool edge_comes(int watch, int ms)
{
    struct epoll_event event;

    return CHECK_OK(epoll_wait(watch, &event, 1, ms)) == 1;
}

/* An event loop that is told of edges alone, and looks at EVENTS after each of them and each of
 * its own calls, as the manual asks. */
TEST(fd_has_a_new_edge_for_what_comes_after_events_were_read)
{
    static char big[100000];

    for (int t = 0; t < TRANSPORTS; t++) {
        void *ctx = open_ctx(), *a = open_socket(ctx, ZMQ_DEALER);
        void *b = open_socket(ctx, ZMQ_DEALER);
        struct epoll_event edges = { .events = EPOLLIN | EPOLLET };
        char endpoint[ENDPOINT_MAX];
        int watch = epoll_create1(EPOLL_CLOEXEC), sent = 0;

        test_set_int(a, ZMQ_SNDHWM, 4);
        test_set_int(b, ZMQ_RCVHWM, 4);
        bind_to(b, each_transport[t], endpoint);
        connect_to(a, endpoint);
        CHECK_OK(epoll_ctl(watch, EPOLL_CTL_ADD, test_get_int(a, ZMQ_FD), &edges));
        send_text(a, "here");
        expect_text(b, "here");
        send_text(b, "not read for long");
        while ((test_get_int(a, ZMQ_EVENTS) & ZMQ_POLLIN) == 0)
            CHECK(edge_comes(watch, PATIENCE), "%s: to receive", each_transport[t]);
        do
            while (zmq_send(a, big, sizeof big, ZMQ_DONTWAIT) >= 0)
                sent++;
        while (test_get_int(a, ZMQ_EVENTS) & ZMQ_POLLOUT || edge_comes(watch, 0));
        for (int i = 0; i < sent; i++)
            CHECK_EQ(zmq_recv(b, big, sizeof big, 0), sizeof big);
        do
            CHECK(edge_comes(watch, PATIENCE), "%s: to send", each_transport[t]);
        while ((test_get_int(a, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
        close(watch);
        close_socket(a);
        close_socket(b);
        end_ctx(ctx);
    }
}
