/* core/flush.h - a caller who is about to wait writes out itself what it has queued.
 *
 * While a loop sees a stream of sends it takes them in batches, some tens of microseconds
 * apart (io/loop.c). A caller with nothing left to do need not wait for that: what is
 * queued on its socket's connections goes to the kernel from its own thread, in one write
 * each, before it sleeps. */
#ifndef ZN_CORE_FLUSH_H
#define ZN_CORE_FLUSH_H

#include "core/socket.h"

enum { ZN_FLUSH_MAX = 16 };

struct zn_flush {
    int count;
    struct zn_session *sessions[ZN_FLUSH_MAX];   /* held */
};

/* Finds connections that have not yet taken what was queued; adds to flush. With the
 * socket's lock. What does not fit is left to the loop. */
void zn_flush_collect(struct zn_flush *flush, struct zn_socket *s);
/* Writes. With no lock. full: since there is no room for more. */
void zn_flush_run(struct zn_flush *flush, bool full);

/* Until zn_flush_let_go(), which the same thread calls soon, what this thread queues on idle
 * connections waits for it, as many as fit: one write each then, and not one each message. A
 * thread that waits in between lets go by itself. */
void zn_flush_hold_back(struct zn_flush *flush);
void zn_flush_let_go(void);
/* Something has been queued for ss. False: it is not held back. */
bool zn_flush_keep(struct zn_session *ss);
bool zn_flush_keeps(void);

#endif
