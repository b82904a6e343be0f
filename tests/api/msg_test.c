/* tests/api/msg_test.c - zmq_msg_* as a program sees it. */
#include <limits.h>
#include <stdlib.h>
#include <zmq.h>

#include "tests/test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int freed;

static void note_free(void *data, void *hint)
{
    freed++;
    CHECK(hint == &freed);
    free(data);
}

static bool lies_within(const void *p, const zmq_msg_t *m)
{
    return (const char *)p >= (const char *)m && (const char *)p < (const char *)(m + 1);
}

TEST(msg_of_any_size_holds_what_is_written)
{
    static const size_t sizes[] = { 0, 1, 32, 33, 34, 64, 255, 1023, 1024, 1 << 20 };

    for (size_t i = 0; i < COUNT(sizes); i++) {
        zmq_msg_t m;
        size_t size = sizes[i];

        CHECK_EQ(zmq_msg_init_size(&m, size), 0);
        CHECK_EQ(zmq_msg_size(&m), size);
        CHECK(zmq_msg_data(&m) != NULL);
        CHECK_EQ(lies_within(zmq_msg_data(&m), &m), size <= 33, "%zu bytes", size);
        memset(zmq_msg_data(&m), 0x5A, size);
        CHECK_EQ(zmq_msg_size(&m), size);
        CHECK_EQ(zmq_msg_more(&m), 0);
        CHECK_EQ(zmq_msg_get(&m, ZMQ_SHARED), 0);
        CHECK_EQ(zmq_msg_close(&m), 0);
    }
}

TEST(msg_without_memory_says_enomem)
{
    zmq_msg_t m;

    CHECK_ERRNO(zmq_msg_init_size(&m, SIZE_MAX), ENOMEM);
    CHECK_ERRNO(zmq_msg_init_size(&m, SIZE_MAX - 50), ENOMEM);
}

TEST(msg_takes_data_over_and_frees_it_once)
{
    zmq_msg_t a, b;
    char *data = malloc(10);

    freed = 0;
    CHECK_EQ(zmq_msg_init_data(&a, data, 10, note_free, &freed), 0);
    CHECK(zmq_msg_data(&a) == data);
    CHECK_EQ(zmq_msg_get(&a, ZMQ_SHARED), 0);
    zmq_msg_init(&b);
    CHECK_EQ(zmq_msg_copy(&b, &a), 0);
    CHECK(zmq_msg_data(&b) == data);
    CHECK_EQ(zmq_msg_get(&a, ZMQ_SHARED), 1);
    CHECK_EQ(zmq_msg_get(&b, ZMQ_SHARED), 1);
    zmq_msg_close(&a);
    CHECK_EQ(freed, 0);
    zmq_msg_close(&b);
    CHECK_EQ(freed, 1);

    CHECK_EQ(zmq_msg_init_data(&a, NULL, 0, note_free, &freed), 0);
    CHECK(zmq_msg_data(&a) == NULL);
    zmq_msg_close(&a);
    CHECK_EQ(freed, 2);
}

TEST(msg_of_constant_data_is_shared_and_never_freed)
{
    static char data[100] = "constant";
    zmq_msg_t a, b;

    CHECK_EQ(zmq_msg_init_data(&a, data, sizeof data, NULL, NULL), 0);
    zmq_msg_init(&b);
    CHECK_EQ(zmq_msg_copy(&b, &a), 0);
    CHECK(zmq_msg_data(&a) == data && zmq_msg_data(&b) == data);
    CHECK_EQ(zmq_msg_get(&a, ZMQ_SHARED), 1);
    CHECK_EQ(zmq_msg_get(&b, ZMQ_SHARED), 1);
    zmq_msg_close(&a);
    zmq_msg_close(&b);
}

TEST(msg_copies_small_bytes_and_shares_large_ones)
{
    static const size_t sizes[] = { 0, 5, 33, 34, 5000 };

    for (size_t i = 0; i < COUNT(sizes); i++) {
        zmq_msg_t a, b;

        CHECK_EQ(zmq_msg_init_size(&a, sizes[i]), 0);
        memset(zmq_msg_data(&a), 0x5A, sizes[i]);
        CHECK_EQ(zmq_msg_init_size(&b, 77), 0);
        CHECK_EQ(zmq_msg_copy(&b, &a), 0);
        CHECK_EQ(zmq_msg_size(&b), sizes[i]);
        CHECK_EQ(zmq_msg_get(&b, ZMQ_SHARED), sizes[i] > 33, "%zu", sizes[i]);
        CHECK_MEM(zmq_msg_data(&a), zmq_msg_data(&b), sizes[i]);
        CHECK_EQ(zmq_msg_close(&a), 0);
        if (sizes[i] > 0)
            CHECK_EQ(((char *)zmq_msg_data(&b))[sizes[i] - 1], 0x5A);
        CHECK_EQ(zmq_msg_close(&b), 0);
    }
}

TEST(msg_move_leaves_an_empty_message)
{
    zmq_msg_t a, b;

    CHECK_EQ(zmq_msg_init_size(&a, 100), 0);
    void *data = zmq_msg_data(&a);
    CHECK_EQ(zmq_msg_init_size(&b, 200), 0);
    CHECK_EQ(zmq_msg_move(&b, &a), 0);
    CHECK(zmq_msg_data(&b) == data);
    CHECK_EQ(zmq_msg_size(&b), 100);
    CHECK_EQ(zmq_msg_size(&a), 0);
    CHECK_EQ(zmq_msg_close(&a), 0);
    CHECK_EQ(zmq_msg_close(&b), 0);
}

