/* transports/tcp.c - tcp://, over IPv4 and IPv6. */
#include <stdio.h>

#include <zmq.h>

#include "core/endpoint.h"
#include "core/transport.h"
#include "core/tune.h"

#include "transports/plain.h"
#include "transports/socks.h"

static void name(const struct zn_addr *a, char *buf, size_t size)
{
    char host[256];
    if (zn_addr_host_text(a, host, sizeof host) < 0)
        snprintf(buf, size, "tcp://");
    else if (zn_addr_family(a) == ZN_AF_INET6)
        snprintf(buf, size, "tcp://[%s]:%u", host, (unsigned)zn_addr_port(a));
    else
        snprintf(buf, size, "tcp://%s:%u", host, (unsigned)zn_addr_port(a));
}

static void peer_address(int fd, const struct zn_addr *a, char *buf, size_t size)
{
    (void)fd;
    if (zn_addr_host_text(a, buf, size) < 0)
        buf[0] = '\0';
}

/* ---- Settings. What the system does not take is an error: nothing is ignored. */

static int set_if(int fd, enum zn_sockopt option, bool wanted, int value)
{
    return wanted ? zn_sock_set(fd, option, value) : 0;
}

static int tune(int fd, const struct zn_options *o, const struct zn_addr *peer)
{
    int rc = zn_sock_set(fd, ZN_SO_NODELAY, 1);
    if (peer != NULL && zn_addr_is_loopback(peer))
        zn_sock_unpace(fd);              /* its listener may be for others too */
    if (rc == 0)
        rc = set_if(fd, ZN_SO_TOS, peer != NULL && o->tos != 0, o->tos);
    if (rc == 0)                         /* TOS sets it as well */
        rc = set_if(fd, ZN_SO_PRIORITY, peer != NULL && o->priority != 0, o->priority);
    if (rc == 0)
        rc = set_if(fd, ZN_SO_KEEPALIVE, o->tcp_keepalive >= 0, o->tcp_keepalive);
    if (rc == 0 && o->tcp_keepalive == 1) {
        rc = set_if(fd, ZN_SO_KEEPCNT, o->tcp_keepalive_cnt > 0, o->tcp_keepalive_cnt);
        if (rc == 0)
            rc = set_if(fd, ZN_SO_KEEPIDLE, o->tcp_keepalive_idle > 0,
                        o->tcp_keepalive_idle);
        if (rc == 0)
            rc = set_if(fd, ZN_SO_KEEPINTVL, o->tcp_keepalive_intvl > 0,
                        o->tcp_keepalive_intvl);
    }
    if (rc == 0)
        rc = set_if(fd, ZN_SO_MAXRT, o->tcp_maxrt > 0, o->tcp_maxrt);
    return rc;
}

static bool admit(int fd, const struct zn_addr *peer, const struct zn_options *o)
{
    (void)fd;
    if (o->accept_filter_count == 0)
        return true;
    for (size_t i = 0; i < o->accept_filter_count; i++) {
        struct zn_addr net;
        if (zn_addr_numeric(&net, o->accept_filters[i].host, 0) == 0 &&
            zn_addr_in_prefix(peer, &net, o->accept_filters[i].prefix))
            return true;
    }
    return false;
}

/* ---- bind. */

/* A local address that nobody has to be asked for: "*", an interface, a number. -ENOENT: none of
 * these; -EMFILE and its like: it cannot be said. */
static int own_address(const char *host, bool any, uint16_t port, bool ipv6,
                       struct zn_addr *a)
{
    if (any) {
        zn_addr_any(a, ipv6, port);
        return 0;
    }
    int rc = zn_addr_interface(a, host, ipv6, port);
    if (rc == 0)
        return 0;
    if (zn_addr_numeric(a, host, port) < 0)
        return rc == -ENODEV ? -ENOENT : rc;
    if (!ipv6)
        return zn_addr_unmap_v4(a) ? 0 : -ENODEV;
    zn_addr_map_v4(a);
    return 0;
}

/* Or a name, on the caller's thread. */
static int local_address(const char *host, bool any, uint16_t port, bool ipv6,
                         struct zn_addr *a)
{
    int rc = own_address(host, any, port, ipv6, a);
    if (rc != -ENOENT)
        return rc;
    if (strchr(host, '%') != NULL)
        return -EINVAL;
    rc = zn_resolve(host, port, ipv6, a, 1);
    if (rc < 0)
        return rc == -ENOENT ? -ENODEV : rc;
    if (ipv6)
        zn_addr_map_v4(a);
    return 0;
}

static int open_for(const struct zn_addr *a, const struct zn_options *o)
{
    enum zn_family family = zn_addr_family(a);
    int fd = zn_sock_open(family);
    if (fd < 0)
        return fd;
    int rc = family == ZN_AF_INET6 ? zn_sock_set(fd, ZN_SO_V6ONLY, 0) : 0;
    if (rc == 0)
        rc = zn_tune(fd, o);
    if (rc < 0) {
        zn_sock_close(fd);
        return rc;
    }
    if (zn_addr_is_loopback(a))
        zn_sock_unpace(fd);
    return fd;
}

static int finish_listen(int fd, struct zn_listening *l)
{
    struct zn_addr a;
    int rc = zn_sock_name(fd, &a);
    if (rc < 0)
        return rc;
    name(&a, l->text, sizeof l->text);
    l->fd = fd;
    return 0;
}

