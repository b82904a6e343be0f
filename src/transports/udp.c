/* transports/udp.c - udp://: RADIO sends to one address, DISH and DGRAM have one; unicast,
 * multicast or broadcast.
 *
 * A message is a datagram. One that cannot go now waits; one that cannot go at all is
 * dropped, and so is one that comes and makes no sense. At the inbound high-water mark
 * nothing is read: the kernel keeps what its buffer holds, and drops what comes then. */
#include <stdio.h>

#include <zmq.h>

#include "core/carrier.h"
#include "core/endpoint.h"
#include "core/transport.h"
#include "core/tune.h"
#include "wire/datagram.h"

enum { DATAGRAMS_A_TURN = 128 };
_Static_assert(ZN_LOOP_SCRATCH > UINT16_MAX, "every datagram fits");

struct udp {
    struct zn_carrier carrier;           /* first: the core knows this part */
    int fd;
    enum zn_family family;               /* of fd */
    struct zn_addr to;                   /* RADIO: always; DGRAM: the message under way */
    uint8_t head[ZN_GROUP_HEAD_MAX];     /* RADIO: what goes before the body */
    size_t head_size;
    bool midway;                         /* the first frame of two has been taken */
    bool dropping;                       /* what is under way leads nowhere */
};

static struct udp *udp_of(struct zn_carrier *c)
{
    return (struct udp *)c;
}

/* ---- Opening. */

static int open_fd(struct udp *u, enum zn_family family)
{
    u->fd = zn_sock_open_datagram(family);
    if (u->fd < 0)
        return u->fd;
    u->family = family;
    zn_carrier_add_fd(&u->carrier, u->fd);
    int rc = family == ZN_AF_INET6 ? zn_sock_set(u->fd, ZN_SO_V6ONLY, 0) : 0;
    return rc < 0 ? rc : zn_tune(u->fd, &u->carrier.route->options);
}

/* The interface in front of a multicast address; 0: none. */
static int find_interface(const struct zn_udp_name *name, struct zn_addr *a,
                          int *interface)
{
    *interface = 0;
    if (name->interface[0] == '\0')
        return 0;
    if (!zn_addr_is_multicast(a))
        return -EINVAL;
    if (strcmp(name->interface, "*") == 0)
        return 0;
    int index = zn_interface(name->interface);
    if (index < 0)
        return index;
    zn_addr_set_interface(a, index);
    *interface = index;
    return 0;
}

static int find_local(const struct zn_udp_name *name, bool ipv6, struct zn_addr *a)
{
    if (name->any_host) {
        zn_addr_any(a, ipv6, name->port);
        return 0;
    }
    int rc = zn_addr_interface(a, name->host, ipv6, name->port);
    if (rc == -ENODEV && ipv6)
        rc = zn_addr_interface(a, name->host, false, name->port);
    if (rc == 0 || zn_addr_numeric(a, name->host, name->port) < 0)
        return rc;
    return ipv6 || zn_addr_unmap_v4(a) ? 0 : -ENODEV;
}

/* LAST_ENDPOINT: libzmq's has no scheme. */
static int tell(const struct zn_udp_name *name, const struct zn_addr *bound, char *last)
{
    bool has_interface = name->interface[0] != '\0';
    int n = snprintf(last, ZN_ENDPOINT_MAX, "%s%s", name->interface,
                     has_interface ? ";" : "");
    return zn_addr_text(bound, last + n, (size_t)(ZN_ENDPOINT_MAX - n));
}

/* Bound to the group's address, it hears what is sent to the group and nothing else; others
 * of this machine may do the same. */
static int bind_fd(struct udp *u, const struct zn_udp_name *name, const struct zn_addr *a,
                   int interface, char *last)
{
    struct zn_addr bound;
    bool multicast = zn_addr_is_multicast(a);
    int rc = multicast ? zn_sock_set(u->fd, ZN_SO_REUSEADDR, 1) : 0;
    if (rc == 0)
        rc = zn_sock_bind(u->fd, a);
    if (rc == 0 && multicast)
        rc = zn_sock_join(u->fd, a, interface);
    if (rc == 0)
        rc = zn_sock_name(u->fd, &bound);
    return rc < 0 ? rc : tell(name, &bound, last);
}

