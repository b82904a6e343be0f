/* platform/platform.h - the one seam to the system: memory, time, random bytes,
 * threads, waiting, descriptors. Nothing outside src/platform calls the system.
 *
 * Errors   come back as -errno (never through errno itself).
 * Testing  a build with ZN_FAULTS can make any allocation or system call fail
 *          (zn_fault_*); release builds carry none of it. */
#ifndef ZN_PLATFORM_PLATFORM_H
#define ZN_PLATFORM_PLATFORM_H

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/base.h"

/* ---- Time and chance. */

/* Monotonic nanoseconds; the origin means nothing. */
uint64_t zn_now(void);

#define ZN_MS ((uint64_t)1000000)
#define ZN_FOREVER UINT64_MAX

/* Nanoseconds until then; 0 if it is past. */
static inline uint64_t zn_time_left(uint64_t until)
{
    if (until == ZN_FOREVER)
        return ZN_FOREVER;
    uint64_t now = zn_now();
    return until > now ? until - now : 0;
}

/* Unpredictable bytes. */
void zn_random(void *buf, size_t size);

/* A word that is free at 0: takes it, at 1, if it is. */
static inline bool zn_take(_Atomic uint32_t *word)
{
    uint32_t is = 0;
    return atomic_compare_exchange_strong_explicit(word, &is, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* ---- Locks: one word, unfair, 5 ns when nobody else wants it. Zero is free. */

struct zn_lock {
    _Atomic uint32_t word;
};

ZN_SELDOM void zn_lock_slow(struct zn_lock *l);
ZN_SELDOM void zn_unlock_slow(struct zn_lock *l);

#define ZN_LOCK_HELD 1u
#define ZN_LOCK_WAITED 2u

/* False: somebody has it. In a forked child that may be for ever. */
static inline bool zn_lock_try(struct zn_lock *l)
{
    return zn_take(&l->word);
}

static inline void zn_lock(struct zn_lock *l)
{
    if (ZN_UNLIKELY(!zn_lock_try(l)))
        zn_lock_slow(l);
}

static inline void zn_unlock(struct zn_lock *l)
{
    uint32_t is = ZN_LOCK_HELD;
    if (ZN_UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &l->word, &is, 0, memory_order_seq_cst, memory_order_relaxed)))
        zn_unlock_slow(l);
}

/* ---- Threads. */

/* The caller's: no other thread that runs has the same, and none has 0. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_thread_pointer)
#define ZN_THREAD_POINTER
#endif
#endif
uintptr_t zn_thread_slow(void);
static inline uintptr_t zn_thread(void)
{
#ifdef ZN_THREAD_POINTER
    return (uintptr_t)__builtin_thread_pointer();
#else
    return zn_thread_slow();
#endif
}

/* ---- Gates: locks that cost their usual thread next to nothing, and carry WORK. Zero is free.
 *
 * zn_gate_post() leaves WORK with whoever is inside, or goes in for the caller to do the work
 * itself. zn_gate_leave() returns true, inside again, when WORK has come meanwhile: do it,
 * leave again.
 *
 * Leaving  Who leaves stores, and then looks for notes, with nothing that keeps the processor
 *          from looking first: a barrier would cost as much as all the rest. Instead, who
 *          leaves a note has the system run a barrier on every core. So one who leaves looks
 *          at the gate once it may be another's already: the memory of a gate must never be
 *          given back.
 * Entering A gate that one thread has entered some thousand times, and no other one meanwhile,
 *          is biased to it: from then on that thread goes in and out by storing to `inside`,
 *          which it alone does, without a locked instruction, and `held` says BIASED. Another
 *          thread takes the bias back: it clears `bias`, leaves a note and has the barriers
 *          run. Then either nobody is inside, and it goes in, or the thread inside finds the
 *          note when it leaves. That thread may also have been about to go in, on the strength
 *          of what `bias` was: it looks again once it has stored, and steps back. It can do so
 *          any time later, so a gate is biased to one thread in all its life; to that one
 *          again, if it has been patient for twice as long as before. Each bias has a number,
 *          so that who is slow to take one back does not take the next one. */
