/* wire/socks.c - see socks.h. */
#include "wire/socks.h"

#include <errno.h>

#include "base/wipe.h"

enum { VERSION = 5, LOGIN_VERSION = 1, CONNECT = 1 };
enum { NO_LOGIN = 0, LOGIN = 2 };
enum { METHOD_SIZE = 2, LOGIN_SIZE = 2, REPLY_HEAD = 4, PORT_SIZE = 2 };

/* One question and its answer. */
struct zn_socks_turn {
    void (*put)(struct zn_socks *s);
    /* The size of the whole answer, as far as what is there tells; or -errno. */
    int (*size)(const struct zn_socks *s);
};

static void put_byte(struct zn_socks *s, int byte)
{
    s->out[s->out_size++] = (uint8_t)byte;
}

static void put_bytes(struct zn_socks *s, struct zn_bytes b)
{
    if (b.size > 0)
        memcpy(s->out + s->out_size, b.data, b.size);
    s->out_size = (uint16_t)(s->out_size + b.size);
}

static int method(const struct zn_socks *s)
{
    return s->wish->user.size > 0 ? LOGIN : NO_LOGIN;
}

/* ---- RFC 1928, 3: which ways to say who we are there are. */

static void put_methods(struct zn_socks *s)
{
    put_byte(s, VERSION);
    put_byte(s, 1);
    put_byte(s, method(s));
}

static int method_size(const struct zn_socks *s)
{
    if (s->in_size > 0 && s->in[0] != VERSION)
        return -EPROTO;
    if (s->in_size > 1 && s->in[1] != method(s))
        return -EACCES;
    return METHOD_SIZE;
}

/* ---- RFC 1929, 2: who we are. */

static void put_login(struct zn_socks *s)
{
    put_byte(s, LOGIN_VERSION);
    put_byte(s, (int)s->wish->user.size);
    put_bytes(s, s->wish->user);
    put_byte(s, (int)s->wish->password.size);
    put_bytes(s, s->wish->password);
}

static int login_size(const struct zn_socks *s)
{
    if (s->in_size > 0 && s->in[0] != LOGIN_VERSION)
        return -EPROTO;
    if (s->in_size > 1 && s->in[1] != 0)
        return -EACCES;
    return LOGIN_SIZE;
}

/* ---- RFC 1928, 4 and 6: where to. */

static void put_request(struct zn_socks *s)
{
    uint8_t port[PORT_SIZE];

    put_byte(s, VERSION);
    put_byte(s, CONNECT);
    put_byte(s, 0);
    put_byte(s, (int)s->wish->kind);
    if (s->wish->kind == ZN_SOCKS_NAME)
        put_byte(s, (int)s->wish->host.size);
    put_bytes(s, s->wish->host);
    zn_put_u16(port, s->wish->port);
    put_bytes(s, (struct zn_bytes){ port, sizeof port });
}

static int refusal(uint8_t code)
{
    static const int errors[] = { 0,           ECONNABORTED, EACCES,
                                  ENETUNREACH, EHOSTUNREACH, ECONNREFUSED,
                                  ETIMEDOUT,   EOPNOTSUPP,   EAFNOSUPPORT };
    return code < ZN_COUNT(errors) ? -errors[code] : -EPROTO;
}

/* The address with which a reply ends is the proxy's own, and of no use. */
static int reply_size(const struct zn_socks *s)
{
    const uint8_t *in = s->in;

    if (s->in_size > 0 && in[0] != VERSION)
        return -EPROTO;
    if (s->in_size > 1 && in[1] != 0)
        return refusal(in[1]);
    if (s->in_size > 2 && in[2] != 0)
        return -EPROTO;
    if (s->in_size < REPLY_HEAD)
        return REPLY_HEAD + 1;
    switch (in[3]) {
    case ZN_SOCKS_IPV4:
        return REPLY_HEAD + 4 + PORT_SIZE;
    case ZN_SOCKS_IPV6:
        return REPLY_HEAD + 16 + PORT_SIZE;
    case ZN_SOCKS_NAME:
        return REPLY_HEAD + 1 + (s->in_size > REPLY_HEAD ? in[4] + PORT_SIZE : 0);
    default:
        return -EPROTO;
    }
}

static const struct zn_socks_turn nameless[] = {
    { put_methods, method_size },
    { put_request, reply_size },
    { NULL, NULL },
};

static const struct zn_socks_turn by_login[] = {
    { put_methods, method_size },
    { put_login, login_size },
    { put_request, reply_size },
    { NULL, NULL },
};

/* ---- Moving on. */

static void begin_turn(struct zn_socks *s)
{
    zn_wipe(s->out, sizeof s->out);      /* there was a password in it */
    s->out_size = s->out_sent = s->in_size = 0;
    s->turn->put(s);
    s->in_need = (uint16_t)s->turn->size(s);
}

static bool can_be_said(const struct zn_socks_wish *w)
{
    size_t size = w->host.size;
    bool host = w->kind == ZN_SOCKS_IPV4   ? size == 4
                : w->kind == ZN_SOCKS_IPV6 ? size == 16
                                           : size > 0 && size <= ZN_SOCKS_TEXT_MAX;
    return host && w->user.size <= ZN_SOCKS_TEXT_MAX &&
           w->password.size <= ZN_SOCKS_TEXT_MAX;
}

int zn_socks_start(struct zn_socks *s, const struct zn_socks_wish *wish)
{
    if (!can_be_said(wish))
        return -EINVAL;
    s->wish = wish;
    s->turn = method(s) == LOGIN ? by_login : nameless;
    begin_turn(s);
    return 0;
}

int zn_socks_input(struct zn_socks *s, const uint8_t *p, size_t size)
{
    if (size > zn_socks_wants(s))
        return -EPROTO;
    memcpy(s->in + s->in_size, p, size);
    s->in_size = (uint16_t)(s->in_size + size);

    int need = s->turn->size(s);
    if (need < 0)
        return need;
    s->in_need = (uint16_t)need;
    if (s->in_size < s->in_need)
        return 0;
    s->turn++;
    if (s->turn->put == NULL)
        return 1;
    begin_turn(s);
    return 0;
}
