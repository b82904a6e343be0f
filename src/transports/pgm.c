/* transports/pgm.c - pgm:// and epgm://: reliable multicast (RFC 3208) by OpenPGM, on IP
 * itself or inside UDP. Publishers send, subscribers receive, each by a PGM socket of its own;
 * bind and connect do the same.
 *
 * OpenPGM has no thread: it works when it is called, and says how long it may be left alone.
 * So its descriptors are watched, its two waits (for the next thing to do, and for the rate
 * to allow more) are the carrier's timer, and every call is one that does not block.
 *
 * Out      Frames are cut into packets (wire/lossy.h) of the size that PGM need not cut again.
 *          One is filled at a time. Once PGM has refused it, it stays as it is and is offered
 *          again: PGM wants that, and receivers count on the stream having no hole. What the
 *          rate holds up waits in the socket's pipe, whose high-water mark then counts.
 * In       PGM shows packets in its receive window, and keeps them until it is asked for more.
 *          It is asked only when one has been delivered: a reader that is too slow fills the
 *          kernel's buffer, then loses. (One at a time: had PGM shown what is in front of a
 *          gap and looked beyond it in one call, it would be stuck if the gap stays.) Each sender's stream is read for itself
 *          (transports/sources.h). After a loss that PGM could not repair its reader waits
 *          for the start of the next message.
 *
 * OpenPGM asserts what it is told, and when it cannot open what it needs it closes descriptor
 * 0, whosever that is. So everything is checked here first, and tried. */
#include "core/transport.h"

#ifdef ZN_HAVE_PGM

#include <pgm/pgm.h>
#include <stdlib.h>
#include <zmq.h>

#include "core/carrier.h"
#include "core/endpoint.h"
#include "transports/pgm_address.h"
#include "transports/sources.h"

enum {
    TURNS = 64,                          /* APDUs, before others have their turn */
    TPDU_MIN = 128,
    TPDU_MAX = UINT16_MAX,
    WINDOW_MIN = 64,                     /* packets */
    RECEIVE_WINDOW_MIN = 1024,
    WINDOW_MAX = 1 << 20,
    NAK_MS = 200,                        /* between one request for a packet and the next */
    PEER_EXPIRY_S = 300,
    AFTER_ERROR_MS = 100,
    DESCRIPTORS = 8                      /* that one PGM socket has, at most */
};

struct pgm {
    struct zn_carrier carrier;
    const struct zn_options *options;
    bool engine;                         /* holds OpenPGM initialised */
    bool sends;
    pgm_sock_t *sock;
    bool bound;                          /* or tried to: only then may it be closed */
    uint64_t again;                      /* when sending may go on; 0: it is not held up */

    /* out */
    struct zn_apdu apdu;
    struct zn_lossy_writer writer;
    bool offered;                        /* the APDU has been refused: it must not change */

    /* in: the APDU that PGM shows */
    const uint8_t *p, *end;              /* what is left of it; NULL: nothing */
    struct zn_source *source;
    uint8_t *joined;                     /* an APDU that PGM had cut, for us in one piece */
    struct zn_sources sources;
};

/* ---- OpenPGM's own state, counted by it, but not for several threads at once. */

static struct zn_lock engine_lock;

/* What OpenPGM has to say, as of each interface that cannot multicast, it writes to standard
 * output, which is the program's. Who wants it sets OpenPGM's own variable. */
static void hush(void)
{
    if (getenv("PGM_MIN_LOG_LEVEL") == NULL)
        pgm_min_log_level = PGM_LOG_LEVEL_FATAL;
}

static int engine_hold(struct pgm *g)
{
    zn_lock(&engine_lock);
    g->engine = pgm_init(NULL);
    hush();
    zn_unlock(&engine_lock);
    return g->engine ? 0 : -ENOMEM;
}

static void engine_drop(struct pgm *g)
{
    zn_lock(&engine_lock);
    if (g->engine)
        pgm_shutdown();
    g->engine = false;
    zn_unlock(&engine_lock);
}

/* ---- Settings. */

static bool set(struct pgm *g, int option, int value)
{
    return pgm_setsockopt(g->sock, IPPROTO_PGM, option, &value, sizeof value);
}

static int bytes_per_second(const struct zn_options *o)
{
    return (int)ZN_MIN((int64_t)o->rate * 125, (int64_t)INT_MAX);
}

