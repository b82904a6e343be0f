/* transports/norm.c - norm://: NACK-oriented reliable multicast (RFC 5740) by libnorm.
 * Publishers send a stream, subscribers receive those of all senders; bind and connect do the
 * same.
 *
 * Each endpoint is a NORM instance, which has a thread of its own (deaf to signals, as ours
 * are). It tells what happens by events, of which a descriptor says that there are some.
 *
 * Out      Frames are written (wire/lossy.h) into the stream as far as its buffer has room,
 *          and an end of message is marked behind each message's last. TX_QUEUE_VACANCY says
 *          that there is room again, TX_QUEUE_EMPTY that all has been sent once.
 * In       A sender's stream may break. Its reader is then set to the next mark, where a
 *          message starts (one of another implementation's marks each frame: what goes on with
 *          a message whose start was lost is stepped over). While the socket's pipe is full no
 *          event is taken: the streams' buffers fill, then break.
 *
 * A name of this endpoint among the others (the node's id) is random unless given: libnorm
 * would take the host's address, which two endpoints of one host have in common. */
#include "core/transport.h"

#ifdef ZN_HAVE_NORM

#include <zmq.h>

#include "core/carrier.h"
#include "core/endpoint.h"
#include "transports/norm_abi.h"
#include "transports/sources.h"

enum {
    SEGMENT_MAX = 65000,                 /* with its headers in a datagram of UDP */
    CHUNK = 8192,                        /* read or written at a time */
    TURNS = 64,                          /* events, or chunks, before others have their turn */
    BLOCK_MAX = 255,                     /* segments, parity included, of its FEC */
    RATE_FIRST = 64                      /* kbit/s that libnorm begins with */
};

struct norm {
    struct zn_carrier carrier;
    NormInstanceHandle instance;
    NormSessionHandle session;

    /* out */
    NormObjectHandle stream;
    struct zn_lossy_writer writer;
    size_t out_size, out_at;             /* of chunk: what the stream has not taken yet */
    bool busy;                           /* something has not been sent once yet */
    bool doubtful;                       /* a TX_QUEUE_EMPTY may be older than what is busy */
    bool asking;                         /* for another one, once there are no more events */
    bool unflushed;

    /* in: the stream at hand, and what has been read of it */
    NormObjectHandle object;
    struct zn_source *source;
    const uint8_t *p, *end;
    struct zn_sources sources;
    uint8_t chunk[CHUNK];
};

/* ---- open. */

struct place {
    struct zn_multicast_name name;
    bool multicast;
};

static int find_place(const char *address, struct place *at)
{
    struct zn_addr a, own;
    int rc = zn_norm_parse(address, &at->name);
    if (rc == 0)
        rc = zn_addr_numeric(&a, at->name.group, 0);
    if (rc < 0)
        return -EINVAL;
    at->multicast = zn_addr_is_multicast(&a);
    bool ipv6 = zn_addr_family(&a) == ZN_AF_INET6;
    const char *interface = at->name.interface;
    if (interface[0] != '\0' && zn_addr_numeric(&own, interface, 0) < 0)
        rc = zn_addr_interface(&own, interface, ipv6, 0);
    if (rc < 0)
        return rc == -ENODEV ? -EINVAL : rc;
    while (at->name.id == 0 || at->name.id == UINT32_MAX)
        zn_random(&at->name.id, sizeof at->name.id);
    return 0;
}

static int check(const struct zn_options *o, bool sends)
{
    if (o->norm_buffer_size > (int)(UINT32_MAX / 1024))
        return -EINVAL;
    if (sends && (o->norm_segment_size > SEGMENT_MAX ||
                  o->norm_block_size + o->norm_num_parity > BLOCK_MAX ||
                  o->norm_num_autoparity > o->norm_num_parity))
        return -EINVAL;
    return o->multicast_hops > UINT8_MAX || o->tos > UINT8_MAX ? -EINVAL : 0;
}

static int make_session(struct norm *n, const struct place *at,
                        const struct zn_options *o)
{
    n->session =
        NormCreateSession(n->instance, at->name.group, at->name.port, at->name.id);
    if (n->session == NULL)
        return -EINVAL;
    bool ok = true;
    if (at->multicast) {
        NormSetRxPortReuse(n->session, true, NULL, NULL, 0);
        ok = NormSetTTL(n->session, (unsigned char)o->multicast_hops) &&
             NormSetMulticastLoopback(n->session, true);
        if (at->name.interface[0] != '\0')
            ok = ok && NormSetMulticastInterface(n->session, at->name.interface);
    }
    if (o->tos != 0)
        ok = ok && NormSetTOS(n->session, (unsigned char)o->tos);
    return ok ? 0 : -EINVAL;
}

/* Only once the sender has been started: libnorm gives one that starts with congestion control
 * no more than a segment for each guess of the round trip, which is half a second. */
