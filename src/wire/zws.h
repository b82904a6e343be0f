/* wire/zws.h - ZMTP as WebSocket messages (RFC 45, ZWS 2.0), and back: each ZMTP frame is one
 * binary message, whose first byte has the flags.
 *
 * ZWS has no greeting of its own, the HTTP upgrade stands for it. With a mechanism what
 * follows is ZMTP 3.0 behind its greeting, without one ZMTP 2.0 behind its own, so a session
 * needs to know nothing of all this: it is shown a greeting, and its own is swallowed.
 *
 * Pure: bytes in, bytes out, in any cut. What a peer may send in fragments must be collected,
 * since ZMTP tells a frame's size first; that buffer is on the heap and grows with what came.
 * Everything else goes through as it comes. */
#ifndef ZN_WIRE_ZWS_H
#define ZN_WIRE_ZWS_H

#include "base/base.h"
#include "wire/frame.h"
#include "wire/websocket.h"

enum { ZN_ZWS_GREETING_MAX = 64, ZN_ZWS_HEAD_MAX = ZN_WS_HEADER_MAX + 1 };

/* The greeting that a session would read; mechanism NULL: of ZMTP 2.0. Its length, which is
 * that of the session's own, too. */
size_t zn_zws_greeting(uint8_t out[ZN_ZWS_GREETING_MAX], const char *mechanism);

/* ---- In. */

struct zn_zws_in {
    /* set by its owner */
    bool masked;                         /* what comes must be so: it is a client's */
    uint64_t limit;                      /* of a message that comes in fragments */

    uint8_t head[ZN_WS_HEADER_MAX];      /* the beginning of a frame's header */
    uint8_t head_size;
    bool inside;                         /* of the frame h */
    bool flagged;                        /* whose flags have been read */
    struct zn_ws_header h;
    uint64_t at;                         /* bytes of its payload that have come */
    uint8_t control[ZN_WS_CONTROL_MAX];  /* the payload of a control frame */

    uint8_t *message;                    /* fragments, behind room for a header; or NULL */
    size_t message_size, message_cap;
    bool fragments;                      /* more of them are to come */

    /* what is to be done about it */
    bool heard;                          /* a PING or a PONG came */
    bool closed;                         /* CLOSE came: what follows is not looked at */
    uint8_t reply_opcode;                /* ZN_WS_PONG, ZN_WS_CLOSE; 0: nothing to answer */
    uint8_t reply_size;
    uint8_t reply[ZN_WS_CONTROL_MAX];
};

void zn_zws_in_fini(struct zn_zws_in *z);

/* ZMTP that n bytes make is at most ZN_ZWS_SLACK(n) bytes longer than they are. */
#define ZN_ZWS_SLACK(n) (16 + (n) / 64)

/* Takes bytes from the peer, writes ZMTP to out: *made of them. out may lie before p and
 * overlap it, by ZN_ZWS_SLACK(n) bytes at least. How many were used: all of them, unless a
 * message in fragments has become whole, which is to be taken out first. -EPROTO, -EMSGSIZE,
 * -ENOMEM; what had been made before is good. */
ptrdiff_t zn_zws_take(struct zn_zws_in *z, const uint8_t *p, size_t n, uint8_t *out,
                      size_t *made);

/* A ZMTP frame that came in fragments; size 0: there is none. Its memory is zn_free()'s from
 * then on: *block. */
struct zn_bytes zn_zws_whole(struct zn_zws_in *z, uint8_t **block);

/* How much of the body of the frame that is being passed on is still to come: its bytes can be
 * read straight to where they belong, and be unmasked there. */
uint64_t zn_zws_body_left(const struct zn_zws_in *z);
void zn_zws_body_came(struct zn_zws_in *z, uint8_t *p, size_t n);

/* ---- Out. */

struct zn_zws_out {
    bool masks;                          /* a client does */
    size_t swallow;                      /* bytes of our greeting, still to come */
    size_t direct;                       /* bodies of so many bytes are not copied; 0: all */
    const uint8_t *keys;                 /* random bytes for masks, the caller's */
    size_t keys_size;

    uint8_t head[ZN_FRAME_HEADER_MAX];   /* the beginning of a frame's header */
    uint8_t head_size;
    uint64_t left, at;                   /* of the frame's body; in the payload */
    uint8_t key[ZN_WS_KEY];
};

/* Takes ZMTP, writes WebSocket frames to out: *made of at most room bytes. How many bytes it
 * took: fewer than n when room or keys are used up, or when it comes to a body that is to go
 * as it lies (z->left bytes, of which the caller says zn_zws_sent()). */
size_t zn_zws_put(struct zn_zws_out *z, const uint8_t *p, size_t n, uint8_t *out,
                  size_t room, size_t *made);
void zn_zws_sent(struct zn_zws_out *z, size_t n);

/* Whether a control frame may go now. */
static inline bool zn_zws_between(const struct zn_zws_out *z)
{
    return z->left == 0;
}

#endif