/* How many packets go out within the recovery interval: so many are kept for repairs. */
static int window(const struct zn_options *o, int least)
{
    uint64_t bytes = (uint64_t)bytes_per_second(o) * (uint64_t)o->recovery_ivl / 1000;
    uint64_t packets = bytes / (uint64_t)o->multicast_maxtpdu;
    return (int)ZN_MIN(ZN_MAX(packets, (uint64_t)least), (uint64_t)WINDOW_MAX);
}

static bool set_sending(struct pgm *g)
{
    /* SPMs tell receivers what the last packet was: often at first, then less and less. */
    static const int heartbeats[] = { (int)pgm_msecs(100), (int)pgm_msecs(100),
                                      (int)pgm_msecs(100), (int)pgm_msecs(100),
                                      (int)pgm_msecs(300), (int)pgm_msecs(1000),
                                      (int)pgm_secs(7),    (int)pgm_secs(16),
                                      (int)pgm_secs(25),   (int)pgm_secs(30) };
    return set(g, PGM_SEND_ONLY, 1) &&
           set(g, PGM_TXW_SQNS, window(g->options, WINDOW_MIN)) &&
           set(g, PGM_TXW_MAX_RTE, bytes_per_second(g->options)) &&
           set(g, PGM_AMBIENT_SPM, (int)pgm_secs(30)) &&
           pgm_setsockopt(g->sock, IPPROTO_PGM, PGM_HEARTBEAT_SPM, heartbeats,
                          sizeof heartbeats);
}

static bool set_receiving(struct pgm *g)
{
    int retries = ZN_MIN(ZN_MAX(g->options->recovery_ivl / NAK_MS, 2), UINT8_MAX);
    return set(g, PGM_RECV_ONLY, 1) && set(g, PGM_PASSIVE, 0) &&
           set(g, PGM_RXW_SQNS, window(g->options, RECEIVE_WINDOW_MIN)) &&
           set(g, PGM_PEER_EXPIRY, (int)pgm_secs(PEER_EXPIRY_S)) &&
           set(g, PGM_SPMR_EXPIRY, (int)pgm_msecs(25)) &&
           set(g, PGM_NAK_BO_IVL, (int)pgm_msecs(50)) &&
           set(g, PGM_NAK_RPT_IVL, (int)pgm_msecs(NAK_MS)) &&
           set(g, PGM_NAK_RDATA_IVL, (int)pgm_msecs(NAK_MS)) &&
           set(g, PGM_NAK_DATA_RETRIES, retries) && set(g, PGM_NAK_NCF_RETRIES, retries);
}

static bool set_buffers(struct pgm *g)
{
    int snd = g->options->sndbuf, rcv = g->options->rcvbuf;
    return (snd < 0 ||
            pgm_setsockopt(g->sock, SOL_SOCKET, SO_SNDBUF, &snd, sizeof snd)) &&
           (rcv < 0 || pgm_setsockopt(g->sock, SOL_SOCKET, SO_RCVBUF, &rcv, sizeof rcv));
}

static int check(const struct zn_options *o, bool sends)
{
    return o->multicast_maxtpdu < TPDU_MIN || o->multicast_maxtpdu > TPDU_MAX ||
                   o->multicast_hops > UINT8_MAX ||
                   (sends && bytes_per_second(o) < o->multicast_maxtpdu)
               ? -EINVAL
               : 0;
}

/* What check() has let through does not fail. */
static int set_all(struct pgm *g, bool udp, uint16_t port)
{
    const struct zn_options *o = g->options;
    bool ok = set_buffers(g) && set(g, PGM_MTU, o->multicast_maxtpdu) &&
              set(g, PGM_MULTICAST_HOPS, o->multicast_hops) &&
              set(g, PGM_MULTICAST_LOOP, 0) && set(g, PGM_NOBLOCK, 1);
    if (udp)
        ok = ok && set(g, PGM_UDP_ENCAP_UCAST_PORT, port) &&
             set(g, PGM_UDP_ENCAP_MCAST_PORT, port);
    ok = ok && (g->sends ? set_sending(g) : set_receiving(g));
    return ok ? 0 : -EINVAL;
}

/* ---- open. */

/* What OpenPGM says went wrong. */
static int reason(pgm_error_t *e)
{
    static const struct {
        int code, err;
    } known[] = {
        { PGM_ERROR_PERM, -EPERM },
        { PGM_ERROR_NOMEM, -ENOMEM },
        { PGM_ERROR_MFILE, -EMFILE },
        { PGM_ERROR_NFILE, -ENFILE },
        { PGM_ERROR_AFNOSUPPORT, -EAFNOSUPPORT },
        { PGM_ERROR_NOBUFS, -ENOBUFS },
    };
    int rc = -EINVAL;
    for (size_t i = 0; e != NULL && i < ZN_COUNT(known); i++)
        if (known[i].code == e->code)
            rc = known[i].err;
    pgm_error_free(e);
    return rc;
}

