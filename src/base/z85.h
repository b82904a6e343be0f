/* base/z85.h - bytes as text and back (RFC 32). Pure. */
#ifndef ZN_BASE_Z85_H
#define ZN_BASE_Z85_H

#include "base/base.h"

/* Writes size / 4 * 5 characters and a NUL. -EINVAL: size is no multiple of 4. */
int zn_z85_encode(char *dst, const uint8_t *data, size_t size);

/* Writes length / 5 * 4 bytes. -EINVAL: a length of 0 or no multiple of 5, a character
 * that is none of Z85's, five of them that exceed 32 bits; dst may have been written to
 * then. */
int zn_z85_decode(uint8_t *dst, const char *text);

#endif
