/* wire/cipher.h - what a mechanism does to every frame once its handshake is over: CURVE and
 * GSSAPI put each into a MESSAGE command of their own.
 *
 * Pure, and never allocates per frame (GSSAPI's library may). One thread at a time. Frames
 * are sealed, and opened, in the order in which they go over the wire. */
#ifndef ZN_WIRE_CIPHER_H
#define ZN_WIRE_CIPHER_H

#include "base/base.h"

struct zn_cipher;

/* A frame that was opened: payload lies within the body that was given. */
struct zn_opened {
    uint8_t flags;                       /* ZN_FRAME_MORE, ZN_FRAME_COMMAND: the inner ones */
    struct zn_bytes payload;
};

struct zn_cipher_ops {
    size_t overhead;                     /* a body is at most so much larger than its payload */
    /* Writes the body of a wire frame to out, which has room for size + overhead bytes and
     * does not overlap p. Its size, or -EPROTO: this cipher can seal no more (its nonces are
     * used up): the connection is to end. */
    ptrdiff_t (*seal)(struct zn_cipher *c, uint8_t flags, const uint8_t *p, size_t size,
                      uint8_t *out);
    /* Opens a body in place. 0; -EPROTO, with *error a ZN_ERROR_ code. */
    int (*open)(struct zn_cipher *c, uint8_t *body, size_t size, struct zn_opened *out,
                uint32_t *error);
    /* Clears its keys and frees it. */
    void (*free)(struct zn_cipher *c);
};

/* The first member of each cipher. */
struct zn_cipher {
    const struct zn_cipher_ops *ops;
};

/* NULL is fine: frames go as they are. */
static inline void zn_cipher_free(struct zn_cipher *c)
{
    if (c != NULL)
        c->ops->free(c);
}

#endif
