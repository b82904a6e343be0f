/* transports/ipc.c - ipc://, over local stream sockets: paths, abstract names ("@name") and
 * "*" for a path of the library's choice. See local.h. */
#include <stdio.h>

#include "transports/local.h"
#include "transports/plain.h"

static void name(const struct zn_addr *a, char *buf, size_t size)
{
    char path[200];
    if (zn_addr_host_text(a, path, sizeof path) < 0)
        path[0] = '\0';
    snprintf(buf, size, "ipc://%s", path);
}

static int check(const char *address, const struct zn_options *o)
{
    struct zn_addr a;
    (void)o;
    return zn_addr_local(&a, address);
}

static int listen_on(const char *address, const struct zn_options *o,
                     struct zn_listening *l, int *failed_fd)
{
    struct zn_addr a;
    int rc = zn_addr_local(&a, address);
    if (rc == 0)
        rc = zn_local_listen(address[0] == '*' ? NULL : address, o, l, &a, failed_fd);
    if (rc == 0 || *failed_fd >= 0)
        name(&a, l->text, sizeof l->text);
    return rc;
}

static int find(const char *address, const struct zn_options *o, struct zn_target *t)
{
    (void)o;
    t->count = 1;
    return zn_addr_local(&t->addrs[0], address);
}

const struct zn_transport zn_transport_ipc = {
    .scheme = "ipc",
    .check = check,
    .listen = listen_on,
    .unlisten = zn_local_unlisten,
    .find = find,
    .open = zn_local_open,
    .tune = zn_plain_tune,
    .admit = zn_local_admit,
    .name = name,
    .peer_address = zn_local_peer_address,
};
