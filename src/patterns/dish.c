/* patterns/dish.c - DISH (RFC 48): joins groups, and receives what RADIOs send to them.
 *
 * Groups are state, as SUB's subscriptions are: a connection that comes up is told of all of
 * them at once, past any high-water mark. A message is two frames, group and body. What
 * arrives is looked up once more: a message may have crossed a LEAVE, and over inproc the
 * peer may be of any type. */
#include "patterns/dish.h"

#include <errno.h>

#include "base/alloc.h"
#include "core/map.h"
#include "patterns/shared/fair_queue.h"
#include "zmq.h"

#define COMMANDS_SINCE 4                 /* ZN_ZMTP_3_0: older peers know no commands */

struct dish {
    struct zn_fair_queue in;
    struct zn_map joined;                /* name -> struct group */
    struct zn_end *passed;               /* its next message is wanted */
    struct zn_msg group;                 /* has the group of the message received last */
};

struct group {
    size_t size;
    char name[];
};

static struct zn_bytes name_of(const struct group *g)
{
    return (struct zn_bytes){ (const uint8_t *)g->name, g->size };
}

static int init(struct zn_socket *s)
{
    struct dish *d = zn_socket_state(s);

    zn_fq_init(&d->in);
    zn_map_init(&d->joined);
    zn_msg_init(&d->group);
    return 0;
}

static void free_group(void *value, void *arg)
{
    (void)arg;
    zn_free(value);
}

static void fini(struct zn_socket *s)
{
    struct dish *d = zn_socket_state(s);

    zn_map_each(&d->joined, free_group, NULL);
    zn_map_fini(&d->joined);
    zn_msg_close(&d->group);
    zn_fq_fini(&d->in);
}

/* ---- Telling radios. */

static int tell(struct zn_end *e, const char *command, struct zn_bytes group)
{
    uint8_t bytes[8 + ZMQ_GROUP_MAX_LENGTH];
    size_t size = strlen(command);

    if (!e->ready || (!e->inproc && e->peer_version < COMMANDS_SINCE))
        return 0;                        /* not ready: it hears of all at once, later */
    memcpy(bytes, command, size);
    if (group.size > 0)
        memcpy(bytes + size, group.data, group.size);
    struct zn_frame f = { .data = bytes, .size = size + group.size, .flags = ZN_COMMAND };
    int rc = zn_end_write_always(e, &f);
    if (rc == 0)
        zn_end_flush(e);
    return rc == -EPIPE ? 0 : rc;
}

static int tell_all(struct zn_socket *s, const char *command, struct zn_bytes group)
{
    int rc = 0;

    for (uint32_t i = 0; i < zn_socket_end_count(s); i++) {
        int told = tell(zn_socket_end(s, i), command, group);
        rc = told < 0 ? told : rc;
    }
    return rc;
}

#define JOIN "\x04JOIN"
#define LEAVE "\x05LEAVE"

static int check(struct zn_socket *s, const char *group)
{
    if (zn_socket_pattern(s)->type != ZMQ_DISH)
        return -ENOTSUP;
    return group == NULL || strlen(group) > ZMQ_GROUP_MAX_LENGTH ? -EINVAL : 0;
}

static void forget(struct dish *d, struct group *g)
{
    zn_map_remove(&d->joined, name_of(g));
    zn_free(g);
}

int zn_dish_join(struct zn_socket *s, const char *group)
{
    struct dish *d = zn_socket_state(s);

    int rc = check(s, group);
    if (rc < 0)
        return rc;
    struct group *g = zn_alloc(sizeof(*g) + strlen(group));
    if (g == NULL)
        return -ENOMEM;
    g->size = strlen(group);
    memcpy(g->name, group, g->size);

    rc = zn_map_put(&d->joined, name_of(g), g);
    if (rc < 0) {
        zn_free(g);
        return rc == -EEXIST ? -EINVAL : rc;
    }
    rc = tell_all(s, JOIN, name_of(g));
    if (rc < 0) {                        /* those told are told better, if they can be */
        (void)tell_all(s, LEAVE, name_of(g));
        forget(d, g);
    }
    return rc;
}

