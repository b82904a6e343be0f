/* patterns/shared/subscriber.h - what SUB and XSUB share: subscriptions are held, told
 * to every publisher, and told again to each new connection.
 *
 * Subscriptions are state: a connection that is not up is told nothing, and at `ready`
 * all that is held at once, past any high-water mark. So none is lost, and none told
 * twice but where libzmq does so (each repeated zmq_setsockopt is told).
 *
 * Threads  The socket's lock.
 * Memory   About 45 bytes a subscription of 20 bytes.
 * Failure  -ENOMEM: the subscription is not held. A cancel always succeeds; publishers
 *          that could not be told of it send more than is wanted. */
#ifndef ZN_PATTERNS_SUBSCRIBER_H
#define ZN_PATTERNS_SUBSCRIBER_H

#include "core/pattern.h"
#include "patterns/shared/fair_queue.h"
#include "patterns/shared/fan_out.h"
#include "patterns/shared/prefix_tree.h"

struct zn_subscriber {
    struct zn_fair_queue in;
    bool wants_all;                      /* the empty topic is held */
    struct zn_end *passed;               /* SUB's: its next message has been matched */
    struct zn_prefix_tree held;          /* value: how many times */
    uint32_t prefixes;
    struct zn_fan_out out;               /* all ends; XSUB's messages upstream */
    int verbose_cancel;                  /* tell of every cancel */
};

int zn_subscriber_init(struct zn_socket *s);
void zn_subscriber_fini(struct zn_socket *s);
int zn_subscriber_attach(struct zn_socket *s, struct zn_end *e);
int zn_subscriber_ready(struct zn_socket *s, struct zn_end *e);
void zn_subscriber_lost(struct zn_socket *s, struct zn_end *e);
void zn_subscriber_readable(struct zn_socket *s, struct zn_end *e);
void zn_subscriber_closed(struct zn_socket *s, struct zn_end *e);
void zn_subscriber_detach(struct zn_socket *s, struct zn_end *e);
int zn_subscriber_get(struct zn_socket *s, int option, void *value, size_t *size);

/* Counts a subscription, or its cancel, and tells the publishers what they must know.
 * as: the message to tell them with; NULL: in each one's own form. */
int zn_subscriber_subscribe(struct zn_subscriber *p, struct zn_bytes topic,
                            const struct zn_frame *as);
void zn_subscriber_cancel(struct zn_subscriber *p, struct zn_bytes topic,
                          const struct zn_frame *as);

/* Whether any prefix held begins topic. */
static inline bool zn_subscriber_wants(const struct zn_subscriber *p,
                                       struct zn_bytes topic)
{
    if (p->wants_all)
        return true;
    struct zn_prefix_walk w = { .topic = topic };

    do
        if (zn_prefix_value(&p->held, w.node) != 0)
            return true;
    while (zn_prefix_down(&p->held, &w));
    return false;
}

#endif
