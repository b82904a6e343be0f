/* tests/core/msg_test.c - what zmq.h cannot see; tests/api/msg_test.c has the rest. */
#include "core/msg.h"

#include <stdlib.h>

#include "core/spare.h"
#include "tests/faults.h"
#include "tests/test.h"

static int freed;

static void note_free(void *data, void *hint)
{
    (void)data;
    freed++;
    if (hint != NULL)
        ++*(int *)hint;
}

TEST(msg_is_valid_between_init_and_close)
{
    struct zn_msg m;

    memset(&m, 0, sizeof m);
    CHECK(!zn_msg_valid(&m));
    CHECK(!zn_msg_valid(NULL));
    CHECK_EQ(zn_msg_close(&m), -EFAULT);
    zn_msg_init(&m);
    CHECK(zn_msg_valid(&m));
    CHECK_EQ(zn_msg_close(&m), 0);
    CHECK(!zn_msg_valid(&m));
    CHECK_EQ(zn_msg_close(&m), -EFAULT);
}

TEST(msg_frame_shares_only_what_is_large)
{
    static const struct {
        size_t size;
        bool shared;
    } cases[] = {
        { 0, false },
        { 33, false },
        { 34, false },
        { ZN_SHARE_SIZE - 1, false },
        { ZN_SHARE_SIZE, true },
        { 100000, true },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_msg m;

        CHECK_EQ(zn_msg_init_size(&m, cases[i].size), 0);
        zn_msg_set_more(&m, i % 2 == 1);
        struct zn_frame f = zn_msg_frame(&m);
        CHECK_EQ(f.size, cases[i].size);
        CHECK(f.data == zn_msg_data(&m));
        CHECK_EQ(f.flags, i % 2 == 1 ? ZN_MORE : 0);
        CHECK_EQ(f.content != NULL, cases[i].shared, "%zu bytes", cases[i].size);
        zn_msg_close(&m);
    }
}

TEST(msg_frame_of_constant_bytes_is_shared_not_copied)
{
    static const uint8_t bytes[4096];
    struct zn_msg m;

    zn_msg_init_const(&m, bytes, sizeof bytes);
    struct zn_frame f = zn_msg_frame(&m);
    CHECK(f.data == bytes && f.content != NULL);
    CHECK(f.content->data == bytes);
    CHECK(zn_msg_shared(&m));
    zn_content_hold(f.content);
    CHECK_EQ(zn_msg_close(&m), 0);
    zn_content_drop(f.content);
}

TEST(content_is_freed_once_by_its_last_holder)
{
    uint8_t bytes[10];
    int hint = 0;
    struct zn_content *c = zn_content_wrap(bytes, sizeof bytes, note_free, &hint);
    struct zn_msg m;

    freed = 0;
    zn_content_hold(c);
    zn_msg_init_content(&m, c, c->data + 2, 5);
    CHECK_EQ(zn_msg_size(&m), 5);
    CHECK(zn_msg_data(&m) == bytes + 2);
    zn_msg_close(&m);
    CHECK_EQ(freed, 0);
    zn_content_drop(c);
    CHECK_EQ(freed, 1);
    CHECK_EQ(hint, 1);
}

/* The application's bytes may lie right behind the content that refers to them, as our own do. */
TEST(content_of_constant_bytes_is_never_kept_to_be_filled_anew)
{
    static uint8_t bytes[ZN_SPARE_MIN];
    struct zn_content *own = zn_content_new(1);
    struct zn_msg m;

    CHECK_EQ(zn_msg_init_data(&m, bytes, sizeof bytes, NULL, NULL), 0);
    struct zn_content *c = zn_msg_frame(&m).content;
    c->data = (uint8_t *)c + (own->data - (uint8_t *)own);
    zn_spare_live();
    zn_msg_close(&m);
    CHECK(zn_spare_take(sizeof bytes) == NULL);
    zn_spare_clear();
    zn_content_drop(own);
}

TEST(content_of_an_absurd_size_is_refused)
{
    struct zn_msg m;

    CHECK(zn_content_new(SIZE_MAX) == NULL);
    CHECK(zn_content_new(SIZE_MAX - 20) == NULL);
    CHECK_EQ(zn_msg_init_size(&m, SIZE_MAX), -ENOMEM);
}

