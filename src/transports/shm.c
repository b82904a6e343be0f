/* transports/shm.c - shm://, between processes of one machine: messages go through memory
 * that both have mapped, and the kernel is entered only to wake who sleeps.
 *
 * Address  "name" is an abstract local address of our own, "/path" a socket file as ipc has.
 *          An abstract address has no permissions: there only this user and root may be the
 *          peer, unless the listener's filters say otherwise.
 * Opening  Whoever connects brings the memory: an offer of 16 bytes with a sealed descriptor,
 *          answered by 16 bytes. What says anything else is no zinc, and is refused; a peer
 *          of ZMTP refuses the offer, whose first byte is a frame without a length.
 * Traffic  Two rings (ring.h). A byte over the socket wakes a peer that sleeps; the socket's
 *          end tells that the peer has gone, however it went. What it had written is read.
 * Memory   The rings' pages are made as they are touched; a connection at rest gives them
 *          back. The memory goes with the last of the two processes. */
#include <stdio.h>

#include <zmq.h>

#include "transports/local.h"
#include "transports/plain.h"
#include "transports/ring.h"

#define PREFIX "@zinc-shm/"              /* of abstract addresses */

enum { HELLO = 16, VERSION = 1, OFFER = 1, ACCEPT = 2 };
static const uint8_t magic[8] = { 0, 'z', 'i', 'n', 'c', 's', 'h', 'm' };

/* One page of counts, then the ring of who connected, then that of who accepted. */
enum { COUNTS = 4096 };
#define RING_SIZE (2u * 1024 * 1024)     /* what we offer: it outgrows a core's own cache */
#define RING_MIN (4u * 1024)             /* what we take */
#define RING_MAX (16u * 1024 * 1024)

/* Both sides copy at once, a piece apart. */
#define PIECE (64u * 1024)
#define STAY 20000u
/* Runs of small messages may not fill all of the ring, that high-water marks are felt. */
#define LARGE (64u * 1024)
#define SMALL_WINDOW (256u * 1024)
#define SHORT_READ 4096u
/* Who has touched no more than this keeps it when at rest. */
#define KEPT (16u * 1024)

struct shm {
    struct zn_stream stream;
    bool accepted;
    bool same_user;                      /* the peer has to be */
    bool offered;
    bool over;                           /* the peer has gone */
    bool after_large;                    /* what was read last */
    uint8_t have;                        /* of hello */
    uint8_t hello[HELLO];
    int fd;                              /* of the memory, until it is mapped; or -1 */
    uint32_t window;
    uint8_t misses, skip;                /* of waits that were too long */
    void *map;
    size_t map_size;
    struct zn_ring_writer out;
    struct zn_ring_reader in;
    uint64_t trimmed;                    /* up to where the ring has been given back */
};

static struct shm *shm_of(struct zn_stream *st)
{
    return ZN_CONTAINER(st, struct shm, stream);
}

/* ---- Opening. */

static void make_hello(uint8_t *p, uint8_t kind, uint32_t ring)
{
    memset(p, 0, HELLO);
    memcpy(p, magic, sizeof magic);
    p[8] = VERSION;
    p[9] = kind;
    zn_put_u32(p + 12, ring);
}

/* Only this user's processes and root's. */
static bool is_trusted(int fd)
{
    int pid;
    unsigned uid, gid;
    return zn_sock_credentials(fd, &pid, &uid, &gid) == 0 &&
           (uid == 0 || uid == zn_user());
}

static int map_rings(struct shm *m, uint32_t ring)
{
    size_t size = COUNTS + 2 * (size_t)ring;
    int rc = zn_shared_map(m->fd, size, &m->map);
    if (rc < 0)
        return rc;
    m->map_size = size;
    zn_sock_close(m->fd);
    m->fd = -1;

    struct zn_ring_shared *counts = m->map;
    uint8_t *data = (uint8_t *)m->map + COUNTS;
    size_t mine = m->accepted, other = !m->accepted;
    zn_ring_writer_init(&m->out, &counts[mine], data + mine * ring, ring);
    zn_ring_reader_init(&m->in, &counts[other], data + other * ring, ring);
    m->window = ZN_MIN(ring, SMALL_WINDOW);
    return 0;
}