static void set_rate(struct norm *n, const struct zn_options *o)
{
    int mode = o->norm_mode;
    NormSetCongestionControl(n->session, mode != ZMQ_NORM_FIXED, true);
    if (mode == ZMQ_NORM_FIXED || o->rate > RATE_FIRST)
        NormSetTxRate(n->session, 1000.0 * o->rate);
    if (mode != ZMQ_NORM_FIXED && mode != ZMQ_NORM_CC)
        NormSetEcnSupport(n->session, mode != ZMQ_NORM_CCL, mode == ZMQ_NORM_CCE_ECNONLY,
                          mode == ZMQ_NORM_CCL);
}

/* To one receiver it sends from a port of its own, where it hears what that one answers. */
static int start_sender(struct norm *n, const struct place *at,
                        const struct zn_options *o)
{
    uint32_t buffer = (uint32_t)o->norm_buffer_size * 1024;
    uint16_t instance;

    zn_random(&instance, sizeof instance);
    if (!at->multicast)
        NormSetTxOnly(n->session, true, false);
    if (!NormStartSender(n->session, instance, buffer, (uint16_t)o->norm_segment_size,
                         (uint16_t)o->norm_block_size, (uint16_t)o->norm_num_parity, 0))
        return -EADDRNOTAVAIL;
    set_rate(n, o);
    NormSetAutoParity(n->session, (unsigned char)o->norm_num_autoparity);
    n->stream = NormStreamOpen(n->session, buffer, NULL, 0);
    if (n->stream == NULL)
        return -ENOMEM;
    NormStreamSetPushEnable(n->stream, o->norm_push != 0);
    n->doubtful = true;
    return 0;
}

static int start_receiver(struct norm *n, const struct place *at,
                          const struct zn_options *o)
{
    NormSetDefaultUnicastNack(n->session, o->norm_unicast_nack != 0 || !at->multicast);
    return NormStartReceiver(n->session, (uint32_t)o->norm_buffer_size * 1024)
               ? 0
               : -EADDRNOTAVAIL;
}

static NormInstanceHandle new_instance(void)
{
    struct zn_signals before;
    zn_signals_block(&before);
    NormInstanceHandle instance = NormCreateInstance(false);
    zn_signals_restore(&before);
    return instance;
}

static int open_norm(struct zn_carrier *c, const char *address, char *last)
{
    struct norm *n = ZN_CONTAINER(c, struct norm, carrier);
    const struct zn_options *o = &c->route->options;
    bool sends = c->ops->send != NULL;
    struct place at;

    (void)last;
    zn_sources_init(&n->sources, ZN_LOSSY_NORM, o);
    n->writer.framing = ZN_LOSSY_NORM;
    int rc = find_place(address, &at);
    if (rc == 0)
        rc = check(o, sends);
    if (rc < 0)
        return rc;
    n->instance = new_instance();
    if (n->instance == NULL)
        return -ENOMEM;
    rc = make_session(n, &at, o);
    if (rc == 0)
        rc = sends ? start_sender(n, &at, o) : start_receiver(n, &at, o);
    int fd = NormGetDescriptor(n->instance);
    if (rc == 0)
        rc = zn_sock_adopt(fd);
    if (rc == 0)
        zn_carrier_add_fd(c, fd);
    return rc;
}

static void close_norm(struct zn_carrier *c)
{
    struct norm *n = ZN_CONTAINER(c, struct norm, carrier);
    if (n->session != NULL)
        NormDestroySession(n->session);
    if (n->instance != NULL)
        NormDestroyInstance(n->instance);
    zn_sources_fini(&n->sources);
}

/* ---- In. */

/* Reads a chunk; false: there is nothing more now. */
static bool read_chunk(struct norm *n)
{
    for (;;) {
        if (!n->source->reader.in_step) {
            if (!NormStreamSeekMsgStart(n->object))
                return false;
            zn_lossy_step_in(&n->source->reader);
        }
        unsigned size = sizeof n->chunk;
        if (NormStreamRead(n->object, (char *)n->chunk, &size)) {
            n->p = n->chunk;
            n->end = n->chunk + size;
            return size > 0;
        }
        zn_source_lose_step(n->source);
    }
}

/* The stream at hand: 0 when it has been read, or cannot be now; 1 to go on later. */
static int read_stream(struct norm *n)
{
    for (int i = 0; i < TURNS; i++) {
        if (n->p == n->end && !read_chunk(n)) {
            n->object = NULL;
            return 0;
        }
        if (zn_source_read(&n->sources, n->source, &n->carrier, &n->p, n->end) != 0)
            return 0;
        n->p = n->end;
    }
    return 1;
}

static void begin_stream(struct norm *n, NormObjectHandle object)
{
    if (NormObjectGetType(object) != NORM_OBJECT_STREAM)
        return;
    n->source = zn_source_of(&n->sources, (uint64_t)(uintptr_t)object);
    n->object = n->source == NULL ? NULL : object;
    n->p = n->end = NULL;
}

static void end_stream(struct norm *n, NormObjectHandle object)
{
    struct zn_source *src = zn_source_find(&n->sources, (uint64_t)(uintptr_t)object);
    if (src != NULL)
        zn_source_forget(&n->sources, src);
}

