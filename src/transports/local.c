/* transports/local.c - see local.h. */
#include "transports/local.h"

#include <stdio.h>

#include "transports/plain.h"

void zn_local_peer_address(int fd, const struct zn_addr *a, char *buf, size_t size)
{
    int pid;
    unsigned uid, gid;
    (void)a;
    buf[0] = '\0';
    if (zn_sock_credentials(fd, &pid, &uid, &gid) == 0)
        snprintf(buf, size, "localhost:%u:%u:%d", uid, gid, pid);
}

bool zn_local_admit(int fd, const struct zn_addr *peer, const struct zn_options *o)
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

static bool is_at(const struct zn_file *file, const char *path)
{
    struct zn_file now;
    return zn_file_at(path, &now) == 0 && now.device == file->device &&
           now.number == file->number;
}

/* The program may be in another directory by now, or somebody may have bound the path anew. */
void zn_local_unlisten(const struct zn_left *left)
{
    char dir[sizeof left->path];
    if (is_at(&left->file, left->path))
        zn_unlink(left->path);
    snprintf(dir, sizeof dir, "%s", left->path);
    char *slash = strrchr(dir, '/');
    if (slash == NULL)
        return;
    *slash = '\0';
    if (is_at(&left->dir, dir))
        zn_remove_dir(dir);
}

/* Takes a path of our own, in a directory of our own. */
static int choose_path(struct zn_left *left)
{
    char dir[sizeof left->path - sizeof "/socket"];
    int rc = zn_temp_dir(dir, sizeof dir);
    if (rc < 0)
        return rc;
    zn_file_at(dir, &left->dir);
    snprintf(left->path, sizeof left->path, "%s/socket", dir);
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

/* What to remove in the end. */
static void note(struct zn_left *left, const char *path)
{
    if (path != left->path)
        snprintf(left->path, sizeof left->path, "%s", path);
    zn_file_at(path, &left->file);
}

static int adopt(int fd, struct zn_listening *l, struct zn_addr *bound)
{
    int rc = zn_sock_adopt(fd);
    if (rc == 0)
        rc = zn_sock_name(fd, bound);
    if (rc == 0)
        l->fd = fd;
    return rc;
}

int zn_local_listen(const char *path, const struct zn_options *o, struct zn_listening *l,
                    struct zn_addr *bound, int *failed_fd)
{
    if (o->use_fd >= 0)
        return adopt(o->use_fd, l, bound);
    int rc = path == NULL ? choose_path(&l->left) : 0;
    path = path == NULL ? l->left.path : path;
    if (rc == 0)
        rc = zn_addr_local(bound, path);
    int fd = rc == 0 ? zn_sock_open(ZN_AF_LOCAL) : rc;
    if (fd >= 0) {
        rc = bind_path(fd, bound, path);
        if (rc == 0 && path[0] != '@')
            note(&l->left, path);
        if (rc == 0)
            rc = zn_sock_listen(fd, o->backlog);
        if (rc == 0) {
            l->fd = fd;
            return 0;
        }
    } else {
        rc = fd;
    }
    zn_local_unlisten(&l->left);
    if (fd >= 0) {
        *failed_fd = fd;
        zn_sock_close(fd);
    }
    return rc;
}

int zn_local_open(const char *address, const struct zn_addr *to,
                  const struct zn_options *o, bool *pending, int *failed_fd)
{
    (void)address;
    (void)o;
    int fd = zn_sock_open(ZN_AF_LOCAL);
    if (fd < 0)
        return fd;
    return zn_plain_connect(fd, to, pending, failed_fd);
}
