/* tests/transports/shm.h - what the tests of shm:// share: names, and a look at this process's
 * mappings. */
#ifndef TESTS_TRANSPORTS_SHM_H
#define TESTS_TRANSPORTS_SHM_H

#include "tests/api/api.h"

/* A name that nobody else on this machine has. */
static inline void shm_name(char name[ENDPOINT_MAX])
{
    static int count;

    snprintf(name, ENDPOINT_MAX, "shm://test-%d-%d", (int)getpid(), count++);
}

static inline int shm_count_maps(void)
{
    char line[512];
    int count = 0;
    FILE *f = fopen("/proc/self/maps", "r");

    CHECK(f != NULL);
    while (fgets(line, sizeof line, f) != NULL)
        count += strstr(line, "memfd:zinc") != NULL;
    fclose(f);
    return count;
}

/* Of all rings, counted once for each mapping. */
static inline long shm_resident_kb(void)
{
    char line[512];
    long kb = 0;
    bool ours = false;
    FILE *f = fopen("/proc/self/smaps", "r");

    CHECK(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strchr("0123456789abcdef", line[0]) != NULL)
            ours = strstr(line, "memfd:zinc") != NULL;
        if (ours && strncmp(line, "Rss:", 4) == 0)
            kb += strtol(line + 4, NULL, 10);
    }
    fclose(f);
    return kb;
}

static inline bool shm_is_small(void *unused)
{
    (void)unused;
    return shm_resident_kb() <= 64;
}

static inline bool shm_has_no_maps(void *unused)
{
    (void)unused;
    return shm_count_maps() == 0;
}

static inline bool shm_has_fds(void *count)
{
    return test_count_fds() <= *(int *)count;
}

#endif
