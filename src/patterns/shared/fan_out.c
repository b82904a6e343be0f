/* patterns/shared/fan_out.c - gives one message to many ends. */
#include "patterns/shared/fan_out.h"

#include <errno.h>

enum {
    LOG_CHUNK = 32 * 1024,
    LOG_ENDS = 4,                        /* for fewer a log does not pay */
    LOG_STEPS = 16,                      /* nor does a stretch for those who miss many */
    SHARE_INPROC = 1024                  /* what is copied for each end over inproc is less */
};

void zn_fan_out_init(struct zn_fan_out *f, bool logs)
{
    *f = (struct zn_fan_out){ .logs = logs };
    zn_turns_init(&f->turns, offsetof(struct zn_end, out_index));
}

static void drop_log(struct zn_log *log)
{
    if (log->chunk != NULL)
        zn_content_drop(log->chunk);
    log->chunk = NULL;
}

void zn_fan_out_fini(struct zn_fan_out *f)
{
    drop_log(&f->log);
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
    if (f->turns.count < LOG_ENDS && !f->log.used)
        drop_log(&f->log);
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

/* ---- The log. */

static bool new_chunk(struct zn_log *log)
{
    struct zn_content *c = zn_content_new(LOG_CHUNK);
    if (c == NULL)
        return false;
    drop_log(log);
    log->chunk = c;
    log->size = 0;
    log->number++;
    return true;
}

static bool has_room(const struct zn_log *log, size_t size)
{
    return log->chunk != NULL && log->chunk->size - log->size >= size;
}

/* What is shared anyway gains nothing from a log. */
static bool would_be_copied(const struct zn_frame *frame)
{
    return frame->size < ZN_SHARE_SIZE && frame->content == NULL;
}

/* Whether the log takes a message that begins like that. What is to come of it had better have
 * room too. */
static bool begin_in_log(struct zn_log *log, const struct zn_frame *frame)
{
    size_t size = frame->flags & ZN_MORE ? LOG_CHUNK / 4 : zn_record_size(frame);
    log->used = would_be_copied(frame) && (has_room(log, size) || new_chunk(log));
    log->from = log->size;
    return log->used;
}

static void put_in_log(struct zn_log *log, const struct zn_frame *frame)
{
    zn_record_put(log->chunk->data + log->size, frame);
    log->size += (uint32_t)zn_record_size(frame);
}

/* What comes next does not fit: those who would have had the message from the log get a copy
 * of the part that lies there. */
static void take_out_of_log(struct zn_fan_out *f)
{
    struct zn_log *log = &f->log;
    for (uint32_t i = f->turns.active; i-- > 0;) {
        struct zn_end *e = f->turns.ends[i];
        if (!e->in_log)
            continue;
        e->in_log = false;
        if (zn_queue_append(e->out, log->chunk->data + log->from, log->size - log->from,
                            0, 0) < 0)
            zn_fan_out_leave(f, e);
    }
    log->size = log->from;
    log->used = false;
}

/* Another frame of a message; the first of one. */
static void feed_log(struct zn_fan_out *f, const struct zn_frame *frame, bool first)
{
    struct zn_log *log = &f->log;
    if (first) {
        log->serial++;
        log->used = false;
        log->follows = f->logs && f->turns.active >= LOG_ENDS && begin_in_log(log, frame);
    } else if (log->used &&
               !(would_be_copied(frame) && has_room(log, zn_record_size(frame)))) {
        take_out_of_log(f);
    }
    if (log->used)
        put_in_log(log, frame);
}

static bool follows_log(const struct zn_log *log, const struct zn_end *e)
{
    return e->log_steps >= LOG_STEPS && e->log_serial == log->serial - 1 && !e->inproc &&
           !e->conflate;
}

static int write_stretch(struct zn_log *log, struct zn_end *e)
{
    if (e->log_chunk == log->number && zn_queue_extend(e->out, log->from, log->size))
        return 0;
    int rc = zn_queue_write_stretch(e->out, log->chunk, log->from, log->size);
    if (rc == 0)
        e->log_chunk = log->number;
    return rc;
}

/* As zn_end_write(). */
static int write_from_log(struct zn_fan_out *f, struct zn_end *e, bool first)
{
    if (ZN_UNLIKELY(e->finished))
        return -EPIPE;
    if (first && ZN_UNLIKELY(!zn_queue_room(e->out)))
        return -EAGAIN;
    e->out->open = true;
    return f->more ? 0 : write_stretch(&f->log, e);
}

static void count_step(const struct zn_log *log, struct zn_end *e)
{
    bool next = e->log_serial == log->serial - 1;
    e->log_steps = next ? (uint8_t)ZN_MIN(e->log_steps + 1, LOG_STEPS) : 1;
    e->log_serial = log->serial;
}

static int write_to(struct zn_fan_out *f, struct zn_end *e, const struct zn_frame *frame,
                    bool first)
{
    if (first)
        e->in_log = f->log.used && follows_log(&f->log, e);
    int rc = e->in_log ? write_from_log(f, e, first) : zn_end_write(e, frame);
    if (rc == 0 && !f->more)
        count_step(&f->log, e);
    return rc;
}

/* ---- Sending. */

/* Whether ends have one copy of it together. Two of what is not large cost less. */
static bool is_worth_sharing(const struct zn_fan_out *f, const struct zn_frame *frame)
{
    uint32_t few = frame->size < ZN_SHARE_SIZE ? 2 : 1;
    return frame->size >= SHARE_INPROC && frame->content == NULL && f->turns.active > few;
}

/* What e is to be given of such a frame. Should there be no memory, then each sees for itself. */
static const struct zn_frame *
for_end(const struct zn_end *e, const struct zn_frame *frame, struct zn_frame *shared)
{
    if (!e->inproc && frame->size < ZN_SHARE_SIZE)
        return frame;
    if (shared->content == NULL)
        *shared = *frame;
    return shared->content != NULL || zn_frame_share(shared) == 0 ? shared : frame;
}

void zn_fan_out_send_slow(struct zn_fan_out *f, const struct zn_frame *frame, bool first)
{
    struct zn_turns *t = &f->turns;
    struct zn_frame shared = { .content = NULL };
    bool shares = is_worth_sharing(f, frame);

    feed_log(f, frame, first);
    /* Backwards: one that is full changes places with one that has been served. And
     * each is written and shown at once, while its queue is at hand. */
    for (uint32_t i = t->active; i-- > 0;) {
        struct zn_end *e = t->ends[i];
        const struct zn_frame *its = shares ? for_end(e, frame, &shared) : frame;
        int rc = f->log.follows ? write_to(f, e, its, first) : zn_end_write(e, its);
        if (ZN_UNLIKELY(rc < 0))
            zn_fan_out_leave(f, e);
        else if (!f->more)
            zn_queue_publish_all(e->out);
    }
    if (shared.content != NULL)
        zn_content_drop(shared.content);
    if (f->more)
        return;
    f->log.used = false;
    zn_queue_publish_fence();
    for (uint32_t i = 0; i < t->active; i++)
        if (ZN_UNLIKELY(zn_queue_must_tell(t->ends[i]->out) != ZN_AWAKE))
            zn_end_tell_news(t->ends[i]);
    zn_fan_out_unmark(f);
}
