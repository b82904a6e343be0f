/* patterns/radio.c - RADIO (RFC 48): sends each message to the DISHes that joined its group.
 *
 * A PUB whose topic is the group, a frame of its own before the body, and whose matches are
 * exact. */
#include <errno.h>

#include "patterns/shared/publisher.h"
#include "zmq.h"

static int init(struct zn_socket *s)
{
    ((struct zn_publisher *)zn_socket_state(s))->groups = true;
    return zn_publisher_init(s);
}

static int send_frame(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    const char *name = f->msg == NULL ? "" : zn_msg_group(f->msg);
    struct zn_frame group = { .data = (const uint8_t *)name,
                              .size = strlen(name),
                              .flags = ZN_MORE };

    int rc = zn_publisher_send(s, &group, routing_id);
    return rc < 0 ? rc : zn_publisher_send(s, f, routing_id);
}

static unsigned events(struct zn_socket *s)
{
    (void)s;
    return ZMQ_POLLOUT;                  /* who cannot keep up is skipped */
}

static int set(struct zn_socket *s, int option, const void *value, size_t size)
{
    return option == ZMQ_XPUB_NODROP ? zn_publisher_set(s, option, value, size) : -ENOENT;
}

const struct zn_pattern zn_pattern_radio = {
    .type = ZMQ_RADIO,
    .name = "RADIO",
    .peers = 1u << ZMQ_DISH,
    .flags = ZN_PAT_SEND | ZN_PAT_EAGER | ZN_PAT_SINGLE | ZN_PAT_THREAD_SAFE,
    .state_size = sizeof(struct zn_publisher),
    .init = init,
    .fini = zn_publisher_fini,
    .attach = zn_publisher_attach,
    .ready = zn_publisher_ready,
    .lost = zn_publisher_lost,
    .readable = zn_publisher_readable,
    .closed = zn_publisher_readable,
    .detach = zn_publisher_detach,
    .send = send_frame,
    .events = events,
    .set = set,
};
