/* chaos_test.c - what nobody would write down: threads that do to sockets of every type, over
 * every transport, whatever comes to mind, also to each other's, until their context ends.
 *
 * Promised  No call does anything but succeed or say why not; a message arrives whole and as it
 *           was sent, or not at all; whoever waits is woken by the end; nothing is left behind
 *           (which the sanitizers see, and the counts of threads and descriptors).
 * Dice      Each world has a seed of its own, the first one's is ZN_CHAOS_SEED (1). The same seed
 *           throws the same dice, but threads interleave as they like. */

#include "tests/api/api.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum {
    THREADS = 3,
    OWN = 6,
    SLOTS = THREADS * OWN,
    PLACES = 16,
    MONITORS = 3,
    WORLDS = 6
};

/* ---- Dice. */

struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *d, uint32_t sides)
{
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(d->state >> 33) % sides;
}

/* ---- The world. */

/* Its owner sends and receives by it, and replaces it (a closed socket's handle may be another
 * socket's soon, whose messages nobody else is to take); everybody does everything else. */
struct slot {
    _Atomic(void *) socket;
    _Atomic int type;
    /* the owner's */
    void *receiving;                     /* the message under way is this socket's: */
    uint32_t id;
    int parts, next;                     /* of it; parts 0: none of ours seen yet */
    bool more;
    uint8_t peer[64];                    /* from the last message: to answer */
    size_t peer_size;
    uint32_t routing_id;
};

struct world {
    void *ctx;
    struct slot slots[SLOTS];
    char places[PLACES][ENDPOINT_MAX];
    struct in_addr host;                 /* of those of tcp */
    _Atomic uint32_t received, sent;
    const struct theme *theme;
    bool secure;                         /* who binds is a CURVE server, who connects a client */
    char public_key[41], secret_key[41];
};

struct actor {
    struct world *world;
    struct dice dice;
    int number, steps;
    void *monitors[MONITORS];
    void *poller;
    uint32_t monitor_number;
    int intruder;                        /* a connection of our own making; or -1 */
};

/* Worlds whose people understand each other, and one of everybody. */
enum { THEMES = 6, THEME_MAX = 24 };
static const struct theme {
    int count, types[THEME_MAX];
} themes[THEMES] = {
    { 23, { ZMQ_PAIR,   ZMQ_PUB,    ZMQ_SUB,    ZMQ_REQ,     ZMQ_REP,    ZMQ_DEALER,
            ZMQ_ROUTER, ZMQ_PULL,   ZMQ_PUSH,   ZMQ_XPUB,    ZMQ_XSUB,   ZMQ_STREAM,
            ZMQ_SERVER, ZMQ_CLIENT, ZMQ_RADIO,  ZMQ_DISH,    ZMQ_GATHER, ZMQ_SCATTER,
            ZMQ_DGRAM,  ZMQ_PEER,   ZMQ_CHANNEL, ZMQ_DEALER, ZMQ_ROUTER } },
    { 6, { ZMQ_DEALER, ZMQ_ROUTER, ZMQ_REQ, ZMQ_REP, ZMQ_DEALER, ZMQ_ROUTER } },
    { 4, { ZMQ_PUB, ZMQ_SUB, ZMQ_XPUB, ZMQ_XSUB } },
    { 2, { ZMQ_PUSH, ZMQ_PULL } },
    { 8,
      { ZMQ_CLIENT, ZMQ_SERVER, ZMQ_PEER, ZMQ_PEER, ZMQ_GATHER, ZMQ_SCATTER, ZMQ_RADIO,
        ZMQ_DISH } },
    { 4, { ZMQ_PAIR, ZMQ_PAIR, ZMQ_CHANNEL, ZMQ_STREAM } },
};

/* An address of the machine's own that no other test uses: whoever connects before there is a
 * listener must not find somebody else's. */
