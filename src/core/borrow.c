/* core/borrow.c - see borrow.h. */
#include "core/borrow.h"

#include "core/ctx.h"
#include "core/establish.h"

#define LOOP_FEW 8                       /* connections and listeners of one loop */
#define SOCKET_FEW 4                     /* connections of one socket */
#define BUSY_WAIT 100000u                /* nanoseconds */
#define LOAN_MS 1                        /* after that without a borrower, it comes back */

/* ---- Tools. */

static struct zn_borrower *take_tools(struct zn_ctx *ctx)
{
    zn_lock(&ctx->borrow_lock);
    struct zn_borrower *b = ctx->borrowers;
    if (b != NULL)
        ctx->borrowers = b->next;
    zn_unlock(&ctx->borrow_lock);
    if (b != NULL)
        return b;
    b = zn_alloc(sizeof *b);
    if (b == NULL)
        return NULL;
    b->signal = zn_signal_open();
    if (b->signal < 0) {
        zn_free(b);
        return NULL;
    }
    return b;
}

static void give_tools(struct zn_ctx *ctx, struct zn_borrower *b)
{
    zn_lock(&ctx->borrow_lock);
    b->next = ctx->borrowers;
    ctx->borrowers = b;
    zn_unlock(&ctx->borrow_lock);
}

void zn_borrowers_free(struct zn_ctx *ctx)
{
    while (ctx->borrowers != NULL) {
        struct zn_borrower *b = ctx->borrowers;
        ctx->borrowers = b->next;
        zn_sock_close(b->signal);
        zn_free(b);
    }
}

/* ---- The caller's part. */

/* Borrowing pays for callers who come back: not for one who goes round a thousand sockets. */
#define AGAIN (50 * ZN_MS)

bool zn_loan_pays(const struct zn_socket *s, uint64_t now)
{
    return now - atomic_load_explicit(&s->spin.ended, memory_order_relaxed) < AGAIN;
}

void zn_loan_init(struct zn_loan *loan)
{
    loan->ctx = NULL;
    loan->tools = NULL;
    loan->count = 0;
    loan->busy = loan->streams = false;
}

/* Not from a loop that has many: it reads for all of them at a time, and does better so. */
static bool borrow(struct zn_loan *loan, struct zn_session *ss)
{
    if (zn_loop_load(ss->loop) > LOOP_FEW || zn_session_phase(ss) != ZN_PHASE_TRAFFIC ||
        atomic_exchange_explicit(&ss->lent, 1, memory_order_seq_cst))
        return false;
    loan->sessions[loan->count++] = ss;
    loan->streams |= ss->route->transport->stream != NULL;
    return true;
}

bool zn_loan_add(struct zn_loan *loan, struct zn_socket *s)
{
    int before = loan->count;
    if (s->end_count > SOCKET_FEW || loan->count + (int)s->end_count > ZN_LOAN_MAX)
        return false;
    for (uint32_t i = 0; i < s->end_count; i++) {
        struct zn_session *ss = zn_session_behind(s->ends[i]);
        if (ss != NULL && !borrow(loan, ss))
            zn_session_drop(ss);
    }
    if (loan->count > 0 && loan->tools == NULL) {
        loan->ctx = s->ctx;
        loan->tools = take_tools(s->ctx);
        if (loan->tools == NULL)
            zn_loan_end(loan);
    }
    return loan->count > before;
}

static void give_back(struct zn_session *ss)
{
    atomic_store_explicit(&ss->lent_until, zn_now(), memory_order_relaxed);
    atomic_exchange_explicit(&ss->lent, 0, memory_order_seq_cst);
    /* Somebody must look whether the borrower comes back. */
    if (zn_session_is_lent(ss) &&
        !atomic_exchange_explicit(&ss->minded, 1, memory_order_acq_rel))
        zn_session_post(ss, ZN_WORK_CONTROL);
    zn_session_drop(ss);
}

void zn_loan_end(struct zn_loan *loan)
{
    for (int i = 0; i < loan->count; i++)
        give_back(loan->sessions[i]);
    if (loan->tools != NULL)
        give_tools(loan->ctx, loan->tools);
    zn_loan_init(loan);
}

/* Runs the one at i; if its connection has ended, the last one takes its place: to be called
 * for the last one first. False: somebody else is at it. */
static bool work_on(struct zn_loan *loan, int i, unsigned words, bool awake)
{
    struct zn_session *ss = loan->sessions[i];
    atomic_fetch_or_explicit(&ss->work, words, memory_order_acq_rel);
    enum zn_run run =
        zn_session_run_with(ss, loan->tools->scratch, sizeof loan->tools->scratch, awake);
    if (run == ZN_RUN_OVER) {
        loan->sessions[i] = loan->sessions[--loan->count];
        give_back(ss);
    }
    return run != ZN_RUN_BUSY;
}

void zn_loan_read(struct zn_loan *loan)
{
    for (int i = loan->count; i-- > 0;)
        work_on(loan, i,
                zn_session_is_lent(loan->sessions[i]) ? ZN_WORK_IN : ZN_WORK_LEND, true);
}

/* What was left for us while we were away. */
static bool catch_up(struct zn_loan *loan)
{
    bool some = false;
    for (int i = loan->count; i-- > 0;) {
        const struct zn_session *ss = loan->sessions[i];
        uint32_t words = atomic_load_explicit(&ss->work, memory_order_seq_cst);
        if (words & ZN_WORK_IN && !(words & ZN_WORK_TOKEN))
            some |= work_on(loan, i, 0, true);
    }
    return some;
}

