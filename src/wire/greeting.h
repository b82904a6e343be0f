/* wire/greeting.h - the first bytes each way: which version, which mechanism (RFC 13,
 * 15, 23, 37). A part of the handshake, for nobody else. */
#ifndef ZN_WIRE_GREETING_H
#define ZN_WIRE_GREETING_H

#include "wire/mechanism.h"

/* Writes our signature, and awaits the peer's. */
int zn_greeting_start(struct zn_handshake *hs);
/* Goes one step on: hs->need bytes have come. Moves hs->phase to ZN_PHASE_FRAMES, with
 * hs->version chosen, when what follows are frames. -EPROTO, -ENOMEM. */
int zn_greeting_step(struct zn_handshake *hs);

enum zn_phase {
    ZN_PHASE_FIRST_BYTE,
    ZN_PHASE_SIGNATURE,
    ZN_PHASE_REVISION,
    ZN_PHASE_GREETING_2,                 /* ZMTP 2.0, or 1.0 with a revision byte */
    ZN_PHASE_GREETING_3,
    ZN_PHASE_FRAMES,                     /* the greeting is over */
};

/* In handshake.c: frames of that version follow. Those bytes of hs->in that have been
 * read as greeting must be gone. Says what is ours to say. */
int zn_handshake_begin_frames(struct zn_handshake *hs, enum zn_zmtp version);

#endif