static void name_places(struct world *w)
{
    int n = 0, pid = (int)getpid();
    char host[32];
    snprintf(host, sizeof host, "127.%d.%d.%d", 64 + (pid >> 16) % 64, pid >> 8 & 255,
             pid & 255);
    CHECK_EQ(inet_pton(AF_INET, host, &w->host), 1);
    for (; n < 4; n++)
        snprintf(w->places[n], ENDPOINT_MAX, "tcp://%s:%d", host, 20000 + n);
    for (; n < 6; n++)
        snprintf(w->places[n], ENDPOINT_MAX, "ipc://%s/%d", test_dir(), n);
    for (; n < 9; n++)
        snprintf(w->places[n], ENDPOINT_MAX, "inproc://place-%d", n);
    for (; n < 11; n++)
        snprintf(w->places[n], ENDPOINT_MAX, "shm://chaos-%d-%d", pid, n);
    for (; n < 13; n++)
        snprintf(w->places[n], ENDPOINT_MAX, "ws://%s:%d", host, 20000 + n);
    for (; n < 14; n++)
        snprintf(w->places[n], ENDPOINT_MAX, "udp://%s:%d", host, 20000 + n);
    snprintf(w->places[n++], ENDPOINT_MAX, "tcp://%s:19999", host);
    snprintf(w->places[n++], ENDPOINT_MAX, "tcp://*:*");
    CHECK_EQ(n, PLACES);
}

/* What a call may say. Anything else would be a surprise. */
static bool may_be(int err)
{
    static const int known[] = {
        EAGAIN,       EINVAL,        ENOTSOCK,        ETERM,
        EFSM,         EHOSTUNREACH,  ENOTSUP,         EADDRINUSE,
        ENOENT,       ENODEV,        EPROTONOSUPPORT, ENOCOMPATPROTO,
        ECONNREFUSED, EADDRNOTAVAIL, EEXIST,          ETIMEDOUT
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == err)
            return true;
    return false;
}

