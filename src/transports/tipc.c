/* transports/tipc.c - tipc://, between the nodes of a cluster (Linux's TIPC).
 *
 * A listener may be bound to a range of instances of a service, which connects find wherever it
 * is, or be known by its socket alone. It is reported as that socket, "<Z.C.N:REF>". */
#include <stdio.h>

#include "core/endpoint.h"
#include "transports/plain.h"

#ifdef ZN_HAVE_TIPC

static void name(const struct zn_addr *a, char *buf, size_t size)
{
    uint32_t node, ref;
    if (zn_addr_tipc_socket(a, &node, &ref) < 0)
        snprintf(buf, size, "tipc://");
    else
        snprintf(buf, size, "tipc://<" ZN_TIPC_NODE ":%u>", ZN_TIPC_NODE_PARTS(node),
                 (unsigned)ref);
}

/* libzmq tells none. */
static void peer_address(int fd, const struct zn_addr *a, char *buf, size_t size)
{
    (void)fd;
    (void)a;
    if (size > 0)
        buf[0] = '\0';
}

static int to_addr(const char *address, bool bind, struct zn_addr *a)
{
    struct zn_tipc_name n;
    int rc = zn_tipc_parse(address, bind, &n);
    if (rc < 0)
        return rc;
    struct zn_tipc t = { .kind = ZN_TIPC_SOCKET, .node = n.node, .ref = n.ref };
    if (n.service) {
        t.kind = bind ? ZN_TIPC_RANGE : ZN_TIPC_SERVICE;
        t.type = n.type;
        t.lower = n.lower;
        t.upper = t.domain = n.third;
    }
    zn_addr_tipc(a, &t);
    return 0;
}

static int check(const char *address, const struct zn_options *o)
{
    struct zn_addr a;
    (void)o;
    return to_addr(address, false, &a);
}

static int listen_on(const char *address, const struct zn_options *o,
                     struct zn_listening *l, int *failed_fd)
{
    struct zn_addr a;
    int rc = to_addr(address, true, &a);
    int fd = rc < 0 ? rc : zn_sock_open(ZN_AF_TIPC);
    if (fd < 0)
        return fd;
    /* A socket that is bound to nothing has its reference already. */
    rc = zn_plain_listen(fd, address[0] == '<' ? NULL : &a, o, l, &a, failed_fd);
    if (rc == 0)
        name(&a, l->text, sizeof l->text);
    return rc;
}

static int find(const char *address, const struct zn_options *o, struct zn_target *t)
{
    (void)o;
    t->count = 1;
    return to_addr(address, false, &t->addrs[0]);
}

static int open_to(const char *address, const struct zn_addr *to,
                   const struct zn_options *o, bool *pending, int *failed_fd)
{
    (void)address;
    (void)o;
    int fd = zn_sock_open(ZN_AF_TIPC);
    return fd < 0 ? fd : zn_plain_connect(fd, to, pending, failed_fd);
}

const struct zn_transport zn_transport_tipc = {
    .scheme = "tipc",
    .check = check,
    .listen = listen_on,
    .find = find,
    .open = open_to,
    .tune = zn_plain_tune,
    .name = name,
    .peer_address = peer_address,
};
#endif
