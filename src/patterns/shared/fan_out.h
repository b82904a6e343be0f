/* patterns/shared/fan_out.h - gives one message to many ends.
 *
 * Ends are marked for a message before its first frame; it goes to those and to no
 * other, whole. An end that is full when the message begins, or goes midway, has none
 * of it. Large frames are shared, small ones copied (see zn_end_write()).
 *
 * Threads  The socket's lock.
 * Memory   One pointer an end. */
#ifndef ZN_PATTERNS_FAN_OUT_H
#define ZN_PATTERNS_FAN_OUT_H

#include "patterns/shared/turns.h"

struct zn_fan_out {
    struct zn_turns turns;               /* those marked are the active ones */
    bool more;                           /* inside a message */
};

void zn_fan_out_init(struct zn_fan_out *f);
void zn_fan_out_fini(struct zn_fan_out *f);

/* A new end has no part in the message under way. -ENOMEM. */
int zn_fan_out_attach(struct zn_fan_out *f, struct zn_end *e);
void zn_fan_out_detach(struct zn_fan_out *f, struct zn_end *e);
/* e has no further part in the message under way, and forgets what it had of it. */
void zn_fan_out_leave(struct zn_fan_out *f, struct zn_end *e);

/* e shall have the message that begins; to say so twice is fine. */
static inline void zn_fan_out_mark(struct zn_fan_out *f, struct zn_end *e)
{
    struct zn_turns *t = &f->turns;
    uint32_t at = e->out_index, to = t->active;

    if (at < to)
        return;
    t->active++;
    if (at == to)                        /* so it was for the last message too */
        return;
    t->ends[at] = t->ends[to];
    t->ends[at]->out_index = at;
    t->ends[to] = e;
    e->out_index = to;
}

void zn_fan_out_mark_all(struct zn_fan_out *f);
/* Marks those that are not marked, and no others. */
void zn_fan_out_invert(struct zn_fan_out *f);
void zn_fan_out_unmark(struct zn_fan_out *f);
/* Whether every end that is marked has room; WRITE will be posted by one that has
 * not. */
bool zn_fan_out_writable(struct zn_fan_out *f);

/* Gives a frame to those marked; the last of a message shows it to them. */
void zn_fan_out_send_slow(struct zn_fan_out *f, const struct zn_frame *frame);

static inline void zn_fan_out_send(struct zn_fan_out *f, const struct zn_frame *frame)
{
    f->more = (frame->flags & ZN_MORE) != 0;
    if (f->turns.active > 0)
        zn_fan_out_send_slow(f, frame);
}

#endif