#define MAY(call) \
    CHECK((errno = 0, (call)) >= 0 || may_be(errno), "%s: %s", #call, zmq_strerror(errno))

/* ---- Messages. */

struct head {
    char magic[4];
    uint32_t id, size, seed;
    uint8_t part, parts, pad[2];
};

static uint8_t body_byte(uint32_t seed, size_t i)
{
    return (uint8_t)(seed + i * 7 + (i >> 8));
}

static void make_frame(zmq_msg_t *m, uint32_t id, int part, int parts, size_t size)
{
    struct head h = { { 'Z', 'N', 'C', '!' },
                      id,
                      (uint32_t)size,
                      id * 31 + (uint32_t)part,
                      (uint8_t)part,
                      (uint8_t)parts,
                      { 0 } };
    CHECK_OK(zmq_msg_init_size(m, sizeof h + size));
    uint8_t *p = zmq_msg_data(m);
    memcpy(p, &h, sizeof h);
    for (size_t i = 0; i < size; i++)
        p[sizeof h + i] = body_byte(h.seed, i);
}

/* False: it is not one of ours. */
static bool read_frame(int type, zmq_msg_t *m, struct head *h)
{
    const uint8_t *p = zmq_msg_data(m);
    size_t size = zmq_msg_size(m);
    if (size < sizeof *h || memcmp(p, "ZNC!", 4) != 0)
        return false;
    memcpy(h, p, sizeof *h);
    CHECK_EQ(size, sizeof *h + h->size, "to type %d: part %d of %d, message %u", type,
             h->part, h->parts, h->id);
    for (size_t i = 0; i < h->size; i++)
        CHECK_EQ(p[sizeof *h + i], body_byte(h->seed, i), "byte %zu of %u", i, h->size);
    return true;
}

static bool is_single(int type)
{
    return type == ZMQ_SERVER || type == ZMQ_CLIENT || type == ZMQ_RADIO ||
           type == ZMQ_DISH || type == ZMQ_GATHER || type == ZMQ_SCATTER ||
           type == ZMQ_PEER || type == ZMQ_CHANNEL;
}

static bool is_addressed(int type)
{
    return type == ZMQ_ROUTER || type == ZMQ_STREAM || type == ZMQ_DGRAM;
}

static void check_order(struct slot *s, void *socket, zmq_msg_t *m)
{
    struct head h;
    bool first = s->receiving != socket || !s->more;
    s->receiving = socket;
    s->more = zmq_msg_more(m);
    if (first) {
        s->parts = 0;
        s->peer_size = ZN_MIN(zmq_msg_size(m), sizeof s->peer);
        memcpy(s->peer, zmq_msg_data(m), s->peer_size);
        s->routing_id = zmq_msg_routing_id(m);
    }
    /* Bare bytes have no frames. */
    if (atomic_load(&s->type) == ZMQ_STREAM)
        return;
    bool ours = read_frame(atomic_load(&s->type), m, &h);
    CHECK(ours || s->parts == 0, "a stranger in a message to type %d",
          atomic_load(&s->type));
    if (!ours)
        return;
    if (s->parts == 0) {
        s->parts = h.parts;
        s->id = h.id;
        s->next = 0;
    }
    CHECK_EQ(h.part, s->next, "of %d, to type %d", h.parts, atomic_load(&s->type));
    CHECK_EQ(h.id, s->id);
    s->next++;
    CHECK_EQ(s->more, s->next < s->parts, "part %d of %d", s->next, s->parts);
}

static void receive(struct actor *a, struct slot *s)
{
    zmq_msg_t m;
    /* Some wait, it may be for ever: the first actor sees to it that the end comes. */
    int flags = a->number != 0 && roll(&a->dice, 20) == 0 ? 0 : ZMQ_DONTWAIT;
    for (int n = (int)roll(&a->dice, 12); n >= 0; n--) {
        void *socket = atomic_load(&s->socket);
        CHECK_OK(zmq_msg_init(&m));
        int rc = zmq_msg_recv(&m, socket, flags);
        CHECK(rc >= 0 || may_be(errno), "recv: %s", zmq_strerror(errno));
        if (rc >= 0) {
            check_order(s, socket, &m);
            atomic_fetch_add(&a->world->received, 1);
        } else if (errno == EAGAIN) {
            CHECK(s->receiving != socket || !s->more,
                  "half a message, to type %d: %d of %d", atomic_load(&s->type), s->next,
                  s->parts);
        }
        CHECK_OK(zmq_msg_close(&m));
        if (rc < 0)
            return;
    }
}

static size_t some_size(struct dice *d)
{
    static const uint32_t sides[] = { 1, 20, 300, 3000, 20000, 200000 };
    uint32_t r = roll(d, 40);
    return roll(d, sides[r < 20    ? 1
                         : r < 30  ? 2
                         : r < 35  ? 3
                         : r < 38  ? 0
                         : r == 38 ? 4
                                   : 5]);
}

/* False: it did not begin. */
static bool send_address(struct slot *s, void *socket, int type)
{
    char text[ENDPOINT_MAX] = "?";
    if (type == ZMQ_DGRAM)
        return zmq_send(socket, "127.0.0.1:9", 11, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0;
    memcpy(text, s->peer, s->peer_size);
    return zmq_send(socket, text, s->peer_size, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0;
}

static void transmit(struct actor *a, struct slot *s)
{
    void *socket = atomic_load(&s->socket);
    int type = atomic_load(&s->type);
    int parts = is_single(type) || type == ZMQ_DGRAM || type == ZMQ_STREAM
                    ? 1
                    : 1 + (int)roll(&a->dice, 3);
    uint32_t id = atomic_fetch_add(&a->world->sent, 1);
    if (is_addressed(type) && !send_address(s, socket, type)) {
        CHECK(may_be(errno), "send: %s", zmq_strerror(errno));
        return;
    }
    for (int part = 0; part < parts; part++) {
        zmq_msg_t m;
        size_t size = some_size(&a->dice);
        make_frame(&m, id, part, parts,
                   type == ZMQ_DGRAM || type == ZMQ_RADIO ? size % 1000 : size);
        /* Bare bytes may come out again cut in any way: whoever takes them for ZMTP 1.0. */
        if (type == ZMQ_STREAM)
            memset(zmq_msg_data(&m), 'z', sizeof(struct head));
        if (type == ZMQ_RADIO)
            CHECK_OK(zmq_msg_set_group(&m, "group"));
        if ((type == ZMQ_SERVER || type == ZMQ_PEER) && s->routing_id != 0)
            CHECK_OK(zmq_msg_set_routing_id(&m, s->routing_id));
        int rc =
            zmq_msg_send(&m, socket, ZMQ_DONTWAIT | (part + 1 < parts ? ZMQ_SNDMORE : 0));
        int err = errno;
        if (rc < 0)
            CHECK_OK(zmq_msg_close(&m));
        CHECK(rc >= 0 || may_be(err), "send: %s", zmq_strerror(err));
        bool begun = part > 0 || is_addressed(type);
        CHECK(rc >= 0 || !begun || err == ENOTSOCK || err == ETERM,
              "a begun message of type %d is refused: %s", type, zmq_strerror(err));
        if (rc < 0)
            return;
        /* Who asks anew, or answers, hears no more of what came before. */
        if (type == ZMQ_REQ || type == ZMQ_REP)
            s->receiving = NULL;
    }
}

/* ---- Options. */

static const int numbers[] = { ZMQ_SNDHWM,
                               ZMQ_RCVHWM,
                               ZMQ_IMMEDIATE,
                               ZMQ_BACKLOG,
                               ZMQ_RATE,
                               ZMQ_TOS,
                               ZMQ_ROUTER_MANDATORY,
                               ZMQ_ROUTER_HANDOVER,
                               ZMQ_ROUTER_NOTIFY,
                               ZMQ_PROBE_ROUTER,
                               ZMQ_REQ_RELAXED,
                               ZMQ_REQ_CORRELATE,
                               ZMQ_XPUB_VERBOSE,
                               ZMQ_XPUB_VERBOSER,
                               ZMQ_XPUB_MANUAL,
                               ZMQ_XPUB_NODROP,
                               ZMQ_STREAM_NOTIFY,
                               ZMQ_HEARTBEAT_IVL,
                               ZMQ_HEARTBEAT_TTL,
                               ZMQ_HEARTBEAT_TIMEOUT,
                               ZMQ_HANDSHAKE_IVL,
                               ZMQ_CONNECT_TIMEOUT,
                               ZMQ_RECONNECT_STOP,
                               ZMQ_PLAIN_SERVER,
                               ZMQ_IPV6,
                               ZMQ_TCP_KEEPALIVE,
                               ZMQ_BUSY_POLL,
                               ZMQ_ONLY_FIRST_SUBSCRIBE,
                               ZMQ_AFFINITY,
                               ZMQ_SNDBUF,
                               ZMQ_RCVBUF,
                               ZMQ_XPUB_MANUAL_LAST_VALUE,
                               ZMQ_IN_BATCH_SIZE,
                               ZMQ_OUT_BATCH_SIZE,
                               ZMQ_ZINC_SPIN,
                               ZMQ_XSUB_VERBOSE_UNSUBSCRIBE,
                               ZMQ_PRIORITY,
                               ZMQ_CURVE_SERVER,
                               ZMQ_ZINC_MAX_CONNECTIONS };
static const int texts[] = {
    ZMQ_ROUTING_ID,      ZMQ_CONNECT_ROUTING_ID, ZMQ_SUBSCRIBE,      ZMQ_SUBSCRIBE,
    ZMQ_SUBSCRIBE,       ZMQ_UNSUBSCRIBE,        ZMQ_HELLO_MSG,      ZMQ_DISCONNECT_MSG,
    ZMQ_HICCUP_MSG,      ZMQ_ZAP_DOMAIN,         ZMQ_PLAIN_USERNAME, ZMQ_PLAIN_PASSWORD,
    ZMQ_XPUB_WELCOME_MSG
};

static void set_something(struct actor *a, void *socket)
{
    static const int values[] = { -1, 0, 0, 1, 1, 2, 5, 50, 1000 };
    static const char *const words[] = { "", "Z", "ZNC!", "A", "B", "no" };
    struct dice *d = &a->dice;
    if (roll(d, 2) == 0) {
        int v = values[roll(d, ZN_COUNT(values))];
        int option = numbers[roll(d, ZN_COUNT(numbers))];
        bool mute = option == ZMQ_PLAIN_SERVER || option == ZMQ_CURVE_SERVER;
        if (mute && (a->world->secure || roll(d, 8) != 0))
            return;                      /* seldom: nobody talks to it any more */
        MAY(zmq_setsockopt(socket, option, &v, sizeof v));
        return;
    }
    const char *text = words[roll(d, ZN_COUNT(words))];
    int option = texts[roll(d, ZN_COUNT(texts))];
    bool mute = option == ZMQ_PLAIN_USERNAME || option == ZMQ_PLAIN_PASSWORD;
    if (mute && (a->world->secure || roll(d, 8) != 0))
        return;
    MAY(zmq_setsockopt(socket, option, text, strlen(text)));
}

static void ask_something(struct actor *a, void *socket)
{
    uint8_t buf[512];
    size_t size = roll(&a->dice, 3) == 0 ? roll(&a->dice, 9) : sizeof buf;
    MAY(zmq_getsockopt(socket, (int)roll(&a->dice, 125), buf, &size));
}

/* ---- Sockets. */

static void secure(const struct world *w, void *socket, bool server)
{
    int one = 1;
    if (server) {
        MAY(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &one, sizeof one));
    } else {
        MAY(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, w->public_key, 41));
        MAY(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, w->public_key, 41));
    }
    MAY(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, w->secret_key, 41));
}

