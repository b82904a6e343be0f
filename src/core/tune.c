/* core/tune.c - see tune.h. */
#include "core/tune.h"

#include "platform/platform.h"

static int set_if(int fd, enum zn_sockopt option, bool wanted, int value)
{
    return wanted ? zn_sock_set(fd, option, value) : 0;
}

/* Before bind or connect, so that buffers count when windows are agreed on. */
int zn_tune(int fd, const struct zn_options *o)
{
    int rc = set_if(fd, ZN_SO_SNDBUF, o->sndbuf >= 0, o->sndbuf);
    if (rc == 0)
        rc = set_if(fd, ZN_SO_RCVBUF, o->rcvbuf >= 0, o->rcvbuf);
    if (rc == 0)
        rc = set_if(fd, ZN_SO_TOS, o->tos != 0, o->tos);
    if (rc == 0)
        rc = set_if(fd, ZN_SO_PRIORITY, o->priority != 0, o->priority);
    if (rc == 0)
        rc = set_if(fd, ZN_SO_BUSY_POLL, o->busy_poll > 0, o->busy_poll);
    if (rc == 0 && o->bindtodevice.size > 0) {
        char device[17] = "";
        memcpy(device, o->bindtodevice.data,
               ZN_MIN(o->bindtodevice.size, sizeof device - 1));
        rc = zn_sock_bind_device(fd, device);
    }
    return rc;
}
