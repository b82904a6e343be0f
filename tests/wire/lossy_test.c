/* lossy_test.c - what PGM and NORM carry: written, cut into pieces, lost in part, read. */
#include "wire/lossy.h"

#include <stdlib.h>

#include "tests/test.h"

/* What a reader has put together: "ab+c|d|" is a message of two frames, then one of one. */
struct heard {
    char text[4096];
    size_t size, message;                /* where the unfinished one begins */
};

static void hear(struct heard *h, const struct zn_lossy_piece *piece)
{
    if (piece->begins && piece->first)
        h->size = h->message;            /* what is left of one that lost its end */
    memcpy(h->text + h->size, piece->bytes.data, piece->bytes.size);
    h->size += piece->bytes.size;
    if (piece->ends)
        h->text[h->size++] = piece->more ? '+' : '|';
    if (piece->ends && !piece->more)
        h->message = h->size;
}

static const char *told(struct heard *h)
{
    h->text[h->message] = '\0';
    return h->text;
}

/* Reads it all; the error that ended it, or 0. */
static int read_all(struct zn_lossy_reader *r, struct heard *h, const void *bytes,
                    size_t size, uint64_t limit)
{
    const uint8_t *end, *p = test_fence(bytes, size, &end);
    struct zn_lossy_piece piece;
    int rc;

    if (r->framing == ZN_LOSSY_PGM)
        p = zn_apdu_open(r, p, end);
    while ((rc = zn_lossy_read(r, &p, end, limit, &piece)) > 0)
        hear(h, &piece);
    return rc;
}

struct reading {
    const char *what;
    struct {
        const char *bytes;
        size_t size;
    } parts[4];
    const char *want;
    int rc;
};

#define PART(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static void check_readings(enum zn_lossy_framing framing, const struct reading *cases,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct zn_lossy_reader r = { .framing = (uint8_t)framing };
        struct heard h = { .size = 0 };
        int rc = 0;

        if (framing == ZN_LOSSY_NORM)
            zn_lossy_step_in(&r);
        for (size_t k = 0; k < ZN_COUNT(cases[i].parts) && cases[i].parts[k].bytes; k++) {
            int now =
                read_all(&r, &h, cases[i].parts[k].bytes, cases[i].parts[k].size, 99);
            rc = rc < 0 ? rc : now;
        }
        CHECK_EQ(rc, cases[i].rc, "%s", cases[i].what);
        CHECK_STR(told(&h), cases[i].want, "%s", cases[i].what);
    }
}

TEST(lossy_reads_pgm_from_a_message_s_start_on)
{
    static const struct reading cases[] = {
        { "nothing", { PART("") }, "", 0 },
        { "half an offset", { PART("\0") }, "", 0 },
        { "no bytes behind it", { PART("\0\0") }, "", 0 },
        { "as libzmq sends it", { PART("\0\0\6\0hello\2\1a\3\0bc") }, "hello|a+bc|", 0 },
        { "an empty frame", { PART("\0\0\1\0\1\1\1\0") }, "|+|", 0 },
        { "the end of another one first", { PART("\0\2yz\2\0a") }, "a|", 0 },
        { "no start in it", { PART("\377\377\2\0a") }, "", 0 },
        { "then one", { PART("\377\377xx"), PART("\0\1x\2\0a") }, "a|", 0 },
        { "start right behind the last byte",
          { PART("\0\2xy"), PART("\0\0\2\0a") },
          "a|",
          0 },
        { "start beyond it", { PART("\0\3xy"), PART("\377\377\2\0a") }, "", 0 },
        { "cut in the body", { PART("\0\0\4\0ab"), PART("\377\377c") }, "abc|", 0 },
        { "cut in the header", { PART("\0\0\4"), PART("\377\377\0abc") }, "abc|", 0 },
        { "in a long header",
          { PART("\0\0\377\0\0\0\0"), PART("\377\377\0\0\0\4\0a"), PART("\377\377bc") },
          "abc|",
          0 },
        { "length of nothing", { PART("\0\0\0\0"), PART("\0\0\2\0a") }, "a|", -EPROTO },
        { "longer than the limit",
          { PART("\0\0\145\0x"), PART("\0\0\2\0a") },
          "a|",
          -EMSGSIZE },
        { "long, beyond 2^63", { PART("\0\0\377\377\0\0\0\0\0\0\0\0") }, "", -EMSGSIZE },
    };

    check_readings(ZN_LOSSY_PGM, cases, ZN_COUNT(cases));
}