static void replace(struct actor *a, int at, bool open)
{
    struct world *w = a->world;
    int type = w->theme->types[roll(&a->dice, (uint32_t)w->theme->count)];
    void *fresh = open ? zmq_socket(w->ctx, type) : NULL;
    CHECK(fresh != NULL || !open || may_be(errno), "socket: %s", zmq_strerror(errno));
    if (fresh != NULL) {
        int ms = (int)roll(&a->dice, 4) * 5;
        MAY(zmq_setsockopt(fresh, ZMQ_LINGER, &ms, sizeof ms));
        ms = 1 + (int)roll(&a->dice, 5);
        MAY(zmq_setsockopt(fresh, ZMQ_RECONNECT_IVL, &ms, sizeof ms));
        if (roll(&a->dice, 2) == 0) {
            MAY(zmq_setsockopt(fresh, ZMQ_RCVTIMEO, &ms, sizeof ms));
        }
        if (type == ZMQ_SUB)
            MAY(zmq_setsockopt(fresh, ZMQ_SUBSCRIBE, "", 0));
        if (type == ZMQ_DISH)
            MAY(zmq_join(fresh, "group"));
        if (w->secure)
            secure(w, fresh, at % 2 == 0);
        atomic_store(&w->slots[at].type, type);
    }
    w->slots[at].receiving = NULL;
    void *old = atomic_exchange(&w->slots[at].socket, fresh);
    if (old != NULL)
        MAY(zmq_close(old));
}