static int open_socket(struct pgm *g, bool udp, sa_family_t family)
{
    pgm_error_t *e = NULL;
    int rc = zn_sock_try(family == AF_INET6 ? ZN_AF_INET6 : ZN_AF_INET,
                         udp ? 0 : IPPROTO_PGM, DESCRIPTORS);
    if (rc < 0)
        return rc;
    return pgm_socket(&g->sock, family, SOCK_SEQPACKET, udp ? IPPROTO_UDP : IPPROTO_PGM,
                      &e)
               ? 0
               : reason(e);
}

/* A source is known by a name of random bytes: nothing of the host is in it. */
static int bind_socket(struct pgm *g, const struct pgm_addrinfo_t *info, uint16_t port)
{
    const struct pgm_group_source_req *first = &info->ai_send_addrs[0];
    struct pgm_sockaddr_t a = { .sa_port = port };
    struct pgm_interface_req_t i = { .ir_interface = first->gsr_interface };
    pgm_error_t *e = NULL;

    zn_random(&a.sa_addr.gsi, sizeof a.sa_addr.gsi);
    if (first->gsr_group.ss_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, &first->gsr_group, sizeof in);
        i.ir_scope_id = in.sin6_scope_id;
    }
    g->bound = true;
    return pgm_bind3(g->sock, &a, sizeof a, &i, sizeof i, &i, sizeof i, &e) ? 0
                                                                            : reason(e);
}

static int join_groups(struct pgm *g, const struct pgm_addrinfo_t *info)
{
    for (uint32_t i = 0; i < info->ai_recv_addrs_len; i++)
        if (!pgm_setsockopt(g->sock, IPPROTO_PGM, PGM_JOIN_GROUP, &info->ai_recv_addrs[i],
                            sizeof(struct group_req)))
            return -EINVAL;
    pgm_error_t *e = NULL;
    if (!pgm_setsockopt(g->sock, IPPROTO_PGM, PGM_SEND_GROUP, &info->ai_send_addrs[0],
                        sizeof(struct group_req)))
        return -EINVAL;
    return pgm_connect(g->sock, &e) ? 0 : reason(e);
}

static int watch(struct pgm *g, int option)
{
    int fd;
    socklen_t size = sizeof fd;
    if (!pgm_getsockopt(g->sock, IPPROTO_PGM, option, &fd, &size))
        return -EINVAL;
    int rc = zn_sock_adopt(fd);
    if (rc == 0)
        zn_carrier_add_fd(&g->carrier, fd);
    return rc;
}

static int watch_all(struct pgm *g)
{
    int rc = watch(g, PGM_RECV_SOCK);
    if (rc == 0)
        rc = watch(g, PGM_PENDING_SOCK);
    if (rc == 0 && g->sends)
        rc = watch(g, PGM_REPAIR_SOCK);
    if (rc == 0 && g->sends)
        rc = watch(g, PGM_SEND_SOCK);
    return rc;
}

static int make_buffers(struct pgm *g)
{
    int room;
    socklen_t size = sizeof room;
    zn_sources_init(&g->sources, ZN_LOSSY_PGM, g->options);
    if (!g->sends)
        return 0;
    if (!pgm_getsockopt(g->sock, IPPROTO_PGM, PGM_MSSS, &room, &size) ||
        room <= ZN_APDU_HEADER)
        return -EINVAL;
    g->apdu.data = zn_alloc((size_t)room);
    if (g->apdu.data == NULL)
        return -ENOMEM;
    g->apdu.room = (size_t)room;
    zn_apdu_begin(&g->apdu);
    return 0;
}

static int start(struct pgm *g, bool udp, const char *address)
{
    struct pgm_addrinfo_t *info = NULL;
    uint16_t port;
    int rc = check(g->options, g->sends);
    if (rc == 0)
        rc = zn_pgm_find(address, &info, &port);
    if (rc < 0)
        return rc;
    rc = open_socket(g, udp, info->ai_send_addrs[0].gsr_group.ss_family);
    if (rc == 0)
        rc = set_all(g, udp, port);
    if (rc == 0)
        rc = bind_socket(g, info, port);
    if (rc == 0)
        rc = join_groups(g, info);
    pgm_freeaddrinfo(info);
    if (rc == 0)
        rc = watch_all(g);
    return rc == 0 ? make_buffers(g) : rc;
}

