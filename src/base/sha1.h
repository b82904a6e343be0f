/* base/sha1.h - SHA-1 (RFC 3174), for WebSocket's Sec-WebSocket-Accept alone: it proves there
 * that the peer speaks the protocol, and protects nothing. Pure. */
#ifndef ZN_BASE_SHA1_H
#define ZN_BASE_SHA1_H

#include "base/base.h"

enum { ZN_SHA1_SIZE = 20, ZN_SHA1_INPUT_MAX = 119 };

/* Of a short text: size is at most ZN_SHA1_INPUT_MAX, which makes two blocks. */
void zn_sha1(const void *data, size_t size, uint8_t out[ZN_SHA1_SIZE]);

#endif
