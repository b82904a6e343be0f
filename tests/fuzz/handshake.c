/* fuzz/handshake.c - a peer that says anything: whole or byte by byte, the same must
 * come of it. The first byte chooses what we are. */
#include <errno.h>
#include <stdlib.h>

#include "wire/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static ptrdiff_t feed(struct zn_handshake *hs, const uint8_t *p, size_t n, size_t piece)
{
    ptrdiff_t total = 0;

    while (n > 0 && !hs->done) {
        size_t part = ZN_MIN(n, piece);
        ptrdiff_t used = zn_handshake_feed(hs, p, part);
        if (used < 0)
            return used;
        check((size_t)used == part || hs->done);
        p += part;
        n -= part;
        total += used;
    }
    return total;
}

static void compare(const struct zn_handshake *a, const struct zn_handshake *b)
{
    check(a->done == b->done && a->version == b->version);
    check(a->error == b->error && a->peer_refused == b->peer_refused);
    check(a->peer_type == b->peer_type && zn_bytes_equal(a->peer_id, b->peer_id));
    check(a->peer_property_count == b->peer_property_count);
    check(zn_bytes_equal(zn_handshake_output(a), zn_handshake_output(b)));
    check(a->in.size <= ZN_HANDSHAKE_MAX && a->in.cap <= 2 * a->in.size + 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t id[] = "routing id";

    if (size == 0)
        return 0;
    struct zn_handshake_config config = {
        .socket_type = data[0] & 15,
        .peers = UINT32_MAX,
        .routing_id = { id, sizeof(id) },
        .tells_id = (data[0] & 16) != 0,
        .max_size = data[0] & 32 ? 40 : -1,
        .mechanism = &zn_mechanism_null,
        .as_server = (data[0] & 64) != 0,
        .versions_3_only = (data[0] & 128) != 0,
    };
    struct zn_handshake a, b;

    check(zn_handshake_init(&a, &config) == 0);
    check(zn_handshake_init(&b, &config) == 0);
    ptrdiff_t rc = feed(&a, data + 1, size - 1, SIZE_MAX);
    check(rc >= 0 || rc == -EPROTO || rc == -EMSGSIZE);
    check(feed(&b, data + 1, size - 1, 1) == rc);
    compare(&a, &b);
    zn_handshake_fini(&a);
    zn_handshake_fini(&b);
    return 0;
}