static int open_pgm(struct zn_carrier *c, const char *address, char *last)
{
    struct pgm *g = ZN_CONTAINER(c, struct pgm, carrier);
    (void)last;
    g->options = &c->route->options;
    g->sends = c->ops->send != NULL;
    zn_list_init(&g->sources.list);
    int rc = engine_hold(g);
    return rc == 0 ? start(g, c->route->transport == &zn_transport_epgm, address) : rc;
}

static void close_pgm(struct zn_carrier *c)
{
    struct pgm *g = ZN_CONTAINER(c, struct pgm, carrier);
    if (g->bound)
        pgm_close(g->sock, g->sends);
    zn_sources_fini(&g->sources);
    zn_free(g->apdu.data);
    zn_free(g->joined);
    engine_drop(g);
}

/* ---- When PGM wants to be called again. */

static uint64_t remaining(struct pgm *g, int option)
{
    struct timeval tv = { 0 };
    socklen_t size = sizeof tv;
    if (!pgm_getsockopt(g->sock, IPPROTO_PGM, option, &tv, &size))
        return AFTER_ERROR_MS * ZN_MS;
    return (uint64_t)tv.tv_sec * 1000 * ZN_MS + (uint64_t)tv.tv_usec * 1000;
}

/* Not at once: the rate grows by milliseconds. */
static void hold_up(struct pgm *g, uint64_t least)
{
    g->again = zn_now() + ZN_MAX(least, ZN_MS);
}

/* Not while what it shows waits for room: it will not be asked before that has gone. */
static void set_timer(struct pgm *g)
{
    if (g->p != NULL) {
        zn_carrier_set_timer(&g->carrier, 0);
        return;
    }
    uint64_t next = zn_now() + remaining(g, PGM_TIME_REMAIN);
    if (g->again != 0)
        next = ZN_MIN(next, g->again);
    zn_carrier_set_timer(&g->carrier, next);
}

/* ---- In. */

static uint64_t name_of(const struct pgm_sk_buff_t *skb)
{
    uint64_t id;
    memcpy(&id, &skb->tsi, sizeof id);
    return id;
}

/* An APDU in one piece: it lies in the window, unless its sender had PGM cut it. */
static bool join_parts(struct pgm *g, const struct pgm_msgv_t *m)
{
    size_t size = 0;
    if (m->msgv_len == 1) {
        g->p = m->msgv_skb[0]->data;
        g->end = g->p + m->msgv_skb[0]->len;
        return true;
    }
    if (g->joined == NULL)
        g->joined = zn_alloc(PGM_MAX_FRAGMENTS * (size_t)UINT16_MAX);
    if (g->joined == NULL)
        return false;
    for (uint32_t i = 0; i < m->msgv_len; i++) {
        memcpy(g->joined + size, m->msgv_skb[i]->data, m->msgv_skb[i]->len);
        size += m->msgv_skb[i]->len;
    }
    g->p = g->joined;
    g->end = g->p + size;
    return true;
}

static void begin_apdu(struct pgm *g, const struct pgm_msgv_t *m)
{
    g->source = zn_source_of(&g->sources, name_of(m->msgv_skb[0]));
    if (g->source == NULL)
        return;
    if (join_parts(g, m))
        g->p = zn_apdu_open(&g->source->reader, g->p, g->end);
    else
        zn_source_lose_step(g->source);
}

/* Delivers what PGM shows; false: there is no room for more. */
static bool deliver(struct pgm *g)
{
    if (g->p != NULL &&
        zn_source_read(&g->sources, g->source, &g->carrier, &g->p, g->end) != 0)
        return false;
    g->p = NULL;
    return true;
}

/* What PGM could not repair: it shows a packet that says whose. */
static void lose(struct pgm *g, struct pgm_sk_buff_t *skb)
{
    struct zn_source *src = zn_source_find(&g->sources, name_of(skb));
    if (src != NULL)
        zn_source_lose_step(src);
    pgm_free_skb(skb);
}

static int ask(struct pgm *g)
{
    struct pgm_msgv_t m = { 0 };
    int status = pgm_recvmsgv(g->sock, &m, 1, MSG_DONTWAIT | MSG_ERRQUEUE, NULL, NULL);
    if (status == PGM_IO_STATUS_NORMAL && m.msgv_len > 0)
        begin_apdu(g, &m);
    else if (status == PGM_IO_STATUS_RESET && m.msgv_skb[0] != NULL)
        lose(g, m.msgv_skb[0]);
    return status;
}

