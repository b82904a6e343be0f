/* platform/posix/sock.c - descriptors and stream sockets. */
#define _GNU_SOURCE
#include "platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "platform/posix/fault.h"

_Static_assert(sizeof(struct zn_iov) == sizeof(struct iovec), "zn_iov is an iovec");
_Static_assert(sizeof(struct sockaddr_un) <= sizeof(((struct zn_addr *)0)->bytes),
               "every address fits");

int zn_sock_open(enum zn_family family)
{
    static const int af[] = { AF_INET, AF_INET, AF_INET6, AF_UNIX, AF_TIPC, AF_VSOCK };
    FAULT("socket", EMFILE);
    int fd = socket(af[family], SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int zn_sock_bind(int fd, const struct zn_addr *addr)
{
    FAULT("bind", EADDRINUSE);
    return bind(fd, (const void *)addr->bytes, addr->size) < 0 ? -errno : 0;
}

int zn_sock_listen(int fd, int backlog)
{
    FAULT("listen", EADDRINUSE);
    return listen(fd, backlog) < 0 ? -errno : 0;
}

int zn_sock_connect(int fd, const struct zn_addr *addr)
{
    FAULT("connect", ECONNREFUSED);
    int rc = connect(fd, (const void *)addr->bytes, addr->size);
    return rc < 0 ? (errno == EINTR ? -EINPROGRESS : -errno) : 0;
}

int zn_sock_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    FAULT("getsockopt", ECONNREFUSED);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return -errno;
    return -error;
}

int zn_sock_accept(int fd, struct zn_addr *peer)
{
    socklen_t size = sizeof peer->bytes;
    FAULT("accept", EMFILE);
    int got = accept4(fd, peer ? (void *)peer->bytes : NULL, peer ? &size : NULL,
                      SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (got < 0)
        return -errno;
    if (peer)
        peer->size = size;
    return got;
}

int zn_sock_name(int fd, struct zn_addr *addr)
{
    socklen_t size = sizeof addr->bytes;
    FAULT("getsockname", ENOBUFS);
    if (getsockname(fd, (void *)addr->bytes, &size) < 0)
        return -errno;
    addr->size = size;
    return 0;
}

int zn_sock_peer(int fd, struct zn_addr *addr)
{
    socklen_t size = sizeof addr->bytes;
    FAULT("getpeername", ENOBUFS);
    if (getpeername(fd, (void *)addr->bytes, &size) < 0)
        return -errno;
    addr->size = size;
    return 0;
}

static ptrdiff_t moved(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ptrdiff_t zn_sock_readv(int fd, const struct zn_iov *iov, int count)
{
    FAULT("readv", ECONNRESET);
    if (count == 1)
        return moved(recv(fd, iov->data, iov->size, 0));
    return moved(readv(fd, (const struct iovec *)(const void *)iov, count));
}

ptrdiff_t zn_sock_writev(int fd, const struct zn_iov *iov, int count)
{
    FAULT("writev", EPIPE);
    if (count == 1)
        return moved(send(fd, iov->data, iov->size, MSG_NOSIGNAL));
    struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)iov,
                        .msg_iovlen = (size_t)count };
    return moved(sendmsg(fd, &m, MSG_NOSIGNAL));
}

void zn_sock_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

void zn_sock_shutdown(int fd)
{
    shutdown(fd, SHUT_RDWR);
}

int zn_sock_adopt(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}

int zn_sock_set(int fd, enum zn_sockopt option, int value)
{
    static const struct {
        int level, name;
    } names[] = {
        [ZN_SO_REUSEADDR] = { SOL_SOCKET, SO_REUSEADDR },
        [ZN_SO_NODELAY] = { IPPROTO_TCP, TCP_NODELAY },
        [ZN_SO_V6ONLY] = { IPPROTO_IPV6, IPV6_V6ONLY },
        [ZN_SO_SNDBUF] = { SOL_SOCKET, SO_SNDBUF },
        [ZN_SO_RCVBUF] = { SOL_SOCKET, SO_RCVBUF },
        [ZN_SO_TOS] = { IPPROTO_IP, IP_TOS },
        [ZN_SO_PRIORITY] = { SOL_SOCKET, SO_PRIORITY },
        [ZN_SO_BUSY_POLL] = { SOL_SOCKET, SO_BUSY_POLL },
        [ZN_SO_KEEPALIVE] = { SOL_SOCKET, SO_KEEPALIVE },
        [ZN_SO_KEEPCNT] = { IPPROTO_TCP, TCP_KEEPCNT },
        [ZN_SO_KEEPIDLE] = { IPPROTO_TCP, TCP_KEEPIDLE },
        [ZN_SO_KEEPINTVL] = { IPPROTO_TCP, TCP_KEEPINTVL },
        [ZN_SO_MAXRT] = { IPPROTO_TCP, TCP_USER_TIMEOUT },
        [ZN_SO_BROADCAST] = { SOL_SOCKET, SO_BROADCAST },
    };
    FAULT("setsockopt", EINVAL);
    int rc = 0;
    if (setsockopt(fd, names[option].level, names[option].name, &value, sizeof value) < 0)
        rc = -errno;
    /* One of IPv6 may take both: that of IPv4 is for mapped addresses. */
    if (option == ZN_SO_TOS &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof value) == 0)
        rc = 0;
    return rc;
}

