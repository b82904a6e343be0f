/* platform/posix/datagram.c - datagram sockets, and multicast. */
#define _GNU_SOURCE
#include "platform/platform.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/posix/fault.h"

int zn_sock_open_datagram(enum zn_family family)
{
    FAULT("socket", EMFILE);
    int fd = socket(family == ZN_AF_INET6 ? AF_INET6 : AF_INET,
                    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int zn_sock_try(enum zn_family family, int protocol, int count)
{
    FAULT("socket", EMFILE);
    int fd = socket(family == ZN_AF_INET6 ? AF_INET6 : AF_INET,
                    (protocol == 0 ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return -errno;
    int rc = count > 1 ? zn_sock_try(family, protocol, count - 1) : 0;
    close(fd);
    return rc;
}

static ptrdiff_t moved(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ptrdiff_t zn_sock_recvfrom(int fd, void *buf, size_t size, struct zn_addr *from)
{
    struct iovec iov = { buf, size };
    struct msghdr m = { .msg_name = from->bytes,
                        .msg_namelen = sizeof from->bytes,
                        .msg_iov = &iov,
                        .msg_iovlen = 1 };
    FAULT("recvmsg", ECONNREFUSED);
    ptrdiff_t n = moved(recvmsg(fd, &m, 0));
    from->size = m.msg_namelen;
    return n >= 0 && m.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

ptrdiff_t zn_sock_sendto(int fd, const struct zn_iov *iov, int count,
                         const struct zn_addr *to)
{
    struct msghdr m = { .msg_name = (void *)(uintptr_t)to->bytes,
                        .msg_namelen = to->size,
                        .msg_iov = (struct iovec *)(uintptr_t)iov,
                        .msg_iovlen = (size_t)count };
    FAULT("sendmsg", ENETUNREACH);
    return moved(sendmsg(fd, &m, MSG_NOSIGNAL));
}

/* ---- Multicast. */

static int set(int fd, int level, int name, const void *value, socklen_t size)
{
    FAULT("setsockopt", EINVAL);
    return setsockopt(fd, level, name, value, size) < 0 ? -errno : 0;
}

static int set_int(int fd, int level, int name, int value)
{
    return set(fd, level, name, &value, sizeof value);
}

static int join_v4(int fd, const struct zn_addr *group, int interface)
{
    struct sockaddr_in in;
    memcpy(&in, group->bytes, sizeof in);
    struct ip_mreqn wanted = { .imr_multiaddr = in.sin_addr, .imr_ifindex = interface };
    int rc = set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    return rc < 0 ? rc : set(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &wanted, sizeof wanted);
}

static int join_v6(int fd, const struct zn_addr *group, int interface)
{
    struct sockaddr_in6 in;
    memcpy(&in, group->bytes, sizeof in);
    if (interface == 0)
        interface = (int)in.sin6_scope_id;
    struct ipv6_mreq wanted = { .ipv6mr_multiaddr = in.sin6_addr,
                                .ipv6mr_interface = (unsigned)interface };
    return set(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &wanted, sizeof wanted);
}

int zn_sock_join(int fd, const struct zn_addr *group, int interface)
{
    return zn_addr_family(group) == ZN_AF_INET6 ? join_v6(fd, group, interface)
                                                : join_v4(fd, group, interface);
}

static int cast_v4(int fd, int hops, bool loop, int interface)
{
    struct ip_mreqn from = { .imr_ifindex = interface };
    int rc = set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops);
    if (rc == 0)
        rc = set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, loop);
    if (rc == 0 && interface != 0)
        rc = set(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof from);
    return rc;
}

static int cast_v6(int fd, int hops, bool loop, int interface)
{
    int rc = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops);
    if (rc == 0)
        rc = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, loop);
    if (rc == 0 && interface != 0)
        rc = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, interface);
    /* It may send IPv4 as well. */
    return rc < 0 ? rc : cast_v4(fd, hops, loop, interface);
}

int zn_sock_cast(int fd, enum zn_family family, int hops, bool loop, int interface)
{
    hops = ZN_MIN(hops, 255);
    return family == ZN_AF_INET6 ? cast_v6(fd, hops, loop, interface)
                                 : cast_v4(fd, hops, loop, interface);
}

static bool has_address(const struct ifaddrs *i, const struct zn_addr *wanted)
{
    struct zn_addr a = { .size = 0 };
    if (i->ifa_addr == NULL || i->ifa_addr->sa_family != wanted->family)
        return false;
    a.size = wanted->size;
    memcpy(a.bytes, i->ifa_addr, a.size);
    return zn_addr_in_prefix(&a, wanted, -1);
}

int zn_interface(const char *name)
{
    struct zn_addr wanted;
    struct ifaddrs *all = NULL;
    unsigned index = if_nametoindex(name);
    if (index != 0)
        return (int)index;
    if (zn_addr_numeric(&wanted, name, 0) < 0 || zn_fault(ZN_FAULT_CALL, "getifaddrs") ||
        getifaddrs(&all) < 0)
        return -ENODEV;
    for (struct ifaddrs *i = all; i != NULL && index == 0; i = i->ifa_next)
        if (has_address(i, &wanted))
            index = if_nametoindex(i->ifa_name);
    freeifaddrs(all);
    return index != 0 ? (int)index : -ENODEV;
}
