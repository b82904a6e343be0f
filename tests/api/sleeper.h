/* sleeper.h - a thread in a call that blocks: there is no event that tells of it, so the system
 * is asked whether the thread sleeps. */
#ifndef TESTS_API_SLEEPER_H
#define TESTS_API_SLEEPER_H

#include "tests/api/api.h"

#include <sys/syscall.h>

struct sleeper {
    void *(*work)(void *);
    void *arg;
    int tid;
    int ready[2];
};

static inline bool sleeper_sleeps(void *arg)
{
    char line[512], path[64];
    struct sleeper *s = arg;

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", s->tid);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL)
        line[0] = 0;
    if (f != NULL)
        fclose(f);
    char *state = strrchr(line, ')');
    return state != NULL && state[2] == 'S';
}

static inline void *sleeper_run(void *arg)
{
    struct sleeper *s = arg;

    s->tid = (int)syscall(SYS_gettid);
    CHECK(write(s->ready[1], "x", 1) == 1);
    return s->work(s->arg);
}

/* Starts work(arg) in a thread and returns when it sleeps. s lives as long as the thread. */
static inline struct test_thread *sleeper_start(struct sleeper *s, void *(*work)(void *),
                                                void *arg)
{
    char c;

    *s = (struct sleeper){ .work = work, .arg = arg };
    CHECK_OK(pipe(s->ready));
    struct test_thread *t = test_thread_start(sleeper_run, s);
    CHECK(read(s->ready[0], &c, 1) == 1);
    test_wait_until(sleeper_sleeps, s, 10);
    close(s->ready[0]);
    close(s->ready[1]);
    return t;
}

#endif