static int offer(struct shm *m, int fd)
{
    uint8_t hello[HELLO];
    if (m->same_user && !is_trusted(fd))
        return -EACCES;
    if (m->fd < 0)
        m->fd = zn_shared_open(COUNTS + 2 * (size_t)RING_SIZE);
    if (m->fd < 0)
        return m->fd;
    make_hello(hello, OFFER, RING_SIZE);
    ptrdiff_t n = zn_sock_send_fd(fd, hello, sizeof hello, m->fd);
    if (n < 0)
        return n == -EAGAIN ? 0 : (int)n;
    if (n < HELLO)
        return -ENOBUFS;
    m->offered = true;
    return map_rings(m, RING_SIZE);
}

/* The peer's hello: 1 when it is there. */
static int hear(struct shm *m, int fd)
{
    while (m->have < HELLO) {
        int got;
        size_t want = (size_t)HELLO - m->have;
        ptrdiff_t n = zn_sock_recv_fd(fd, m->hello + m->have, want, &got);
        if (n <= 0)
            return n == 0 ? -EPIPE : n == -EAGAIN ? 0 : (int)n;
        if (got >= 0 && (m->fd >= 0 || !m->accepted)) {
            zn_sock_close(got);
            return -EPROTO;
        }
        m->fd = got >= 0 ? got : m->fd;
        m->have = (uint8_t)(m->have + n);
        if (memcmp(m->hello, magic, ZN_MIN(m->have, sizeof magic)) != 0)
            return -EPROTO;
    }
    return 1;
}

static int take_answer(const struct shm *m)
{
    return m->hello[8] == VERSION && m->hello[9] == ACCEPT ? 1 : -EPROTO;
}

static int take_offer(struct shm *m, int fd)
{
    uint32_t ring = zn_get_u32(m->hello + 12);
    bool sound = m->hello[8] == VERSION && m->hello[9] == OFFER && m->fd >= 0 &&
                 ring >= RING_MIN && ring <= RING_MAX && (ring & (ring - 1)) == 0;
    int rc = sound ? map_rings(m, ring) : -EPROTO;
    if (rc < 0)
        return rc;
    uint8_t hello[HELLO];
    make_hello(hello, ACCEPT, ring);
    struct zn_iov iov = { hello, sizeof hello };
    ptrdiff_t n = zn_sock_writev(fd, &iov, 1);
    return n == HELLO ? 1 : n < 0 ? (int)n : -ENOBUFS;
}

static int open_rings(struct zn_stream *st, int fd)
{
    struct shm *m = shm_of(st);
    int rc = !m->accepted && !m->offered ? offer(m, fd) : 0;
    if (rc == 0)
        rc = hear(m, fd);
    if (rc <= 0)
        return rc;
    return m->accepted ? take_offer(m, fd) : take_answer(m);
}

/* ---- Waking, and being woken. */

static void ring_bell(struct shm *m, int fd)
{
    struct zn_iov iov = { (uint8_t[1]){ 0 }, 1 };
    ptrdiff_t n = zn_sock_writev(fd, &iov, 1);
    /* With -EAGAIN it has more bells to hear than it ever should. */
    if (n < 0 && n != -EAGAIN)
        m->over = true;
}

/* Empties the socket, so that only what comes from now on makes it readable. */
static int hear_bells(struct shm *m, int fd)
{
    enum { READS = 64, BELLS = 256 };
    uint8_t bells[BELLS];
    struct zn_iov iov = { bells, sizeof bells };
    for (int i = 0; i < READS; i++) {
        ptrdiff_t n = zn_sock_readv(fd, &iov, 1);
        if (n == -EAGAIN || (n > 0 && n < BELLS && m->stream.polled))
            return 0;
        if (n == 0 || n == -ECONNRESET) {        /* it left bells of ours unheard */
            m->over = true;
            return 0;
        }
        if (n < 0)
            return (int)n;
    }
    return -EPROTO;                      /* nobody is woken so often */
}

/* ---- Traffic. */

/* In the middle of a large message the other side is at work on it: to wait for a moment is
 * less than to sleep and be woken. As long as it pays, that is: the peer may have lost its
 * core. */
static bool stay(struct shm *m, bool (*done)(struct shm *m))
{
    if (zn_cores() < 2)
        return false;
    if (m->skip > 0) {
        m->skip--;
        return false;
    }
    uint64_t until = zn_now() + STAY;
    do
        for (int i = 0; i < 64; i++) {
            if (done(m)) {
                m->misses = 0;
                return true;
            }
            zn_relax();
        }
    while (zn_now() < until);
    m->misses = (uint8_t)ZN_MIN(m->misses * 2u + 1, 31u);
    m->skip = m->misses;
    return false;
}

