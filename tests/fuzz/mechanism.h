/* fuzz/mechanism.h - what the fuzzers of security mechanisms share: a peer that says
 * anything behind its greeting, whole or byte by byte, to a side that may ask. */
#ifndef ZN_TESTS_FUZZ_MECHANISM_H
#define ZN_TESTS_FUZZ_MECHANISM_H

#include <errno.h>
#include <stdlib.h>

#include "wire/handshake.h"
#include "wire/mechanism.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check(bool holds)
{
    if (!holds)
        abort();
}

/* The first byte chooses the side, whether it asks, and what the answer is. */
static inline struct zn_handshake_config config_of(uint8_t choice,
                                                   const struct zn_mechanism *mechanism,
                                                   const struct zn_security *security)
{
    static const uint8_t id[] = "routing id";

    return (struct zn_handshake_config){
        .socket_type = choice & 7,
        .peers = UINT32_MAX,
        .routing_id = { id, sizeof(id) },
        .tells_id = true,
        .max_size = -1,
        .mechanism = mechanism,
        .security = security,
        .as_server = (choice & 8) != 0,
        .asks = (choice & 16) != 0,
    };
}

static inline void greet(struct zn_handshake *hs,
                         const struct zn_handshake_config *config)
{
    uint8_t greeting[64] = { [0] = 0xff, [9] = 0x7f, [10] = 3, [11] = 1 };

    memcpy(greeting + 12, config->mechanism->name, ZN_MECHANISM_NAME);
    check(zn_handshake_init(hs, config) == 0);
    (void)zn_handshake_feed(hs, greeting, sizeof(greeting));
}

/* All bytes, in pieces, and answers where they are awaited. What came of it. */
static inline ptrdiff_t speak_to(struct zn_handshake *hs, const uint8_t *p, size_t n,
                                 size_t piece, uint8_t choice)
{
    while (hs->failure == 0 && !hs->done && n > 0) {
        size_t part = ZN_MIN(n, piece);
        ptrdiff_t used = zn_handshake_feed(hs, p, part);
        if (used < 0)
            break;
        check((size_t)used == part || hs->done);
        p += part;
        n -= part;
        if (hs->waits) {
            check(hs->credentials.mechanism == hs->config.mechanism->name);
            (void)zn_handshake_answer(hs, choice & 32 ? 400 : 200);
        }
    }
    check(hs->in.size <= ZN_HANDSHAKE_MAX && hs->held.size <= ZN_HANDSHAKE_MAX);
    check(!hs->done || hs->failure == 0);
    check(hs->failure != 0 || hs->error == 0);
    return hs->failure;
}

/* Whole and byte by byte the same must come of it, if the mechanism leaves nothing to
 * chance. */
static inline void speak_both_ways(const struct zn_handshake_config *config,
                                   const uint8_t *data, size_t size, uint8_t choice)
{
    struct zn_handshake a, b;

    greet(&a, config);
    greet(&b, config);
    check(speak_to(&a, data, size, SIZE_MAX, choice) ==
          speak_to(&b, data, size, 1, choice));
    check(a.done == b.done && a.error == b.error && a.peer_type == b.peer_type);
    check(a.peer_refused == b.peer_refused);
    check(a.peer_property_count == b.peer_property_count);
    check(zn_handshake_output(&a).size == zn_handshake_output(&b).size);
    zn_handshake_fini(&a);
    zn_handshake_fini(&b);
}

#endif
