/* transports/socks.c - see socks.h.
 *
 * An opening and nothing else: once the proxy has said yes, the bytes of ZMTP go as they are
 * and the session drops the stream. Names are for the proxy to resolve; an address in numbers
 * is passed on as one. Everything lies in one allocation, whose size the protocol bounds. */
#include "transports/socks.h"

#include "base/wipe.h"
#include "wire/socks.h"

struct socks {
    struct zn_stream stream;
    struct zn_socks talk;
    struct zn_socks_wish wish;
    uint8_t host[256];
};

/* Sends and hears until the other side has to move. */
static int open_way(struct zn_stream *st, int fd)
{
    struct socks *s = ZN_CONTAINER(st, struct socks, stream);
    int rc = 0;
    while (rc == 0) {
        uint8_t in[ZN_SOCKS_IN_MAX];
        struct zn_bytes out = zn_socks_output(&s->talk);
        bool mine = out.size > 0;
        struct zn_iov iov = { in, zn_socks_wants(&s->talk) };
        if (mine)
            iov = (struct zn_iov){ (void *)(uintptr_t)out.data, out.size };

        ptrdiff_t n = mine ? zn_sock_writev(fd, &iov, 1) : zn_sock_readv(fd, &iov, 1);
        if (n == -EAGAIN)
            return 0;
        if (n < 0)
            return (int)n;
        if (mine)
            zn_socks_sent(&s->talk, (size_t)n);
        else
            rc = n == 0 ? -ECONNRESET : zn_socks_input(&s->talk, in, (size_t)n);
    }
    return rc;
}

static void free_socks(struct zn_stream *st, int fd)
{
    struct socks *s = ZN_CONTAINER(st, struct socks, stream);
    (void)fd;
    zn_wipe(s, sizeof *s);
    zn_free(s);
}

static const struct zn_stream_ops ops = {
    .open = open_way,
    .connects = true,
    .free = free_socks,
};

static void aim(struct socks *s, const struct zn_tcp_name *to)
{
    struct zn_socks_wish *w = &s->wish;
    struct zn_addr a;
    w->port = to->port;
    w->host.data = s->host;
    if (zn_addr_numeric(&a, to->host, to->port) == 0) {
        w->host.size = zn_addr_host_bytes(&a, s->host);
        w->kind = w->host.size == 4 ? ZN_SOCKS_IPV4 : ZN_SOCKS_IPV6;
    } else {
        w->host.size = strlen(to->host);
        w->kind = ZN_SOCKS_NAME;
        memcpy(s->host, to->host, w->host.size);
    }
}

int zn_socks_stream_new(const struct zn_tcp_name *to, const struct zn_options *o,
                        struct zn_stream **out)
{
    struct socks *s = zn_zalloc(sizeof *s);
    if (s == NULL)
        return -ENOMEM;
    s->stream.ops = &ops;
    aim(s, to);
    s->wish.user = (struct zn_bytes){ o->socks_username.data, o->socks_username.size };
    s->wish.password =
        (struct zn_bytes){ o->socks_password.data, o->socks_password.size };
    int rc = zn_socks_start(&s->talk, &s->wish);
    if (rc < 0) {
        zn_free(s);
        return rc;
    }
    *out = &s->stream;
    return 0;
}
