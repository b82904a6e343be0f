/* transports/ring_test.c - the ring alone, in one mapping: so ThreadSanitizer sees both of
 * its sides, which it cannot where a ring is mapped twice. */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/transports/ring.h"
#include "tests/test.h"

enum { SIZE = 4096 };

struct ring {
    struct zn_ring_shared shared;
    uint8_t data[SIZE];
    struct zn_ring_writer w;
    struct zn_ring_reader r;
};

static struct ring *ring_new(void)
{
    struct ring *ring = aligned_alloc(128, sizeof *ring);

    CHECK(ring != NULL);
    memset(ring, 0, sizeof *ring);
    zn_ring_writer_init(&ring->w, &ring->shared, ring->data, SIZE);
    zn_ring_reader_init(&ring->r, &ring->shared, ring->data, SIZE);
    return ring;
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* The n-th byte of every stream here. */
static uint8_t byte_at(uint64_t n)
{
    return (uint8_t)(n * 2654435761u >> 13);
}

static void put(struct ring *ring, size_t n)
{
    uint8_t bytes[SIZE];

    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(ring->w.tail + i);
    zn_ring_put(&ring->w, bytes, n);
}

static void take(struct ring *ring, size_t n)
{
    uint8_t bytes[SIZE];
    uint64_t at = ring->r.head;

    zn_ring_take(&ring->r, bytes, n);
    for (size_t i = 0; i < n; i++)
        CHECK_EQ(bytes[i], byte_at(at + i), "byte %llu", (unsigned long long)(at + i));
}

TEST(bytes_come_out_as_they_went_in)
{
    struct ring *ring = ring_new();
    uint32_t seed = 7;
    uint64_t written = 0, read = 0;

    for (int i = 0; i < 20000; i++) {
        size_t want = next(&seed) % SIZE + 1;
        ptrdiff_t room = zn_ring_room(&ring->w, want, SIZE);
        CHECK_EQ(room, ZN_MIN(want, SIZE - (written - read)));
        put(ring, (size_t)room);
        CHECK_EQ(zn_ring_left(&ring->r), written - read, "not shown yet");
        CHECK(!zn_ring_show(&ring->w), "nobody sleeps");
        written += (uint64_t)room;
        ptrdiff_t left = zn_ring_left(&ring->r);
        CHECK_EQ(left, written - read);
        size_t n = left > 0 ? next(&seed) % ((size_t)left + 1) : 0;
        take(ring, n);
        CHECK(!zn_ring_free(&ring->r), "nobody waits");
        read += n;
    }
    free(ring);
}

TEST(writer_keeps_to_its_window)
{
    struct ring *ring = ring_new();

    CHECK_EQ(zn_ring_room(&ring->w, 5000, 1000), 1000);
    put(ring, 700);
    CHECK_EQ(zn_ring_room(&ring->w, 5000, 1000), 300);
    CHECK_EQ(zn_ring_room(&ring->w, 5000, 500), 0, "a smaller one");
    CHECK_EQ(zn_ring_room(&ring->w, 5000, SIZE * 2), SIZE - 700,
             "never more than there is");
    free(ring);
}

TEST(counts_that_cannot_be_are_refused)
{
    static const struct {
        const char *what;
        uint64_t tail, head;             /* as the peer has them */
        bool writer, reader;             /* takes it */
    } cases[] = {
        { "as it is", 300, 100, true, true },
        { "all read", 300, 300, true, true },
        { "full", 100 + SIZE, 100, true, true },
        { "more than full", 101 + SIZE, 100, true, false },
        { "tail behind head", 99, 100, true, false },
        { "tail from nowhere", UINT64_MAX, 100, true, false },
        { "more read than written", 300, 301, false, true },
        { "far more", 300, (uint64_t)1 << 63, false, true },
        { "less read than before", 300, 49, false, true },
        { "less than ever", 300, UINT64_MAX, false, true },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct ring *ring = ring_new();
        put(ring, 300);
        zn_ring_show(&ring->w);
        take(ring, 50);
        zn_ring_free(&ring->r);
        CHECK(!zn_ring_is_read(&ring->w));   /* looks */
        take(ring, 50);
        zn_ring_free(&ring->r);
        atomic_store(&ring->shared.tail, cases[i].tail);
        atomic_store(&ring->shared.head, cases[i].head);
        CHECK_EQ(zn_ring_room(&ring->w, SIZE, SIZE) != -EPROTO, cases[i].writer, "%s",
                 cases[i].what);
        CHECK_EQ(zn_ring_left(&ring->r) != -EPROTO, cases[i].reader, "%s", cases[i].what);
        free(ring);
    }
}

TEST(peer_that_lies_is_not_waited_for)
{
    struct ring *ring = ring_new();

    put(ring, SIZE);
    zn_ring_show(&ring->w);
    atomic_store(&ring->shared.head, SIZE + 1);
    CHECK(!zn_ring_want(&ring->w, SIZE / 2));
    CHECK_EQ(zn_ring_room(&ring->w, 1, SIZE), -EPROTO);
    CHECK(!zn_ring_is_read(&ring->w));
    free(ring);
}

TEST(sleeping_reader_is_told_once)
{
    struct ring *ring = ring_new();

    zn_ring_sleep(&ring->r);
    put(ring, 1);
    CHECK(zn_ring_show(&ring->w));
    put(ring, 1);
    CHECK(!zn_ring_show(&ring->w), "it knows");
    zn_ring_sleep(&ring->r);
    zn_ring_wake(&ring->r);
    put(ring, 1);
    CHECK(!zn_ring_show(&ring->w), "it has woken by itself");
    free(ring);
}

TEST(waiting_writer_is_told_when_less_is_left_than_it_said)
{
    struct ring *ring = ring_new();

    put(ring, 1000);
    zn_ring_show(&ring->w);
    CHECK(!zn_ring_want(&ring->w, 1001), "that is so already");
    CHECK(zn_ring_want(&ring->w, 500));
    take(ring, 500);
    CHECK(!zn_ring_free(&ring->r), "500 are left");
    take(ring, 1);
    CHECK(zn_ring_free(&ring->r));
    take(ring, 1);
    CHECK(!zn_ring_free(&ring->r), "it knows");
    free(ring);
}

/* ---- Both at once. Whoever cannot go on sleeps, and only a bell wakes it: one that is lost
 * leaves both asleep until the watchdog comes. */

enum { TOTAL = 16 * 1024 * 1024 };

struct run {
    struct ring *ring;
    int bytes, room;                     /* bells */
};

static void ring_bell(int fd)
{
    uint64_t one = 1;

    CHECK_EQ(write(fd, &one, sizeof one), (int)sizeof one);
}

static void await(int fd)
{
    uint64_t count;

    CHECK_EQ(read(fd, &count, sizeof count), (int)sizeof count);
}

static void *write_all(void *arg)
{
    struct run *run = arg;
    struct ring *ring = run->ring;
    uint32_t seed = 1;

    for (size_t done = 0; done < TOTAL;) {
        size_t want = ZN_MIN(next(&seed) % SIZE + 1, TOTAL - done);
        ptrdiff_t n = zn_ring_room(&ring->w, want, SIZE);
        CHECK(n >= 0);
        if (n == 0) {
            if (zn_ring_want(&ring->w, next(&seed) % SIZE + 1))
                await(run->room);
            continue;
        }
        put(ring, (size_t)n);
        done += (size_t)n;
        if (zn_ring_show(&ring->w))
            ring_bell(run->bytes);
    }
    return NULL;
}

static void *read_all(void *arg)
{
    struct run *run = arg;
    struct ring *ring = run->ring;
    uint32_t seed = 2;

    for (size_t done = 0; done < TOTAL;) {
        ptrdiff_t left = zn_ring_left(&ring->r);
        CHECK(left >= 0);
        if (left == 0 && !ring->r.asleep) {
            zn_ring_sleep(&ring->r);
            continue;                    /* looks once more */
        }
        if (left == 0) {
            await(run->bytes);
            zn_ring_wake(&ring->r);
            continue;
        }
        size_t n = next(&seed) % (size_t)left + 1;
        take(ring, n);
        done += n;
        if (zn_ring_free(&ring->r))
            ring_bell(run->room);
    }
    return NULL;
}

TEST(no_wake_up_is_lost)
{
    struct run run = { ring_new(), eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };

    CHECK(run.bytes >= 0 && run.room >= 0);
    struct test_thread *w = test_thread_start(write_all, &run);
    struct test_thread *r = test_thread_start(read_all, &run);
    test_thread_join(w);
    test_thread_join(r);
    close(run.bytes);
    close(run.room);
    free(run.ring);
}