struct zn_gate {
    _Atomic uint32_t held;               /* enum below, and above two bits a bias's number */
    _Atomic uint32_t notes;              /* ZN_GATE_WORK, and ZN_GATE_WAITER for each that waits */
    _Atomic uint32_t bias;               /* its number; 0: none */
    _Atomic uint32_t inside;             /* its thread is inside by it */
    _Atomic uintptr_t thread;            /* zn_thread() of who came last; once there has been a
                                            bias, of its thread for ever */
    /* for who is inside */
    uint32_t again;                      /* how often that one has come in by `held` */
    uint32_t rest;                       /* what becomes of `held` when it is given back */
    uint32_t number;                     /* of the last bias */
    bool biased;                         /* who is inside has come by the bias */
    uint8_t revoked;                     /* how often a bias was taken back, up to a limit */
};

enum { ZN_GATE_FREE, ZN_GATE_HELD, ZN_GATE_BIASED, ZN_GATE_STATE = 3 };

bool zn_gate_try_held(struct zn_gate *g);
void zn_gate_enter_held(struct zn_gate *g);
ZN_SELDOM bool zn_gate_step_back(struct zn_gate *g);
ZN_SELDOM bool zn_gate_leave_slow(struct zn_gate *g);

#define ZN_GATE_WORK 1u                  /* there is something to do, or to settle */
#define ZN_GATE_WAITER 2u

/* So many times before the first bias; to take it back costs about as much as that saves. */
#define ZN_GATE_PATIENCE 4096u

/* Whether the system has such barriers. If not, who leaves runs one, and there is no bias. */
extern _Atomic bool zn_gate_light;
/* Finds out; gates work before, too. */
void zn_gate_begin(void);
/* On behalf of those who go without: all that they have stored before is seen afterwards, and
 * what they load afterwards is new. 20 microseconds beside a thread of this process. */
void zn_barrier_on_every_core(void);

static inline bool zn_gate_enter_biased(struct zn_gate *g)
{
    if (atomic_load_explicit(&g->bias, memory_order_acquire) == 0 ||
        atomic_load_explicit(&g->thread, memory_order_relaxed) != zn_thread() ||
        atomic_load_explicit(&g->inside, memory_order_relaxed) != 0)
        return false;
    atomic_store_explicit(&g->inside, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);           /* the compiler keeps the order */
    if (ZN_UNLIKELY(atomic_load_explicit(&g->bias, memory_order_relaxed) == 0))
        return zn_gate_step_back(g);
    g->biased = true;
    return true;
}

static inline bool zn_gate_try(struct zn_gate *g)
{
    return zn_gate_enter_biased(g) || zn_gate_try_held(g);
}

static inline void zn_gate_enter(struct zn_gate *g)
{
    if (!zn_gate_enter_biased(g))
        zn_gate_enter_held(g);
}

static inline void zn_gate_stand_aside(struct zn_gate *g)
{
    if (ZN_LIKELY(g->biased)) {
        atomic_store_explicit(&g->inside, 0, memory_order_release);
        return;
    }
    uint32_t rest = g->rest;
    if (ZN_UNLIKELY(rest != ZN_GATE_FREE))
        atomic_store_explicit(&g->bias, g->number, memory_order_release);
    atomic_store_explicit(&g->held, rest, memory_order_release);
}

static inline bool zn_gate_leave(struct zn_gate *g)
{
    bool light = atomic_load_explicit(&zn_gate_light, memory_order_acquire);
    zn_gate_stand_aside(g);
    if (ZN_LIKELY(light))
        atomic_signal_fence(memory_order_seq_cst);       /* the compiler keeps the order */
    else
        atomic_thread_fence(memory_order_seq_cst);
    return ZN_UNLIKELY(atomic_load_explicit(&g->notes, memory_order_relaxed) != 0) &&
           zn_gate_leave_slow(g);
}