static bool has_bytes(struct shm *m)
{
    return zn_ring_left(&m->in) != 0;
}

static bool has_room(struct shm *m)
{
    return zn_ring_room(&m->out, PIECE, m->window) != 0;
}

/* How much may be read now: 0 at the end, -EAGAIN when the bell will ring for more. */
static ptrdiff_t await_bytes(struct shm *m, int fd, bool midway)
{
    for (;;) {
        ptrdiff_t left = zn_ring_left(&m->in);
        if (left != 0 || m->over)
            return left;
        if (m->stream.awake || m->in.asleep)
            return -EAGAIN;
        if (midway && stay(m, has_bytes))
            continue;
        int rc = hear_bells(m, fd);
        if (rc < 0)
            return rc;
        if (!m->over)
            zn_ring_sleep(&m->in);
    }
}

static void take(struct shm *m, int fd, uint8_t *to, size_t size)
{
    while (size > 0) {
        size_t n = ZN_MIN(size, PIECE);
        zn_ring_take(&m->in, to, n);
        to += n;
        size -= n;
        if (zn_ring_free(&m->in))
            ring_bell(m, fd);
    }
}

/* A large message goes straight to where it is to lie. What comes behind it may be another
 * one, so only a little of it is read with nowhere to go. */
static ptrdiff_t shm_readv(struct zn_stream *st, int fd, const struct zn_iov *iov,
                           int count)
{
    struct shm *m = shm_of(st);
    if (m->in.asleep)
        zn_ring_wake(&m->in);
    bool large = count > 1 && iov[0].size >= LARGE;
    ptrdiff_t left = await_bytes(m, fd, large);
    if (left <= 0)
        return left;
    if (m->in.asleep)
        zn_ring_wake(&m->in);

    size_t most = (size_t)left, total = 0;
    if (m->after_large && count == 1)
        most = ZN_MIN(most, SHORT_READ);
    m->after_large = large;
    for (int i = 0; i < (large ? 1 : count) && most > 0; i++) {
        size_t n = ZN_MIN(most, iov[i].size);
        take(m, fd, iov[i].data, n);
        total += n;
        most -= n;
    }
    return (ptrdiff_t)total;
}

/* Puts as much as there is room for: the bytes, or -EPROTO. */
static ptrdiff_t put(struct shm *m, int fd, const struct zn_iov *iov, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        const uint8_t *p = iov[i].data;
        size_t size = iov[i].size;
        if (size >= LARGE)
            m->window = m->out.size;
        while (size > 0) {
            ptrdiff_t n = zn_ring_room(&m->out, ZN_MIN(size, PIECE), m->window);
            if (n <= 0)
                return total > 0 ? (ptrdiff_t)total : n;
            zn_ring_put(&m->out, p, (size_t)n);
            p += n;
            size -= (size_t)n;
            total += (size_t)n;
            if (m->out.tail - m->out.shown >= PIECE && zn_ring_show(&m->out))
                ring_bell(m, fd);
        }
    }
    return (ptrdiff_t)total;
}

static ptrdiff_t shm_writev(struct zn_stream *st, int fd, const struct zn_iov *iov,
                            int count)
{
    struct shm *m = shm_of(st);
    if (m->window > SMALL_WINDOW && zn_ring_is_read(&m->out))
        m->window = SMALL_WINDOW;
    for (;;) {
        if (m->over)
            return -EPIPE;
        ptrdiff_t n = put(m, fd, iov, count);
        if (m->out.tail != m->out.shown && zn_ring_show(&m->out))
            ring_bell(m, fd);
        if (n != 0)
            return n;
        if (m->window > SMALL_WINDOW && stay(m, has_room))
            continue;
        int rc = hear_bells(m, fd);
        if (rc < 0)
            return rc;
        /* One of them may have been for a reader who sleeps. */
        m->stream.unread |= m->in.asleep && (m->over || zn_ring_left(&m->in) != 0);
        if (!m->over && zn_ring_want(&m->out, m->window / 2))
            return -EAGAIN;
    }
}