/* What sends may send to anywhere. */
static int may_send(struct udp *u, int interface)
{
    const struct zn_options *o = &u->carrier.route->options;
    int rc = zn_sock_set(u->fd, ZN_SO_BROADCAST, 1);
    if (rc == 0)
        rc = zn_sock_cast(u->fd, u->family, o->multicast_hops, o->multicast_loop,
                          interface);
    return rc;
}

static int open_bound(struct zn_carrier *c, const char *address, char *last, bool sends)
{
    struct udp *u = udp_of(c);
    struct zn_udp_name name;
    struct zn_addr a;
    int interface = 0;
    u->fd = -1;
    int rc = zn_udp_parse(address, true, &name);
    if (rc == 0)
        rc = find_local(&name, c->route->options.ipv6, &a);
    if (rc == 0)
        rc = find_interface(&name, &a, &interface);
    if (rc < 0)
        return rc;
    rc = open_fd(u, zn_addr_family(&a));
    if (rc == -EAFNOSUPPORT && name.any_host) {
        zn_addr_any(&a, false, name.port);
        rc = open_fd(u, ZN_AF_INET);
    }
    if (rc == 0 && sends)
        rc = may_send(u, interface);
    return rc < 0 ? rc : bind_fd(u, &name, &a, interface, last);
}

static int open_dish(struct zn_carrier *c, const char *address, char *last)
{
    return open_bound(c, address, last, false);
}

static int open_dgram(struct zn_carrier *c, const char *address, char *last)
{
    return open_bound(c, address, last, true);
}

/* Looks a name up at once, as libzmq does. */
static int find_peer(const struct zn_udp_name *name, bool ipv6, struct zn_addr *a)
{
    if (name->any_host)
        return -EINVAL;
    if (zn_addr_numeric(a, name->host, name->port) == 0)
        return ipv6 || zn_addr_unmap_v4(a) ? 0 : -EINVAL;
    int rc = zn_resolve(name->host, name->port, ipv6, a, 1);
    return rc == -ENOENT ? -EINVAL : ZN_MIN(rc, 0);
}

static int open_radio(struct zn_carrier *c, const char *address, char *last)
{
    struct udp *u = udp_of(c);
    struct zn_udp_name name;
    int interface = 0;
    u->fd = -1;
    snprintf(last, ZN_ENDPOINT_MAX, "%s", address);
    int rc = zn_udp_parse(address, false, &name);
    if (rc == 0)
        rc = find_peer(&name, c->route->options.ipv6, &u->to);
    if (rc == 0)
        rc = find_interface(&name, &u->to, &interface);
    if (rc == 0)
        rc = open_fd(u, zn_addr_family(&u->to));
    return rc < 0 ? rc : may_send(u, interface);
}

static void close_fd(struct zn_carrier *c)
{
    zn_sock_close(udp_of(c)->fd);
}

/* ---- In. */

static bool is_too_large(const struct udp *u, size_t size)
{
    int64_t max = u->carrier.route->options.maxmsgsize;
    return max >= 0 && size > (uint64_t)max;
}

/* A message of two frames; dropped, if there is no memory for it. */
static void deliver(struct udp *u, struct zn_bytes first, struct zn_bytes body)
{
    const struct zn_frame frames[] = { { .data = first.data, .size = first.size },
                                       { .data = body.data, .size = body.size } };
    if (!is_too_large(u, body.size))
        (void)zn_carrier_deliver(&u->carrier, frames, 2);
}

static void take_for_dish(struct udp *u, struct zn_bytes datagram,
                          const struct zn_addr *from)
{
    struct zn_bytes group, body;
    (void)from;
    if (zn_group_decode(datagram, &group, &body) == 0)
        deliver(u, group, body);
}

static void take_for_dgram(struct udp *u, struct zn_bytes datagram,
                           const struct zn_addr *from)
{
    char text[ZN_ENDPOINT_MAX];
    if (zn_addr_text(from, text, sizeof text) == 0)
        deliver(u, (struct zn_bytes){ (const uint8_t *)text, strlen(text) + 1 },
                datagram);
}

/* Errors are news of what was sent earlier, or of datagrams that were lost: there may be
 * others behind them. */