/* Events that were on their way when more was written say nothing. When all of them have been
 * taken a flush brings another one, which stands for everything. */
static void all_sent(struct norm *n)
{
    n->asking = n->doubtful;
    if (n->doubtful)
        return;
    n->busy = false;
    zn_carrier_set_timer(&n->carrier, zn_now());         /* it may be what linger waits for */
}

static void ask_again(struct norm *n)
{
    if (!n->asking)
        return;
    n->asking = n->doubtful = false;
    NormStreamFlush(n->stream, false, NORM_FLUSH_ACTIVE);
}

static void take_event(struct norm *n, const NormEvent *e)
{
    switch (e->type) {
    case NORM_TX_QUEUE_VACANCY:
        zn_carrier_set_timer(&n->carrier, zn_now());     /* send goes on */
        break;
    case NORM_TX_QUEUE_EMPTY:
        all_sent(n);
        break;
    case NORM_RX_OBJECT_NEW:
    case NORM_RX_OBJECT_UPDATED:
        begin_stream(n, e->object);
        break;
    case NORM_RX_OBJECT_COMPLETED:
    case NORM_RX_OBJECT_ABORTED:
        end_stream(n, e->object);
        break;
    case NORM_REMOTE_SENDER_INACTIVE:
        NormNodeFreeBuffers(e->sender);
        break;
    default:
        break;
    }
}

static int read_norm(struct zn_carrier *c)
{
    struct norm *n = ZN_CONTAINER(c, struct norm, carrier);
    NormEvent e;
    for (int i = 0; i < TURNS; i++) {
        if (n->object != NULL) {
            int rc = read_stream(n);
            if (rc > 0 || n->object != NULL)
                return rc;
        }
        if (!NormGetNextEvent(n->instance, &e, false)) {
            ask_again(n);
            return 0;
        }
        take_event(n, &e);
    }
    return 1;
}

/* ---- Out. */

/* What is left of the chunk goes into the stream. */
static int write_chunk(struct norm *n)
{
    while (n->out_at < n->out_size) {
        unsigned taken = NormStreamWrite(n->stream, (const char *)n->chunk + n->out_at,
                                         (unsigned)(n->out_size - n->out_at));
        if (taken == 0)
            return -EAGAIN;
        n->doubtful = n->doubtful || n->busy;
        n->busy = n->unflushed = true;
        n->out_at += taken;
    }
    return 0;
}

static int send_frame(struct zn_carrier *c, const struct zn_frame *f)
{
    struct norm *n = ZN_CONTAINER(c, struct norm, carrier);
    struct zn_bytes body = { f->data, f->size };
    int rc = write_chunk(n);
    zn_lossy_begin(&n->writer, f->flags, f->size);
    while (rc == 0 && !zn_lossy_end(&n->writer, f->size)) {
        n->out_at = 0;
        n->out_size = zn_lossy_write(&n->writer, body, n->chunk, sizeof n->chunk);
        rc = write_chunk(n);
    }
    if (rc == 0 && !(f->flags & ZN_MORE))
        NormStreamMarkEom(n->stream);
    return rc;
}

static int flush(struct zn_carrier *c)
{
    struct norm *n = ZN_CONTAINER(c, struct norm, carrier);
    if (n->unflushed)                    /* receivers are told where the end is, and ask */
        NormStreamFlush(n->stream, false, NORM_FLUSH_ACTIVE);
    n->unflushed = false;
    return 0;
}

static bool unsent(struct zn_carrier *c)
{
    return ZN_CONTAINER(c, struct norm, carrier)->busy;
}

static const struct zn_carrier_ops publisher = {
    .size = sizeof(struct norm),
    .open = open_norm,
    .read = read_norm,
    .send = send_frame,
    .flush = flush,
    .unsent = unsent,
    .close = close_norm,
};

static const struct zn_carrier_ops subscriber = {
    .size = sizeof(struct norm),
    .open = open_norm,
    .read = read_norm,
    .close = close_norm,
};

static int start(struct zn_socket *s, const char *endpoint, bool bound, char *last)
{
    int type = s->pattern->type;
    return zn_carrier_start(s, &zn_transport_norm,
                            type == ZMQ_PUB || type == ZMQ_XPUB ? &publisher
                                                                : &subscriber,
                            endpoint, bound, last);
}

static int bind_norm(struct zn_socket *s, const char *endpoint, char *last)
{
    return start(s, endpoint, true, last);
}

static int connect_norm(struct zn_socket *s, const char *endpoint, char *last)
{
    return start(s, endpoint, false, last);
}

const struct zn_transport zn_transport_norm = {
    .scheme = "norm",
    .types = 1u << ZMQ_PUB | 1u << ZMQ_SUB | 1u << ZMQ_XPUB | 1u << ZMQ_XSUB,
    .bind = bind_norm,
    .connect = connect_norm,
};

#endif