static int adopt(const struct zn_options *o, struct zn_listening *l)
{
    int rc = zn_sock_adopt(o->use_fd);
    return rc < 0 ? rc : finish_listen(o->use_fd, l);
}

static int listen_on(const char *address, const struct zn_options *o,
                     struct zn_listening *l, int *failed_fd)
{
    struct zn_tcp_name n;
    struct zn_addr a;
    int rc = zn_tcp_parse_bind(address, &n);
    if (rc == 0)
        rc = local_address(n.host, n.any_host, n.port, o->ipv6, &a);
    if (rc < 0)
        return rc;
    if (o->use_fd >= 0)
        return adopt(o, l);

    int fd = open_for(&a, o);
    if (fd == -EAFNOSUPPORT && n.any_host) {
        zn_addr_any(&a, false, n.port);
        fd = open_for(&a, o);
    }
    if (fd < 0)
        return fd;
    rc = zn_sock_set(fd, ZN_SO_REUSEADDR, 1);
    if (rc == 0)
        rc = zn_sock_bind(fd, &a);
    if (rc == 0)
        rc = zn_sock_listen(fd, o->backlog);
    if (rc == 0)
        rc = finish_listen(fd, l);
    if (rc < 0) {
        *failed_fd = fd;
        zn_sock_close(fd);
    }
    return rc;
}

/* ---- connect. */

static int check(const char *address, const struct zn_options *o)
{
    struct zn_tcp_name n;
    bool can_connect;
    (void)o;
    return zn_tcp_parse_connect(address, &n, &can_connect);
}

/* Its parts, if it can ever be reached. */
static int take_apart(const char *address, struct zn_tcp_name *n)
{
    bool can_connect;
    int rc = zn_tcp_parse_connect(address, n, &can_connect);
    return rc < 0 || !can_connect ? -EINVAL : 0;
}

static bool has_proxy(const struct zn_options *o)
{
    return o->socks_proxy.size > 0;
}

/* Where the descriptor is to be connected to: the peer, or the proxy on the way. */
static int find(const char *address, const struct zn_options *o, struct zn_target *t)
{
    struct zn_tcp_name n;
    int rc = take_apart(address, &n);
    if (rc == 0 && has_proxy(o)) {
        rc = take_apart((const char *)o->socks_proxy.data, &n);
        if (n.has_source)
            rc = -EINVAL;
    }
    if (rc < 0)
        return rc;
    t->port = n.port;
    if (zn_addr_numeric(&t->addrs[0], n.host, n.port) == 0) {
        if (!o->ipv6 && !zn_addr_unmap_v4(&t->addrs[0]))
            return -EINVAL;
        t->count = 1;
        return 0;
    }
    memcpy(t->host, n.host, sizeof t->host);
    return 0;
}

/* Anew at each attempt: the interface may come up, or have another address. */
static int bind_source(int fd, const char *address, const struct zn_addr *to,
                       const struct zn_options *o)
{
    struct zn_tcp_name n;
    struct zn_addr a;
    bool can_connect;
    if (strchr(address, ';') == NULL)
        return 0;
    int rc = zn_tcp_parse_connect(address, &n, &can_connect);
    if (rc < 0 || !n.has_source)
        return rc;
    rc = own_address(n.source_host, n.source_any_host, n.source_port,
                     zn_addr_family(to) == ZN_AF_INET6 && o->ipv6, &a);
    return rc == 0 ? zn_sock_bind(fd, &a) : rc;
}

static int open_to(const char *address, const struct zn_addr *to,
                   const struct zn_options *o, bool *pending, int *failed_fd)
{
    int fd = open_for(to, o);
    if (fd < 0)
        return fd;
    /* The port that the system gives it, and keeps for a minute after it is closed, shall be
     * nobody's who wants to listen there. */
    (void)zn_sock_set(fd, ZN_SO_REUSEADDR, 1);
    int rc = bind_source(fd, address, to, o);
    if (rc == 0)
        return zn_plain_connect(fd, to, pending, failed_fd);
    *failed_fd = fd;
    zn_sock_close(fd);
    return rc;
}

static int stream(const char *address, const struct zn_options *o, bool accepted,
                  struct zn_stream **out)
{
    struct zn_tcp_name n;
    *out = NULL;
    if (accepted || !has_proxy(o))
        return 0;
    int rc = take_apart(address, &n);
    return rc < 0 ? rc : zn_socks_stream_new(&n, o, out);
}

/* ---- Names for unbind: what the address stands for as a peer's, then as our own. */

static int alias(const char *address, const struct zn_options *o, int nth, char *buf,
                 size_t size)
{
    struct zn_tcp_name n;
    struct zn_addr a;
    if (nth > 2 || zn_tcp_parse_bind(address, &n) < 0 || n.any_host || n.any_port)
        return -ENOENT;
    if (local_address(n.host, false, n.port, nth == 1, &a) < 0 &&
        zn_addr_numeric(&a, n.host, n.port) < 0)
        return nth < 2 ? snprintf(buf, size, "-") < 0 : -ENOENT;
    if (nth == 2) {
        if (!o->ipv6)
            return -ENOENT;
        zn_addr_map_v4(&a);
    }
    name(&a, buf, size);
    return 0;
}

const struct zn_transport zn_transport_tcp = {
    .scheme = "tcp",
    .check = check,
    .listen = listen_on,
    .find = find,
    .open = open_to,
    .tune = tune,
    .stream = stream,
    .admit = admit,
    .name = name,
    .peer_address = peer_address,
    .alias = alias,
};
