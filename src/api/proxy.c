/* api/proxy.c - zmq_proxy, zmq_proxy_steerable, zmq_device, written over zmq.h, but for what is
 * queued being held back while a burst lasts (core/flush.h).
 *
 * A direction runs when its input has a message and its output can take one, for at
 * most BURST messages; then the other direction and the control have their turn. What
 * keeps a direction from running is waited for, and nothing else: input that cannot go
 * anywhere stays where it is, up to its high-water mark, and costs nothing.
 *
 * An output may say that it can take a message and yet refuse this one. A frame of it has been
 * received by then: it is held, and goes first once it can. A proxy that ends gives it back to
 * its input, where it is received again: by whoever reads there next, or by the next proxy, which
 * goes on where this one stopped, amid a message if need be. */
#include <string.h>
#include <zmq.h>

#include "api/result.h"
#include "core/flush.h"
#include "core/socket.h"

enum { BURST = 1000 };

/* So much of a burst is queued before it is written: who is woken by few is soon asleep again. */
enum { AT_A_TIME = 1000, BYTES_AT_A_TIME = 65536 };

/* XPUB_NODROP, ROUTER_MANDATORY: while a frame is held there is nothing to wait for but time. */
enum { RETRY_MS = 1 };

/* Not 0, and no error: for the moment there is nothing to do. */
enum { RESTS = 1 };

struct side {
    void *socket;
    int events;                          /* ZMQ_POLLIN | ZMQ_POLLOUT, as last seen */
    uint64_t received, received_bytes, sent, sent_bytes;
};

struct direction {
    struct side *from, *to;
    zmq_msg_t msg;
    bool alone;                          /* one socket is both: what came in goes back */
    bool held;                           /* msg is still to be sent */
    bool inside;                         /* to has had a part, and not the last one */
};

struct proxy {
    struct side front, back;
    struct direction forth, home;        /* home: unused if front and back are one */
    void *capture, *control;
    bool answers;                        /* control is a REP */
    bool both, paused, terminated;
};

/* ---- Moving messages. */

static int events_of(void *socket, int *events)
{
    size_t size = sizeof *events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, events, &size) < 0 ? -errno : 0;
}

static int copy_to(void *capture, zmq_msg_t *msg)
{
    zmq_msg_t copy;

    if (capture == NULL)
        return 0;
    zmq_msg_init(&copy);
    int rc = zmq_msg_copy(&copy, msg);
    if (rc == 0)
        rc = zmq_msg_send(&copy, capture, zmq_msg_more(msg) ? ZMQ_SNDMORE : 0);
    if (rc < 0) {
        int err = errno;
        zmq_msg_close(&copy);
        return -err;
    }
    return 0;
}

/* What cannot be sent is better not received: 0 if it can, RESTS, -errno. */
static int has_room(const struct direction *d)
{
    int events;

    if (d->alone || d->inside)           /* a REP takes its reply only after that */
        return 0;
    int rc = events_of(d->to->socket, &events);
    return rc < 0 || events & ZMQ_POLLOUT ? rc : RESTS;
}

static int receive(struct direction *d)
{
    if (zmq_msg_recv(&d->msg, d->from->socket, ZMQ_DONTWAIT) < 0)
        return errno == EAGAIN ? RESTS : -errno;

    d->held = true;
    d->from->received++;
    d->from->received_bytes += zmq_msg_size(&d->msg);
    return 0;
}

static int send_held(struct direction *d)
{
    size_t size = zmq_msg_size(&d->msg);
    bool more = zmq_msg_more(&d->msg);
    int flags = more ? ZMQ_DONTWAIT | ZMQ_SNDMORE : ZMQ_DONTWAIT;

    if (zmq_msg_send(&d->msg, d->to->socket, flags) < 0)
        return errno == EAGAIN ? RESTS : -errno;

    d->held = false;
    d->inside = more;
    d->to->sent++;
    d->to->sent_bytes += size;
    return 0;
}

static int move_one(struct direction *d, void *capture)
{
    int rc = 0;

    if (!d->held) {
        rc = has_room(d);
        if (rc == 0)
            rc = receive(d);
        if (rc == 0)
            rc = copy_to(capture, &d->msg);
    }
    return rc == 0 ? send_held(d) : rc;
}

static bool is_full(const struct direction *d, const struct side *since)
{
    return d->to->sent - since->sent >= AT_A_TIME ||
           d->to->sent_bytes - since->sent_bytes >= BYTES_AT_A_TIME;
}

/* What can go from socket to socket as it lies, nobody being told; *messages counts them.
 * False: something stopped it. */
