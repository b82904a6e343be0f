/* wire/lossy.h - messages in a stream of bytes that may lose its middle, as PGM's and NORM's
 * do. Pure.
 *
 * PGM      carries packets (APDUs): two bytes that say where the first message starts behind
 *          them (ZN_APDU_NO_START: nowhere in this one), then bytes of the stream, in which
 *          frames of ZMTP 1.0 (RFC 13) run on from packet to packet.
 * NORM     has a stream: a byte that tells a message's first frame (0) from one that goes on
 *          with it (255), then the frame as in ZMTP 2.0 (RFC 15), and so on. Where messages
 *          start NORM knows itself.
 *
 * A reader drops everything up to a message's start, and starts over after a loss: what it
 * gives is always a whole message, as long as whoever puts frames together forgets those of
 * a message that did not end. */
#ifndef ZN_WIRE_LOSSY_H
#define ZN_WIRE_LOSSY_H

#include "wire/frame.h"

enum zn_lossy_framing { ZN_LOSSY_PGM, ZN_LOSSY_NORM };

enum { ZN_LOSSY_HEADER_MAX = 10, ZN_APDU_HEADER = 2, ZN_APDU_NO_START = 0xffff };

/* ---- Reading: one of these a sender. Zero but for framing: not in step. */

struct zn_lossy_reader {
    uint8_t framing;
    bool in_step;                        /* the next byte's place in its frame is known */
    bool in_frame;                       /* past its header */
    bool in_message;                     /* a frame has said that more follow */
    bool skipping;                       /* this frame is none of a message's that we have */
    uint8_t flags;                       /* of this frame: ZN_FRAME_MORE */
    uint8_t head[ZN_LOSSY_HEADER_MAX], have;
    uint64_t size, left;                 /* of the body */
};

/* A part of a frame. */
struct zn_lossy_piece {
    struct zn_bytes bytes;               /* within the input; may be none */
    uint64_t size;                       /* of the frame's body as a whole */
    bool first;                          /* of the first frame of a message */
    bool begins, ends;                   /* this frame */
    bool more;                           /* frames of this message follow */
};

/* Something was lost, or is wrong: back to the start of a message. */
void zn_lossy_lose_step(struct zn_lossy_reader *r);
/* NORM: the next byte is a message's first, or another frame's. */
void zn_lossy_step_in(struct zn_lossy_reader *r);
/* PGM: looks at what is in front of an APDU; its bytes are to be read from the one that is
 * returned, which is end if there is nothing for us. */
const uint8_t *zn_apdu_open(struct zn_lossy_reader *r, const uint8_t *p,
                            const uint8_t *end);
/* Reads on at *p, which it moves. 1: a piece. 0: the input has been used up, or the reader is
 * not in step. -EPROTO, -EMSGSIZE (more than limit): it is not in step any more. */
int zn_lossy_read(struct zn_lossy_reader *r, const uint8_t **p, const uint8_t *end,
                  uint64_t limit, struct zn_lossy_piece *piece);

/* ---- Writing. */

struct zn_lossy_writer {
    uint8_t framing;
    bool in_message;                     /* the frame before said that more follow */
    bool in_frame;
    uint8_t head[ZN_LOSSY_HEADER_MAX], head_size;
    uint64_t written;                    /* of the frame, header included */
};

/* Begins a frame unless one is being written. True: it is a message's first, and nothing of
 * it has been written. */
bool zn_lossy_begin(struct zn_lossy_writer *w, uint8_t flags, uint64_t size);
/* Puts the next bytes of the frame, whose body is given anew each time, at `to`; how many. */
size_t zn_lossy_write(struct zn_lossy_writer *w, struct zn_bytes body, uint8_t *to,
                      size_t room);
/* Whether all of it has been written: the next one is to begin. */
bool zn_lossy_end(struct zn_lossy_writer *w, uint64_t size);
/* The frame at hand will not be written on, nor the rest of its message. */
void zn_lossy_forget(struct zn_lossy_writer *w);

/* An APDU being filled. */
struct zn_apdu {
    uint8_t *data;
    size_t size, room;
};

void zn_apdu_begin(struct zn_apdu *a);
/* Appends bytes of a frame; how many. Says where, if it is the first start of a message. */
size_t zn_apdu_put(struct zn_apdu *a, struct zn_lossy_writer *w, uint8_t flags,
                   struct zn_bytes body);
static inline bool zn_apdu_is_empty(const struct zn_apdu *a)
{
    return a->size <= ZN_APDU_HEADER;
}

#endif
