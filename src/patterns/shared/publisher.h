/* patterns/shared/publisher.h - what PUB and XPUB share, and RADIO: subscriptions come
 * in, and messages go out to whom they match.
 *
 * Subscriptions are read in the background, by whoever posts that some have come
 * (ZN_PAT_EAGER); an application's calls never wait for them. XPUB's notices of them
 * queue without a limit.
 *
 * Threads  The socket's lock.
 * Failure  When there is no memory for a subscription its connection is ended: a peer
 *          that connects again brings them all again. */
#ifndef ZN_PATTERNS_PUBLISHER_H
#define ZN_PATTERNS_PUBLISHER_H

#include "core/options.h"
#include "core/pattern.h"
#include "patterns/shared/fan_out.h"
#include "patterns/shared/notices.h"
#include "patterns/shared/subscriptions.h"

/* The source's peer of what is received and is no notice. */
#define ZN_NO_NOTICE UINT64_MAX

struct zn_publisher {
    struct zn_fan_out out;
    struct zn_subscriptions held;        /* what messages are matched against */
    struct zn_subscriptions asked;       /* MANUAL: what peers said, not applied */
    struct zn_end **peers;               /* by id, with gaps */
    uint32_t peers_used, peers_cap, peers_gap;
    uint32_t serial;                     /* peers so far */
    struct zn_notices notices;
    bool tells;                          /* XPUB: notices are wanted */
    bool groups;                         /* RADIO: JOIN and LEAVE, and a match is exact */
    uint64_t last;                       /* the peer whose notice was received last */
    bool last_only;                      /* the next message is that peer's */

    /* options */
    int verbose_subscribe, verbose_cancel, manual, last_value, nodrop, only_first;
    struct zn_blob welcome;
};

int zn_publisher_init(struct zn_socket *s);
void zn_publisher_fini(struct zn_socket *s);
int zn_publisher_attach(struct zn_socket *s, struct zn_end *e);
int zn_publisher_ready(struct zn_socket *s, struct zn_end *e);
void zn_publisher_lost(struct zn_socket *s, struct zn_end *e);
void zn_publisher_readable(struct zn_socket *s, struct zn_end *e);
void zn_publisher_detach(struct zn_socket *s, struct zn_end *e);
int zn_publisher_send(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id);
int zn_publisher_set(struct zn_socket *s, int option, const void *value, size_t size);
int zn_publisher_get(struct zn_socket *s, int option, void *value, size_t *size);

#endif
