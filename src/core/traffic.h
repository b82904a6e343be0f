/* core/traffic.h - between traffic.c, which moves bytes, and inbound.c, which reads what
 * they say. For whoever holds the session's token. */
#ifndef ZN_CORE_TRAFFIC_H
#define ZN_CORE_TRAFFIC_H

#include "core/session.h"
#include "wire/frame.h"

/* Takes whole frames from p to the inbound queue, or acts on them (commands). Bytes used,
 * or -errno: the connection is to end. What is left is the start of one frame; *h is its
 * header, size 0 if that is cut too. */
ptrdiff_t zn_session_parse(struct zn_session *ss, uint8_t const *p, size_t size,
                           struct zn_frame_header *h);
/* One frame, however it came: a message's, or a command. */
int zn_session_frame(struct zn_session *ss, const struct zn_frame *f);
/* Reads a header in the connection's framing, as zn_frame_decode() does. */
int zn_session_head(struct zn_session *ss, const uint8_t *p, const uint8_t *end,
                    struct zn_frame_header *h);

/* It moves a message of that size, or several. The memory of large ones goes round from now on,
 * as long as they come. */
void zn_session_moves(struct zn_session *ss, uint64_t size);

#endif
