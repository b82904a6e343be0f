/* tests/core/gather_test.c - what is left to do when nothing is left to write. */
#include "core/queue.h"

#include "base/base.h"
#include "tests/test.h"

enum { IOVS = 4, LIMIT = 100 };

static uint8_t heads[IOVS][16];
static struct zn_iov iov[IOVS];
static struct zn_half half;

static struct zn_gather gather_as(enum zn_framing framing)
{
    return (struct zn_gather){ .framing = framing,
                               .half = &half,
                               .iov = iov,
                               .max = IOVS,
                               .heads = heads,
                               .limit = LIMIT };
}

static void put(struct zn_queue *q, size_t size)
{
    static uint8_t bytes[LIMIT];
    struct zn_frame f = { .data = bytes, .size = size };

    CHECK_EQ(zn_queue_write(q, &f), 0);
    zn_queue_publish(q, q->wmsgs);
}

static void expect_read(struct zn_queue *q, uint64_t messages)
{
    CHECK_EQ(q->rmsgs, messages);
    CHECK_EQ(q->sent, 0);
    CHECK(zn_queue_sleep(q));
}

/* Whether there may be more of it is not known when it ends where a write ends. */
TEST(message_of_a_queue_of_one_that_ends_at_the_limit_is_done_with)
{
    struct zn_gather g = gather_as(ZN_FRAMING_V2);
    struct zn_queue q;

    CHECK_EQ(zn_queue_init(&q, 0, true), 0);
    put(&q, LIMIT - 2);
    zn_queue_gather(&q, &g);
    CHECK_EQ(g.bytes, LIMIT);
    zn_queue_sent(&q, &g, LIMIT);
    if (q.rmsgs == 0) {
        zn_queue_gather(&q, &g);
        CHECK_EQ(g.bytes, 0);
        CHECK(g.msgs != q.rmsgs, "there is something to be told as sent");
        zn_queue_sent(&q, &g, 0);
    }
    expect_read(&q, 1);
    g = gather_as(ZN_FRAMING_V2);
    zn_queue_gather(&q, &g);
    CHECK_EQ(g.msgs, q.rmsgs, "and nothing now");
    zn_queue_fini(&q);
}

TEST(empty_message_without_a_header_is_done_with)
{
    for (int conflate = 0; conflate < 2; conflate++) {
        struct zn_gather g = gather_as(ZN_FRAMING_RAW);
        struct zn_queue q;

        CHECK_EQ(zn_queue_init(&q, 0, conflate), 0);
        put(&q, 0);
        zn_queue_gather(&q, &g);
        CHECK_EQ(g.bytes, 0);
        CHECK(g.msgs != q.rmsgs, "there is something to be told as sent");
        zn_queue_sent(&q, &g, 0);
        expect_read(&q, 1);
        zn_queue_fini(&q);
    }
}