TEST(lossy_reads_norm_s_marks)
{
    static const struct reading cases[] = {
        { "as libzmq sends it", { PART("\0\1\1a\377\0\2bc\0\0\1d") }, "a+bc|d|", 0 },
        { "byte by byte", { PART("\0"), PART("\0"), PART("\2a"), PART("b") }, "ab|", 0 },
        { "long", { PART("\0\2\0\0\0\0\0\0\0\1a") }, "a|", 0 },
        { "what goes on with nothing", { PART("\377\1\1a\377\0\1b\0\0\1c") }, "c|", 0 },
        { "the same, long", { PART("\377\0\5hello\0\0\1c") }, "c|", 0 },
        { "a start in the middle of a message", { PART("\0\1\1a\0\0\1b") }, "b|", 0 },
        { "a command", { PART("\0\4\1x\0\0\1b") }, "b|", 0 },
        { "no mark", { PART("\1\0\1a") }, "", -EPROTO },
        { "longer than the limit", { PART("\0\0\144") }, "", -EMSGSIZE },
    };

    check_readings(ZN_LOSSY_NORM, cases, ZN_COUNT(cases));
}

TEST(lossy_gives_nothing_out_of_step)
{
    struct zn_lossy_reader r = { .framing = ZN_LOSSY_NORM };
    struct heard h = { .size = 0 };

    CHECK_EQ(read_all(&r, &h, "\0\0\1a", 4, 99), 0);
    CHECK_STR(told(&h), "");
    zn_lossy_step_in(&r);
    CHECK_EQ(read_all(&r, &h, "\0\1\1a", 4, 99), 0);
    zn_lossy_lose_step(&r);              /* the message's second frame is lost */
    CHECK_EQ(read_all(&r, &h, "\0\0\1b", 4, 99), 0);
    zn_lossy_step_in(&r);
    CHECK_EQ(read_all(&r, &h, "\0\0\1c", 4, 99), 0);
    CHECK_STR(told(&h), "c|");
}

/* ---- Both ways, with losses. */

enum { MESSAGES = 200, PACKETS = 2000, ROOM = 64 };

struct trip {
    struct zn_lossy_writer w;
    uint8_t packets[PACKETS][ROOM];
    size_t sizes[PACKETS];
    size_t count;
    unsigned chance;
};

static unsigned draw(struct trip *t, unsigned below)
{
    t->chance = t->chance * 1103515245u + 12345u;
    return (t->chance >> 16) % below;
}

static struct zn_apdu next_packet(struct trip *t)
{
    struct zn_apdu a = { .data = t->packets[t->count], .room = ROOM };

    CHECK(t->count < PACKETS);
    zn_apdu_begin(&a);
    return a;
}

/* Message m is frames that all say m, the first of some length. */
static void write_messages(struct trip *t)
{
    struct zn_apdu a = next_packet(t);

    for (unsigned m = 0; m < MESSAGES; m++) {
        for (unsigned frames = 1 + draw(t, 3); frames > 0; frames--) {
            uint8_t body[400];
            struct zn_bytes bytes = { body, draw(t, sizeof body) };
            memset(body, (int)m, sizeof body);
            do {
                if (a.size == a.room) {
                    t->sizes[t->count++] = a.size;
                    a = next_packet(t);
                }
                zn_apdu_put(&a, &t->w, frames > 1 ? ZN_FRAME_MORE : 0, bytes);
            } while (!zn_lossy_end(&t->w, bytes.size));
        }
        if (draw(t, 4) == 0) {           /* goes out though there is room */
            t->sizes[t->count++] = a.size;
            a = next_packet(t);
        }
    }
    t->sizes[t->count++] = a.size;
}

