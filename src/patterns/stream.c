/* patterns/stream.c - STREAM: plain TCP, no ZMTP. Each message is a connection's id
 * and the bytes of one read; an empty one says that it came or went, and when sent
 * closes it. */
#include <errno.h>

#include "patterns/shared/fair_queue.h"
#include "patterns/shared/peer_ids.h"
#include "zmq.h"

struct stream {
    struct zn_fair_queue in;
    struct zn_peer_ids ids;

    struct zn_end *to;                   /* gets the data frame; NULL: nobody */
    bool sending;                        /* the id frame was taken, not yet the data */
};

static int init(struct zn_socket *s)
{
    struct stream *t = zn_socket_state(s);

    zn_fq_init(&t->in);
    zn_ids_init(&t->ids);
    return 0;
}

static void fini(struct zn_socket *s)
{
    struct stream *t = zn_socket_state(s);

    zn_ids_fini(&t->ids);
    zn_fq_fini(&t->in);
}

/* ZMQ_ROUTING_ID of the socket tells the id that was made up last: how an application
 * learns whom it has just connected to. */
static int name_auto(struct zn_socket *s, struct zn_end *e)
{
    struct stream *t = zn_socket_state(s);

    int rc = zn_ids_name_auto(&t->ids, e);
    if (rc < 0)
        return rc;

    struct zn_bytes id = zn_ids_of(e);
    return zn_blob_set(&zn_socket_options(s)->routing_id, id.data, id.size);
}

static int attach(struct zn_socket *s, struct zn_end *e)
{
    struct stream *t = zn_socket_state(s);
    int rc = zn_ids_name_chosen(&t->ids, e);

    if (rc == 0)
        rc = name_auto(s, e);
    if (rc >= 0)
        rc = zn_fq_attach(&t->in, e);
    if (rc < 0)
        zn_ids_drop(&t->ids, e);
    return rc;
}

static void readable(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_readable(&((struct stream *)zn_socket_state(s))->in, e);
}

static void stop_sending(struct stream *t, struct zn_end *e)
{
    if (t->to == e)
        t->to = NULL;
    zn_ids_unlist(&t->ids, e);
}

static void closed(struct zn_socket *s, struct zn_end *e)
{
    struct stream *t = zn_socket_state(s);

    stop_sending(t, e);
    zn_fq_closed(&t->in, s, e);
}

static void detach(struct zn_socket *s, struct zn_end *e)
{
    struct stream *t = zn_socket_state(s);

    stop_sending(t, e);
    zn_fq_detach(&t->in, e);
    zn_ids_drop(&t->ids, e);
}

static int send_id(struct stream *t, const struct zn_frame *f)
{
    t->to = NULL;
    if (f->flags & ZN_MORE) {            /* without: the next frame goes nowhere */
        struct zn_end *to = zn_ids_find(&t->ids, (struct zn_bytes){ f->data, f->size });
        if (to == NULL)
            return -EHOSTUNREACH;
        if (!zn_end_writable(to))
            return -EAGAIN;
        t->to = to;
    }
    t->sending = true;
    return 0;
}

static int send_data(struct zn_socket *s, const struct zn_frame *f)
{
    struct stream *t = zn_socket_state(s);

    if (t->to != NULL && f->size == 0) {
        zn_socket_end_close(s, t->to, -1);
    } else if (t->to != NULL) {
        struct zn_frame whole = *f;

        whole.flags &= (uint8_t)~ZN_MORE;
        int rc = zn_end_write(t->to, &whole);
        if (rc == -ENOMEM)
            return rc;
        if (rc == 0)
            zn_end_flush(t->to);
    }
    t->sending = false;
    t->to = NULL;
    return 0;
}

static int send_frame(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    struct stream *t = zn_socket_state(s);

    (void)routing_id;
    return t->sending ? send_data(s, f) : send_id(t, f);
}

static int recv_frame(struct zn_socket *s, struct zn_incoming *in)
{
    return zn_ids_recv(&((struct stream *)zn_socket_state(s))->in, s, in);
}

static unsigned events(struct zn_socket *s)
{
    struct stream *t = zn_socket_state(s);

    return (zn_fq_ready(&t->in, s) ? ZMQ_POLLIN : 0u) | ZMQ_POLLOUT;
}

static int set(struct zn_socket *s, int option, const void *value, size_t size)
{
    switch (option) {
    case ZMQ_STREAM_NOTIFY:
        return zn_option_int(value, size, 0, 1, &zn_socket_options(s)->stream_notify);
    case ZMQ_CONNECT_ROUTING_ID:
        return zn_socket_set_next_peer_id(s, value, size);
    default:
        return -ENOENT;
    }
}

const struct zn_pattern zn_pattern_stream = {
    .type = ZMQ_STREAM,
    .name = "STREAM",
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_RAW,
    .state_size = sizeof(struct stream),
    .init = init,
    .fini = fini,
    .attach = attach,
    .readable = readable,
    .closed = closed,
    .detach = detach,
    .send = send_frame,
    .recv = recv_frame,
    .events = events,
    .set = set,
};
