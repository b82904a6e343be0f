/* wire/frame.h - frame headers of ZMTP 2 and later (RFC 15, 23, 37) and of ZMTP 1.0
 * (RFC 13). Pure: bytes in, a value and a length out. */
#ifndef ZN_WIRE_FRAME_H
#define ZN_WIRE_FRAME_H

#include <errno.h>

#include "base/base.h"

enum { ZN_FRAME_MORE = 1, ZN_FRAME_LONG = 2, ZN_FRAME_COMMAND = 4, ZN_FRAME_BITS = 7 };
enum { ZN_FRAME_HEADER_MAX = 10 };       /* version 1's long form with its flags */

struct zn_frame_header {
    uint8_t flags;                       /* ZN_FRAME_*; others as they came */
    uint64_t size;                       /* of the body */
};

/* Reads one version 2 header from [p, end). Its length, 0 if more bytes are needed,
 * -EMSGSIZE if the body exceeds limit. Reserved flag bits are ignored (RFC 37 says
 * zero; libzmq ignores them too). */
static inline int zn_frame_decode(const uint8_t *p, const uint8_t *end, uint64_t limit,
                                  struct zn_frame_header *h)
{
    size_t have = (size_t)(end - p);
    if (have < 2)
        return 0;
    h->flags = p[0];
    if (!(p[0] & ZN_FRAME_LONG)) {
        h->size = p[1];
        return h->size <= limit ? 2 : -EMSGSIZE;
    }
    if (have < 9)
        return 0;
    h->size = zn_get_u64(p + 1);
    return h->size <= limit ? 9 : -EMSGSIZE;
}

/* Writes a version 2 header: 2 or 9 bytes. flags: MORE, COMMAND. */
static inline int zn_frame_encode(uint8_t *p, uint8_t flags, uint64_t size)
{
    if (size <= 255) {
        p[0] = flags;
        p[1] = (uint8_t)size;
        return 2;
    }
    p[0] = flags | ZN_FRAME_LONG;
    zn_put_u64(p + 1, size);
    return 9;
}

/* The same for version 1 framing: -EPROTO for a length of zero. */
int zn_frame1_decode(const uint8_t *p, const uint8_t *end, uint64_t limit,
                     struct zn_frame_header *h);
int zn_frame1_encode(uint8_t *p, uint8_t flags, uint64_t size);

#endif
