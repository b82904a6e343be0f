/* core/ctx.h - a context: its I/O threads, its sockets, its inproc names.
 *
 * Threads  Any. The lock guards options, the list of sockets and the start of threads;
 *          it is taken for a moment, never while another lock is wanted inside. */
#ifndef ZN_CORE_CTX_H
#define ZN_CORE_CTX_H

#include "base/list.h"
#include "core/map.h"
#include "io/loop.h"
#include "platform/platform.h"

struct zn_borrower;
struct zn_socket;
struct zn_resolver;

#define ZN_CTX_OPEN 0x7a6e6378u

enum { ZN_CPUS_MAX = 128 };

struct zn_ctx {
    _Atomic uint32_t tag;
    uint32_t stamp;                      /* the process it was made in */
    struct zn_lock lock;
    bool started, stopped;               /* stopped: no more sockets, ETERM */

    struct zn_list sockets;              /* all, closed ones that linger too */
    int socket_count;
    struct zn_waiter empty;              /* the last socket has gone */

    struct zn_loop **loops;
    int loop_count;
    struct zn_resolver *resolver;        /* made when first asked for */

    int io_threads, max_sockets, priority, policy, max_msgsz, ipv6, blocky, zero_copy;
    uint8_t cpus[ZN_CPUS_MAX];
    bool has_cpus;
    char name_prefix[17];

    struct zn_lock known_lock;
    struct zn_known *known;              /* what speaks ZMTP 3, see known.c; or NULL */

    struct zn_lock borrow_lock;
    struct zn_borrower *borrowers;       /* idle ones, see borrow.c */

    /* inproc, see transports/inproc.c */
    struct zn_lock inproc_lock;
    struct zn_map inproc_names;
    struct zn_list inproc_pending;
    void (*inproc_fini)(struct zn_ctx *ctx);
};

struct zn_ctx *zn_ctx_new(void);
/* 0, or -EFAULT. */
int zn_ctx_check(void *ctx);
int zn_ctx_set(struct zn_ctx *ctx, int option, const void *value, size_t size);
int zn_ctx_get(struct zn_ctx *ctx, int option, void *value, size_t *size);
int zn_ctx_shutdown(struct zn_ctx *ctx);
int zn_ctx_term(struct zn_ctx *ctx);     /* -EINTR: call again */

/* Registers a new socket, starting the threads for the first one. -EMFILE, -ETERM. */
int zn_ctx_add(struct zn_ctx *ctx, struct zn_socket *s);
void zn_ctx_remove(struct zn_ctx *ctx, struct zn_socket *s);

/* The least loaded of the loops that affinity allows; NULL: none. */
struct zn_loop *zn_ctx_loop(struct zn_ctx *ctx, uint64_t affinity);

#endif
