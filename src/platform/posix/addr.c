/* platform/posix/addr.c - addresses: numeric texts, interfaces, names, local paths. */
#define _GNU_SOURCE
#include "platform/platform.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void set_v4(struct zn_addr *addr, struct in_addr host, uint16_t port)
{
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr = host };
    memset(addr, 0, sizeof *addr);
    memcpy(addr->bytes, &in, sizeof in);
    addr->size = sizeof in;
}

static void set_v6(struct zn_addr *addr, struct in6_addr host, uint16_t port,
                   uint32_t scope)
{
    struct sockaddr_in6 in = { .sin6_family = AF_INET6,
                               .sin6_port = htons(port),
                               .sin6_addr = host,
                               .sin6_scope_id = scope };
    memset(addr, 0, sizeof *addr);
    memcpy(addr->bytes, &in, sizeof in);
    addr->size = sizeof in;
}

static struct sockaddr_in v4(const struct zn_addr *addr)
{
    struct sockaddr_in in;
    memcpy(&in, addr->bytes, sizeof in);
    return in;
}

static struct sockaddr_in6 v6(const struct zn_addr *addr)
{
    struct sockaddr_in6 in;
    memcpy(&in, addr->bytes, sizeof in);
    return in;
}

int zn_addr_local(struct zn_addr *addr, const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    size_t len = strlen(path);
    if (len >= sizeof un.sun_path)
        return -ENAMETOOLONG;
    bool abstract = path[0] == '@';
    if (abstract && len == 1)
        return -EINVAL;

    memcpy(un.sun_path, path, len);
    if (abstract)
        un.sun_path[0] = '\0';
    memset(addr, 0, sizeof *addr);
    memcpy(addr->bytes, &un, sizeof un);
    addr->size = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + len + !abstract);
    return 0;
}

static int zone_of(const char *zone, uint32_t *scope)
{
    if (zone[0] == '\0')
        return -EINVAL;
    unsigned index = if_nametoindex(zone);
    if (index == 0) {
        char *end;
        unsigned long n = strtoul(zone, &end, 10);
        if (*end != '\0' || n == 0 || n > UINT32_MAX)
            return -EINVAL;
        index = (unsigned)n;
    }
    *scope = index;
    return 0;
}

/* inet_aton() alone would let pass what stands behind a space. */
static bool is_v4(const char *host, struct in_addr *a)
{
    return host[strspn(host, "0123456789abcdefABCDEFxX.")] == '\0' && inet_aton(host, a);
}

int zn_addr_numeric(struct zn_addr *addr, const char *host, uint16_t port)
{
    struct in_addr a4;
    if (is_v4(host, &a4)) {
        set_v4(addr, a4, port);
        return 0;
    }
    char text[INET6_ADDRSTRLEN];
    const char *percent = strchr(host, '%');
    size_t len = percent ? (size_t)(percent - host) : strlen(host);
    if (len >= sizeof text)
        return -EINVAL;
    memcpy(text, host, len);
    text[len] = '\0';

    struct in6_addr a6;
    uint32_t scope = 0;
    if (inet_pton(AF_INET6, text, &a6) != 1)
        return -EINVAL;
    if (percent && zone_of(percent + 1, &scope) < 0)
        return -EINVAL;
    set_v6(addr, a6, port, scope);
    return 0;
}

void zn_addr_any(struct zn_addr *addr, bool ipv6, uint16_t port)
{
    if (ipv6)
        set_v6(addr, in6addr_any, port, 0);
    else
        set_v4(addr, (struct in_addr){ htonl(INADDR_ANY) }, port);
}

/* What errno says, if it is that there was nothing left to ask with: then there may be what was
 * asked for. */
static int scarcity_or(int otherwise)
{
    bool scarce =
        errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
    return scarce ? -errno : otherwise;
}

int zn_addr_interface(struct zn_addr *addr, const char *name, bool ipv6, uint16_t port)
{
    struct ifaddrs *all = NULL;
    if (zn_fault(ZN_FAULT_CALL, "getifaddrs"))
        return -EMFILE;
    if (getifaddrs(&all) < 0)
        return scarcity_or(-ENODEV);

    int rc = -ENODEV;
    for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr == NULL || strcmp(i->ifa_name, name) != 0)
            continue;
        if (i->ifa_addr->sa_family == (ipv6 ? AF_INET6 : AF_INET)) {
            memset(addr, 0, sizeof *addr);
            addr->size = ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
            memcpy(addr->bytes, i->ifa_addr, addr->size);
            if (ipv6) {
                struct sockaddr_in6 in = v6(addr);
                set_v6(addr, in.sin6_addr, port, in.sin6_scope_id);
            } else {
                set_v4(addr, v4(addr).sin_addr, port);
            }
            rc = 0;
            break;
        }
    }
    freeifaddrs(all);
    return rc;
}

uint16_t zn_addr_port(const struct zn_addr *addr)
{
    if (addr->family == AF_INET)
        return ntohs(v4(addr).sin_port);
    if (addr->family == AF_INET6)
        return ntohs(v6(addr).sin6_port);
    return 0;
}