/* Nobody is inside. Says nothing about the moment after. */
static inline bool zn_gate_is_free(struct zn_gate *g)
{
    uint32_t held = atomic_load_explicit(&g->held, memory_order_relaxed);
    return (held & ZN_GATE_STATE) != ZN_GATE_HELD &&
           atomic_load_explicit(&g->inside, memory_order_relaxed) == 0;
}

/* Leaves WORK with who is inside (false), or goes in (true). */
bool zn_gate_post(struct zn_gate *g);

/* ---- Event counts: sleep until somebody says that something has changed.
 *
 *     key = zn_waiter_prepare(w);
 *     if (nothing to do yet)
 *         rc = zn_waiter_wait(w, key, nanoseconds);
 *     zn_waiter_done(w);
 *
 * A wake between prepare and wait is never lost. A signal handler always ends a
 * wait, SA_RESTART or not. */
struct zn_waiter {
    _Atomic uint32_t seq;
    _Atomic uint32_t sleepers;
};

uint32_t zn_waiter_prepare(struct zn_waiter *w);
/* 0 when woken (or for no reason), -ETIMEDOUT, -EINTR. */
int zn_waiter_wait(struct zn_waiter *w, uint32_t key, uint64_t timeout_ns);
void zn_waiter_done(struct zn_waiter *w);
void zn_waiter_wake_slow(struct zn_waiter *w);

static inline void zn_waiter_wake(struct zn_waiter *w)
{
    if (atomic_load_explicit(&w->sleepers, memory_order_seq_cst) != 0)
        zn_waiter_wake_slow(w);
}

/* A moment's rest in a loop that waits for another core. */
static inline void zn_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Lets others have this core, if any want it. */
void zn_yield(void);

/* ---- Threads. All signals are blocked in a thread of the library. */

struct zn_thread_options {
    int priority;                    /* -1: leave */
    int policy;                      /* -1: leave */
    const uint8_t *cpus;             /* bitmap of allowed CPUs, or NULL */
    size_t cpus_size;                /* in bytes */
};

struct zn_thread;
/* name is cut to 15 characters. options may be NULL. */
int zn_thread_start(struct zn_thread **out, const char *name,
                    const struct zn_thread_options *options, void (*main)(void *),
                    void *arg);
void zn_thread_join(struct zn_thread *t);
/* Nobody will join t, which runs; it may outlive its maker, so that from now on the library is
 * not unloaded. */
void zn_thread_leave(struct zn_thread *t);

/* Blocks all signals in this thread, for others' libraries that start threads of theirs; and
 * makes that undone. */
struct zn_signals {
    _Alignas(8) uint8_t bytes[128];      /* a sigset_t */
};
void zn_signals_block(struct zn_signals *before);
void zn_signals_restore(const struct zn_signals *before);

/* A counter that each fork raises in the child, so that what was made before can tell:
 * cheaper than asking for the process's number. */
extern _Atomic uint32_t zn_forks;
static inline uint32_t zn_process_stamp(void)
{
    return atomic_load_explicit(&zn_forks, memory_order_relaxed);
}
/* Before anything that is to be told apart is made. */
void zn_watch_forks(void);
/* In a forked child, while it has the one thread, run() is called. Once for each is enough. */
void zn_when_forked(void (*run)(void));

/* How many cores this process may use. */
unsigned zn_cores(void);

/* Sleeps, for zmq_sleep() and back-off; a signal may end it early. */
void zn_sleep(uint64_t ns);

/* ---- Descriptors and sockets. Every descriptor is close-on-exec and
 * non-blocking. */

struct zn_addr {
    union {
        uint16_t family;
        uint8_t bytes[128];              /* a struct sockaddr of that family */
    };
    uint32_t size;
};

struct zn_iov {                          /* laid out as struct iovec */
    void *data;
    size_t size;
};

enum zn_family {
    ZN_AF_ANY,
    ZN_AF_INET,
    ZN_AF_INET6,
    ZN_AF_LOCAL,
    ZN_AF_TIPC,                          /* these where ZN_HAVE_TIPC, ZN_HAVE_VSOCK */
    ZN_AF_VSOCK
};

