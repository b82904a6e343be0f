/* platform/posix/machine.c - addresses that name machines and services without the internet's
 * help: TIPC within a cluster, vsock between virtual machines and their host. */
#define _GNU_SOURCE
#include "platform/platform.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#ifdef ZN_HAVE_TIPC
#include <linux/tipc.h>
#endif
#ifdef ZN_HAVE_VSOCK
#include <linux/vm_sockets.h>
#endif

#ifdef ZN_HAVE_TIPC
void zn_addr_tipc(struct zn_addr *addr, const struct zn_tipc *t)
{
    struct sockaddr_tipc a = { .family = AF_TIPC };
    switch (t->kind) {
    case ZN_TIPC_RANGE:
        a.addrtype = TIPC_SERVICE_RANGE;
        a.scope = TIPC_CLUSTER_SCOPE;
        a.addr.nameseq = (struct tipc_service_range){ t->type, t->lower, t->upper };
        break;
    case ZN_TIPC_SERVICE:
        a.addrtype = TIPC_SERVICE_ADDR;
        a.addr.name.name = (struct tipc_service_addr){ t->type, t->lower };
        a.addr.name.domain = t->domain;
        break;
    default:
        a.addrtype = TIPC_SOCKET_ADDR;
        a.addr.id = (struct tipc_socket_addr){ .ref = t->ref, .node = t->node };
        break;
    }
    memset(addr, 0, sizeof *addr);
    memcpy(addr->bytes, &a, sizeof a);
    addr->size = sizeof a;
}

int zn_addr_tipc_socket(const struct zn_addr *addr, uint32_t *node, uint32_t *ref)
{
    struct sockaddr_tipc a;
    if (addr->family != AF_TIPC)
        return -EAFNOSUPPORT;
    memcpy(&a, addr->bytes, sizeof a);
    if (a.addrtype != TIPC_SOCKET_ADDR)
        return -EAFNOSUPPORT;
    *node = a.addr.id.node;
    *ref = a.addr.id.ref;
    return 0;
}
#else
int zn_addr_tipc_socket(const struct zn_addr *addr, uint32_t *node, uint32_t *ref)
{
    (void)addr, (void)node, (void)ref;
    return -EAFNOSUPPORT;
}
#endif

#ifdef ZN_HAVE_VSOCK
_Static_assert(ZN_VSOCK_ANY == VMADDR_CID_ANY && ZN_VSOCK_ANY == VMADDR_PORT_ANY,
               "any is any");

void zn_addr_vsock(struct zn_addr *addr, uint32_t cid, uint32_t port)
{
    struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
    memset(addr, 0, sizeof *addr);
    memcpy(addr->bytes, &a, sizeof a);
    addr->size = sizeof a;
}

int zn_addr_vsock_parts(const struct zn_addr *addr, uint32_t *cid, uint32_t *port)
{
    struct sockaddr_vm a;
    if (addr->family != AF_VSOCK)
        return -EAFNOSUPPORT;
    memcpy(&a, addr->bytes, sizeof a);
    *cid = a.svm_cid;
    *port = a.svm_port;
    return 0;
}

int zn_vsock_local_cid(uint32_t *cid)
{
    unsigned own = 0;
    int fd =
        zn_fault(ZN_FAULT_CALL, "vsock") ? -1 : open("/dev/vsock", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ENODEV;
    int rc = ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &own);
    close(fd);
    *cid = own;
    return rc < 0 || own == VMADDR_CID_ANY ? -ENODEV : 0;
}

int zn_vsock_tune(int fd, uint64_t size, uint64_t min, uint64_t max, int timeout_ms)
{
    /* Bounds first: a size is cut to them. */
    static const int names[] = { SO_VM_SOCKETS_BUFFER_MAX_SIZE,
                                 SO_VM_SOCKETS_BUFFER_MIN_SIZE,
                                 SO_VM_SOCKETS_BUFFER_SIZE };
    const uint64_t sizes[] = { max, min, size };
    for (size_t i = 0; i < ZN_COUNT(names); i++)
        if (sizes[i] > 0 &&
            setsockopt(fd, AF_VSOCK, names[i], &sizes[i], sizeof sizes[i]) < 0)
            return -errno;
    struct timeval t = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
    if (timeout_ms > 0 &&
        setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &t, sizeof t) < 0)
        return -errno;
    return 0;
}
#else
int zn_addr_vsock_parts(const struct zn_addr *addr, uint32_t *cid, uint32_t *port)
{
    (void)addr, (void)cid, (void)port;
    return -EAFNOSUPPORT;
}
#endif
