/* core/borrow.h - a blocked caller waits for the kernel itself.
 *
 * Normally a loop waits for a connection's descriptor and then wakes the application: two
 * threads wake for one message. A caller that blocks in zmq_recv on a socket with few
 * connections borrows them instead: their loop stops watching the descriptors, the caller
 * polls them, reads, and has its message. A connection stays on loan while its borrower keeps
 * coming back; its loop takes it back when nobody has for about a millisecond, or when there
 * is something to do that only the loop can.
 *
 * Threads  zn_loan_* are for a thread that is about to block in a call on the socket.
 *          begin and end under the socket's lock, spin and wait without. */
#ifndef ZN_CORE_BORROW_H
#define ZN_CORE_BORROW_H

#include "core/session.h"
#include "core/socket.h"

enum { ZN_LOAN_MAX = 4 };

/* What a borrower works with; pooled in the context. */
struct zn_borrower {
    struct zn_borrower *next;
    int signal;
    uint8_t scratch[64 * 1024];
};

struct zn_loan {
    struct zn_socket *socket;
    struct zn_borrower *tools;
    struct zn_watcher watcher;
    int count;
    uint32_t wakes;                      /* of the watcher's, when last looked at */
    bool busy;                           /* somebody else runs one of them */
    bool streams;                        /* some have one */
    struct zn_session *sessions[ZN_LOAN_MAX];    /* held */
};

/* False: there is nothing to borrow. */
bool zn_loan_begin(struct zn_loan *loan, struct zn_socket *s);
/* Reads what has come, without waiting. */
void zn_loan_read(struct zn_loan *loan);
/* From here on every wake-up of the socket counts; until zn_loan_wait() returns. */
void zn_loan_arm(struct zn_loan *loan);
/* Waits for the descriptors and the socket's wake-ups, and reads. 0, -ETIMEDOUT, -EINTR. */
int zn_loan_wait(struct zn_loan *loan, uint64_t timeout_ns);
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
