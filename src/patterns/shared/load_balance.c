/* patterns/shared/load_balance.c - spreads messages over ends that have room. */
#include "patterns/shared/load_balance.h"

#include <errno.h>

#include "zmq.h"

void zn_lb_init(struct zn_load_balance *b)
{
    zn_turns_init(&b->turns, offsetof(struct zn_end, out_index));
    b->more = b->dropping = false;
}

void zn_lb_fini(struct zn_load_balance *b)
{
    zn_turns_fini(&b->turns);
}

int zn_lb_attach(struct zn_load_balance *b, struct zn_end *e)
{
    return zn_turns_add(&b->turns, e);
}

void zn_lb_detach(struct zn_load_balance *b, struct zn_end *e)
{
    if (zn_lb_open(b) == e) {
        zn_end_rollback(e);
        b->more = false;
        b->dropping = true;
    }
    zn_turns_remove(&b->turns, e);
}

void zn_lb_writable(struct zn_load_balance *b, struct zn_end *e)
{
    zn_turns_wake(&b->turns, e);
}

void zn_lb_rollback(struct zn_load_balance *b)
{
    if (b->more)
        zn_end_rollback(zn_turns_now(&b->turns));
    b->more = b->dropping = false;
}

/* A message's first frame: the first end in turn that takes it has it. */
static int begin(struct zn_load_balance *b, const struct zn_frame *f)
{
    while (b->turns.active > 0) {
        struct zn_end *e = zn_turns_now(&b->turns);
        int rc = zn_end_write(e, f);

        if (ZN_LIKELY(rc == 0) || rc == -ENOMEM)
            return rc;
        zn_turns_rest(&b->turns, e);     /* full: until writable; closed: for good */
    }
    return -EAGAIN;
}

/* A later frame goes where the first one went; if it cannot, nowhere. */
static int go_on(struct zn_load_balance *b, const struct zn_frame *f)
{
    struct zn_end *e = zn_turns_now(&b->turns);
    int rc = zn_end_write(e, f);

    if (ZN_LIKELY(rc == 0) || rc == -ENOMEM)
        return rc;
    zn_end_rollback(e);
    zn_turns_rest(&b->turns, e);
    b->more = false;
    b->dropping = (f->flags & ZN_MORE) != 0;
    return -EPIPE;
}

int zn_lb_send(struct zn_load_balance *b, const struct zn_frame *f)
{
    if (ZN_UNLIKELY(b->dropping)) {
        b->dropping = (f->flags & ZN_MORE) != 0;
        return 0;
    }

    int rc = b->more ? go_on(b, f) : begin(b, f);
    if (ZN_UNLIKELY(rc < 0))
        return rc == -EPIPE ? 0 : rc;

    b->more = (f->flags & ZN_MORE) != 0;
    if (!b->more) {
        zn_end_flush(zn_turns_now(&b->turns));
        zn_turns_next(&b->turns);
    }
    return 0;
}

bool zn_lb_ready(struct zn_load_balance *b)
{
    if (b->more || b->dropping)
        return true;
    while (b->turns.active > 0) {
        struct zn_end *e = zn_turns_now(&b->turns);

        if (zn_end_writable(e))
            return true;
        zn_turns_rest(&b->turns, e);
    }
    return false;
}

/* ---- A socket that is nothing else. */

int zn_lb_socket_init(struct zn_socket *s)
{
    zn_lb_init(zn_socket_state(s));
    return 0;
}

void zn_lb_socket_fini(struct zn_socket *s)
{
    zn_lb_fini(zn_socket_state(s));
}

int zn_lb_socket_attach(struct zn_socket *s, struct zn_end *e)
{
    return zn_lb_attach(zn_socket_state(s), e);
}

void zn_lb_socket_writable(struct zn_socket *s, struct zn_end *e)
{
    zn_lb_writable(zn_socket_state(s), e);
}

void zn_lb_socket_detach(struct zn_socket *s, struct zn_end *e)
{
    zn_lb_detach(zn_socket_state(s), e);
}

int zn_lb_socket_send(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    (void)routing_id;
    return zn_lb_send(zn_socket_state(s), f);
}

unsigned zn_lb_socket_events(struct zn_socket *s)
{
    return zn_lb_ready(zn_socket_state(s)) ? ZMQ_POLLOUT : 0u;
}
