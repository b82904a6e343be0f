/* platform/posix/poller.c - readiness: epoll for the loops, poll for callers, eventfd
 * for signals. */
#define _GNU_SOURCE
#include "platform/platform.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int zn_poller_open(void)
{
    if (zn_fault(ZN_FAULT_CALL, "epoll_create"))
        return -EMFILE;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int zn_poller_add(int poller, int fd, void *udata, bool edge)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = udata };
    if (edge)
        ev.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    if (zn_fault(ZN_FAULT_CALL, "epoll_ctl"))
        return -ENOMEM;
    return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

void zn_poller_remove(int poller, int fd)
{
    struct epoll_event unused;
    epoll_ctl(poller, EPOLL_CTL_DEL, fd, &unused);
}

/* Whole milliseconds, rounded up: a timer never fires early. */
static int to_ms(uint64_t ns)
{
    if (ns == ZN_FOREVER)
        return -1;
    uint64_t ms = ns / ZN_MS + (ns % ZN_MS != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* epoll_wait() counts in milliseconds, and what counts finer is not in every kernel or sandbox;
 * but a poller can be polled. */
static int wait_briefly(int poller, struct epoll_event *got, int max, uint64_t ns)
{
    struct timespec t = { .tv_nsec = (long)ns };
    struct pollfd p = { .fd = poller, .events = POLLIN };
    int n = ppoll(&p, 1, &t, NULL);
    return n > 0 ? epoll_wait(poller, got, max, 0) : n;
}

int zn_poller_wait(int poller, struct zn_poller_event *events, int max,
                   uint64_t timeout_ns)
{
    struct epoll_event got[256];
    max = ZN_MIN(max, (int)ZN_COUNT(got));
    int n = timeout_ns > 0 && timeout_ns < ZN_MS
                ? wait_briefly(poller, got, max, timeout_ns)
                : epoll_wait(poller, got, max, to_ms(timeout_ns));
    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++) {
        uint32_t e = got[i].events;
        events[i].udata = got[i].data.ptr;
        events[i].events =
            (e & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? ZN_FD_IN : 0u) |
            (e & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? ZN_FD_OUT : 0u) |
            (e & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? ZN_FD_ERR : 0u);
    }
    return n;
}

int zn_signal_open(void)
{
    if (zn_fault(ZN_FAULT_CALL, "eventfd"))
        return -EMFILE;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

void zn_signal_raise(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof one);
    (void)n;                             /* full means raised already */
}

void zn_signal_clear(int fd)
{
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;
}

static short to_poll(short events)
{
    return (short)((events & ZN_FD_IN ? POLLIN : 0) | (events & ZN_FD_OUT ? POLLOUT : 0) |
                   (events & ZN_FD_PRI ? POLLPRI : 0));
}

static short from_poll(short revents)
{
    return (short)((revents & POLLIN ? ZN_FD_IN : 0) |
                   (revents & POLLOUT ? ZN_FD_OUT : 0) |
                   (revents & POLLPRI ? ZN_FD_PRI : 0) |
                   (revents & ~(POLLIN | POLLOUT | POLLPRI) ? ZN_FD_ERR : 0));
}

int zn_poll(struct zn_pollfd *fds, size_t count, uint64_t timeout_ns, const void *sigmask)
{
    struct pollfd few[64], *p = few;
    if (count > ZN_COUNT(few)) {
        p = zn_alloc(count * sizeof *p);
        if (p == NULL)
            return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        p[i] = (struct pollfd){ .fd = fds[i].fd, .events = to_poll(fds[i].events) };

    struct timespec t = { .tv_sec = (time_t)(timeout_ns / 1000000000u),
                          .tv_nsec = (long)(timeout_ns % 1000000000u) };
    int rc = ppoll(p, count, timeout_ns == ZN_FOREVER ? NULL : &t, sigmask);
    if (rc < 0)
        rc = -errno;
    for (size_t i = 0; i < count; i++)
        fds[i].revents = rc > 0 ? from_poll(p[i].revents) : 0;
    if (p != few)
        zn_free(p);
    return rc;
}