static bool pass(struct direction *d, const struct side *since, int *messages)
{
    uint64_t frames = AT_A_TIME - (d->to->sent - since->sent);
    struct zn_pass p = { .frames_most = ZN_MIN(frames, (uint64_t)(BURST - *messages)),
                         .bytes_most =
                             BYTES_AT_A_TIME - (d->to->sent_bytes - since->sent_bytes),
                         .inside = d->inside };

    zn_socket_pass(d->from->socket, d->to->socket, &p);
    d->inside = p.inside;
    d->from->received += p.frames;
    d->from->received_bytes += p.bytes;
    d->to->sent += p.frames;
    d->to->sent_bytes += p.bytes;
    *messages += (int)p.messages;
    return p.frames >= p.frames_most || p.bytes >= p.bytes_most;
}

/* Moves messages for as long as both sides let it. */
static int run(struct direction *d, void *capture)
{
    struct zn_flush flush;
    int rc = 0;

    for (int n = 0; n < BURST && rc == 0;) {
        struct side since = *d->to;
        zn_flush_hold_back(&flush);
        while (n < BURST && rc == 0 && !is_full(d, &since)) {
            if (!d->held && capture == NULL && pass(d, &since, &n))
                continue;
            rc = move_one(d, capture);
            n += !d->held && !d->inside;
        }
        zn_flush_let_go();
    }
    return rc == RESTS ? 0 : rc;
}

static bool runnable(const struct direction *d)
{
    if (d->alone && !d->held)
        return d->from->events & ZMQ_POLLIN;
    return (d->to->events & ZMQ_POLLOUT) && (d->held || (d->from->events & ZMQ_POLLIN));
}

/* ---- The control. */

/* Eight numbers, in the order and the form that libzmq gives them. Whoever cannot take
 * them goes without. */
static int report(const struct proxy *p)
{
    const struct side *f = &p->front, *b = &p->back;
    const uint64_t numbers[] = { f->received, f->received_bytes, f->sent, f->sent_bytes,
                                 b->received, b->received_bytes, b->sent, b->sent_bytes };

    for (size_t i = 0; i < ZN_COUNT(numbers); i++) {
        int flags = i + 1 < ZN_COUNT(numbers) ? ZMQ_SNDMORE : 0;

        if (zmq_send(p->control, &numbers[i], sizeof numbers[i], flags | ZMQ_DONTWAIT) <
            0)
            return errno == ETERM || errno == ENOTSOCK ? -errno : 0;
    }
    return 0;
}

static int receive_command(void *control, zmq_msg_t *command)
{
    bool single = true;

    if (zmq_msg_recv(command, control, ZMQ_DONTWAIT) < 0)
        return -errno;
    while (zmq_msg_more(command)) {
        single = false;
        if (zmq_msg_recv(command, control, 0) < 0)
            return -errno;
    }
    return single;
}

static bool is_word(zmq_msg_t *msg, const char *word)
{
    return zmq_msg_size(msg) == strlen(word) &&
           memcmp(zmq_msg_data(msg), word, strlen(word)) == 0;
}

/* Unknown commands change nothing. A REP has to answer them all the same. */
static int obey(struct proxy *p, zmq_msg_t *command)
{
    if (is_word(command, "STATISTICS"))
        return report(p);
    if (is_word(command, "PAUSE"))
        p->paused = true;
    else if (is_word(command, "RESUME"))
        p->paused = false;
    else if (is_word(command, "TERMINATE"))
        p->terminated = true;
    return p->answers && zmq_send(p->control, "", 0, 0) < 0 ? -errno : 0;
}

static int serve_control(struct proxy *p)
{
    int events;
    int rc = p->control == NULL ? 0 : events_of(p->control, &events);
    if (p->control == NULL || rc < 0 || !(events & ZMQ_POLLIN))
        return rc;

    zmq_msg_t command;
    zmq_msg_init(&command);
    rc = receive_command(p->control, &command);
    if (rc == 0) {                       /* several frames are no command */
        zmq_msg_close(&command);
        zmq_msg_init(&command);
    }
    if (rc >= 0)
        rc = obey(p, &command);
    zmq_msg_close(&command);
    return rc == -EAGAIN ? 0 : rc;
}

/* ---- Waiting. */

static void ask(zmq_pollitem_t *item, int event)
{
    item->events |= (short)event;
}

/* What d waits for. True: only time can help. */
static bool ask_for(const struct direction *d, zmq_pollitem_t *from, zmq_pollitem_t *to)
{
    if (d->held && (d->to->events & ZMQ_POLLOUT))
        return true;
    if (d->held || (!d->alone && (d->from->events & ZMQ_POLLIN)))
        ask(to, ZMQ_POLLOUT);
    else
        ask(from, ZMQ_POLLIN);
    return false;
}