enum zn_family zn_addr_family(const struct zn_addr *addr)
{
    switch (addr->family) {
    case AF_INET:
        return ZN_AF_INET;
    case AF_INET6:
        return ZN_AF_INET6;
    case AF_UNIX:
        return ZN_AF_LOCAL;
    case AF_TIPC:
        return ZN_AF_TIPC;
    case AF_VSOCK:
        return ZN_AF_VSOCK;
    default:
        return ZN_AF_ANY;
    }
}

static int local_text(const struct zn_addr *addr, char *buf, size_t size)
{
    size_t at = offsetof(struct sockaddr_un, sun_path);
    size_t len = addr->size > at ? addr->size - at : 0;
    const char *path = (const char *)addr->bytes + at;
    if (len > 0 && path[0] != '\0')
        len = strnlen(path, len);
    if (len >= size)
        return -ENAMETOOLONG;
    memcpy(buf, path, len);
    buf[len] = '\0';
    if (len > 0 && path[0] == '\0')
        buf[0] = '@';
    return 0;
}

/* By hand: each connection says its peer's, and the C library makes a format of it. */
static int v4_text(const uint8_t byte[4], char *buf, size_t size)
{
    char text[INET_ADDRSTRLEN], *p = text;
    for (int i = 0; i < 4; i++) {
        if (byte[i] >= 100)
            *p++ = (char)('0' + byte[i] / 100);
        if (byte[i] >= 10)
            *p++ = (char)('0' + byte[i] / 10 % 10);
        *p++ = (char)('0' + byte[i] % 10);
        *p++ = i < 3 ? '.' : '\0';
    }
    if ((size_t)(p - text) > size)
        return -EINVAL;
    memcpy(buf, text, (size_t)(p - text));
    return 0;
}

int zn_addr_host_text(const struct zn_addr *addr, char *buf, size_t size)
{
    if (addr->family == AF_INET) {
        struct sockaddr_in in = v4(addr);
        return v4_text((const uint8_t *)&in.sin_addr, buf, size);
    }
    if (addr->family == AF_UNIX)
        return local_text(addr, buf, size);
    uint32_t cid, node, number;
    if (zn_addr_vsock_parts(addr, &cid, &number) == 0)
        return snprintf(buf, size, "%u", (unsigned)cid) < (int)size ? 0 : -EINVAL;
    if (zn_addr_tipc_socket(addr, &node, &number) == 0)
        return snprintf(buf, size, ZN_TIPC_NODE, ZN_TIPC_NODE_PARTS(node)) < (int)size
                   ? 0
                   : -EINVAL;
    if (addr->family != AF_INET6)
        return -EAFNOSUPPORT;
    int rc = getnameinfo((const void *)addr->bytes, addr->size, buf, (socklen_t)size,
                         NULL, 0, NI_NUMERICHOST);
    return rc == 0 ? 0 : -EINVAL;
}

size_t zn_addr_host_bytes(const struct zn_addr *addr, uint8_t out[16])
{
    if (addr->family == AF_INET) {
        struct sockaddr_in in = v4(addr);
        memcpy(out, &in.sin_addr, 4);
        return 4;
    }
    struct sockaddr_in6 in = v6(addr);
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
        memcpy(out, &in.sin6_addr.s6_addr[12], 4);
        return 4;
    }
    memcpy(out, &in.sin6_addr, 16);
    return 16;
}

int zn_addr_text(const struct zn_addr *addr, char *buf, size_t size)
{
    char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
    uint8_t bytes[16];
    bool is_v4 = (addr->family == AF_INET || addr->family == AF_INET6) &&
                 zn_addr_host_bytes(addr, bytes) == 4;
    int rc = -EINVAL;
    if (is_v4)
        rc = v4_text(bytes, host, sizeof host);
    else if (addr->family == AF_INET6)
        rc = zn_addr_host_text(addr, host, sizeof host);
    if (rc < 0)
        return -EINVAL;
    int n = snprintf(buf, size, is_v4 ? "%s:%u" : "[%s]:%u", host,
                     (unsigned)zn_addr_port(addr));
    return n > 0 && (size_t)n < size ? 0 : -EINVAL;
}

static int parse_port(const char *text, uint16_t *port)
{
    uint32_t value = 0;
    size_t size = strlen(text);
    if (size == 0 || size > 5)
        return -EINVAL;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        value = value * 10 + (uint32_t)(*text - '0');
    }
    *port = (uint16_t)value;
    return value > 0 && value <= UINT16_MAX ? 0 : -EINVAL;
}