/* Mostly one of a few, that people meet. */
static const char *some_place(struct actor *a)
{
    static const int usual[] = { 0, 1, 4, 6, 9, 11 };
    return a->world->places[roll(&a->dice, 4) != 0 ? usual[roll(&a->dice, 6)]
                                                   : (int)roll(&a->dice, PLACES)];
}

static void attach(struct actor *a, int at)
{
    void *socket = atomic_load(&a->world->slots[at].socket);
    const char *place = some_place(a);
    char last[ENDPOINT_MAX];
    size_t size = sizeof last;
    uint32_t r = roll(&a->dice, 9);
    if (a->world->secure && r < 6)
        r = at % 2 == 0 ? 0 : 3;
    if (r < 3) {
        MAY(zmq_bind(socket, place));
    } else if (r < 6) {
        MAY(zmq_connect(socket, place));
    } else if (r == 6) {
        MAY(zmq_unbind(socket, place));
    } else if (r == 7) {
        MAY(zmq_disconnect(socket, place));
    } else if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, last, &size) == 0) {
        MAY(zmq_unbind(socket, last));
    }
}

static void meet(struct actor *a, void *socket)
{
    uint32_t id = zmq_connect_peer(socket, some_place(a));
    CHECK(id != 0 || may_be(errno) || errno == EFAULT, "connect_peer: %s",
          zmq_strerror(errno));
}

/* ---- Looking on. */

static void poll_some(struct actor *a)
{
    zmq_pollitem_t items[4];
    int n = 1 + (int)roll(&a->dice, 4);
    for (int i = 0; i < n; i++)
        items[i] = (zmq_pollitem_t){ .socket = atomic_load(
                                         &a->world->slots[roll(&a->dice, SLOTS)].socket),
                                     .events = (short)(1 + roll(&a->dice, 3)) };
    MAY(zmq_poll(items, n, (long)roll(&a->dice, 3)));
}

static void use_poller(struct actor *a, void *socket)
{
    zmq_poller_event_t events[4];
    switch (roll(&a->dice, 4)) {
    case 0:
        MAY(zmq_poller_add(a->poller, socket, NULL, ZMQ_POLLIN));
        break;
    case 1:
        MAY(zmq_poller_modify(a->poller, socket, ZMQ_POLLIN | ZMQ_POLLOUT));
        break;
    case 2:
        MAY(zmq_poller_remove(a->poller, socket));
        break;
    default:
        MAY(zmq_poller_wait_all(a->poller, events, 4, (long)roll(&a->dice, 3)));
    }
}

