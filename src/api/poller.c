/* api/poller.c - zmq_poller_*: a set of items kept between waits.
 *
 * zmq_poller_fd() is a descriptor of readiness, in which are the ZMQ_FD of the sockets of
 * thread-safe types; theirs tells nobody else. One that is closed leaves by itself. */
#include <zmq.h>

#include "api/poll.h"
#include "api/result.h"
#include "core/socket.h"

#define POLLER_TAG 0x7a6e706fu

struct zn_poller {
    uint32_t tag;
    zmq_pollitem_t *items;
    void **users;
    size_t count, cap;
    int fd;                              /* zmq_poller_fd's; -1: never asked for */
};

enum { ALL_EVENTS = ZMQ_POLLIN | ZMQ_POLLOUT | ZMQ_POLLERR | ZMQ_POLLPRI };

static struct zn_poller *check(void *poller)
{
    struct zn_poller *p = poller;
    return p != NULL && p->tag == POLLER_TAG ? p : NULL;
}

void *zmq_poller_new(void)
{
    struct zn_poller *p = zn_zalloc(sizeof *p);
    if (p == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    p->tag = POLLER_TAG;
    p->fd = -1;
    return p;
}

int zmq_poller_destroy(void **poller)
{
    struct zn_poller *p = poller != NULL ? check(*poller) : NULL;
    if (p == NULL)
        return zn_result(-EFAULT);
    p->tag = 0;
    zn_sock_close(p->fd);
    zn_free(p->items);
    zn_free(p->users);
    zn_free(p);
    *poller = NULL;
    return 0;
}

int zmq_poller_size(void *poller)
{
    struct zn_poller *p = check(poller);
    return p == NULL ? zn_result(-EFAULT) : (int)p->count;
}

/* ---- The set. */

static int check_socket(void *socket)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(socket, &s);
    if (rc == 0)
        zn_socket_unlock(s);
    return rc;
}

/* The item for a socket, or for a descriptor if socket is NULL; count if there is none. */
static size_t find(const struct zn_poller *p, const void *socket, zmq_fd_t fd)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].socket == socket && (socket != NULL || p->items[i].fd == fd))
            return i;
    return p->count;
}

static int grow(struct zn_poller *p)
{
    if (p->count < p->cap)
        return 0;
    size_t cap = p->cap ? p->cap * 2 : 8;
    zmq_pollitem_t *items = zn_realloc(p->items, cap * sizeof *items);
    if (items != NULL)
        p->items = items;
    void **users = zn_realloc(p->users, cap * sizeof *users);
    if (users != NULL)
        p->users = users;
    if (items == NULL || users == NULL)
        return -ENOMEM;
    p->cap = cap;
    return 0;
}

static int add(struct zn_poller *p, void *socket, zmq_fd_t fd, void *user, short events)
{
    if (events & ~ALL_EVENTS || find(p, socket, fd) < p->count)
        return -EINVAL;
    int rc = grow(p);
    if (rc < 0)
        return rc;
    p->items[p->count] = (zmq_pollitem_t){ .socket = socket, .fd = fd, .events = events };
    p->users[p->count++] = user;
    return 0;
}

static int modify(struct zn_poller *p, const void *socket, zmq_fd_t fd, short events)
{
    size_t i = find(p, socket, fd);
    if (events & ~ALL_EVENTS || i == p->count)
        return -EINVAL;
    p->items[i].events = events;
    return 0;
}

/* The order of registration stays. */
static int drop(struct zn_poller *p, const void *socket, zmq_fd_t fd)
{
    size_t i = find(p, socket, fd);
    if (i == p->count)
        return -EINVAL;
    p->count--;
    memmove(&p->items[i], &p->items[i + 1], (p->count - i) * sizeof p->items[0]);
    memmove(&p->users[i], &p->users[i + 1], (p->count - i) * sizeof p->users[0]);
    return 0;
}

/* ---- Its descriptor. */

/* Whether a socket's news are to be seen there: 1, 0, -errno. */
static int into_fd(struct zn_poller *p, void *socket, bool remove)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(socket, &s);
    if (rc < 0)
        return rc;
    if (!(s->pattern->flags & ZN_PAT_THREAD_SAFE))
        rc = 0;
    else if (remove)
        zn_poller_remove(p->fd, zn_socket_fd(s));
    else if ((rc = zn_socket_fd(s)) >= 0)
        rc = zn_poller_add(p->fd, rc, NULL, false) < 0 ? -ENOMEM : 1;
    zn_socket_unlock(s);
    return rc;
}

