/* core/zap.h - asks the application's authenticator about one peer (RFC 27). Design: zap.c.
 *
 * Threads  Like the session that asks: its loop's thread, the token held. */
#ifndef ZN_CORE_ZAP_H
#define ZN_CORE_ZAP_H

#include "core/session.h"

struct zn_zap;

/* What a bad answer is called: ZMQ_PROTOCOL_ERROR_ZAP_... of zmq.h. */
struct zn_zap_answer {
    int status;                          /* 200, 300, 400, 500 */
    uint32_t error;                      /* with -EPROTO */
};

/* Sends the question; the session is run with ZN_WORK_IN when the answer is there. address:
 * the peer's, as Peer-Address. -ENOENT: nobody to ask; -ENOMEM. */
int zn_zap_ask(struct zn_session *ss, const struct zn_credentials *who,
               const char *address, struct zn_zap **out);
/* 1: *answer; 0: not yet; -EPROTO: it cannot be understood; -EPIPE: the handler has gone
 * without one; -ENOMEM. */
int zn_zap_hear(struct zn_zap *z, struct zn_zap_answer *answer);
/* What a status of 200 came with: User-Id, then the handler's own. Within z's memory. */
const struct zn_property *zn_zap_properties(const struct zn_zap *z, size_t *count);
void zn_zap_drop(struct zn_zap *z);      /* NULL is fine */

#endif
