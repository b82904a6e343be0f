/* wire/frame.c - ZMTP 1.0's framing (RFC 13), where the length counts the flags byte
 * too. The framing of later versions is inline in the header: it is the hot path. */
#include "wire/frame.h"

enum { LONG_MARK = 0xff, SHORT_HEADER = 2, LONG_HEADER = ZN_FRAME_HEADER_MAX };

int zn_frame1_decode(const uint8_t *p, const uint8_t *end, uint64_t limit,
                     struct zn_frame_header *h)
{
    size_t have = (size_t)(end - p);
    if (have == 0)
        return 0;

    bool is_long = p[0] == LONG_MARK;
    size_t flags_at = is_long ? 9 : 1;
    if (is_long && have < flags_at)
        return 0;
    uint64_t length = is_long ? zn_get_u64(p + 1) : p[0];
    if (length == 0)
        return -EPROTO;                  /* not even room for the flags */
    if (length - 1 > limit)
        return -EMSGSIZE;
    if (have <= flags_at)
        return 0;

    h->flags = p[flags_at] & ZN_FRAME_MORE;  /* the other bits are reserved */
    h->size = length - 1;
    return is_long ? LONG_HEADER : SHORT_HEADER;
}

int zn_frame1_encode(uint8_t *p, uint8_t flags, uint64_t size)
{
    flags &= ZN_FRAME_MORE;
    if (size + 1 < LONG_MARK) {
        p[0] = (uint8_t)(size + 1);
        p[1] = flags;
        return SHORT_HEADER;
    }
    p[0] = LONG_MARK;
    zn_put_u64(p + 1, size + 1);
    p[9] = flags;
    return LONG_HEADER;
}
