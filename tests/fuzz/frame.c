/* fuzz/frame.c - both framings: what decodes must encode and decode to the same. */
#include <stdlib.h>

#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8)
        return 0;
    uint64_t limit = zn_get_u64(data);
    struct zn_frame_header h, again;
    uint8_t bytes[ZN_FRAME_HEADER_MAX];
    const uint8_t *p = data + 8, *end = data + size;

    int rc = zn_frame_decode(p, end, limit, &h);
    check(rc == 0 || rc == 2 || rc == 9 || rc == -EMSGSIZE);
    if (rc > 0) {
        check(rc <= end - p && h.size <= limit);
        uint8_t flags = h.flags & (ZN_FRAME_MORE | ZN_FRAME_COMMAND);
        rc = zn_frame_encode(bytes, flags, h.size);
        check(zn_frame_decode(bytes, bytes + rc, limit, &again) == rc);
        check(again.size == h.size);
    }

    rc = zn_frame1_decode(p, end, limit, &h);
    check(rc == 0 || rc == 2 || rc == 10 || rc == -EMSGSIZE || rc == -EPROTO);
    if (rc > 0) {
        check(rc <= end - p && h.size <= limit);
        rc = zn_frame1_encode(bytes, h.flags, h.size);
        check(zn_frame1_decode(bytes, bytes + rc, limit, &again) == rc);
        check(again.size == h.size && again.flags == h.flags);
    }
    return 0;
}