static int read_datagrams(struct zn_carrier *c,
                          void (*take)(struct udp *u, struct zn_bytes datagram,
                                       const struct zn_addr *from))
{
    struct udp *u = udp_of(c);
    uint8_t *scratch = zn_loop_scratch(c->loop);
    int taken = 0;
    for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
        struct zn_addr from;
        if (!zn_carrier_room(c))
            return 0;
        ptrdiff_t n = zn_sock_recvfrom(u->fd, scratch, ZN_LOOP_SCRATCH, &from);
        if (n == -EAGAIN)
            return 0;
        if (n < 0)
            continue;
        take(u, (struct zn_bytes){ scratch, (size_t)n }, &from);
        taken++;
    }
    return taken > 0;
}

static int read_dish(struct zn_carrier *c)
{
    return read_datagrams(c, take_for_dish);
}

static int read_dgram(struct zn_carrier *c)
{
    return read_datagrams(c, take_for_dgram);
}

/* What comes to an address that nobody was told of. */
static int read_nothing(struct zn_carrier *c)
{
    (void)c;
    return 0;
}

/* ---- Out. */

/* 0, also if it is lost: nobody can be told. -EAGAIN. */
static int send_datagram(struct udp *u, const struct zn_iov *iov, int count)
{
    return zn_sock_sendto(u->fd, iov, count, &u->to) == -EAGAIN ? -EAGAIN : 0;
}

static int send_body(struct udp *u, const struct zn_frame *f)
{
    const struct zn_iov iov[] = { { u->head, u->head_size },
                                  { (void *)(uintptr_t)f->data, f->size } };
    return u->head_size > 0 ? send_datagram(u, iov, 2) : send_datagram(u, iov + 1, 1);
}

/* The second frame of a message, or what does not belong there. */
static int send_rest(struct udp *u, const struct zn_frame *f)
{
    u->dropping |= (f->flags & ZN_MORE) != 0;
    int rc = u->dropping ? 0 : send_body(u, f);
    if (rc == 0)
        u->midway = f->flags & ZN_MORE;
    return rc;
}

static int send_radio(struct zn_carrier *c, const struct zn_frame *f)
{
    struct udp *u = udp_of(c);
    if (u->midway) {
        u->dropping |= f->size > ZN_GROUP_DATAGRAM_MAX - u->head_size;
        return send_rest(u, f);
    }
    u->midway = f->flags & ZN_MORE;
    u->dropping = f->size > ZMQ_GROUP_MAX_LENGTH;
    if (!u->dropping)
        u->head_size = zn_group_encode(u->head, (struct zn_bytes){ f->data, f->size });
    return 0;
}

static bool is_reachable(struct udp *u)
{
    if (u->family == ZN_AF_INET6)
        zn_addr_map_v4(&u->to);
    return zn_addr_family(&u->to) == u->family;
}

static int send_dgram(struct zn_carrier *c, const struct zn_frame *f)
{
    struct udp *u = udp_of(c);
    if (u->midway)
        return send_rest(u, f);
    u->midway = f->flags & ZN_MORE;
    u->dropping =
        zn_addr_parse(&u->to, (const char *)f->data, f->size) < 0 || !is_reachable(u);
    return 0;
}

/* ---- The transport. */

static const struct zn_carrier_ops dish = {
    .size = sizeof(struct udp),
    .open = open_dish,
    .read = read_dish,
    .close = close_fd,
};

static const struct zn_carrier_ops dgram = {
    .size = sizeof(struct udp),
    .open = open_dgram,
    .read = read_dgram,
    .send = send_dgram,
    .close = close_fd,
};

static const struct zn_carrier_ops radio = {
    .size = sizeof(struct udp),
    .open = open_radio,
    .read = read_nothing,
    .send = send_radio,
    .close = close_fd,
};

static int bind_to(struct zn_socket *s, const char *endpoint, char *last)
{
    int type = s->pattern->type;
    if (type != ZMQ_DISH && type != ZMQ_DGRAM)
        return -ENOCOMPATPROTO;
    return zn_carrier_start(s, &zn_transport_udp, type == ZMQ_DISH ? &dish : &dgram,
                            endpoint, true, last);
}

static int connect_to(struct zn_socket *s, const char *endpoint, char *last)
{
    if (s->pattern->type != ZMQ_RADIO)
        return -ENOCOMPATPROTO;
    return zn_carrier_start(s, &zn_transport_udp, &radio, endpoint, false, last);
}

const struct zn_transport zn_transport_udp = {
    .scheme = "udp",
    .types = 1u << ZMQ_RADIO | 1u << ZMQ_DISH | 1u << ZMQ_DGRAM,
    .bind = bind_to,
    .connect = connect_to,
};