int zn_addr_parse(struct zn_addr *addr, const char *text, size_t size)
{
    char copy[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE + 8], *host = copy;
    uint16_t port;
    if (size > 0 && text[size - 1] == '\0')
        size--;
    if (size == 0 || size >= sizeof copy || memchr(text, 0, size) != NULL)
        return -EINVAL;
    memcpy(copy, text, size);
    copy[size] = '\0';

    char *colon = strrchr(copy, ':');
    if (colon == NULL || colon == copy || parse_port(colon + 1, &port) < 0)
        return -EINVAL;
    *colon = '\0';
    bool brackets = copy[0] == '[' && colon[-1] == ']';
    if (brackets) {
        colon[-1] = '\0';
        host++;
    }
    int rc = zn_addr_numeric(addr, host, port);
    return rc == 0 && brackets != (addr->family == AF_INET6) ? -EINVAL : rc;
}

bool zn_addr_is_multicast(const struct zn_addr *addr)
{
    if (addr->family == AF_INET)
        return IN_MULTICAST(ntohl(v4(addr).sin_addr.s_addr));
    struct sockaddr_in6 in = v6(addr);
    return addr->family == AF_INET6 && IN6_IS_ADDR_MULTICAST(&in.sin6_addr);
}

bool zn_addr_is_loopback(const struct zn_addr *addr)
{
    const uint32_t net = 127;
    if (addr->family == AF_INET)
        return ntohl(v4(addr).sin_addr.s_addr) >> 24 == net;
    if (addr->family != AF_INET6)
        return false;
    struct sockaddr_in6 in = v6(addr);
    return IN6_IS_ADDR_LOOPBACK(&in.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr) && in.sin6_addr.s6_addr[12] == net);
}

void zn_addr_set_interface(struct zn_addr *addr, int interface)
{
    if (addr->family != AF_INET6)
        return;
    struct sockaddr_in6 in = v6(addr);
    set_v6(addr, in.sin6_addr, ntohs(in.sin6_port), (uint32_t)interface);
}

void zn_addr_map_v4(struct zn_addr *addr)
{
    if (addr->family != AF_INET)
        return;
    struct sockaddr_in in = v4(addr);
    struct in6_addr mapped = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
    memcpy(&mapped.s6_addr[12], &in.sin_addr, 4);
    set_v6(addr, mapped, ntohs(in.sin_port), 0);
}

bool zn_addr_unmap_v4(struct zn_addr *addr)
{
    uint8_t host[16];
    struct in_addr in;
    if (zn_addr_host_bytes(addr, host) != sizeof in)
        return false;
    memcpy(&in, host, sizeof in);
    set_v4(addr, in, zn_addr_port(addr));
    return true;
}

bool zn_addr_in_prefix(const struct zn_addr *a, const struct zn_addr *net, int bits)
{
    uint8_t x[16], y[16];
    size_t size = zn_addr_host_bytes(a, x);
    if (size != zn_addr_host_bytes(net, y))
        return false;
    if (bits < 0 || bits > (int)size * 8)
        bits = (int)size * 8;
    size_t whole = (size_t)bits / 8;
    if (memcmp(x, y, whole) != 0)
        return false;
    unsigned rest = (unsigned)bits % 8;
    return rest == 0 || (x[whole] ^ y[whole]) >> (8 - rest) == 0;
}

#ifdef ZN_FAULTS
zn_fault_resolver *_Atomic zn_fault_resolve;
#endif

static struct addrinfo *next_of(struct addrinfo *i, int family)
{
    while (i != NULL && i->ai_family != family)
        i = i->ai_next;
    return i;
}

/* From one family and then the other, each in its order, the first one's family first. */
static int take_by_turns(struct addrinfo *list, struct zn_addr *out, int max)
{
    struct addrinfo *next[2] = { next_of(list, AF_INET6), next_of(list, AF_INET) };
    int count = 0, turn = list->ai_family == AF_INET;
    while (count < max && (next[0] != NULL || next[1] != NULL)) {
        if (next[turn] == NULL)
            turn = !turn;
        struct addrinfo *i = next[turn];
        memset(&out[count], 0, sizeof *out);
        memcpy(out[count].bytes, i->ai_addr, i->ai_addrlen);
        out[count++].size = (uint32_t)i->ai_addrlen;
        next[turn] = next_of(i->ai_next, i->ai_family);
        turn = !turn;
    }
    return count;
}

int zn_resolve(const char *host, uint16_t port, bool ipv6, struct zn_addr *out, int max)
{
#ifdef ZN_FAULTS
    zn_fault_resolver *instead = atomic_load(&zn_fault_resolve);
    if (instead != NULL)
        return instead(host, port, ipv6, out, max);
#endif
    struct addrinfo hints = { .ai_family = ipv6 ? AF_UNSPEC : AF_INET,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    if (zn_fault(ZN_FAULT_CALL, "getaddrinfo"))
        return -ENOENT;
    int rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0)
        return rc == EAI_SYSTEM ? scarcity_or(-ENOENT) : -ENOENT;

    int count = take_by_turns(list, out, max);
    freeaddrinfo(list);
    return count > 0 ? count : -ENOENT;
}

bool zn_local_is_stale(const struct zn_addr *addr, const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return true;
    if (!S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    int rc = connect(fd, (const void *)addr->bytes, addr->size);
    bool stale = rc < 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}
