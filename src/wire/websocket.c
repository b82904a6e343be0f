/* wire/websocket.c - see websocket.h. */
#include "wire/websocket.h"

enum { FINAL = 0x80, RESERVED = 0x70, OPCODE = 0x0f, CONTROL = 0x08 };
enum { MASKED = 0x80, LENGTH = 0x7f, LENGTH_16 = 126, LENGTH_64 = 127 };

static bool is_known(uint8_t opcode)
{
    return opcode <= ZN_WS_BINARY || (opcode >= ZN_WS_CLOSE && opcode <= ZN_WS_PONG);
}

/* What the first two bytes alone tell. */
static bool is_fair(const uint8_t *p)
{
    uint8_t opcode = p[0] & OPCODE;
    if (p[0] & RESERVED || !is_known(opcode))
        return false;
    return !(opcode & CONTROL) || (p[0] & FINAL && (p[1] & LENGTH) <= ZN_WS_CONTROL_MAX);
}

int zn_ws_header_decode(const uint8_t *p, const uint8_t *end, struct zn_ws_header *h)
{
    size_t have = (size_t)(end - p);
    if (have < 2)
        return 0;
    if (!is_fair(p))
        return -EPROTO;

    uint8_t length = p[1] & LENGTH;
    size_t wide = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
    h->masked = p[1] & MASKED;
    size_t need = 2 + wide + (h->masked ? ZN_WS_KEY : 0);
    if (have < need)
        return 0;
    h->opcode = p[0] & OPCODE;
    h->final = p[0] & FINAL;
    h->size = wide == 2 ? zn_get_u16(p + 2) : wide == 8 ? zn_get_u64(p + 2) : length;
    memset(h->key, 0, ZN_WS_KEY);
    if (h->masked)
        memcpy(h->key, p + 2 + wide, ZN_WS_KEY);
    return h->size > INT64_MAX ? -EPROTO : (int)need;
}

int zn_ws_header_encode(uint8_t *out, enum zn_ws_opcode opcode, uint64_t size,
                        const uint8_t *key)
{
    uint8_t masked = key != NULL ? MASKED : 0;
    int n = 2;

    out[0] = (uint8_t)(FINAL | opcode);
    if (size < LENGTH_16) {
        out[1] = (uint8_t)(masked | size);
    } else if (size <= UINT16_MAX) {
        out[1] = masked | LENGTH_16;
        zn_put_u16(out + 2, (uint16_t)size);
        n = 4;
    } else {
        out[1] = masked | LENGTH_64;
        zn_put_u64(out + 2, size);
        n = 10;
    }
    if (key == NULL)
        return n;
    memcpy(out + n, key, ZN_WS_KEY);
    return n + ZN_WS_KEY;
}

void zn_ws_mask(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[ZN_WS_KEY],
                uint64_t at)
{
    uint8_t turned[8];
    uint64_t mask, word;

    for (size_t i = 0; i < sizeof turned; i++)
        turned[i] = key[(at + i) & 3];
    memcpy(&mask, turned, sizeof mask);
    for (; n >= sizeof word; n -= sizeof word) {
        memcpy(&word, src, sizeof word);
        word ^= mask;
        memcpy(dst, &word, sizeof word);
        dst += sizeof word;
        src += sizeof word;
    }
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] ^ turned[i];
}