TEST(msg_onto_itself_changes_nothing)
{
    struct zn_msg m;

    CHECK_EQ(zn_msg_init_size(&m, 100), 0);
    memset(zn_msg_data(&m), 7, 100);
    CHECK_EQ(zn_msg_move(&m, &m), 0);
    CHECK_EQ(zn_msg_copy(&m, &m), 0);
    CHECK_EQ(zn_msg_size(&m), 100);
    CHECK_EQ(zn_msg_data(&m)[99], 7);
    zn_msg_close(&m);
}

static struct zn_bytes bytes_of(const char *text)
{
    return (struct zn_bytes){ (const uint8_t *)text, strlen(text) };
}

TEST(metadata_finds_the_first_of_a_name)
{
    struct zn_property properties[] = {
        { bytes_of("Socket-Type"), bytes_of("DEALER") },
        { bytes_of("Identity"), { NULL, 0 } },
        { bytes_of("X-a"), bytes_of("first") },
        { bytes_of("X-a"), bytes_of("second") },
        { bytes_of("X-b"), { (const uint8_t *)"cut\0here", 8 } },
        { { (const uint8_t *)"X\0c", 3 }, bytes_of("hidden") },
        { bytes_of("X-last"), bytes_of("here") },
    };
    static const struct {
        const char *name, *value;
    } cases[] = {
        { "Socket-Type", "DEALER" }, { "Identity", "" },
        { "X-a", "first" },          { "X-b", "cut" },
        { "X-last", "here" },        { "X", NULL },
        { "DEALER", NULL },          { "", NULL },
        { "socket-type", NULL },
    };
    struct zn_metadata *md = zn_metadata_new(properties, ZN_COUNT(properties), 5);

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        CHECK_STR(zn_metadata_get(md, cases[i].name), cases[i].value, "%s",
                  cases[i].name);
    CHECK_EQ(zn_metadata_fd(md), 5);
    CHECK_EQ(zn_metadata_fd(NULL), -1);
    CHECK(zn_metadata_get(NULL, "X-a") == NULL);
    zn_metadata_drop(md);
}

TEST(metadata_lives_as_long_as_any_message_of_its_peer)
{
    struct zn_property property = { bytes_of("X-a"), bytes_of("b") };
    struct zn_metadata *md = zn_metadata_new(&property, 1, -1);
    struct zn_msg a, b;

    zn_msg_init(&a);
    zn_msg_init(&b);
    zn_msg_set_metadata(&a, md);
    zn_msg_set_metadata(&a, md);
    CHECK_EQ(zn_msg_copy(&b, &a), 0);
    zn_metadata_drop(md);
    zn_msg_close(&a);
    CHECK_STR(zn_metadata_get(b.metadata, "X-a"), "b");
    CHECK_EQ(zn_msg_move(&a, &b), -EFAULT);
    zn_msg_init(&a);
    CHECK_EQ(zn_msg_move(&a, &b), 0);
    CHECK(b.metadata == NULL);
    zn_msg_close(&a);
    zn_msg_close(&b);
}

TEST(msg_without_memory_is_not_made)
{
    static uint8_t bytes[2000];
    struct zn_msg m, constant;
    char group[100];

    memset(group, 'g', sizeof group);
    group[99] = '\0';
    zn_msg_init_const(&constant, bytes, sizeof bytes);
    zn_msg_init(&m);
    faults_arm_from(ZN_FAULT_ALLOC, 1);
    CHECK_EQ(zn_msg_set_group(&m, group), -ENOMEM);
    CHECK_STR(zn_msg_group(&m), "");
    CHECK_EQ(zn_msg_init_size(&m, 34), -ENOMEM);
    CHECK_EQ(zn_msg_init_data(&m, bytes, 5, note_free, NULL), -ENOMEM);
    CHECK(zn_content_wrap(bytes, 5, NULL, NULL) == NULL);
    CHECK(zn_metadata_new(NULL, 0, -1) == NULL);
    struct zn_frame f = zn_msg_frame(&constant);
    faults_disarm();
    CHECK(f.content == NULL && f.data == bytes, "to be copied, then");
    zn_msg_close(&constant);
}