static int open_fd(struct zn_poller *p)
{
    int rc = 0, count = 0;
    p->fd = zn_poller_open();
    if (p->fd < 0)
        return p->fd;
    for (size_t i = 0; i < p->count && (rc >= 0 || rc == -ENOTSOCK); i++) {
        rc = p->items[i].socket != NULL ? into_fd(p, p->items[i].socket, false) : 0;
        count += rc > 0;
    }
    if (rc == -ENOTSOCK)
        rc = 0;
    if (rc >= 0 && count > 0)
        return 0;
    zn_sock_close(p->fd);
    p->fd = -1;
    return rc < 0 ? rc : -EINVAL;
}

int zmq_poller_fd(void *poller, zmq_fd_t *fd)
{
    struct zn_poller *p = check(poller);
    if (p == NULL || fd == NULL)
        return zn_result(-EFAULT);
    int rc = p->fd < 0 ? open_fd(p) : 0;
    if (rc == 0)
        *fd = p->fd;
    return zn_result(rc);
}

/* ---- What zmq.h calls. */

int zmq_poller_add(void *poller, void *socket, void *user, short events)
{
    struct zn_poller *p = check(poller);
    int rc = p == NULL ? -EFAULT : check_socket(socket);
    if (rc == 0)
        rc = add(p, socket, -1, user, events);
    if (rc == 0 && p->fd >= 0 && (rc = into_fd(p, socket, false)) < 0)
        (void)drop(p, socket, -1);
    return zn_result(ZN_MIN(rc, 0));
}

int zmq_poller_modify(void *poller, void *socket, short events)
{
    struct zn_poller *p = check(poller);
    int rc = p == NULL ? -EFAULT : check_socket(socket);
    return zn_result(rc < 0 ? rc : modify(p, socket, -1, events));
}

int zmq_poller_remove(void *poller, void *socket)
{
    struct zn_poller *p = check(poller);
    if (p == NULL)
        return zn_result(-EFAULT);
    /* A socket that was closed in the meantime can still be taken out. */
    if (socket == NULL || (find(p, socket, -1) == p->count && check_socket(socket) < 0))
        return zn_result(-ENOTSOCK);
    int rc = drop(p, socket, -1);
    if (rc == 0 && p->fd >= 0)
        (void)into_fd(p, socket, true);
    return zn_result(rc);
}

int zmq_poller_add_fd(void *poller, zmq_fd_t fd, void *user, short events)
{
    struct zn_poller *p = check(poller);
    int rc = p == NULL ? -EFAULT : fd == -1 ? -EBADF : 0;
    return zn_result(rc < 0 ? rc : add(p, NULL, fd, user, events));
}

int zmq_poller_modify_fd(void *poller, zmq_fd_t fd, short events)
{
    struct zn_poller *p = check(poller);
    int rc = p == NULL ? -EFAULT : fd == -1 ? -EBADF : 0;
    return zn_result(rc < 0 ? rc : modify(p, NULL, fd, events));
}

int zmq_poller_remove_fd(void *poller, zmq_fd_t fd)
{
    struct zn_poller *p = check(poller);
    int rc = p == NULL ? -EFAULT : fd == -1 ? -EBADF : 0;
    return zn_result(rc < 0 ? rc : drop(p, NULL, fd));
}

/* ---- Waiting. */

static bool all_disabled(const struct zn_poller *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].events != 0)
            return false;
    return true;
}

static int wait_all(struct zn_poller *p, zmq_poller_event_t *events, int room,
                    long timeout_ms)
{
    if (timeout_ms < 0 && all_disabled(p))
        return -EFAULT;
    int rc = zn_poll_items(p->items, p->count, timeout_ms, NULL);
    if (rc < 0)
        return rc;
    int n = 0;
    for (size_t i = 0; i < p->count && n < room; i++) {
        short revents = p->items[i].revents & p->items[i].events;
        if (p->items[i].socket == NULL)
            revents = p->items[i].revents;
        if (revents == 0)
            continue;
        events[n++] = (zmq_poller_event_t){ .socket = p->items[i].socket,
                                            .fd = p->items[i].fd,
                                            .user_data = p->users[i],
                                            .events = revents };
    }
    return n > 0 ? n : -EAGAIN;
}

int zmq_poller_wait_all(void *poller, zmq_poller_event_t *events, int count,
                        long timeout_ms)
{
    struct zn_poller *p = check(poller);
    if (p == NULL || events == NULL)
        return zn_result(-EFAULT);
    if (count < 0)
        return zn_result(-EINVAL);
    return zn_result(wait_all(p, events, count, timeout_ms));
}

int zmq_poller_wait(void *poller, zmq_poller_event_t *event, long timeout_ms)
{
    struct zn_poller *p = check(poller);
    if (p == NULL || event == NULL)
        return zn_result(-EFAULT);
    int rc = wait_all(p, event, 1, timeout_ms);
    if (rc > 0)
        return 0;
    *event = (zmq_poller_event_t){ .fd = -1 };
    return zn_result(rc);
}
