/* patterns/dgram.c - DGRAM: datagrams to and from anybody, over UDP.
 *
 * A message is two frames: the address of who is to have it, or who sent it, and the body.
 * What libzmq would drop without a word is refused here: an address that is none, a body that
 * no datagram can hold. */
#include <errno.h>

#include "patterns/shared/duplex.h"
#include "platform/platform.h"
#include "zmq.h"

enum { BODY_MAX = 65507 };               /* of a UDP datagram over IPv4 */

/* One address to send from. */
static int attach(struct zn_socket *s, struct zn_end *e)
{
    int rc = zn_duplex_attach_only(s, e);
    return rc == -EBUSY ? -EADDRINUSE : rc;
}

static int check(const struct zn_duplex *d, const struct zn_frame *f)
{
    bool more = f->flags & ZN_MORE, midway = d->out.more || d->out.dropping;
    struct zn_addr to;
    if (more == midway)
        return -EINVAL;
    if (midway)
        return f->size > BODY_MAX ? -EMSGSIZE : 0;
    return zn_addr_parse(&to, (const char *)f->data, f->size);
}

static int send_frame(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    int rc = check(zn_socket_state(s), f);
    return rc < 0 ? rc : zn_duplex_send(s, f, routing_id);
}

const struct zn_pattern zn_pattern_dgram = {
    .type = ZMQ_DGRAM,
    .name = "DGRAM",
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_DATAGRAMS,
    .state_size = sizeof(struct zn_duplex),
    .init = zn_duplex_init,
    .fini = zn_duplex_fini,
    .attach = attach,
    .readable = zn_duplex_readable,
    .writable = zn_duplex_writable,
    .closed = zn_duplex_closed,
    .detach = zn_duplex_detach,
    .send = send_frame,
    .recv = zn_duplex_recv,
    .events = zn_duplex_events,
};