/* It always succeeds: what radios that cannot be told go on sending is dropped here. */
int zn_dish_leave(struct zn_socket *s, const char *group)
{
    struct dish *d = zn_socket_state(s);

    int rc = check(s, group);
    if (rc < 0)
        return rc;
    struct zn_bytes name = { (const uint8_t *)group, strlen(group) };
    struct group *g = zn_map_get(&d->joined, name);
    if (g == NULL)
        return -EINVAL;
    (void)tell_all(s, LEAVE, name);
    forget(d, g);
    return 0;
}

/* ---- Ends. */

static int attach(struct zn_socket *s, struct zn_end *e)
{
    return zn_fq_attach(&((struct dish *)zn_socket_state(s))->in, e);
}

struct telling {
    struct zn_end *end;
    int rc;
};

static void tell_group(void *value, void *arg)
{
    struct telling *t = arg;

    if (t->rc == 0)
        t->rc = tell(t->end, JOIN, name_of(value));
}

static int ready(struct zn_socket *s, struct zn_end *e)
{
    struct dish *d = zn_socket_state(s);
    struct telling t = { e, 0 };

    zn_map_each(&d->joined, tell_group, &t);
    return t.rc;
}

static void readable(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_readable(&((struct dish *)zn_socket_state(s))->in, e);
}

static void closed(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_closed(&((struct dish *)zn_socket_state(s))->in, s, e);
}

static void detach(struct zn_socket *s, struct zn_end *e)
{
    struct dish *d = zn_socket_state(s);

    if (d->passed == e)
        d->passed = NULL;
    zn_fq_detach(&d->in, e);
}

/* ---- Messages. */

/* Shows the group of the next message that is wanted; the end where it lies, or NULL. */
static struct zn_end *next_wanted(struct zn_socket *s, struct zn_frame *f)
{
    struct dish *d = zn_socket_state(s);
    struct zn_end *e;

    while ((e = zn_fq_peek(&d->in, s, f)) != NULL) {
        if (e == d->passed ||
            (f->flags & ZN_MORE &&
             zn_map_get(&d->joined, (struct zn_bytes){ f->data, f->size }) != NULL))
            break;
        zn_fq_skip(&d->in);
    }
    return e;
}

/* A name that was joined fits. */
static int note_group(struct dish *d, const struct zn_frame *f)
{
    char name[ZMQ_GROUP_MAX_LENGTH + 1];

    memcpy(name, f->data, f->size);
    name[f->size] = '\0';
    if (strcmp(name, zn_msg_group(&d->group)) == 0)
        return 0;
    return zn_msg_set_group(&d->group, name);
}

static int recv_frame(struct zn_socket *s, struct zn_incoming *in)
{
    struct dish *d = zn_socket_state(s);
    struct zn_end *e;

    while ((e = next_wanted(s, &in->frame)) != NULL) {
        int rc = note_group(d, &in->frame);
        if (rc < 0)
            return rc;
        d->passed = NULL;
        zn_end_next(e);
        if (zn_end_peek(e, &in->frame) == 1 && !(in->frame.flags & ZN_MORE))
            break;
        zn_fq_skip(&d->in);              /* no RADIO sends more than two frames */
    }
    if (e == NULL)
        return -EAGAIN;
    in->end = e;
    in->metadata = e->metadata;
    in->group = &d->group;
    zn_fq_take(&d->in, &in->frame);
    return 0;
}

/* A message that poll has promised is delivered, though its group be left meanwhile. */
static unsigned events(struct zn_socket *s)
{
    struct dish *d = zn_socket_state(s);
    struct zn_frame f;

    d->passed = next_wanted(s, &f);
    return (d->passed != NULL ? ZMQ_POLLIN : 0u) | ZMQ_POLLOUT;  /* as libzmq's */
}

const struct zn_pattern zn_pattern_dish = {
    .type = ZMQ_DISH,
    .name = "DISH",
    .peers = 1u << ZMQ_RADIO,
    .flags = ZN_PAT_RECV | ZN_PAT_RENEWS | ZN_PAT_NO_LINGER | ZN_PAT_THREAD_SAFE |
             ZN_PAT_GROUP_FRAMING,
    .state_size = sizeof(struct dish),
    .init = init,
    .fini = fini,
    .attach = attach,
    .ready = ready,
    .readable = readable,
    .closed = closed,
    .detach = detach,
    .recv = recv_frame,
    .events = events,
};
