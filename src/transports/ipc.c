/* transports/ipc.c - ipc://, over local stream sockets: paths, abstract names ("@name") and
 * "*" for a path of the library's choice.
 *
 * A path is bound only if nobody listens there: a file left behind is replaced, another
 * binder's is not. The file is removed with the listener. */
#include <stdio.h>
#include <stdlib.h>

#include <zmq.h>

#include "core/transport.h"

static void name(const struct zn_addr *a, char *buf, size_t size)
{
    char path[200];
    if (zn_addr_host_text(a, path, sizeof path) < 0)
        path[0] = '\0';
    snprintf(buf, size, "ipc://%s", path);
}

static void peer_address(int fd, const struct zn_addr *a, char *buf, size_t size)
{
    int pid;
    unsigned uid, gid;
    (void)a;
    buf[0] = '\0';
    if (zn_sock_credentials(fd, &pid, &uid, &gid) == 0)
        snprintf(buf, size, "localhost:%u:%u:%d", uid, gid, pid);
}

static int tune(int fd, const struct zn_options *o, bool accepted)
{
    (void)fd;
    (void)o;
    (void)accepted;
    return 0;
}

static bool admit(int fd, const struct zn_addr *peer, const struct zn_options *o)
{
    int pid;
    unsigned uid, gid;
    (void)peer;
    if (o->ipc_pid_count == 0 && o->ipc_uid_count == 0 && o->ipc_gid_count == 0)
        return true;
    if (zn_sock_credentials(fd, &pid, &uid, &gid) < 0)
        return false;
    for (size_t i = 0; i < o->ipc_pid_count; i++)
        if (o->ipc_pids[i] == pid)
            return true;
    for (size_t i = 0; i < o->ipc_uid_count; i++)
        if (o->ipc_uids[i] == uid)
            return true;
    for (size_t i = 0; i < o->ipc_gid_count; i++)
        if (o->ipc_gids[i] == gid || zn_user_in_group(uid, o->ipc_gids[i]))
            return true;
    return false;
}

static int check(const char *address, const struct zn_options *o)
{
    struct zn_addr a;
    (void)o;
    return zn_addr_local(&a, address);
}

static void unlisten(const char *path, bool own_dir)
{
    char dir[128];
    zn_unlink(path);
    if (!own_dir)
        return;
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash != NULL)
        *slash = '\0';
    zn_remove_dir(dir);
}

/* Takes a path of our own, in a directory of our own. */
static int choose_path(struct zn_listening *l)
{
    char dir[sizeof l->path - sizeof "/socket"];
    int rc = zn_temp_dir(dir, sizeof dir);
    if (rc < 0)
        return rc;
    snprintf(l->path, sizeof l->path, "%s/socket", dir);
    l->own_dir = true;
    return 0;
}

static int bind_path(int fd, const struct zn_addr *a, const char *path)
{
    int rc = zn_sock_bind(fd, a);
    if (rc != -EADDRINUSE || path[0] == '@')
        return rc;
    if (!zn_local_is_stale(a, path))
        return -EADDRINUSE;
    zn_unlink(path);
    return zn_sock_bind(fd, a);
}

static int listen_on(const char *address, const struct zn_options *o,
                     struct zn_listening *l, int *failed_fd)
{
    struct zn_addr a;
    int rc = zn_addr_local(&a, address);
    if (rc < 0)
        return rc;
    if (o->use_fd >= 0) {
        rc = zn_sock_adopt(o->use_fd);
        if (rc == 0)
            rc = zn_sock_name(o->use_fd, &a);
        if (rc < 0)
            return rc;
        name(&a, l->text, sizeof l->text);
        l->fd = o->use_fd;
        return 0;
    }
    if (address[0] == '*') {
        rc = choose_path(l);
        address = l->path;
        if (rc == 0)
            rc = zn_addr_local(&a, address);
    } else {
        rc = 0;
    }
    int fd = rc == 0 ? zn_sock_open(ZN_AF_LOCAL) : rc;
    if (fd >= 0) {
        rc = bind_path(fd, &a, address);
        if (rc == 0 && !l->own_dir && address[0] != '@')
            snprintf(l->path, sizeof l->path, "%s", address);
        if (rc == 0)
            rc = zn_sock_listen(fd, o->backlog);
        if (rc == 0) {
            snprintf(l->text, sizeof l->text, "ipc://%s", address);
            l->fd = fd;
            return 0;
        }
        *failed_fd = fd;
        zn_sock_close(fd);
    } else {
        rc = fd;
    }
    if (l->own_dir || (l->path[0] != '\0' && rc != -EADDRINUSE))
        unlisten(l->path, l->own_dir);
    return rc;
}

static int find(const char *address, const struct zn_options *o, struct zn_target *t)
{
    (void)o;
    t->count = 1;
    return zn_addr_local(&t->addrs[0], address);
}

static int open_to(const char *address, const struct zn_addr *to,
                   const struct zn_options *o, bool *pending, int *failed_fd)
{
    (void)address;
    (void)o;
    int fd = zn_sock_open(ZN_AF_LOCAL);
    if (fd < 0)
        return fd;
    int rc = zn_sock_connect(fd, to);
    *pending = rc == -EINPROGRESS;
    if (rc == 0 || *pending)
        return fd;
    *failed_fd = fd;
    zn_sock_close(fd);
    return rc;
}

const struct zn_transport zn_transport_ipc = {
    .scheme = "ipc",
    .check = check,
    .listen = listen_on,
    .unlisten = unlisten,
    .find = find,
    .open = open_to,
    .tune = tune,
    .admit = admit,
    .name = name,
    .peer_address = peer_address,
};
