/* fuzz/lossy.c - the reader of PGM's and NORM's streams: any bytes in packets of any sizes,
 * and messages of our own of which some packets are lost. What ends must be a whole message
 * that began. */
#include <stdlib.h>

#include "wire/lossy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

struct ear {
    struct zn_lossy_reader r;
    bool in_message, in_frame;
    uint64_t have;
};

static void lose(struct ear *e)
{
    zn_lossy_lose_step(&e->r);
    *e = (struct ear){ .r = e->r };
}

static void hear(struct ear *e, const struct zn_lossy_piece *piece)
{
    if (piece->begins) {
        check(piece->first || e->in_message);
        e->have = 0;
    } else {
        check(e->in_frame);
    }
    e->have += piece->bytes.size;
    check(e->have <= piece->size && piece->ends == (e->have == piece->size));
    e->in_frame = !piece->ends;
    e->in_message = e->in_frame || piece->more;
}

static void read_all(struct ear *e, const uint8_t *p, const uint8_t *end, uint64_t limit)
{
    struct zn_lossy_piece piece;
    int rc;

    if (e->r.framing == ZN_LOSSY_PGM)
        p = zn_apdu_open(&e->r, p, end);
    check(p <= end);
    const uint8_t *before = p;
    while ((rc = zn_lossy_read(&e->r, &p, end, limit, &piece)) > 0) {
        check(p >= before && p <= end && piece.size <= limit);
        check(piece.bytes.data >= before && piece.bytes.data + piece.bytes.size <= end);
        before = p;
        hear(e, &piece);
    }
    check(rc == 0 || rc == -EPROTO || rc == -EMSGSIZE);
    check(rc == 0 ? p == end || !e->r.in_step : !e->r.in_step);
    if (!e->r.in_step)
        lose(e);
}

/* Each packet: its size, whether something was lost before it, its bytes. */
static void read_any(uint8_t framing, uint64_t limit, const uint8_t *p,
                     const uint8_t *end)
{
    struct ear e = { .r.framing = framing };

    while (end - p >= 2) {
        size_t n = ZN_MIN((size_t)p[0], (size_t)(end - p - 2));
        if (p[1] & 1)
            lose(&e);
        if (framing == ZN_LOSSY_NORM && p[1] & 2) {
            lose(&e);
            zn_lossy_step_in(&e.r);
        }
        read_all(&e, p + 2, p + 2 + n, limit);
        p += 2 + n;
    }
}

/* Each frame: its size, its flags, and how much room its first packet is to have left. What
 * is read, when a packet is lost, is never more than what was written. */
static void write_and_read(const uint8_t *p, const uint8_t *end)
{
    static const uint8_t bytes[65536];
    struct zn_lossy_writer w = { .framing = ZN_LOSSY_PGM };
    struct ear e = { .r.framing = ZN_LOSSY_PGM };
    uint8_t packet[100];
    struct zn_apdu a = { .data = packet, .room = sizeof packet };

    zn_apdu_begin(&a);
    while (end - p >= 3) {
        struct zn_bytes body = { bytes, zn_get_u16(p) & 0x3ff };
        do {
            if (a.size == a.room) {
                if (p[2] & 2)
                    lose(&e);
                else
                    read_all(&e, packet, packet + a.size, 0x3ff);
                a.room = 3 + p[2] % (sizeof packet - 3);
                zn_apdu_begin(&a);
            }
            zn_apdu_put(&a, &w, p[2] & ZN_FRAME_MORE, body);
        } while (!zn_lossy_end(&w, body.size));
        p += 3;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 3 < 2)
        read_any(data[0] % 3, data[0] & 0x80 ? 100 : INT64_MAX, data + 1, data + size);
    else
        write_and_read(data + 1, data + size);
    return 0;
}
