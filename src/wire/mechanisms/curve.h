/* wire/mechanisms/curve.h - keys for CURVE (RFC 26): 32 bytes each. Any thread. */
#ifndef ZN_WIRE_MECHANISMS_CURVE_H
#define ZN_WIRE_MECHANISMS_CURVE_H

#include <errno.h>

#include "base/base.h"

enum { ZN_CURVE_KEY = 32 };

/* A new pair; the public key to a secret one. -ENOTSUP: built without CURVE. -ENOMEM: no
 * cryptography to be had from the system. */
#ifdef ZN_HAVE_SODIUM
int zn_curve_keypair(uint8_t public_key[ZN_CURVE_KEY], uint8_t secret_key[ZN_CURVE_KEY]);
int zn_curve_public(uint8_t public_key[ZN_CURVE_KEY],
                    const uint8_t secret_key[ZN_CURVE_KEY]);
#else
static inline int zn_curve_keypair(uint8_t *public_key, uint8_t *secret_key)
{
    (void)public_key, (void)secret_key;
    return -ENOTSUP;
}

static inline int zn_curve_public(uint8_t *public_key, const uint8_t *secret_key)
{
    (void)public_key, (void)secret_key;
    return -ENOTSUP;
}
#endif

#endif
