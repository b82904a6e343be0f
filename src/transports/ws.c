/* transports/ws.c - ws:// and wss://: addresses, which are tcp's with a path behind, and what
 * lies on the connection: a WebSocket (websocket.c), with wss on TLS (tls.c). */
#include <stdio.h>

#include <zmq.h>

#include "core/endpoint.h"
#include "core/transport.h"
#include "transports/tls.h"
#include "transports/websocket.h"
#include "wire/upgrade.h"

/* STREAM shows bytes, of which there are none that mean anything here; DGRAM datagrams. */
#define TYPES (~(UINT32_C(1) << ZMQ_STREAM | UINT32_C(1) << ZMQ_DGRAM))

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

struct place {
    char tcp[ZN_ENDPOINT_MAX];           /* "host:port" */
    const char *path;                    /* "/" if none is given */
};

/* -EINVAL: too long, or the path cannot stand in a request. */
static int take_apart(const char *address, struct place *p)
{
    const char *slash = strchr(address, '/');
    size_t size = slash != NULL ? (size_t)(slash - address) : strlen(address);
    p->path = slash != NULL ? slash : "/";
    if (strlen(address) > ZN_ENDPOINT_MAX - sizeof "wss:///" ||
        !zn_upgrade_is_path(p->path))
        return -EINVAL;
    memcpy(p->tcp, address, size);
    p->tcp[size] = '\0';
    return 0;
}

/* ---- Names. */

/* tcp's name for it under another scheme. */
static void rename_to(const char *scheme, const char *tcp, const char *path, char *buf,
                      size_t size)
{
    int n = snprintf(buf, size, "%s%s%s", scheme, tcp + strlen("tcp"), path);
    if (n < 0 || (size_t)n >= size)
        buf[0] = '\0';
}

static void name_as(const char *scheme, const struct zn_addr *a, char *buf, size_t size)
{
    char tcp[ZN_ENDPOINT_MAX];
    zn_transport_tcp.name(a, tcp, sizeof tcp);
    rename_to(scheme, tcp, "", buf, size);
}

static void name_ws(const struct zn_addr *a, char *buf, size_t size)
{
    name_as("ws", a, buf, size);
}

static void peer_address(int fd, const struct zn_addr *a, char *buf, size_t size)
{
    zn_transport_tcp.peer_address(fd, a, buf, size);
}

/* An endpoint without a path has the path "/", and the other way round. */
static int alias_as(const char *scheme, const char *address, int nth, char *buf,
                    size_t size)
{
    struct place p;
    if (nth > 0 || take_apart(address, &p) < 0 || strcmp(p.path, "/") != 0)
        return -ENOENT;
    const char *path = strchr(address, '/') != NULL ? "" : "/";
    int n = snprintf(buf, size, "%s://%s%s", scheme, p.tcp, path);
    return n < 0 || (size_t)n >= size ? -ENOENT : 0;
}

static int alias_ws(const char *address, const struct zn_options *o, int nth, char *buf,
                    size_t size)
{
    (void)o;
    return alias_as("ws", address, nth, buf, size);
}

static int full_name_as(const char *scheme, const char *address, char *buf, size_t size)
{
    struct place p;
    int rc = take_apart(address, &p);
    if (rc < 0)
        return rc;
    int n = snprintf(buf, size, "%s://%s%s", scheme, p.tcp, p.path);
    return n < 0 || (size_t)n >= size ? -EINVAL : 0;
}

static int full_name_ws(const char *address, char *buf, size_t size)
{
    return full_name_as("ws", address, buf, size);
}

/* ---- bind. */

/* Raw bytes are for tcp alone. */
static int refuse_raw(const struct zn_options *o)
{
    return o->router_raw ? -ENOCOMPATPROTO : 0;
}

/* libzmq looks no name up for these. */
static int check_local(const char *tcp, const struct zn_options *o)
{
    struct zn_tcp_name n;
    struct zn_addr a;
    int rc = zn_tcp_parse_bind(tcp, &n);
    if (rc < 0 || n.any_host || zn_addr_numeric(&a, n.host, 0) == 0)
        return rc;
    return zn_addr_interface(&a, n.host, o->ipv6, 0);
}

static int listen_as(const char *scheme, const char *address, const struct zn_options *o,
                     struct zn_listening *l, int *failed_fd)
{
    struct place p;
    char text[ZN_ENDPOINT_MAX];
    int rc = refuse_raw(o);
    if (rc == 0)
        rc = take_apart(address, &p);
    if (rc == 0)
        rc = check_local(p.tcp, o);
    if (rc == 0)
        rc = zn_transport_tcp.listen(p.tcp, o, l, failed_fd);
    if (rc < 0)
        return rc;
    rename_to(scheme, l->text, p.path, text, sizeof text);
    if (text[0] == '\0') {               /* a number is longer than the name was */
        zn_sock_close(l->fd);
        return -EINVAL;
    }
    memcpy(l->text, text, sizeof text);
    return 0;
}

static int listen_ws(const char *address, const struct zn_options *o,
                     struct zn_listening *l, int *failed_fd)
{
    return listen_as("ws", address, o, l, failed_fd);
}

/* ---- connect. */

