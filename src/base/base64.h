/* base/base64.h - bytes as text (RFC 4648, section 4). Pure. */
#ifndef ZN_BASE_BASE64_H
#define ZN_BASE_BASE64_H

#include "base/base.h"

/* Characters, without the NUL. */
#define ZN_BASE64_LENGTH(size) (((size) + 2) / 3 * 4)

/* Writes ZN_BASE64_LENGTH(size) characters, padding included, and a NUL. */
void zn_base64_encode(char *dst, const uint8_t *data, size_t size);

/* Whether the text stands for exactly size bytes, with its padding. The bits that pad the
 * last character are not looked at. */
bool zn_base64_is(struct zn_bytes text, size_t size);

#endif
