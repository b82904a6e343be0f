/* core/borrow.h - a blocked caller waits for the kernel itself.
 *
 * Normally a loop waits for a connection's descriptor and then wakes the application: two
 * threads wake for one message. A caller that blocks in zmq_recv or zmq_poll on sockets with
 * few connections borrows them instead: their loop stops watching the descriptors, the caller
 * polls them, reads, and has its message. A connection stays on loan while its borrower keeps
 * coming back; its loop takes it back when nobody has for about a millisecond, or when there
 * is something to do that only the loop can.
 *
 *     look at the sockets                  zn_loan_init, zn_loan_add
 *     for a while                          zn_loan_read
 *     zn_loan_settle; raise the signal from here on; zn_loan_poll; no more; zn_loan_take
 *     zn_loan_end
 *
 * Threads  zn_loan_* are for a thread that is about to block in a call on the sockets, add
 *          under the socket's lock, the others without any (end: with or without). */
#ifndef ZN_CORE_BORROW_H
#define ZN_CORE_BORROW_H

#include "core/session.h"
#include "core/socket.h"

enum { ZN_LOAN_MAX = 8 };

/* What a borrower works with; pooled in the context. */
struct zn_borrower {
    struct zn_borrower *next;
    int signal;
    uint8_t scratch[64 * 1024];
};

struct zn_loan {
    struct zn_ctx *ctx;                  /* whose tools these are */
    struct zn_borrower *tools;           /* NULL: nothing has been borrowed */
    int count;
    bool busy;                           /* somebody else runs one of them */
    bool streams;                        /* some have one */
    struct zn_session *sessions[ZN_LOAN_MAX];    /* held */
};

/* Whether a caller that waits on s now is one who comes back. */
bool zn_loan_pays(const struct zn_socket *s, uint64_t now);
void zn_loan_init(struct zn_loan *loan);
/* Borrows the connections of s. False: nothing, for there are too many, or none. */
bool zn_loan_add(struct zn_loan *loan, struct zn_socket *s);
/* Reads what has come, without waiting. */
void zn_loan_read(struct zn_loan *loan);
/* Before the descriptors are polled. True: something was left for us; look again. */
bool zn_loan_settle(struct zn_loan *loan);
/* What ends the poll, when raised; let down by it. */
int zn_loan_signal(const struct zn_loan *loan);
/* Polls fds, of which count are the caller's, fds[0] being the signal's; behind them lie
 * ZN_LOAN_MAX places. Like zn_poll(), but that it may end early, returning 1. */
int zn_loan_poll(struct zn_loan *loan, struct zn_pollfd *fds, size_t count,
                 uint64_t timeout_ns, const void *sigmask);
/* Reads from those that were ready. */
void zn_loan_take(struct zn_loan *loan, const struct zn_pollfd *fds, size_t count);
void zn_loan_end(struct zn_loan *loan);

/* The loop's part, under the session's token: gives up the watch, or takes it back. */
void zn_session_lend(struct zn_session *ss);
bool zn_session_is_lent(const struct zn_session *ss);
/* There is room for more inbound messages. True: the borrower, who is away for a moment, sees
 * to that when it comes back, or the loop does when it takes the descriptor back. */
bool zn_session_awaits_borrower(struct zn_session *ss);
void zn_session_mind_loan(struct zn_session *ss, uint64_t now);

void zn_borrowers_free(struct zn_ctx *ctx);

#endif