static int check(const char *address, const struct zn_options *o)
{
    struct place p;
    struct zn_tcp_name n;
    struct zn_addr a;
    bool can_connect;
    int rc = refuse_raw(o);
    if (rc == 0)
        rc = take_apart(address, &p);
    /* Nobody is led past a proxy that was asked for. */
    if (rc == 0 && o->socks_proxy.size > 0)
        rc = -ENOTSUP;
    if (rc == 0)
        rc = zn_transport_tcp.check(p.tcp, o);
    if (rc == 0)
        rc = zn_tcp_parse_connect(p.tcp, &n, &can_connect);
    if (rc == 0 && !o->ipv6 && zn_addr_numeric(&a, n.host, 0) == 0 &&
        !zn_addr_unmap_v4(&a))
        rc = -EINVAL;
    return rc;
}

static int find(const char *address, const struct zn_options *o, struct zn_target *t)
{
    struct place p;
    int rc = take_apart(address, &p);
    return rc < 0 ? rc : zn_transport_tcp.find(p.tcp, o, t);
}

static int open_to(const char *address, const struct zn_addr *to,
                   const struct zn_options *o, bool *pending, int *failed_fd)
{
    struct place p;
    int rc = take_apart(address, &p);
    return rc < 0 ? rc : zn_transport_tcp.open(p.tcp, to, o, pending, failed_fd);
}

static int tune(int fd, const struct zn_options *o, const struct zn_addr *peer)
{
    return zn_transport_tcp.tune(fd, o, peer);
}

static bool admit(int fd, const struct zn_addr *peer, const struct zn_options *o)
{
    return zn_transport_tcp.admit(fd, peer, o);
}

/* ---- What lies on the connection. */

/* The value of Host: RFC 7230, section 5.4. */
static void host_text(const struct zn_tcp_name *n, unsigned usual_port, char *buf,
                      size_t size)
{
    const char *open = n->bracketed ? "[" : "", *close = n->bracketed ? "]" : "";
    if (n->port == usual_port)
        snprintf(buf, size, "%s%s%s", open, n->host, close);
    else
        snprintf(buf, size, "%s%s%s:%u", open, n->host, close, (unsigned)n->port);
}

/* What a client asks for; nothing is asked of one. */
struct request {
    struct place place;
    struct zn_tcp_name name;
    char host[ZN_ENDPOINT_MAX];
};

static int make_request(const char *address, bool accepted, unsigned usual_port,
                        struct request *r)
{
    bool can_connect;
    int rc = take_apart(address, &r->place);
    r->name = (struct zn_tcp_name){ .port = 0 };
    if (rc == 0 && !accepted)
        rc = zn_tcp_parse_connect(r->place.tcp, &r->name, &can_connect);
    if (rc == 0)
        host_text(&r->name, usual_port, r->host, sizeof r->host);
    return rc;
}

static int stream_ws(const char *address, const struct zn_options *o, bool accepted,
                     struct zn_stream **out)
{
    struct request r;
    int rc = make_request(address, accepted, HTTP_PORT, &r);
    return rc < 0 ? rc : zn_websocket_new(NULL, r.host, r.place.path, o, accepted, out);
}

const struct zn_transport zn_transport_ws = {
    .scheme = "ws",
    .types = TYPES,
    .check = check,
    .listen = listen_ws,
    .find = find,
    .open = open_to,
    .tune = tune,
    .stream = stream_ws,
    .admit = admit,
    .name = name_ws,
    .peer_address = peer_address,
    .alias = alias_ws,
    .full_name = full_name_ws,
};

#ifdef ZN_HAVE_GNUTLS

/* ---- wss: the same, on TLS. */

static void name_wss(const struct zn_addr *a, char *buf, size_t size)
{
    name_as("wss", a, buf, size);
}

static int alias_wss(const char *address, const struct zn_options *o, int nth, char *buf,
                     size_t size)
{
    (void)o;
    return alias_as("wss", address, nth, buf, size);
}

static int full_name_wss(const char *address, char *buf, size_t size)
{
    return full_name_as("wss", address, buf, size);
}

static int check_wss(const char *address, const struct zn_options *o)
{
    int rc = check(address, o);
    return rc < 0 ? rc : zn_tls_check(o, false);
}

static int listen_wss(const char *address, const struct zn_options *o,
                      struct zn_listening *l, int *failed_fd)
{
    int rc = zn_tls_check(o, true);
    return rc < 0 ? rc : listen_as("wss", address, o, l, failed_fd);
}

static int stream_wss(const char *address, const struct zn_options *o, bool accepted,
                      struct zn_stream **out)
{
    struct request r;
    struct zn_stream *tls;
    int rc = make_request(address, accepted, HTTPS_PORT, &r);
    if (rc == 0)
        rc = zn_tls_new(o, accepted, r.name.host, &tls);
    return rc < 0 ? rc : zn_websocket_new(tls, r.host, r.place.path, o, accepted, out);
}

const struct zn_transport zn_transport_wss = {
    .scheme = "wss",
    .types = TYPES,
    .check = check_wss,
    .listen = listen_wss,
    .find = find,
    .open = open_to,
    .tune = tune,
    .stream = stream_wss,
    .admit = admit,
    .name = name_wss,
    .peer_address = peer_address,
    .alias = alias_wss,
    .full_name = full_name_wss,
};

#endif