int zn_sock_open(enum zn_family family);                 /* a stream socket */
/* Whether count sockets could be opened now, for a library that is at a loss when it cannot:
 * 0 or -errno. protocol: of IP, for raw ones, or 0: for datagrams. */
int zn_sock_try(enum zn_family family, int protocol, int count);
int zn_sock_bind(int fd, const struct zn_addr *addr);
int zn_sock_listen(int fd, int backlog);
int zn_sock_connect(int fd, const struct zn_addr *addr); /* -EINPROGRESS: wait */
int zn_sock_error(int fd);                               /* 0, or -errno pending */
/* A new descriptor, or -errno. peer may be NULL. */
int zn_sock_accept(int fd, struct zn_addr *peer);
int zn_sock_name(int fd, struct zn_addr *addr);
int zn_sock_peer(int fd, struct zn_addr *addr);
/* Bytes moved; 0 means that the peer has finished; -EAGAIN: not now. */
ptrdiff_t zn_sock_readv(int fd, const struct zn_iov *iov, int count);
ptrdiff_t zn_sock_writev(int fd, const struct zn_iov *iov, int count);
void zn_sock_close(int fd);
void zn_sock_shutdown(int fd);           /* both ways: whoever polls it wakes */
/* Makes a descriptor of somebody else's fit for us: non-blocking, cloexec. */
int zn_sock_adopt(int fd);

enum zn_sockopt {
    ZN_SO_REUSEADDR,
    ZN_SO_NODELAY,
    ZN_SO_V6ONLY,
    ZN_SO_SNDBUF,
    ZN_SO_RCVBUF,
    ZN_SO_TOS,
    ZN_SO_PRIORITY,
    ZN_SO_BUSY_POLL,
    ZN_SO_KEEPALIVE,
    ZN_SO_KEEPCNT,
    ZN_SO_KEEPIDLE,
    ZN_SO_KEEPINTVL,
    ZN_SO_MAXRT,
    ZN_SO_BROADCAST
};
int zn_sock_set(int fd, enum zn_sockopt option, int value);
/* A connection within this machine, or a listener for such: should the system's congestion
 * control pace what it sends, as BBR does, this one has another. */
void zn_sock_unpace(int fd);
int zn_sock_bind_device(int fd, const char *name);

/* Credentials of a local peer. */
int zn_sock_credentials(int fd, int *pid, unsigned *uid, unsigned *gid);
/* The user as whom this process acts. */
unsigned zn_user(void);
/* Whether user uid is in group gid, primary or supplementary. */
bool zn_user_in_group(unsigned uid, unsigned gid);

/* Datagrams. */
int zn_sock_open_datagram(enum zn_family family);
/* One datagram, its size; -EAGAIN: not now; -EMSGSIZE: it was longer, and is gone. Errors of
 * what was sent before may come too. */
ptrdiff_t zn_sock_recvfrom(int fd, void *buf, size_t size, struct zn_addr *from);
ptrdiff_t zn_sock_sendto(int fd, const struct zn_iov *iov, int count,
                         const struct zn_addr *to);
/* Becomes a member of a multicast group, and hears of no other one. interface: an index, or
 * 0, for the system to choose. */
int zn_sock_join(int fd, const struct zn_addr *group, int interface);
/* How multicast goes out of fd, a socket of that family. */
int zn_sock_cast(int fd, enum zn_family family, int hops, bool loop, int interface);
/* The index of the interface of that name, or that has that address; -ENODEV. */
int zn_interface(const char *name);

/* Addresses. */
int zn_addr_local(struct zn_addr *addr, const char *path); /* leading '@': abstract */
/* Numeric text (IPv4 in all its forms, "10.1" is 10.0.0.1; IPv6 with zone) to addr; -EINVAL.
 * port in host order. */
