/* core/known.h - which endpoints spoke ZMTP 3 a moment ago.
 *
 * A greeting goes out piece by piece since nobody knows how old the peer is, which costs two
 * round trips. Whoever connects again to where ZMTP 3 was spoken within the last seconds says
 * all of it at once. Should the peer have been replaced by one of before 2013 in the meantime,
 * that connection fails, the endpoint is forgotten, and the next attempt goes step by step.
 *
 * Threads  Any.
 * Memory   A table of fixed size, made when there is something to know. */
#ifndef ZN_CORE_KNOWN_H
#define ZN_CORE_KNOWN_H

#include "base/base.h"

struct zn_ctx;

bool zn_known_to_speak_3(struct zn_ctx *ctx, const char *endpoint);
void zn_known_learn(struct zn_ctx *ctx, const char *endpoint);
void zn_known_forget(struct zn_ctx *ctx, const char *endpoint);
void zn_known_free(struct zn_ctx *ctx);

#endif