static void monitor(struct actor *a, void *socket)
{
    char place[64];
    zmq_msg_t m;
    void **mine = &a->monitors[roll(&a->dice, MONITORS)];
    if (*mine != NULL && roll(&a->dice, 4) != 0) {
        CHECK_OK(zmq_msg_init(&m));
        for (int rc = 0; rc >= 0;) {
            rc = zmq_msg_recv(&m, *mine, ZMQ_DONTWAIT);
            CHECK(rc >= 0 || may_be(errno), "monitor: %s", zmq_strerror(errno));
        }
        CHECK_OK(zmq_msg_close(&m));
        return;
    }
    if (roll(&a->dice, 4) == 0) {
        MAY(zmq_socket_monitor(socket, NULL, 0));
        return;
    }
    if (*mine != NULL)
        MAY(zmq_close(*mine));
    *mine = zmq_socket(a->world->ctx, ZMQ_PAIR);
    if (*mine == NULL) {
        CHECK(may_be(errno), "socket: %s", zmq_strerror(errno));
        return;
    }
    int zero = 0;
    MAY(zmq_setsockopt(*mine, ZMQ_LINGER, &zero, sizeof zero));
    snprintf(place, sizeof place, "inproc://monitor-%d-%u", a->number,
             a->monitor_number++);
    MAY(zmq_socket_monitor(socket, place, ZMQ_EVENT_ALL));
    MAY(zmq_connect(*mine, place));
}

/* ---- Peers that are none of ours, and say what they like. */

static size_t rant(struct dice *d, uint8_t *p, size_t room)
{
    static const char *const names[] = { "PAIR",   "SUB",  "REQ", "DEALER",
                                         "ROUTER", "PUSH", "PUB", "XPUB",
                                         "CLIENT", "DISH", "NONE" };
    static const uint8_t greeting[64] = { 0xff, 0,    0, 0, 0,   0,   0,   0,
                                          1,    0x7f, 3, 1, 'N', 'U', 'L', 'L' };
    const char *name = names[roll(d, ZN_COUNT(names))];
    size_t n = sizeof greeting, length = strlen(name);
    memcpy(p, greeting, sizeof greeting);
    p[n++] = 4;                          /* a command: */
    p[n++] = (uint8_t)(6 + 12 + 4 + length);
    memcpy(p + n, "\5READY\13Socket-Type\0\0\0", 21);
    n += 21;
    p[n++] = (uint8_t)length;
    memcpy(p + n, name, length);
    n += length;
    for (uint32_t frames = roll(d, 12); frames > 0 && n + 80 < room; frames--) {
        uint8_t flags = (uint8_t)(roll(d, 10) == 0 ? roll(d, 256) : roll(d, 2));
        size_t size = roll(d, 60);
        p[n++] = flags;
        if (flags & 2) {                 /* a long one, which may be as long as it says */
            memset(p + n, roll(d, 4) == 0 ? 0x7f : 0, 7);
            n += 7;
        }
        p[n++] = (uint8_t)size;
        for (size_t i = 0; i < size; i++)
            p[n++] = (uint8_t)(i == 0 ? roll(d, 3) : roll(d, 256));
    }
    if (roll(d, 4) == 0)
        p[roll(d, (uint32_t)n)] ^= (uint8_t)(1u << roll(d, 8));
    return roll(d, 4) == 0 ? roll(d, (uint32_t)n) : n;
}

static void intrude(struct actor *a)
{
    uint8_t bytes[2048];
    struct dice *d = &a->dice;
    if (a->intruder >= 0 && roll(d, 3) != 0) {
        if (roll(d, 2) == 0) {
            (void)recv(a->intruder, bytes, roll(d, sizeof bytes), MSG_DONTWAIT);
            return;
        }
        CHECK_OK(close(a->intruder));
        a->intruder = -1;
        return;
    }
    if (a->intruder < 0) {
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)(20000 + roll(d, 4))),
                                  .sin_addr = a->world->host };
        a->intruder = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(a->intruder >= 0);
        CHECK_OK(fcntl(a->intruder, F_SETFL, O_NONBLOCK));
        (void)connect(a->intruder, (struct sockaddr *)&to, sizeof to);
    }
    size_t n = rant(d, bytes, sizeof bytes), first = roll(d, (uint32_t)n + 1);
    (void)send(a->intruder, bytes, first, MSG_NOSIGNAL);
    (void)send(a->intruder, bytes + first, n - first, MSG_NOSIGNAL);
}

