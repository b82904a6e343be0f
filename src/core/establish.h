/* core/establish.h - between session.c, which runs a session, establish.c, which gets it
 * connected, and lost.c, which sees to it when that is over. All on the loop's thread, by the token's holder. */
#ifndef ZN_CORE_ESTABLISH_H
#define ZN_CORE_ESTABLISH_H

#include "core/session.h"

static inline const struct zn_options *zn_session_options(const struct zn_session *ss)
{
    return &ss->route->options;
}

static inline struct zn_socket *zn_session_socket(const struct zn_session *ss)
{
    return ss->route->socket;
}

static inline bool zn_session_is_raw(const struct zn_session *ss)
{
    return zn_session_socket(ss)->pattern->flags & ZN_PAT_RAW ||
           ss->route->options.router_raw;
}

/* establish.c */
void zn_session_begin(struct zn_session *ss);
void zn_session_attempt(struct zn_session *ss);          /* to connect */
void zn_session_attempt_failed(struct zn_session *ss, int error);
void zn_session_resolved(struct zn_session *ss);
void zn_session_stop_resolving(struct zn_session *ss);
void zn_session_open(struct zn_session *ss);             /* its stream */
void zn_session_open_failed(struct zn_session *ss, int error);
/* Or not: asks the kernel. words: what it has said of itself. */
void zn_session_connected(struct zn_session *ss, unsigned words);
/* words: what traffic begins with. */
int zn_session_established(struct zn_session *ss, unsigned words);
/* After the reconnect interval. */
void zn_session_try_later(struct zn_session *ss);
/* As if the application had disconnected: the endpoint is forgotten. */
void zn_session_give_up(struct zn_session *ss);
/* Whether an empty message tells of a peer that comes, or goes: ZMQ_NOTIFY_. */
bool zn_session_notifies(const struct zn_session *ss, int what);
void zn_session_tell(struct zn_session *ss, uint64_t event, uint64_t value);
/* As the message property Peer-Address; "" if it is not known. */
void zn_session_peer_address(struct zn_session *ss, char *buf, size_t size);

/* lost.c: the connection is over, -errno says why. Tries again, or dies. */
void zn_session_lost(struct zn_session *ss, int error);

/* shake.c */
int zn_handshake_start(struct zn_session *ss);   /* -ENOMEM */
void zn_session_shake(struct zn_session *ss, unsigned words);
void zn_handshake_drop(struct zn_session *ss);

/* session.c */
void zn_session_set_phase(struct zn_session *ss, enum zn_phase phase);
void zn_session_due(struct zn_session *ss, int which, uint64_t in_ms);   /* 0: never */
void zn_session_control(struct zn_session *ss, unsigned words);
void zn_session_close_fd(struct zn_session *ss);
/* Of its end of the pipe, and its place at a listener. */
void zn_session_let_go(struct zn_session *ss);
void zn_session_die(struct zn_session *ss);
int zn_session_make_pipe(struct zn_session *ss, struct zn_end **socket_end);
void zn_session_unmake_pipe(struct zn_session *ss);

#endif
