/* base/sha1.c - see sha1.h. */
#include "base/sha1.h"

enum { BLOCK = 64, ROUNDS = 80 };

static uint32_t rotate(uint32_t v, int bits)
{
    return v << bits | v >> (32 - bits);
}

/* RFC 3174, section 5. */
static uint32_t mix(int round, uint32_t b, uint32_t c, uint32_t d)
{
    switch (round / 20) {
    case 0:
        return ((b & c) | (~b & d)) + 0x5a827999;
    case 1:
        return (b ^ c ^ d) + 0x6ed9eba1;
    case 2:
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    default:
        return (b ^ c ^ d) + 0xca62c1d6;
    }
}

static void add_block(uint32_t h[5], const uint8_t *p)
{
    uint32_t w[ROUNDS], v[5];

    for (int i = 0; i < 16; i++)
        w[i] = zn_get_u32(p + 4 * i);
    for (int i = 16; i < ROUNDS; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    memcpy(v, h, sizeof v);
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t next = rotate(v[0], 5) + mix(i, v[1], v[2], v[3]) + v[4] + w[i];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotate(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (int i = 0; i < 5; i++)
        h[i] += v[i];
}

void zn_sha1(const void *data, size_t size, uint8_t out[ZN_SHA1_SIZE])
{
    uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    uint8_t padded[2 * BLOCK] = { 0 };
    size_t blocks = size + 9 > BLOCK ? 2 : 1;

    memcpy(padded, data, size);
    padded[size] = 0x80;
    zn_put_u64(padded + blocks * BLOCK - 8, (uint64_t)size * 8);
    for (size_t i = 0; i < blocks; i++)
        add_block(h, padded + i * BLOCK);
    for (int i = 0; i < 5; i++)
        zn_put_u32(out + 4 * i, h[i]);
}