TEST(msg_has_no_properties_of_its_own)
{
    zmq_msg_t m;

    zmq_msg_init(&m);
    CHECK_EQ(zmq_msg_get(&m, ZMQ_MORE), 0);
    CHECK_EQ(zmq_msg_get(&m, ZMQ_SHARED), 0);
    CHECK_ERRNO(zmq_msg_get(&m, ZMQ_SRCFD), EINVAL);
    CHECK_ERRNO(zmq_msg_get(&m, 0), EINVAL);
    CHECK_ERRNO(zmq_msg_get(&m, 4), EINVAL);
    CHECK_ERRNO(zmq_msg_set(&m, ZMQ_MORE, 1), EINVAL);
    CHECK_NULL(zmq_msg_gets(&m, "Socket-Type"), EINVAL);
    zmq_msg_close(&m);
}

TEST(msg_that_was_closed_is_refused)
{
    zmq_msg_t closed, good;

    zmq_msg_init(&good);
    zmq_msg_init(&closed);
    CHECK_EQ(zmq_msg_close(&closed), 0);
    CHECK_ERRNO(zmq_msg_close(&closed), EFAULT);
    CHECK_ERRNO(zmq_msg_move(&good, &closed), EFAULT);
    CHECK_ERRNO(zmq_msg_move(&closed, &good), EFAULT);
    CHECK_ERRNO(zmq_msg_copy(&good, &closed), EFAULT);
    CHECK_ERRNO(zmq_msg_copy(&closed, &good), EFAULT);
    CHECK_EQ(zmq_msg_more(&closed), 0);
    CHECK_EQ(zmq_msg_close(&good), 0);
}

/* ---- From here on libzmq 4.3.4 has no such call, or aborts. */

TEST(msg_that_was_closed_or_never_made_is_nothing_at_all)
{
    zmq_msg_t bad[2];

    memset(&bad[0], 0, sizeof bad[0]);
    zmq_msg_init(&bad[1]);
    zmq_msg_close(&bad[1]);
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK(zmq_msg_data(&bad[i]) == NULL);
        CHECK_EQ(zmq_msg_size(&bad[i]), 0);
        CHECK_ERRNO(zmq_msg_get(&bad[i], ZMQ_SHARED), EFAULT);
        CHECK_NULL(zmq_msg_gets(&bad[i], "X"), EINVAL);
        CHECK_EQ(zmq_msg_routing_id(&bad[i]), 0);
        CHECK_STR(zmq_msg_group(&bad[i]), "");
        CHECK_ERRNO(zmq_msg_set_routing_id(&bad[i], 1), EFAULT);
        CHECK_ERRNO(zmq_msg_set_group(&bad[i], "g"), EFAULT);
    }
    CHECK_ERRNO(zmq_msg_init(NULL), EFAULT);
    CHECK_ERRNO(zmq_msg_close(NULL), EFAULT);
    CHECK_ERRNO(zmq_msg_init_data(&bad[0], NULL, 1, NULL, NULL), EFAULT);
    CHECK_EQ(zmq_msg_size(NULL), 0);
    CHECK_EQ(zmq_msg_more(NULL), 0);
}

TEST(msg_init_buffer_copies)
{
    char data[100] = "bytes";
    zmq_msg_t m;

    CHECK_EQ(zmq_msg_init_buffer(&m, data, sizeof data), 0);
    memset(data, 0, 5);
    CHECK_STR(zmq_msg_data(&m), "bytes");
    zmq_msg_close(&m);
    CHECK_EQ(zmq_msg_init_buffer(&m, NULL, 0), 0);
    CHECK_EQ(zmq_msg_size(&m), 0);
    zmq_msg_close(&m);
}

TEST(msg_keeps_a_routing_id_other_than_zero)
{
    zmq_msg_t a, b;

    CHECK_EQ(zmq_msg_init_size(&a, 33), 0);
    memset(zmq_msg_data(&a), 0xFF, 33);
    CHECK_EQ(zmq_msg_routing_id(&a), 0);
    CHECK_ERRNO(zmq_msg_set_routing_id(&a, 0), EINVAL);
    CHECK_EQ(zmq_msg_set_routing_id(&a, 0xFFFFFFFFu), 0);
    zmq_msg_init(&b);
    CHECK_EQ(zmq_msg_copy(&b, &a), 0);
    CHECK_EQ(zmq_msg_routing_id(&b), 0xFFFFFFFFu);
    CHECK_EQ(zmq_msg_size(&b), 33);
    zmq_msg_close(&a);
    zmq_msg_close(&b);
}

TEST(msg_keeps_a_group_of_up_to_255_characters)
{
    static const size_t lengths[] = { 0,   1,   13,   14, 15,  16, 254,
                                      255, 256, 1000, 14, 200, 3 };
    char group[1001];
    zmq_msg_t a, b;

    zmq_msg_init(&a);
    zmq_msg_init(&b);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        size_t kept = lengths[i] > 255 ? 255 : lengths[i];

        memset(group, 'a' + (int)i, lengths[i]);
        group[lengths[i]] = '\0';
        CHECK_EQ(zmq_msg_set_group(&a, group), 0);
        group[kept] = '\0';
        CHECK_STR(zmq_msg_group(&a), group);
        CHECK_EQ(zmq_msg_copy(&b, &a), 0);
        CHECK_STR(zmq_msg_group(&b), group);
        CHECK_EQ(zmq_msg_set_group(&b, zmq_msg_group(&b)), 0, "its own");
        CHECK_STR(zmq_msg_group(&b), group);
    }
    CHECK_ERRNO(zmq_msg_set_group(&a, NULL), EINVAL);
    zmq_msg_close(&a);
    zmq_msg_close(&b);
}
