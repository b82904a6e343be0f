/* io/loop.h - one I/O thread: readiness of descriptors, timers, and tasks that other
 * threads post.
 *
 * Threads  zn_loop_post() and zn_loop_load() are for any thread; all else is for the
 *          loop's own thread, from within its callbacks.
 * Memory   Watches, timers and tasks lie in their users' objects. An object that may
 *          still stand in the batch being handled is given to zn_loop_retire(). */
#ifndef ZN_IO_LOOP_H
#define ZN_IO_LOOP_H

#include "platform/platform.h"

struct zn_loop;

struct zn_task {
    struct zn_task *next;
    _Atomic uint32_t queued;
    void (*run)(struct zn_task *t);
};

struct zn_watch {
    void (*ready)(struct zn_watch *w, unsigned events); /* ZN_FD_* */
};

struct zn_timer {
    uint64_t at;                         /* zn_now() */
    void (*fire)(struct zn_timer *t);
    struct zn_timer *child, *next;       /* in the heap */
    struct zn_timer **link;              /* what points here; NULL: not set */
};

struct zn_retired {
    struct zn_retired *next;
    void (*free)(struct zn_retired *r);
};

int zn_loop_new(struct zn_loop **out, const char *name,
                const struct zn_thread_options *options);
/* Ends the thread and frees the loop. Nothing may be posted any more. */
void zn_loop_free(struct zn_loop *loop);
/* In a forked child: closes the descriptors, nothing else. */
void zn_loop_abandon(struct zn_loop *loop);

/* Runs t on the loop's thread, soon and once. False: it waits already. wake: NULL, or where to
 * leave the loop if it sleeps and the place is empty: the caller then wakes it. */
bool zn_loop_post(struct zn_loop *loop, struct zn_task *t, struct zn_loop **wake);
void zn_loop_wake(struct zn_loop *loop);
/* How many connections and listeners this loop has. */
uint32_t zn_loop_load(const struct zn_loop *loop);
void zn_loop_add_load(struct zn_loop *loop, int delta);

/* By the loop's own thread: runs t once the loop has slept, for a fraction of a millisecond
 * if nothing else wakes it. False: it waits already. */
bool zn_loop_defer(struct zn_loop *loop, struct zn_task *t);

/* This task is about something to send. */
void zn_loop_note_send(struct zn_loop *loop);
/* Whether sends come close together now, and are taken in batches. */
bool zn_loop_streams(const struct zn_loop *loop);

/* Something has moved, or a peer has been asked something: if more has come soon of late, the
 * loop stays awake for it, for so many microseconds at most. */
enum { ZN_LOOP_AWAKE = 30 };
void zn_loop_expect(struct zn_loop *loop);

int zn_loop_watch(struct zn_loop *loop, struct zn_watch *w, int fd, bool edge);
/* Also from another thread, if w is retired on the loop's own afterwards. */
void zn_loop_unwatch(struct zn_loop *loop, int fd);

/* Setting a timer that is set moves it. Needs no memory: it cannot fail. */
void zn_loop_set_timer(struct zn_loop *loop, struct zn_timer *t, uint64_t at);
void zn_loop_clear_timer(struct zn_loop *loop, struct zn_timer *t);
static inline bool zn_timer_is_set(const struct zn_timer *t)
{
    return t->link != NULL;
}

/* Frees r once the batch being handled has ended. */
void zn_loop_retire(struct zn_loop *loop, struct zn_retired *r);

/* The buffer that every read of this loop goes through first. */
enum { ZN_LOOP_SCRATCH = 128 * 1024 };
uint8_t *zn_loop_scratch(struct zn_loop *loop);

/* Who was served in round *last is served now. True: others are too, these days, and wait. */
bool zn_loop_serves_others(struct zn_loop *loop, uint32_t *last);

/* A number that each batch has one more of. */
uint32_t zn_loop_round(const struct zn_loop *loop);

/* The time at which this batch began. */
uint64_t zn_loop_now(const struct zn_loop *loop);

#endif
