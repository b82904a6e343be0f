/* wire/websocket.h - WebSocket's frames (RFC 6455, section 5): headers, and the masking of
 * what a client sends. Pure. */
#ifndef ZN_WIRE_WEBSOCKET_H
#define ZN_WIRE_WEBSOCKET_H

#include <errno.h>

#include "base/base.h"

enum zn_ws_opcode {
    ZN_WS_CONTINUATION = 0,
    ZN_WS_TEXT = 1,
    ZN_WS_BINARY = 2,
    ZN_WS_CLOSE = 8,
    ZN_WS_PING = 9,
    ZN_WS_PONG = 10
};

enum { ZN_WS_HEADER_MAX = 14, ZN_WS_CONTROL_MAX = 125, ZN_WS_KEY = 4 };

struct zn_ws_header {
    uint8_t opcode;                      /* enum zn_ws_opcode */
    bool final;
    bool masked;
    uint8_t key[ZN_WS_KEY];              /* zero if not */
    uint64_t size;                       /* of the payload */
};

/* Reads one header from [p, end). Its length; 0 if more bytes are needed; -EPROTO: reserved
 * bits, an opcode that is none, a control frame that is fragmented or of more than 125 bytes,
 * a size beyond 2^63. Sizes that are not in their shortest form are taken: libzmq does. */
int zn_ws_header_decode(const uint8_t *p, const uint8_t *end, struct zn_ws_header *h);

/* Writes the header of a final frame: 2 to 14 bytes. key NULL: not masked. */
int zn_ws_header_encode(uint8_t *out, enum zn_ws_opcode opcode, uint64_t size,
                        const uint8_t *key);

/* Masks n bytes, or unmasks them, of which the first is number `at` of the payload. dst may
 * be src, or lie before it and overlap it. */
void zn_ws_mask(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[ZN_WS_KEY],
                uint64_t at);

#endif
