/* wire/lossy.c - what PGM and NORM carry, read and written piece by piece. */
#include "wire/lossy.h"

enum { MARK_START = 0, MARK_MORE = 0xff };

/* ---- Reading. */

void zn_lossy_lose_step(struct zn_lossy_reader *r)
{
    *r = (struct zn_lossy_reader){ .framing = r->framing };
}

void zn_lossy_step_in(struct zn_lossy_reader *r)
{
    zn_lossy_lose_step(r);
    r->in_step = true;
}

const uint8_t *zn_apdu_open(struct zn_lossy_reader *r, const uint8_t *p,
                            const uint8_t *end)
{
    if (end - p < ZN_APDU_HEADER) {
        zn_lossy_lose_step(r);
        return end;
    }
    uint16_t start = zn_get_u16(p);
    p += ZN_APDU_HEADER;
    if (r->in_step)
        return p;
    /* A start right behind the last byte is one: that of the next APDU's first. */
    if (start == ZN_APDU_NO_START || start > end - p)
        return end;
    zn_lossy_step_in(r);
    return p + start;
}

/* How far the header must reach for it to be read, as far as is known. */
static size_t head_wanted(const struct zn_lossy_reader *r)
{
    if (r->framing == ZN_LOSSY_PGM)
        return r->have > 0 && r->head[0] == 0xff ? 10 : 2;
    return r->have > 1 && r->head[1] & ZN_FRAME_LONG ? 10 : 3;
}

static int decode_norm(struct zn_lossy_reader *r, uint64_t limit,
                       struct zn_frame_header *h)
{
    if (r->head[0] != MARK_START && r->head[0] != MARK_MORE)
        return -EPROTO;
    int rc = zn_frame_decode(r->head + 1, r->head + r->have, limit, h);
    if (rc < 0)
        return rc;
    /* A new message ends one that has lost its end; what goes on with none we have, and
     * commands, which nobody sends here, are stepped over. */
    if (r->head[0] == MARK_START)
        r->in_message = false;
    r->skipping =
        (r->head[0] == MARK_MORE && !r->in_message) || (h->flags & ZN_FRAME_COMMAND) != 0;
    return rc;
}

/* 1: the frame's header is complete. */
static int read_head(struct zn_lossy_reader *r, const uint8_t **p, const uint8_t *end,
                     uint64_t limit)
{
    struct zn_frame_header h = { 0 };

    while (r->have < head_wanted(r)) {
        if (*p == end)
            return 0;
        r->head[r->have++] = *(*p)++;
    }
    int rc = r->framing == ZN_LOSSY_PGM
                 ? zn_frame1_decode(r->head, r->head + r->have, limit, &h)
                 : decode_norm(r, limit, &h);
    if (rc < 0)
        return rc;
    r->in_frame = true;
    r->flags = h.flags & ZN_FRAME_MORE;
    r->size = r->left = h.size;
    return 1;
}

static void finish_frame(struct zn_lossy_reader *r)
{
    if (!r->skipping)
        r->in_message = r->flags & ZN_FRAME_MORE;
    r->in_frame = r->skipping = false;
    r->have = 0;
}

int zn_lossy_read(struct zn_lossy_reader *r, const uint8_t **p, const uint8_t *end,
                  uint64_t limit, struct zn_lossy_piece *piece)
{
    while (r->in_step) {
        bool begins = !r->in_frame;
        if (begins) {
            int rc = read_head(r, p, end, limit);
            if (rc < 0)
                zn_lossy_lose_step(r);
            if (rc <= 0)
                return rc;
        }
        size_t n = (size_t)ZN_MIN((uint64_t)(end - *p), r->left);
        if (n == 0 && r->left > 0 && !begins)
            return 0;
        *piece = (struct zn_lossy_piece){ .bytes = { *p, n },
                                          .size = r->size,
                                          .first = !r->in_message,
                                          .begins = begins,
                                          .ends = r->left == n,
                                          .more = r->flags & ZN_FRAME_MORE };
        *p += n;
        r->left -= n;
        bool wanted = !r->skipping;
        if (r->left == 0)
            finish_frame(r);
        if (wanted)
            return 1;
        if (*p == end)
            return 0;
    }
    return 0;
}

/* ---- Writing. */

bool zn_lossy_begin(struct zn_lossy_writer *w, uint8_t flags, uint64_t size)
{
    if (w->in_frame)
        return !w->in_message && w->written == 0;
    flags &= ZN_FRAME_MORE;
    if (w->framing == ZN_LOSSY_PGM) {
        w->head_size = (uint8_t)zn_frame1_encode(w->head, flags, size);
    } else {
        w->head[0] = w->in_message ? MARK_MORE : MARK_START;
        w->head_size = (uint8_t)(1 + zn_frame_encode(w->head + 1, flags, size));
    }
    w->in_frame = true;
    w->written = 0;
    return !w->in_message;
}

size_t zn_lossy_write(struct zn_lossy_writer *w, struct zn_bytes body, uint8_t *to,
                      size_t room)
{
    size_t n = 0;
    if (w->written < w->head_size) {
        n = ZN_MIN(room, (size_t)(w->head_size - w->written));
        memcpy(to, w->head + w->written, n);
        w->written += n;
        if (w->written < w->head_size)
            return n;
    }
    size_t at = (size_t)(w->written - w->head_size);
    size_t m = ZN_MIN(room - n, body.size - at);
    if (m > 0)
        memcpy(to + n, body.data + at, m);
    w->written += m;
    return n + m;
}

bool zn_lossy_end(struct zn_lossy_writer *w, uint64_t size)
{
    if (!w->in_frame || w->written < w->head_size + size)
        return false;
    /* The flags stand behind the length, or behind the mark. */
    uint8_t flags =
        w->framing == ZN_LOSSY_NORM || w->head_size == 2 ? w->head[1] : w->head[9];
    w->in_message = flags & ZN_FRAME_MORE;
    w->in_frame = false;
    return true;
}

void zn_lossy_forget(struct zn_lossy_writer *w)
{
    *w = (struct zn_lossy_writer){ .framing = w->framing };
}

/* ---- APDUs. */

void zn_apdu_begin(struct zn_apdu *a)
{
    zn_put_u16(a->data, ZN_APDU_NO_START);
    a->size = ZN_APDU_HEADER;
}

size_t zn_apdu_put(struct zn_apdu *a, struct zn_lossy_writer *w, uint8_t flags,
                   struct zn_bytes body)
{
    bool starts = zn_lossy_begin(w, flags, body.size);
    size_t at = a->size;
    size_t n = zn_lossy_write(w, body, a->data + at, a->room - at);
    if (starts && n > 0 && zn_get_u16(a->data) == ZN_APDU_NO_START)
        zn_put_u16(a->data, (uint16_t)(at - ZN_APDU_HEADER));
    a->size += n;
    return n;
}
