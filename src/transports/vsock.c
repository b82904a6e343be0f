/* transports/vsock.c - vsock:// and vmci://, between virtual machines and their host, over
 * Linux's AF_VSOCK. Which hypervisor carries it (virtio, VMware's VMCI, Hyper-V) is the
 * kernel's affair: the addresses are the same, and the two schemes differ in name alone. */
#include <stdio.h>

#include "core/endpoint.h"
#include "transports/plain.h"

#ifdef ZN_HAVE_VSOCK

static void put_number(char *buf, size_t size, uint32_t n)
{
    if (n == ZN_VSOCK_ANY)
        snprintf(buf, size, "*");
    else
        snprintf(buf, size, "%u", (unsigned)n);
}

static void name_as(const char *scheme, const struct zn_addr *a, char *buf, size_t size)
{
    uint32_t cid, port;
    char host[16], number[16];
    if (zn_addr_vsock_parts(a, &cid, &port) < 0) {
        snprintf(buf, size, "%s://", scheme);
        return;
    }
    put_number(host, sizeof host, cid);
    put_number(number, sizeof number, port);
    snprintf(buf, size, "%s://%s:%s", scheme, host, number);
}

static void name_vsock(const struct zn_addr *a, char *buf, size_t size)
{
    name_as("vsock", a, buf, size);
}

static void name_vmci(const struct zn_addr *a, char *buf, size_t size)
{
    name_as("vmci", a, buf, size);
}

static void peer_address(int fd, const struct zn_addr *a, char *buf, size_t size)
{
    (void)fd;
    if (zn_addr_host_text(a, buf, size) < 0)
        buf[0] = '\0';
}

static int to_addr(const char *address, bool bind, struct zn_addr *a)
{
    struct zn_vsock_name n;
    int rc = zn_vsock_parse(address, bind, &n);
    if (rc == 0 && n.local)
        rc = zn_vsock_local_cid(&n.cid);
    if (rc == 0)
        zn_addr_vsock(a, n.cid, n.port);
    return rc;
}

static int open_for(const struct zn_options *o)
{
    int fd = zn_sock_open(ZN_AF_VSOCK);
    if (fd < 0)
        return fd;
    int rc = zn_vsock_tune(fd, o->vmci_buffer_size, o->vmci_buffer_min_size,
                           o->vmci_buffer_max_size, o->vmci_connect_timeout);
    if (rc < 0)
        zn_sock_close(fd);
    return rc < 0 ? rc : fd;
}

static int check(const char *address, const struct zn_options *o)
{
    struct zn_addr a;
    (void)o;
    return to_addr(address, false, &a);
}

static int listen_as(const char *scheme, const char *address, const struct zn_options *o,
                     struct zn_listening *l, int *failed_fd)
{
    struct zn_addr a;
    int rc = to_addr(address, true, &a);
    int fd = rc < 0 ? rc : open_for(o);
    if (fd < 0)
        return fd;
    rc = zn_plain_listen(fd, &a, o, l, &a, failed_fd);
    if (rc == 0)
        name_as(scheme, &a, l->text, sizeof l->text);
    return rc;
}

static int listen_vsock(const char *address, const struct zn_options *o,
                        struct zn_listening *l, int *failed_fd)
{
    return listen_as("vsock", address, o, l, failed_fd);
}

static int listen_vmci(const char *address, const struct zn_options *o,
                       struct zn_listening *l, int *failed_fd)
{
    return listen_as("vmci", address, o, l, failed_fd);
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
    int fd = open_for(o);
    return fd < 0 ? fd : zn_plain_connect(fd, to, pending, failed_fd);
}

#define TRANSPORT(its)           \
    {                            \
        .scheme = #its, .check = check, .listen = listen_##its, .find = find, \
        .open = open_to, .tune = zn_plain_tune, .name = name_##its,           \
        .peer_address = peer_address, \
    }

const struct zn_transport zn_transport_vsock = TRANSPORT(vsock);
const struct zn_transport zn_transport_vmci = TRANSPORT(vmci);
#endif
