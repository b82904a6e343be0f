/* core/sealed.h - traffic of a session whose mechanism left a cipher: every frame goes out as
 * a sealed one, and comes in as one.
 *
 * Threads  Whoever holds the session's token.
 * Memory   Made when the handshake is done, freed by zn_session_traffic_reset(). Its buffer
 *          is kept while there is traffic: zn_sealed_trim(). */
#ifndef ZN_CORE_SEALED_H
#define ZN_CORE_SEALED_H

#include "core/session.h"
#include "wire/frame.h"

struct zn_sealed;

/* Takes the cipher over, on success. first: bytes to go out before all else, as they are: the
 * end of the handshake. -ENOMEM. */
int zn_sealed_begin(struct zn_session *ss, struct zn_cipher *cipher,
                    struct zn_bytes first);
void zn_sealed_free(struct zn_sealed *sl);           /* NULL is fine */

/* As zn_session_write(), zn_session_parse(). The bytes at p are opened in place. */
int zn_sealed_write(struct zn_session *ss);
ptrdiff_t zn_sealed_parse(struct zn_session *ss, uint8_t *p, size_t size,
                          struct zn_frame_header *h);
/* One whole frame: its body is opened in place; a message may go on referring to content. */
int zn_sealed_frame(struct zn_session *ss, uint8_t *body, size_t size,
                    struct zn_content *content);
/* How much larger than its message a frame may be. */
size_t zn_sealed_overhead(const struct zn_sealed *sl);

/* Whether there is a buffer to be given back; gives it back, if nothing is in it. */
bool zn_sealed_is_large(const struct zn_sealed *sl);
void zn_sealed_trim(struct zn_sealed *sl);

#endif