int zn_addr_numeric(struct zn_addr *addr, const char *host, uint16_t port);
void zn_addr_any(struct zn_addr *addr, bool ipv6, uint16_t port);
/* The first address of a network interface; -ENODEV; -EMFILE and its like: not now. */
int zn_addr_interface(struct zn_addr *addr, const char *name, bool ipv6, uint16_t port);
uint16_t zn_addr_port(const struct zn_addr *addr);
enum zn_family zn_addr_family(const struct zn_addr *addr);
/* "1.2.3.4" or "::1" (no brackets, no port); a CID of vsock, a node "1.2.3" of TIPC. */
int zn_addr_host_text(const struct zn_addr *addr, char *buf, size_t size);
/* The host in network order: 4 bytes (of a mapped IPv4 as well) or 16. An internet address. */
size_t zn_addr_host_bytes(const struct zn_addr *addr, uint8_t out[16]);
/* With the port: "1.2.3.4:5", "[::1]:5"; both ways. IPv4 stays so, mapped or not; one NUL at
 * the end of a text does not count. -EINVAL. */
int zn_addr_text(const struct zn_addr *addr, char *buf, size_t size);
int zn_addr_parse(struct zn_addr *addr, const char *text, size_t size);
bool zn_addr_is_multicast(const struct zn_addr *addr);
bool zn_addr_is_loopback(const struct zn_addr *addr);
/* The zone of an IPv6 address: it matters to those of one link. */
void zn_addr_set_interface(struct zn_addr *addr, int interface);
/* IPv4 as ::ffff:a.b.c.d, for dual-stack sockets. */
void zn_addr_map_v4(struct zn_addr *addr);
/* And back, for sockets of IPv4 alone. False: it is no address of IPv4. */
bool zn_addr_unmap_v4(struct zn_addr *addr);
/* The first bits of a and b (in network order, families equal) agree. */
bool zn_addr_in_prefix(const struct zn_addr *a, const struct zn_addr *net, int bits);

/* TIPC: a service range to be bound, an instance of a service to be looked up in a domain (0:
 * wherever it is), a socket by its node and reference. */
enum zn_tipc_kind { ZN_TIPC_RANGE, ZN_TIPC_SERVICE, ZN_TIPC_SOCKET };
struct zn_tipc {
    enum zn_tipc_kind kind;
    uint32_t type, lower, upper;         /* of a service: lower alone */
    uint32_t domain;
    uint32_t node, ref;
};
/* A node as it is written: zone, cluster, node. */
#define ZN_TIPC_NODE "%u.%u.%u"
#define ZN_TIPC_NODE_PARTS(node) \
    (unsigned)(node) >> 24, (unsigned)(node) >> 12 & 0xfff, (unsigned)(node)&0xfff
void zn_addr_tipc(struct zn_addr *addr, const struct zn_tipc *t);
/* Of a socket. -EAFNOSUPPORT: addr is something else. */
int zn_addr_tipc_socket(const struct zn_addr *addr, uint32_t *node, uint32_t *ref);

/* vsock: the address of a virtual machine, or its host, and a port. UINT32_MAX: any. */
#define ZN_VSOCK_ANY UINT32_MAX
void zn_addr_vsock(struct zn_addr *addr, uint32_t cid, uint32_t port);
/* -EAFNOSUPPORT: addr is something else. */
int zn_addr_vsock_parts(const struct zn_addr *addr, uint32_t *cid, uint32_t *port);
/* This machine's own; -ENODEV: it has none. */
int zn_vsock_local_cid(uint32_t *cid);
/* Sizes in bytes, timeout in ms; 0: leave. */
int zn_vsock_tune(int fd, uint64_t size, uint64_t min, uint64_t max, int timeout_ms);

/* Blocks. Fills up to max addresses, best first, the families by turns (RFC 8305, 4); the count
 * or -ENOENT; -EMFILE and its like: not now. */
int zn_resolve(const char *host, uint16_t port, bool ipv6, struct zn_addr *out, int max);

/* Which file it is that lies at a path; one that is opened, or bound to, keeps its number to
 * itself. All zero: none. Links are not followed. -ENOENT, ... */
