/* platform/posix/clock.c - monotonic time, random bytes, sleep, the process's stamp. */
#define _GNU_SOURCE
#include "platform/platform.h"

#include <pthread.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

uint64_t zn_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void zn_random(void *buf, size_t size)
{
    uint8_t *p = buf;
    while (size > 0) {
        ssize_t n = getrandom(p, size, 0);
        if (n < 0)
            n = 0;
        p += n;
        size -= (size_t)n;
    }
}

void zn_sleep(uint64_t ns)
{
    struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u),
                          .tv_nsec = (long)(ns % 1000000000u) };
    nanosleep(&t, NULL);
}

_Atomic uint32_t zn_forks = 1;
static pthread_once_t stamp_once = PTHREAD_ONCE_INIT;

static void in_child(void)
{
    atomic_fetch_add(&zn_forks, 1);
}

void zn_when_forked(void (*run)(void))
{
    pthread_atfork(NULL, NULL, run);
}

static void watch(void)
{
    zn_when_forked(in_child);
}

void zn_watch_forks(void)
{
    pthread_once(&stamp_once, watch);
}
