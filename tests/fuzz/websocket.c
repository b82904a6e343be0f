/* fuzz/websocket.c - either side of a WebSocket that is told anything: the HTTP text, then
 * frames. Whole or cut, the same must come of it; what comes of it, sent back through our own
 * frames, must stay what it is. The first byte chooses whose side, and the cut. */
#include <stdlib.h>

#include "base/alloc.h"
#include "wire/upgrade.h"
#include "wire/zws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 1 << 16 };

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Of a text's length: 0 while it is cut, then always the same. */
static ptrdiff_t read_text(bool server, const uint8_t *p, size_t size)
{
    static zn_upgrade_protocols known = { "ZWS2.0/NULL", "ZWS2.0", NULL };
    struct zn_upgrade_request r = { .protocol = 0 };
    int protocol = 0;
    ptrdiff_t rc = server ? zn_upgrade_read_request(p, size, known, &r)
                          : zn_upgrade_read_answer(p, size, known,
                                                   "dGhlIHNhbXBsZSBub25jZQ==", &protocol);
    check(rc == 0 || rc == -EPROTO || rc == -EMSGSIZE || rc == -ECONNREFUSED ||
          (rc > 0 && (size_t)rc <= size && rc <= ZN_UPGRADE_MAX));
    check(r.protocol >= 0 && r.protocol < 2 && protocol >= 0 && protocol < 2);
    return rc;
}

static size_t try_text(bool server, const uint8_t *p, size_t size)
{
    ptrdiff_t whole = read_text(server, p, size);
    if (whole <= 0)
        return 0;
    check(read_text(server, p, (size_t)whole) == whole);
    check(read_text(server, p, (size_t)whole - 1) == 0);
    return (size_t)whole;
}

struct run {
    uint8_t *p;
    size_t size;
};

static void add(struct run *r, const uint8_t *p, size_t n)
{
    r->p = realloc(r->p, r->size + n + 1);
    check(r->p != NULL);
    if (n > 0)
        memcpy(r->p + r->size, p, n);
    r->size += n;
}

/* All that frames make, as websocket.c takes them: in place. */
static int take(struct zn_zws_in *in, const uint8_t *p, size_t n, size_t piece,
                struct run *out)
{
    while (n > 0 && !in->closed) {
        size_t part = ZN_MIN(piece, n), slack = ZN_ZWS_SLACK(part), made;
        uint8_t *room = malloc(part + slack), *block;
        check(room != NULL);
        memcpy(room + slack, p, part);
        ptrdiff_t used = zn_zws_take(in, room + slack, part, room, &made);
        check(made <= part + slack && used <= (ptrdiff_t)part);
        add(out, room, made);
        free(room);
        struct zn_bytes whole = zn_zws_whole(in, &block);
        add(out, whole.data, whole.size);
        zn_free(block);
        check(in->message_size <= LIMIT && in->message_cap <= 2 * in->message_size + 64);
        if (used < 0)
            return (int)used;
        check(used > 0 || whole.size > 0);
        p += used;
        n -= (size_t)used;
    }
    return 0;
}

static void put(bool masks, const struct run *zmtp, size_t piece, struct run *ws)
{
    static const uint8_t keys[64] = { 1, 2, 3, 4, 250, 251, 252, 253 };
    struct zn_zws_out out = { .masks = masks };
    uint8_t frames[64];
    for (size_t at = 0; at < zmtp->size;) {
        size_t made;
        out.keys = keys;
        out.keys_size = sizeof keys;
        at += zn_zws_put(&out, zmtp->p + at, ZN_MIN(piece, zmtp->size - at), frames,
                         sizeof frames, &made);
        check(made <= sizeof frames);
        add(ws, frames, made);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bool server = data[0] & 1;
    size_t piece = 1 + (data[0] >> 1) % 40;
    data++;
    size--;
    size_t text = try_text(server, data, size);
    data += text;
    size -= text;

    struct zn_zws_in a = { .masked = server, .limit = LIMIT };
    struct zn_zws_in b = a, c = { .masked = !server, .limit = LIMIT };
    struct run whole = { NULL, 0 }, cut = { NULL, 0 }, ws = { NULL, 0 },
               back = { NULL, 0 };
    int rc = take(&a, data, size, SIZE_MAX, &whole);
    check(rc == 0 || rc == -EPROTO || rc == -EMSGSIZE);
    check(take(&b, data, size, piece, &cut) == rc);
    check(whole.size == cut.size && a.closed == b.closed && a.heard == b.heard);
    check(whole.size == 0 || memcmp(whole.p, cut.p, whole.size) == 0);
    check(a.reply_opcode == b.reply_opcode && a.reply_size == b.reply_size &&
          memcmp(a.reply, b.reply, a.reply_size) == 0);

    put(!server, &whole, piece, &ws);
    check(take(&c, ws.p, ws.size, piece, &back) == 0);
    check(back.size == whole.size);
    check(back.size == 0 || memcmp(back.p, whole.p, back.size) == 0);
    zn_zws_in_fini(&a);
    zn_zws_in_fini(&b);
    zn_zws_in_fini(&c);
    free(whole.p);
    free(cut.p);
    free(ws.p);
    free(back.p);
    return 0;
}
