/* core/spare_test.c - large contents that were freed come again, and not for ever. */
#include <stdlib.h>
#include <zmq.h>

#include "src/core/spare.h"
#include "tests/test.h"

enum { MIB = 1024 * 1024 };

static struct zn_content *content(size_t size)
{
    struct zn_content *c = zn_content_new(size);

    CHECK(c != NULL);
    CHECK_EQ(c->size, size);
    CHECK(c->cap >= size);
    memset(c->data, 0x5a, size);
    return c;
}

TEST(large_content_is_used_again_where_it_fits)
{
    static const struct {
        size_t first, second;
        bool same;
    } cases[] = {
        { MIB, MIB, true },
        { MIB, MIB - 1, true },
        { MIB, MIB / 8 * 7, true },
        { MIB, MIB / 2, false },                 /* would waste half of it */
        { MIB, MIB + 1, false },
        { ZN_SPARE_MIN, ZN_SPARE_MIN, true },
        { ZN_SPARE_MIN - 1, ZN_SPARE_MIN - 1, false },   /* is not kept at all */
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_content *c = content(cases[i].first);
        zn_content_drop(c);
        CHECK_EQ(zn_spare_is_kept(), cases[i].first >= ZN_SPARE_MIN, "case %zu", i);
        struct zn_content *again = content(cases[i].second);
        CHECK_EQ(zn_spare_is_kept(), cases[i].first >= ZN_SPARE_MIN && !cases[i].same,
                 "case %zu", i);
        CHECK(again == c || !cases[i].same, "case %zu", i);
        zn_content_drop(again);
        zn_spare_trim();
        CHECK(!zn_spare_is_kept());
    }
}

TEST(content_that_came_again_grows_as_any)
{
    zn_content_drop(content(MIB));
    struct zn_content *c = content(MIB - 1000);
    c = zn_content_grow(c, MIB);
    CHECK(c != NULL && c->size == MIB && c->data[MIB - 1001] == 0x5a);
    c = zn_content_grow(c, 2 * MIB);
    CHECK(c != NULL && c->size == 2 * MIB && c->data[MIB - 1001] == 0x5a);
    memset(c->data, 1, 2 * MIB);
    zn_content_drop(c);
    zn_spare_trim();
}

/* How many bytes are kept, told by what comes again. */
static size_t drain(size_t size)
{
    struct zn_content *c;
    size_t bytes = 0;

    while ((c = zn_spare_take(size)) != NULL) {
        bytes += c->cap;
        free(c);
    }
    return bytes;
}

TEST(no_more_is_kept_than_the_limit)
{
    struct zn_content *all[40];

    for (size_t size = MIB; size <= 8 * MIB; size *= 8) {
        for (size_t i = 0; i < ZN_COUNT(all); i++)
            CHECK((all[i] = zn_content_new(size)) != NULL);
        for (size_t i = 0; i < ZN_COUNT(all); i++)
            zn_content_drop(all[i]);
        CHECK_EQ(drain(size), ZN_SPARE_BYTES, "of %zu", size);
    }
    zn_content_drop(content(ZN_SPARE_BYTES + 1));
    CHECK(!zn_spare_is_kept(), "one that is too large");
}

/* Old ones of another size do not keep new ones out. */
TEST(newest_are_kept)
{
    struct zn_content *small[20];

    for (size_t i = 0; i < ZN_COUNT(small); i++)
        small[i] = content(ZN_SPARE_MIN);
    for (size_t i = 0; i < ZN_COUNT(small); i++)
        zn_content_drop(small[i]);
    zn_content_drop(content(MIB));
    CHECK_EQ(drain(MIB), MIB);
    zn_spare_trim();
}

TEST(context_that_ends_leaves_none)
{
    void *ctx = zmq_ctx_new();
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init_size(&m, MIB));
    CHECK_OK(zmq_msg_close(&m));
    CHECK(zn_spare_is_kept());
    CHECK_OK(zmq_ctx_term(ctx));
    CHECK(!zn_spare_is_kept());
}

static bool nothing_is_kept(void *unused)
{
    (void)unused;
    return !zn_spare_is_kept();
}

TEST(connection_at_rest_gives_them_up)
{
    void *ctx = zmq_ctx_new(), *in = test_socket(ctx, ZMQ_PULL),
         *out = test_socket(ctx, ZMQ_PUSH);
    char endpoint[TEST_ENDPOINT];
    zmq_msg_t m;

    test_bind(in, "tcp", endpoint);
    CHECK_OK(zmq_connect(out, endpoint));
    CHECK_OK(zmq_msg_init_size(&m, MIB));
    memset(zmq_msg_data(&m), 'x', MIB);
    CHECK_OK(zmq_msg_send(&m, out, 0));
    CHECK_OK(zmq_msg_init(&m));
    CHECK_EQ(zmq_msg_recv(&m, in, 0), MIB);
    CHECK_OK(zmq_msg_close(&m));
    test_wait_until(nothing_is_kept, NULL, 10);
    CHECK_OK(zmq_close(in));
    CHECK_OK(zmq_close(out));
    CHECK_OK(zmq_ctx_term(ctx));
}