/* Which messages came, in order: of what number, how many frames. */
static size_t read_messages(struct trip *t, unsigned lost_in_100,
                            unsigned heard[MESSAGES])
{
    struct zn_lossy_reader r = { .framing = ZN_LOSSY_PGM };
    struct zn_lossy_piece piece;
    size_t count = 0;

    for (size_t i = 0; i < t->count; i++) {
        const uint8_t *end, *p = test_fence(t->packets[i], t->sizes[i], &end);
        if (draw(t, 100) < lost_in_100) {
            zn_lossy_lose_step(&r);
            continue;
        }
        p = zn_apdu_open(&r, p, end);
        while (zn_lossy_read(&r, &p, end, INT64_MAX, &piece) > 0) {
            for (size_t k = 1; k < piece.bytes.size; k++)
                CHECK_EQ(piece.bytes.data[k], piece.bytes.data[0],
                         "one frame of two messages");
            if (piece.ends && !piece.more && piece.bytes.size > 0)
                heard[count++] = piece.bytes.data[0];
        }
    }
    return count;
}

TEST(lossy_survives_losses_with_whole_messages_in_order)
{
    static struct trip t;
    static unsigned heard[MESSAGES];

    t.chance = 1;
    write_messages(&t);
    for (unsigned lost = 0; lost <= 50; lost += 10) {
        size_t count = read_messages(&t, lost, heard);
        CHECK(count > 0 && (lost > 0 || count > MESSAGES / 2), "%zu at %u%%", count,
              lost);
        for (size_t i = 1; i < count; i++)
            CHECK(heard[i] > heard[i - 1], "%u after %u", heard[i], heard[i - 1]);
    }
}

TEST(lossy_writes_what_libzmq_does)
{
    uint8_t packet[64];
    struct zn_apdu a = { .data = packet, .room = sizeof packet };
    struct zn_lossy_writer w = { .framing = ZN_LOSSY_PGM };

    zn_apdu_begin(&a);
    CHECK(zn_apdu_is_empty(&a));
    CHECK_EQ(zn_apdu_put(&a, &w, 0, (struct zn_bytes){ (const uint8_t *)"hello", 5 }), 7);
    CHECK(zn_lossy_end(&w, 5));
    zn_apdu_put(&a, &w, ZN_FRAME_MORE, (struct zn_bytes){ (const uint8_t *)"a", 1 });
    CHECK(zn_lossy_end(&w, 1));
    zn_apdu_put(&a, &w, 0, (struct zn_bytes){ (const uint8_t *)"bc", 2 });
    CHECK(zn_lossy_end(&w, 2));
    CHECK_EQ(a.size, 16);
    CHECK_MEM(packet, "\0\0\6\0hello\2\1a\3\0bc", 16);
}

TEST(lossy_offset_names_a_message_s_start_not_a_frame_s)
{
    uint8_t packet[8];
    struct zn_apdu a = { .data = packet, .room = sizeof packet };
    struct zn_lossy_writer w = { .framing = ZN_LOSSY_PGM };
    struct zn_bytes body = { (const uint8_t *)"abcdefg", 7 };

    zn_apdu_begin(&a);
    zn_apdu_put(&a, &w, ZN_FRAME_MORE, body);
    CHECK(!zn_lossy_end(&w, body.size));
    CHECK_EQ(zn_get_u16(packet), 0);
    zn_apdu_begin(&a);
    zn_apdu_put(&a, &w, ZN_FRAME_MORE, body);
    CHECK(zn_lossy_end(&w, body.size));
    CHECK_EQ(zn_apdu_put(&a, &w, 0, (struct zn_bytes){ NULL, 0 }), 2);
    CHECK(zn_lossy_end(&w, 0));
    CHECK_EQ(zn_get_u16(packet), ZN_APDU_NO_START);
}
