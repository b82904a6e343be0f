/* patterns/shared/subscriber.c - what SUB and XSUB share. */
#include "patterns/shared/subscriber.h"

#include <errno.h>
#include <limits.h>
#include <zmq.h>

#include "base/alloc.h"
#include "core/options.h"

int zn_subscriber_init(struct zn_socket *s)
{
    struct zn_subscriber *p = zn_socket_state(s);

    zn_fq_init(&p->in);
    zn_fan_out_init(&p->out, false);
    zn_prefix_tree_init(&p->held);
    return 0;
}

void zn_subscriber_fini(struct zn_socket *s)
{
    struct zn_subscriber *p = zn_socket_state(s);

    zn_prefix_tree_fini(&p->held);
    zn_fan_out_fini(&p->out);
    zn_fq_fini(&p->in);
}

/* ---- Telling publishers. */

/* One publisher. An unfinished message of XSUB's is not cut in two: the subscription
 * becomes a frame of it, as the application wrote it. */
static int tell(struct zn_end *e, bool subscribe, struct zn_bytes topic,
                const struct zn_frame *as)
{
    int rc;

    if (zn_end_open(e)) {
        rc = as != NULL ? zn_end_write(e, as) : 0;
    } else if (!e->ready) {
        return 0;                        /* it hears of all at once, later */
    } else if (as != NULL) {
        struct zn_frame alone = *as;
        alone.flags = 0;
        rc = zn_end_write_always(e, &alone);
    } else {
        rc = zn_end_write_subscription(e, subscribe, topic);
    }
    if (rc == 0)
        zn_end_flush(e);
    return rc == -EPIPE ? 0 : rc;
}

static int tell_all(struct zn_subscriber *p, bool subscribe, struct zn_bytes topic,
                    const struct zn_frame *as)
{
    const struct zn_turns *t = &p->out.turns;
    int rc = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        int told = tell(t->ends[i], subscribe, topic, as);
        rc = told < 0 ? told : rc;
    }
    return rc;
}

int zn_subscriber_subscribe(struct zn_subscriber *p, struct zn_bytes topic,
                            const struct zn_frame *as)
{
    uint32_t node = zn_prefix_insert(&p->held, topic);
    if (node == ZN_PREFIX_NONE)
        return -ENOMEM;

    uint32_t times = zn_prefix_value(&p->held, node);
    int rc = times == UINT32_MAX ? -ENOMEM : tell_all(p, true, topic, as);
    if (rc == 0) {
        zn_prefix_set(&p->held, node, times + 1);
        p->prefixes += times == 0;
        p->wants_all |= node == 0;
    } else if (times == 0) {             /* those told are told better, if they can be */
        zn_prefix_prune(&p->held, node);
        (void)tell_all(p, false, topic, NULL);
    }
    return rc;
}

void zn_subscriber_cancel(struct zn_subscriber *p, struct zn_bytes topic,
                          const struct zn_frame *as)
{
    uint32_t node = zn_prefix_find(&p->held, topic);
    uint32_t times = node == ZN_PREFIX_NONE ? 0 : zn_prefix_value(&p->held, node);

    if (times == 1 || p->verbose_cancel)
        (void)tell_all(p, false, topic, as);
    if (times == 0)
        return;
    zn_prefix_set(&p->held, node, times - 1);
    if (times == 1) {
        zn_prefix_prune(&p->held, node);
        p->prefixes--;
        p->wants_all &= node != 0;
    }
}

static int tell_node(const struct zn_subscriber *p, struct zn_end *e, uint32_t node)
{
    uint8_t few[256], *text = few;
    size_t size = zn_prefix_size(&p->held, node);

    if (size > sizeof(few)) {
        text = zn_alloc(size);
        if (text == NULL)
            return -ENOMEM;
    }
    zn_prefix_copy(&p->held, node, text, size);
    int rc = zn_end_write_subscription(e, true, (struct zn_bytes){ text, size });
    if (text != few)
        zn_free(text);
    return rc;
}

/* ---- Ends. */

int zn_subscriber_attach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_subscriber *p = zn_socket_state(s);
    int rc = zn_fq_attach(&p->in, e);
    if (rc < 0)
        return rc;

    rc = zn_fan_out_attach(&p->out, e);
    if (rc < 0)
        zn_fq_detach(&p->in, e);
    return rc;
}

int zn_subscriber_ready(struct zn_socket *s, struct zn_end *e)
{
    struct zn_subscriber *p = zn_socket_state(s);
    int rc = 0;

    if (zn_prefix_value(&p->held, 0) != 0)
        rc = tell_node(p, e, 0);
    for (uint32_t node = 0; rc == 0 && (node = zn_prefix_next(&p->held, node)) != 0;)
        rc = tell_node(p, e, node);
    if (rc == 0)
        zn_end_flush(e);
    return rc == -EPIPE ? 0 : rc;
}

void zn_subscriber_lost(struct zn_socket *s, struct zn_end *e)
{
    struct zn_subscriber *p = zn_socket_state(s);

    zn_fan_out_leave(&p->out, e);
}

void zn_subscriber_readable(struct zn_socket *s, struct zn_end *e)
{
    struct zn_subscriber *p = zn_socket_state(s);

    zn_fq_readable(&p->in, e);
}

void zn_subscriber_closed(struct zn_socket *s, struct zn_end *e)
{
    struct zn_subscriber *p = zn_socket_state(s);

    zn_fan_out_leave(&p->out, e);
    zn_fq_closed(&p->in, s, e);
}

void zn_subscriber_detach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_subscriber *p = zn_socket_state(s);

    zn_fan_out_detach(&p->out, e);
    zn_fq_detach(&p->in, e);
}

int zn_subscriber_get(struct zn_socket *s, int option, void *value, size_t *size)
{
    const struct zn_subscriber *p = zn_socket_state(s);

    if (option != ZMQ_TOPICS_COUNT)
        return -ENOENT;
    return zn_option_get_int_loose((int)ZN_MIN(p->prefixes, (uint32_t)INT_MAX), value,
                                   size);
}