static bool shm_is_large(const struct zn_stream *st)
{
    const struct shm *m = ZN_CONTAINER(st, const struct shm, stream);
    return m->out.tail - m->trimmed > KEPT;
}

/* Only the writer may: there is nobody else who could write meanwhile. */
static void shm_trim(struct zn_stream *st)
{
    struct shm *m = shm_of(st);
    if (!zn_ring_is_read(&m->out))
        return;
    zn_shared_discard(m->out.data, m->out.size);
    m->trimmed = m->out.tail;
}

static void shm_free(struct zn_stream *st, int fd)
{
    struct shm *m = shm_of(st);
    (void)fd;
    zn_sock_close(m->fd);
    zn_shared_unmap(m->map, m->map_size);
    zn_free(m);
}

static const struct zn_stream_ops shm_ops = {
    .open = open_rings,
    .readv = shm_readv,
    .writev = shm_writev,
    .is_large = shm_is_large,
    .trim = shm_trim,
    .free = shm_free,
};

static int stream(const char *address, const struct zn_options *o, bool accepted,
                  struct zn_stream **out)
{
    (void)o;
    struct shm *m = zn_zalloc(sizeof *m);
    if (m == NULL)
        return -ENOMEM;
    m->stream.ops = &shm_ops;
    m->accepted = accepted;
    m->same_user = address[0] != '/';
    m->fd = -1;
    *out = &m->stream;
    return 0;
}

/* ---- Addresses. */

/* The local address by which a name is known. */
static int path_of(const char *address, char *path, size_t size)
{
    bool file = address[0] == '/';
    int n = snprintf(path, size, "%s%s", file ? "" : PREFIX, address);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int find_addr(const char *address, struct zn_addr *a)
{
    char path[200];
    int rc = path_of(address, path, sizeof path);
    return rc < 0 ? rc : zn_addr_local(a, path);
}

static void name(const struct zn_addr *a, char *buf, size_t size)
{
    char path[200];
    if (zn_addr_host_text(a, path, sizeof path) < 0)
        path[0] = '\0';
    size_t skip = strncmp(path, PREFIX, strlen(PREFIX)) == 0 ? strlen(PREFIX) : 0;
    snprintf(buf, size, "shm://%s", path + skip);
}

static int check(const char *address, const struct zn_options *o)
{
    struct zn_addr a;
    (void)o;
    return address[0] == '*' ? -EINVAL : find_addr(address, &a);
}

/* "*": a name that nobody else has or guesses. */
static void choose_name(char *buf, size_t size)
{
    uint64_t n[2];
    zn_random(n, sizeof n);
    snprintf(buf, size, "%016llx%016llx", (unsigned long long)n[0],
             (unsigned long long)n[1]);
}

static int listen_on(const char *address, const struct zn_options *o,
                     struct zn_listening *l, int *failed_fd)
{
    char chosen[40], path[200];
    struct zn_addr a;
    if (address[0] == '*') {
        choose_name(chosen, sizeof chosen);
        address = chosen;
    }
    int rc = path_of(address, path, sizeof path);
    if (rc == 0)
        rc = zn_local_listen(path, o, l, &a, failed_fd);
    if (rc == 0 || *failed_fd >= 0)
        name(&a, l->text, sizeof l->text);
    return rc;
}

static int find(const char *address, const struct zn_options *o, struct zn_target *t)
{
    (void)o;
    t->count = 1;
    return find_addr(address, &t->addrs[0]);
}

static bool is_abstract(int fd)
{
    struct zn_addr a;
    char path[200];
    return zn_sock_name(fd, &a) < 0 || zn_addr_host_text(&a, path, sizeof path) < 0 ||
           path[0] == '@';
}

static bool admit(int fd, const struct zn_addr *peer, const struct zn_options *o)
{
    bool filtered = o->ipc_pid_count > 0 || o->ipc_uid_count > 0 || o->ipc_gid_count > 0;
    if (!filtered && is_abstract(fd) && !is_trusted(fd))
        return false;
    return zn_local_admit(fd, peer, o);
}

const struct zn_transport zn_transport_shm = {
    .scheme = "shm",
    .check = check,
    .listen = listen_on,
    .unlisten = zn_local_unlisten,
    .find = find,
    .open = zn_local_open,
    .tune = zn_plain_tune,
    .stream = stream,
    .admit = admit,
    .name = name,
    .peer_address = zn_local_peer_address,
};
