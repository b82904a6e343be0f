/* wire/mechanisms/curve_cipher.h - MESSAGE, what a frame becomes under CURVE (RFC 26): boxes
 * whose nonces rise. A cipher belongs to one connection, and is freed by zn_cipher_free(). */
#ifndef ZN_WIRE_MECHANISMS_CURVE_CIPHER_H
#define ZN_WIRE_MECHANISMS_CURVE_CIPHER_H

#include "base/base.h"

struct zn_cipher;

/* key: of S' and C', 32 bytes, copied in another form; sent, seen: the last nonces that the
 * handshake used each way. NULL: no memory. */
struct zn_cipher *zn_curve_cipher_new(const uint8_t *key, bool as_server, uint64_t sent,
                                      uint64_t seen);

#endif