/* A stream's descriptor tells of something only when its stream has been read to the end by
 * one who is going to sleep. What comes of it is a wake-up. */
static void exhaust_streams(struct zn_loan *loan)
{
    for (int i = loan->count; i-- > 0;)
        if (loan->sessions[i]->route->transport->stream != NULL)
            work_on(loan, i, ZN_WORK_IN, false);
}

bool zn_loan_settle(struct zn_loan *loan)
{
    if (catch_up(loan))
        return true;
    if (loan->streams)
        exhaust_streams(loan);
    return false;
}

int zn_loan_signal(const struct zn_loan *loan)
{
    return loan->tools->signal;
}

/* Whoever is reading will tell of what comes; to poll meanwhile would be to spin. */
int zn_loan_poll(struct zn_loan *loan, struct zn_pollfd *fds, size_t count,
                 uint64_t timeout_ns, const void *sigmask)
{
    fds[0] = (struct zn_pollfd){ .fd = loan->tools->signal, .events = ZN_FD_IN };
    size_t all = count + (loan->busy ? 0 : (size_t)loan->count);
    for (size_t i = count; i < all; i++) {
        struct zn_session *ss = loan->sessions[i - count];
        fds[i] = (struct zn_pollfd){ .fd = atomic_load_explicit(&ss->lent_fd,
                                                                memory_order_acquire),
                                     .events = ZN_FD_IN };
    }
    int rc = zn_poll(fds, all, loan->busy ? ZN_MIN(timeout_ns, BUSY_WAIT) : timeout_ns,
                     sigmask);
    if (fds[0].revents != 0)
        zn_signal_clear(loan->tools->signal);
    return rc == 0 ? (loan->busy ? 1 : -ETIMEDOUT) : rc;
}

void zn_loan_take(struct zn_loan *loan, const struct zn_pollfd *fds, size_t count)
{
    int polled = loan->busy ? 0 : loan->count;
    loan->busy = false;
    for (int i = polled; i-- > 0;) {
        const struct zn_pollfd *fd = &fds[count + (size_t)i];
        unsigned gone = fd->revents & ZN_FD_ERR ? ZN_WORK_HUNG_UP : 0;
        if (fd->revents != 0)
            loan->busy |= !work_on(loan, i, ZN_WORK_IN | gone, true);
    }
}

/* ---- The session's part. */

bool zn_session_is_lent(const struct zn_session *ss)
{
    return atomic_load_explicit(&ss->lent_fd, memory_order_acquire) >= 0;
}

static bool is_away(const struct zn_session *ss)
{
    return atomic_load_explicit(&ss->lent_fd, memory_order_seq_cst) >= 0 &&
           !atomic_load_explicit(&ss->lent, memory_order_seq_cst);
}

/* The word is left first: whoever borrows, or takes back, after the second look will find it. */
bool zn_session_awaits_borrower(struct zn_session *ss)
{
    if (!is_away(ss))
        return false;
    atomic_fetch_or_explicit(&ss->work, ZN_WORK_IN, memory_order_seq_cst);
    return is_away(ss);
}

void zn_session_lend(struct zn_session *ss)
{
    if (zn_session_is_lent(ss) || !ss->watched || ss->kernel_full ||
        zn_session_is_left(ss))          /* which may not read what the kernel has */
        return;
    zn_loop_unwatch(ss->loop, ss->fd);
    ss->watched = false;
    atomic_store_explicit(&ss->lent_fd, ss->fd, memory_order_release);
}

static void take_back(struct zn_session *ss)
{
    ss->due[ZN_DUE_LOAN] = 0;
    atomic_exchange_explicit(&ss->minded, 0, memory_order_seq_cst);
    atomic_store_explicit(&ss->lent_fd, -1, memory_order_seq_cst);
    int rc = zn_loop_watch(ss->loop, &ss->watch, ss->fd, true);
    ss->watched = rc == 0;
    if (rc < 0)
        ss->failed = rc;
    if (ss->stream != NULL)              /* nobody may have asked it to tell */
        atomic_fetch_or_explicit(&ss->work, ZN_WORK_IN, memory_order_acq_rel);
}

void zn_session_mind_loan(struct zn_session *ss, uint64_t now)
{
    if (!zn_session_is_lent(ss))
        return;
    if (ss->kernel_full || zn_session_is_left(ss)) {
        take_back(ss);
        return;
    }
    if (ss->due[ZN_DUE_LOAN] > now)
        return;
    /* One who comes and goes all the time is not looked for each time. */
    ss->due[ZN_DUE_LOAN] = 0;
    uint64_t until = atomic_load_explicit(&ss->lent_until, memory_order_relaxed);
    if (now < until + LOAN_MS * ZN_MS) {
        zn_session_due(ss, ZN_DUE_LOAN, LOAN_MS);
        return;
    }
    if (atomic_load_explicit(&ss->lent, memory_order_acquire)) {
        /* The borrower waits; it will say when it leaves. */
        atomic_exchange_explicit(&ss->minded, 0, memory_order_seq_cst);
        if (atomic_load_explicit(&ss->lent, memory_order_seq_cst))
            return;
        atomic_store_explicit(&ss->minded, 1, memory_order_relaxed);
        zn_session_due(ss, ZN_DUE_LOAN, LOAN_MS);
        return;
    }
    take_back(ss);
}
