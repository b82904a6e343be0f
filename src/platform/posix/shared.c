/* platform/posix/shared.c - memory that is handed from process to process.
 *
 * Its size is sealed: memory that a peer could shrink would end us with SIGBUS when touched.
 * So would pages of its own making (a file system in user space, huge pages that are used
 * up): only the kernel's own, unnamed memory is mapped. */
#define _GNU_SOURCE
#include "platform/posix/fault.h"

#ifdef __linux__

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int make_sealed(int fd, size_t size)
{
    FAULT("ftruncate", ENOMEM);
    if (ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        return -errno;
    return 0;
}

int zn_shared_open(size_t size)
{
    FAULT("memfd_create", EMFILE);
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("zinc", flags | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)       /* kernels before 6.3 */
        fd = memfd_create("zinc", flags);
    if (fd < 0)
        return -errno;
    int rc = make_sealed(fd, size);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

/* Whether it is what zn_shared_open() makes, of this size. */
static bool is_sound(int fd, size_t size)
{
    struct stat st;
    struct statfs fs;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0 &&
           S_ISREG(st.st_mode) && st.st_size == (off_t)size && fstatfs(fd, &fs) == 0 &&
           fs.f_type == TMPFS_MAGIC;
}

int zn_shared_map(int fd, size_t size, void **map)
{
    if (!is_sound(fd, size))
        return -EPROTO;
    FAULT("mmap", ENOMEM);
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    /* A child would keep it alive when the connection has ended. */
    madvise(p, size, MADV_DONTFORK);
    *map = p;
    return 0;
}

void zn_shared_unmap(void *map, size_t size)
{
    if (map != NULL)
        munmap(map, size);
}

void zn_shared_discard(void *p, size_t size)
{
    madvise(p, size, MADV_REMOVE);
}

ptrdiff_t zn_sock_send_fd(int sock, const void *data, size_t size, int fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS } };
    struct iovec iov = { (void *)(uintptr_t)data, size };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof control.space };
    FAULT("sendmsg", ENOBUFS);
    memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    ssize_t n = sendmsg(sock, &m, MSG_NOSIGNAL);
    if (n >= 0)
        return n;
    return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

/* Those of one message; all but the first are closed. */
static int take_fds(struct msghdr *m, int *count)
{
    int first = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if ((*count)++ == 0)
                first = fd;
            else
                close(fd);
        }
    }
    return first;
}

ptrdiff_t zn_sock_recv_fd(int sock, void *data, size_t size, int *fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = { data, size };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof control };
    *fd = -1;
    FAULT("recvmsg", ECONNRESET);
    ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
    int count = 0;
    *fd = take_fds(&m, &count);
    if (count <= 1 && !(m.msg_flags & MSG_CTRUNC))
        return n;
    zn_sock_close(*fd);
    *fd = -1;
    return -EPROTO;
}

#else

int zn_shared_open(size_t size)
{
    (void)size;
    return -ENOSYS;
}

int zn_shared_map(int fd, size_t size, void **map)
{
    (void)fd, (void)size, (void)map;
    return -ENOSYS;
}

void zn_shared_unmap(void *map, size_t size)
{
    (void)map, (void)size;
}

void zn_shared_discard(void *p, size_t size)
{
    (void)p, (void)size;
}

ptrdiff_t zn_sock_send_fd(int sock, const void *data, size_t size, int fd)
{
    (void)sock, (void)data, (void)size, (void)fd;
    return -ENOSYS;
}

ptrdiff_t zn_sock_recv_fd(int sock, void *data, size_t size, int *fd)
{
    (void)sock, (void)data, (void)size, (void)fd;
    return -ENOSYS;
}

#endif
