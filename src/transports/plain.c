/* transports/plain.c - see plain.h. */
#include "transports/plain.h"

int zn_plain_listen(int fd, const struct zn_addr *at, const struct zn_options *o,
                    struct zn_listening *l, struct zn_addr *bound, int *failed_fd)
{
    int rc = at != NULL ? zn_sock_bind(fd, at) : 0;
    if (rc == 0)
        rc = zn_sock_listen(fd, o->backlog);
    if (rc == 0)
        rc = zn_sock_name(fd, bound);
    if (rc < 0) {
        *failed_fd = fd;
        zn_sock_close(fd);
        return rc;
    }
    l->fd = fd;
    return 0;
}

int zn_plain_connect(int fd, const struct zn_addr *to, bool *pending, int *failed_fd)
{
    int rc = zn_sock_connect(fd, to);
    *pending = rc == -EINPROGRESS;
    if (rc == 0 || *pending)
        return fd;
    *failed_fd = fd;
    zn_sock_close(fd);
    return rc;
}

int zn_plain_tune(int fd, const struct zn_options *o, const struct zn_addr *peer)
{
    (void)fd;
    (void)o;
    (void)peer;
    return 0;
}
