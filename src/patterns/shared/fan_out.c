/* patterns/shared/fan_out.c - gives one message to many ends. */
#include "patterns/shared/fan_out.h"

void zn_fan_out_init(struct zn_fan_out *f)
{
    zn_turns_init(&f->turns, offsetof(struct zn_end, out_index));
    f->more = false;
}

void zn_fan_out_fini(struct zn_fan_out *f)
{
    zn_turns_fini(&f->turns);
}

int zn_fan_out_attach(struct zn_fan_out *f, struct zn_end *e)
{
    int rc = zn_turns_add(&f->turns, e);

    if (rc == 0)
        zn_turns_rest(&f->turns, e);
    return rc;
}

void zn_fan_out_detach(struct zn_fan_out *f, struct zn_end *e)
{
    zn_turns_remove(&f->turns, e);
}

void zn_fan_out_leave(struct zn_fan_out *f, struct zn_end *e)
{
    if (zn_turns_has(&f->turns, e) && e->out_index < f->turns.active)
        zn_turns_rest(&f->turns, e);
    if (zn_end_open(e))
        zn_end_rollback(e);
}

void zn_fan_out_mark_all(struct zn_fan_out *f)
{
    f->turns.active = f->turns.count;
}

void zn_fan_out_invert(struct zn_fan_out *f)
{
    struct zn_turns *t = &f->turns;
    uint32_t others = t->count - t->active, swaps = ZN_MIN(t->active, others);

    for (uint32_t i = 0; i < swaps; i++) {
        struct zn_end *a = t->ends[i], *b = t->ends[t->count - 1 - i];
        t->ends[i] = b;
        b->out_index = i;
        t->ends[t->count - 1 - i] = a;
        a->out_index = t->count - 1 - i;
    }
    t->active = others;
}

void zn_fan_out_unmark(struct zn_fan_out *f)
{
    f->turns.active = 0;
    f->turns.current = 0;
}

bool zn_fan_out_writable(struct zn_fan_out *f)
{
    for (uint32_t i = 0; i < f->turns.active; i++)
        if (!f->turns.ends[i]->finished && !zn_end_writable(f->turns.ends[i]))
            return false;
    return true;
}

void zn_fan_out_send_slow(struct zn_fan_out *f, const struct zn_frame *frame)
{
    struct zn_turns *t = &f->turns;

    /* Backwards: one that is full changes places with one that has been served. And
     * each is written and shown at once, while its queue is at hand. */
    for (uint32_t i = t->active; i-- > 0;) {
        struct zn_end *e = t->ends[i];
        if (ZN_UNLIKELY(zn_end_write(e, frame) < 0))
            zn_fan_out_leave(f, e);
        else if (!f->more)
            zn_queue_publish_all(e->out);
    }
    if (f->more)
        return;
    zn_queue_publish_fence();
    for (uint32_t i = 0; i < t->active; i++)
        if (ZN_UNLIKELY(zn_queue_must_tell(t->ends[i]->out) != ZN_AWAKE))
            zn_end_tell_news(t->ends[i]);
    zn_fan_out_unmark(f);
}
