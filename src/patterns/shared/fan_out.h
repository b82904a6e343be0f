/* patterns/shared/fan_out.h - gives one message to many ends.
 *
 * Ends are marked for a message before its first frame; it goes to those and to no
 * other, whole. An end that is full when the message begins, or goes midway, has none
 * of it. Large frames are shared, small ones copied (see zn_end_write()).
 *
 * Log      What goes to many ends is written once, to a log, in wire form. An end that has had
 *          a number of messages in sequence has no copies any more, but a stretch of the log
 *          (core/queue.h), until it misses one, or the log gets none. The others have copies,
 *          as a stretch costs more than a few of those.
 *
 * Threads  The socket's lock.
 * Memory   One pointer an end; for many ends that get messages 32 KiB. A chunk of the log
 *          stays until nobody has a stretch there. */
#ifndef ZN_PATTERNS_FAN_OUT_H
#define ZN_PATTERNS_FAN_OUT_H

#include "patterns/shared/turns.h"

struct zn_log {
    struct zn_content *chunk;            /* NULL: there is none */
    uint32_t number;                     /* the chunk's */
    uint32_t size;                       /* bytes in it */
    uint32_t from;                       /* where the message under way begins */
    uint32_t serial;                     /* its number */
    bool follows;                        /* it counts, for ends in sequence */
    bool used;                           /* it lies there, as far as it has come */
};

struct zn_fan_out {
    struct zn_turns turns;               /* those marked are the active ones */
    bool more;                           /* inside a message */
    bool logs;                           /* nobody else writes to its ends amid a message */
    struct zn_log log;
};

void zn_fan_out_init(struct zn_fan_out *f, bool logs);
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
void zn_fan_out_send_slow(struct zn_fan_out *f, const struct zn_frame *frame, bool first);

static inline void zn_fan_out_send(struct zn_fan_out *f, const struct zn_frame *frame)
{
    bool first = !f->more;
    f->more = (frame->flags & ZN_MORE) != 0;
    if (f->turns.active > 0)
        zn_fan_out_send_slow(f, frame, first);
}

#endif