struct zn_file {
    uint64_t device, number;
};
int zn_file_at(const char *path, struct zn_file *file);
int zn_unlink(const char *path);
/* A fresh directory under TMPDIR, TEMPDIR, TMP or "."; its path in buf. */
int zn_temp_dir(char *buf, size_t size);
int zn_remove_dir(const char *path);
/* Whether path names a socket on which nobody listens (or nothing at all). */
bool zn_local_is_stale(const struct zn_addr *addr, const char *path);

/* ---- Memory in large pages, where there is such a thing. */
#define ZN_LARGE_PAGE ((size_t)2 * 1024 * 1024)
/* Whole large pages that have no memory yet; NULL: there are none. */
void *zn_pages_map(size_t size);
void zn_pages_unmap(void *p, size_t size);
/* Memory for all the pages within at once, which costs less than one by one. */
void zn_pages_populate(void *p, size_t size);
/* Whole large pages lose what is in them, and their memory. */
void zn_pages_give_back(void *p, size_t size);
/* For sanitizers: memory that nobody has, or has again. */
void zn_memory_forbid(void *p, size_t size);
void zn_memory_allow(void *p, size_t size);

/* ---- Memory to be shared with another process, where there is such a thing. */
#ifdef __linux__
#define ZN_HAVE_SHARED 1
#else
#define ZN_HAVE_SHARED 0
#endif
/* A descriptor of so much memory, whose size nobody can change any more. */
int zn_shared_open(size_t size);
/* Maps what zn_shared_open() made, here or elsewhere; -EPROTO: it is anything else. */
int zn_shared_map(int fd, size_t size, void **map);
void zn_shared_unmap(void *map, size_t size);
/* Gives whole pages back to the system; they are zero when touched again. */
void zn_shared_discard(void *p, size_t size);
/* Sends bytes and a descriptor over a local socket; as zn_sock_writev(). */
ptrdiff_t zn_sock_send_fd(int sock, const void *data, size_t size, int fd);
/* Receives bytes, and a descriptor if one came with them; -EPROTO: there were several. */
ptrdiff_t zn_sock_recv_fd(int sock, void *data, size_t size, int *fd);

/* A descriptor that becomes readable when signalled (an eventfd). */
int zn_signal_open(void);
void zn_signal_raise(int fd);
void zn_signal_clear(int fd);

/* poll(2): 0 events is allowed; events are ZN_FD_* bits. sigmask may be NULL. */
enum { ZN_FD_IN = 1, ZN_FD_OUT = 2, ZN_FD_ERR = 4, ZN_FD_PRI = 8 };
struct zn_pollfd {
    int fd;
    short events, revents;
};
int zn_poll(struct zn_pollfd *fds, size_t count, uint64_t timeout_ns,
            const void *sigmask);

/* ---- A poller: edge-triggered readiness of many descriptors. */

struct zn_poller_event {
    void *udata;
    unsigned events;                     /* ZN_FD_IN, ZN_FD_OUT, ZN_FD_ERR (hung up) */
};
int zn_poller_open(void);                /* a descriptor */
int zn_poller_add(int poller, int fd, void *udata, bool edge);
void zn_poller_remove(int poller, int fd);
int zn_poller_wait(int poller, struct zn_poller_event *events, int max,
                   uint64_t timeout_ns);

/* ---- Faults, in test builds only (see tests/faults.h). */
#ifdef ZN_FAULTS
enum zn_fault_kind { ZN_FAULT_ALLOC, ZN_FAULT_CALL, ZN_FAULT_KINDS };
bool zn_fault(enum zn_fault_kind kind, const char *site);
/* Answers in place of zn_resolve(), if it is set. */
typedef int zn_fault_resolver(const char *host, uint16_t port, bool ipv6,
                              struct zn_addr *out, int max);
extern zn_fault_resolver *_Atomic zn_fault_resolve;
#else
#define zn_fault(kind, site) false
#endif

#endif