void zn_sock_unpace(int fd)
{
#ifdef TCP_CONGESTION
    char name[16] = "";
    socklen_t size = sizeof name - 1;
    if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size) == 0 &&
        strncmp(name, "bbr", 3) == 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
#else
    (void)fd;
#endif
}

int zn_sock_bind_device(int fd, const char *name)
{
    FAULT("bindtodevice", EPERM);
    socklen_t size = (socklen_t)strlen(name);
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, size) < 0 ? -errno : 0;
}

int zn_sock_credentials(int fd, int *pid, unsigned *uid, unsigned *gid)
{
    struct ucred cred;
    socklen_t size = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
        return -errno;
    *pid = cred.pid;
    *uid = cred.uid;
    *gid = cred.gid;
    return 0;
}

unsigned zn_user(void)
{
    return geteuid();
}

bool zn_user_in_group(unsigned uid, unsigned gid)
{
    char text[4096];
    struct passwd pw, *found = NULL;
    if (getpwuid_r(uid, &pw, text, sizeof text, &found) != 0 || found == NULL)
        return false;

    gid_t groups[256];
    int count = (int)ZN_COUNT(groups);
    if (getgrouplist(pw.pw_name, pw.pw_gid, groups, &count) < 0)
        count = (int)ZN_COUNT(groups);
    for (int i = 0; i < count; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

int zn_file_at(const char *path, struct zn_file *file)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return -errno;
    *file = (struct zn_file){ (uint64_t)st.st_dev, (uint64_t)st.st_ino };
    return 0;
}

int zn_unlink(const char *path)
{
    return unlink(path) < 0 ? -errno : 0;
}

int zn_remove_dir(const char *path)
{
    return rmdir(path) < 0 ? -errno : 0;
}

int zn_temp_dir(char *buf, size_t size)
{
    static const char *const names[] = { "TMPDIR", "TEMPDIR", "TMP" };
    for (size_t i = 0; i <= ZN_COUNT(names); i++) {
        const char *dir = i < ZN_COUNT(names) ? getenv(names[i]) : "";
        if (dir == NULL || (i < ZN_COUNT(names) && dir[0] == '\0'))
            continue;
        const char *slash = dir[0] == '\0' || dir[strlen(dir) - 1] == '/' ? "" : "/";
        int n = snprintf(buf, size, "%s%stmpXXXXXX", dir, slash);
        if (n > 0 && (size_t)n < size && mkdtemp(buf) != NULL)
            return 0;
    }
    return -EACCES;
}