/* Both sides are always listed: poll sees if their context ends. */
static int wait_for_work(const struct proxy *p)
{
    zmq_pollitem_t items[3] = { { .socket = p->front.socket },
                                { .socket = p->back.socket },
                                { .socket = p->control, .events = ZMQ_POLLIN } };
    bool stuck = false;

    if (!p->paused) {
        stuck = ask_for(&p->forth, &items[0], &items[1]);
        if (p->both)
            stuck |= ask_for(&p->home, &items[1], &items[0]);
    }
    int rc = zmq_poll(items, p->control == NULL ? 2 : 3, stuck ? RETRY_MS : -1);
    return rc < 0 ? -errno : 0;
}

/* ---- The loop. */

static int look(struct proxy *p)
{
    int rc = events_of(p->front.socket, &p->front.events);
    return rc < 0 ? rc : events_of(p->back.socket, &p->back.events);
}

/* One turn of each direction that can run; *busy: one of them did. */
static int turn(struct proxy *p, bool *busy)
{
    bool forth = runnable(&p->forth);
    bool home = p->both && runnable(&p->home);
    int rc = 0;

    *busy = forth || home;
    if (forth)
        rc = run(&p->forth, p->capture);
    if (home && rc == 0)
        rc = run(&p->home, p->capture);
    return rc;
}

/* Whether a frame is held that its output just refused. */
static bool refused(const struct proxy *p)
{
    return p->forth.held || p->home.held;
}

static int loop(struct proxy *p)
{
    int rc = 0;

    while (rc == 0 && !p->terminated) {
        bool busy = false;

        rc = look(p);
        if (rc == 0 && !p->paused)
            rc = turn(p, &busy);
        if (rc == 0 && busy && refused(p))
            rc = look(p);
        if (rc == 0 && (!busy || refused(p)))
            rc = wait_for_work(p);
        if (rc == 0)
            rc = serve_control(p);
    }
    return rc;
}

/* ---- The beginning and the end. */

static void open_direction(struct direction *d)
{
    size_t size = sizeof(int);
    int more = 0;

    (void)zmq_getsockopt(d->from->socket, ZMQ_RCVMORE, &more, &size);
    d->inside = more;                    /* another proxy has ended amid a message */
    zmq_msg_init(&d->msg);
}

static bool is_gone(void *socket)
{
    int events, rc = events_of(socket, &events);

    return rc == -ETERM || rc == -ENOTSOCK;
}

static void drop_rest(struct direction *d)
{
    while (zmq_msg_more(&d->msg))
        if (zmq_msg_recv(&d->msg, d->from->socket, ZMQ_DONTWAIT) < 0)
            break;
}

/* What is held is received again by whoever comes next. A message whose beginning has gone with
 * the output, or that cannot be given back for want of memory, is dropped whole. */
static void close_direction(struct direction *d)
{
    bool lost = d->held && d->inside && is_gone(d->to->socket);

    if (d->held && !lost)
        lost = zn_socket_unread(d->from->socket, (struct zn_msg *)(void *)&d->msg,
                                d->inside) < 0;
    if (lost)
        drop_rest(d);
    zmq_msg_close(&d->msg);
}

int zmq_proxy_steerable(void *frontend, void *backend, void *capture, void *control)
{
    if (frontend == NULL || backend == NULL)
        return zn_result(-EFAULT);

    struct proxy p = { .front.socket = frontend,
                       .back.socket = backend,
                       .both = frontend != backend,
                       .capture = capture,
                       .control = control };
    p.forth = (struct direction){ .from = &p.front, .to = &p.back, .alone = !p.both };
    p.home = (struct direction){ .from = &p.back, .to = &p.front };
    if (control != NULL) {
        int type;
        size_t size = sizeof type;

        if (zmq_getsockopt(control, ZMQ_TYPE, &type, &size) < 0)
            return -1;
        p.answers = type == ZMQ_REP;
    }

    open_direction(&p.forth);
    open_direction(&p.home);
    int rc = loop(&p);
    close_direction(&p.forth);
    close_direction(&p.home);
    return zn_result(rc);
}

int zmq_proxy(void *frontend, void *backend, void *capture)
{
    return zmq_proxy_steerable(frontend, backend, capture, NULL);
}

int zmq_device(int type, void *frontend, void *backend)
{
    (void)type;
    return zmq_proxy(frontend, backend, NULL);
}
