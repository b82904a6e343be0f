/* platform/posix/thread.c - the library's threads: named, scheduled as the context
 * says, deaf to signals. */
#define _GNU_SOURCE
#include "platform/platform.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

struct zn_thread {
    pthread_t id;
    void (*main)(void *);
    void *arg;
    char name[16];
};

static void *run(void *self)
{
    struct zn_thread *t = self;
    pthread_setname_np(pthread_self(), t->name);
#ifdef PR_SET_TIMERSLACK
    prctl(PR_SET_TIMERSLACK, 1000);      /* nanoseconds by which short waits may be late */
#endif
    t->main(t->arg);
    return NULL;
}

/* What is not permitted is left as it was: a thread without its priority serves, a
 * process that stops does not. */
static void schedule(pthread_t id, const struct zn_thread_options *o)
{
    if (o->cpus != NULL && o->cpus_size > 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        for (size_t i = 0; i < o->cpus_size * 8 && i < CPU_SETSIZE; i++)
            if (o->cpus[i / 8] >> (i % 8) & 1)
                CPU_SET(i, &set);
        pthread_setaffinity_np(id, sizeof set, &set);
    }
    if (o->priority < 0 && o->policy < 0)
        return;

    int policy;
    struct sched_param param;
    if (pthread_getschedparam(id, &policy, &param) != 0)
        return;
    if (o->policy >= 0)
        policy = o->policy;
    if (o->priority >= 0 && (policy == SCHED_FIFO || policy == SCHED_RR))
        param.sched_priority = o->priority;
    pthread_setschedparam(id, policy, &param);
}

void zn_yield(void)
{
    sched_yield();
}

unsigned zn_cores(void)
{
    static _Atomic unsigned known;
    unsigned n = atomic_load_explicit(&known, memory_order_relaxed);
    if (n == 0) {
        cpu_set_t set;
        n = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
        atomic_store_explicit(&known, n, memory_order_relaxed);
    }
    return n;
}

_Static_assert(sizeof(sigset_t) <= sizeof(struct zn_signals), "a set fits");

void zn_signals_block(struct zn_signals *before)
{
    sigset_t all, now;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &now);
    memcpy(before->bytes, &now, sizeof now);
}

void zn_signals_restore(const struct zn_signals *before)
{
    sigset_t set;
    memcpy(&set, before->bytes, sizeof set);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
}

int zn_thread_start(struct zn_thread **out, const char *name,
                    const struct zn_thread_options *options, void (*main)(void *),
                    void *arg)
{
    struct zn_thread *t = zn_zalloc(sizeof *t);
    if (t == NULL)
        return -ENOMEM;
    t->main = main;
    t->arg = arg;
    snprintf(t->name, sizeof t->name, "%s", name);

    struct zn_signals before;
    zn_signals_block(&before);
    int rc =
        zn_fault(ZN_FAULT_CALL, "thread") ? EAGAIN : pthread_create(&t->id, NULL, run, t);
    zn_signals_restore(&before);
    if (rc != 0) {
        zn_free(t);
        return -rc;
    }
    if (options != NULL)
        schedule(t->id, options);
    *out = t;
    return 0;
}

void zn_thread_join(struct zn_thread *t)
{
    pthread_join(t->id, NULL);
    zn_free(t);
}

/* The code that runs must stay where it is. In a program that holds the library itself this
 * changes nothing. */
static void keep_loaded(void)
{
    Dl_info us;
    if (dladdr(&zn_forks, &us) != 0)
        dlopen(us.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

void zn_thread_leave(struct zn_thread *t)
{
    keep_loaded();
    pthread_detach(t->id);
    zn_free(t);
}