/* ---- One of them. */

static void act(struct actor *a)
{
    struct world *w = a->world;
    struct slot *mine = &w->slots[a->number * OWN + (int)roll(&a->dice, OWN)];
    int any_at = (int)roll(&a->dice, SLOTS);
    void *any = atomic_load(&w->slots[any_at].socket);
    uint32_t r = roll(&a->dice, 210);
    if (r < 70)
        transmit(a, mine);
    else if (r < 130)
        receive(a, mine);
    else if (r < 150)
        attach(a, any_at);
    else if (r < 158)
        set_something(a, any);
    else if (r < 164)
        ask_something(a, any);
    else if (r < 180)
        poll_some(a);
    else if (r < 190)
        use_poller(a, any);
    else if (r < 194)
        monitor(a, any);
    else if (r < 196)
        replace(a, (int)(mine - w->slots), true);
    else if (r == 196)
        meet(a, any);
    else if (r == 197)
        MAY(zmq_disconnect_peer(any, roll(&a->dice, 4)));
    else if (r == 198)
        MAY(zmq_socket_monitor_pipes_stats(any));
    else if (r == 199)
        MAY(zmq_leave(any, "group"));
    else
        intrude(a);
}

static void *live(void *arg)
{
    struct actor *a = arg;
    a->poller = zmq_poller_new();
    CHECK(a->poller != NULL);
    for (int i = 0; i < a->steps; i++)
        act(a);
    /* The first to be tired ends it for all: whoever still waits is woken. */
    MAY(zmq_ctx_shutdown(a->world->ctx));
    for (int i = 0; i < MONITORS; i++)
        if (a->monitors[i] != NULL)
            MAY(zmq_close(a->monitors[i]));
    if (a->intruder >= 0)
        CHECK_OK(close(a->intruder));
    CHECK_OK(zmq_poller_destroy(&a->poller));
    return NULL;
}

static uint32_t run_world(uint64_t seed, int steps)
{
    static struct world w;
    struct actor actors[THREADS] = { 0 };
    struct test_thread *threads[THREADS];
    struct actor maker = { .world = &w, .dice = { seed } };

    memset(&w, 0, sizeof w);
    name_places(&w);
    if (zmq_has("curve")) {
        CHECK_OK(zmq_curve_keypair(w.public_key, w.secret_key));
        w.secure = (seed + seed / THEMES) % 3 == 0;
    }
    w.theme = &themes[seed % THEMES];
    w.ctx = open_ctx();
    CHECK_OK(zmq_ctx_set(w.ctx, ZMQ_IO_THREADS, 1 + (int)(seed % 2)));
    for (int i = 0; i < SLOTS; i++) {
        replace(&maker, i, true);
        for (int n = 0; n < 3; n++)
            attach(&maker, i);
    }
    for (int i = 0; i < THREADS; i++) {
        actors[i] =
            (struct actor){ .world = &w, .number = i, .steps = steps, .intruder = -1 };
        actors[i].dice.state = seed * 1000003 + (uint64_t)i * 7919;
        threads[i] = test_thread_start(live, &actors[i]);
    }
    for (int i = 0; i < THREADS; i++)
        test_thread_join(threads[i]);
    for (int i = 0; i < SLOTS; i++)
        replace(&maker, i, false);
    end_ctx(w.ctx);
    printf("world %llu%s: %u sent, %u frames received\n", (unsigned long long)seed,
           w.secure ? ", secure" : "", atomic_load(&w.sent), atomic_load(&w.received));
    return atomic_load(&w.received);
}

TEST_TIMEOUT(whatever_threads_do_to_sockets_messages_are_whole_and_the_end_comes, 60)
{
    const char *text = getenv("ZN_CHAOS_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    uint32_t received = 0;

    for (uint64_t i = 0; i < WORLDS; i++)
        received += run_world(seed + i, 20000 / test_patience());
    CHECK(received > 0, "nothing arrived");
}