/* PGM's own work: 0 when it has nothing more to do, 1 when it might have. */
static int work(struct pgm *g)
{
    for (int i = 0; i < TURNS; i++) {
        if (!deliver(g))
            return 0;
        switch (ask(g)) {
        case PGM_IO_STATUS_NORMAL:
        case PGM_IO_STATUS_RESET:
            break;
        case PGM_IO_STATUS_RATE_LIMITED: /* repairs wait for the rate */
            hold_up(g, remaining(g, PGM_RATE_REMAIN));
            return 0;
        case PGM_IO_STATUS_ERROR:        /* an interface that is down may come back */
            hold_up(g, AFTER_ERROR_MS * ZN_MS);
            return 0;
        default:
            return 0;
        }
    }
    return 1;
}

static int read_pgm(struct zn_carrier *c)
{
    struct pgm *g = ZN_CONTAINER(c, struct pgm, carrier);
    if (g->again <= zn_now())
        g->again = 0;
    int rc = work(g);
    set_timer(g);
    return rc;
}

/* ---- Out. */

/* The APDU goes to PGM. -EAGAIN: it is to be offered again. */
static int offer(struct pgm *g)
{
    int status = pgm_send(g->sock, g->apdu.data, g->apdu.size, NULL);
    g->offered = status != PGM_IO_STATUS_NORMAL;
    if (!g->offered) {
        zn_apdu_begin(&g->apdu);
        g->again = 0;
        return 0;
    }
    if (status == PGM_IO_STATUS_RATE_LIMITED)
        hold_up(g, remaining(g, PGM_RATE_REMAIN));
    else if (status != PGM_IO_STATUS_WOULD_BLOCK)
        hold_up(g, AFTER_ERROR_MS * ZN_MS);
    set_timer(g);
    return -EAGAIN;
}

static int send_frame(struct zn_carrier *c, const struct zn_frame *f)
{
    struct pgm *g = ZN_CONTAINER(c, struct pgm, carrier);
    struct zn_bytes body = { f->data, f->size };
    for (;;) {
        if (g->offered || g->apdu.size == g->apdu.room) {
            int rc = offer(g);
            if (rc < 0)
                return rc;
        }
        zn_apdu_put(&g->apdu, &g->writer, f->flags, body);
        if (zn_lossy_end(&g->writer, f->size))
            return 0;
    }
}

static int flush(struct zn_carrier *c)
{
    struct pgm *g = ZN_CONTAINER(c, struct pgm, carrier);
    int rc = 0;
    if (!zn_apdu_is_empty(&g->apdu)) {
        rc = offer(g);
        if (rc == 0)
            set_timer(g);
    }
    return rc;
}

static bool unsent(struct zn_carrier *c)
{
    return !zn_apdu_is_empty(&ZN_CONTAINER(c, struct pgm, carrier)->apdu);
}

static const struct zn_carrier_ops publisher = {
    .size = sizeof(struct pgm),
    .open = open_pgm,
    .read = read_pgm,
    .send = send_frame,
    .flush = flush,
    .unsent = unsent,
    .close = close_pgm,
};

static const struct zn_carrier_ops subscriber = {
    .size = sizeof(struct pgm),
    .open = open_pgm,
    .read = read_pgm,
    .close = close_pgm,
};

/* ---- The two schemes. */

static const struct zn_carrier_ops *ops_of(const struct zn_socket *s)
{
    int type = s->pattern->type;
    return type == ZMQ_PUB || type == ZMQ_XPUB ? &publisher : &subscriber;
}

#define SCHEME(scheme_name)                                                               \
    static int bind_##scheme_name(struct zn_socket *s, const char *endpoint, char *last)  \
    {                                                                                     \
        return zn_carrier_start(s, &zn_transport_##scheme_name, ops_of(s), endpoint,     \
                                true, last);                                             \
    }                                                                                     \
    static int connect_##scheme_name(struct zn_socket *s, const char *endpoint,          \
                                     char *last)                                         \
    {                                                                                     \
        return zn_carrier_start(s, &zn_transport_##scheme_name, ops_of(s), endpoint,     \
                                false, last);                                            \
    }                                                                                     \
    const struct zn_transport zn_transport_##scheme_name = {                              \
        .scheme = #scheme_name,                                                           \
        .types = 1u << ZMQ_PUB | 1u << ZMQ_SUB | 1u << ZMQ_XPUB | 1u << ZMQ_XSUB,         \
        .bind = bind_##scheme_name,                                                       \
        .connect = connect_##scheme_name,                                                 \
    };

SCHEME(pgm)
SCHEME(epgm)

#endif
