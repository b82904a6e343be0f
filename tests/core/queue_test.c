/* tests/core/queue_test.c - the frame queue and what goes out of it, against a model that
 * is as simple as can be; and with a writer and a reader at once. */
#include "core/queue.h"

#include <sched.h>
#include <stdlib.h>

#include "tests/faults.h"
#include "tests/test.h"
#include "wire/frame.h"

/* ---- Chance: the same for the same seed. */

static uint64_t state;

static uint32_t chance(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* ---- The model: frames in a row, and how far each side has come. */

enum { FRAMES = 40000, BYTES_MAX = 5000, CONTENTS = 4 };

struct frame {
    uint32_t size, start;                /* its bytes begin there in the noise */
    uint8_t flags;
};

static struct {
    struct frame frames[FRAMES];
    int written, whole;                  /* frames; of them, those of whole messages */
    int published, read;
    uint64_t messages, shown, consumed;  /* messages written, published, read */
    size_t sent;                         /* bytes out of the message in front */
    enum zn_framing framing;
    bool raw;                            /* so no message is empty */
    struct zn_queue q;
    struct zn_half half;
    int step;
} m;

static uint8_t noise[256 + BYTES_MAX];
static struct zn_content *contents[CONTENTS];

enum { LOGS = 400, LOG_SIZE = 6000 };

static struct {
    struct zn_content *chunks[LOGS];     /* the last one is written to */
    int count;
    int stretch;                         /* in which of them the last one is */
    uint32_t size;
} logs;

static void begin(uint32_t seed)
{
    state = seed;
    memset(&m, 0, sizeof m);
    m.raw = chance(3) == 0;
    m.framing = m.raw ? ZN_FRAMING_RAW : (enum zn_framing)chance(2);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * 7 + i / 251);
    for (int i = 0; i < CONTENTS; i++) {
        contents[i] = zn_content_new(sizeof noise);
        CHECK(contents[i] != NULL);
        memcpy(contents[i]->data, noise, sizeof noise);
    }
    memset(&logs, 0, sizeof logs);
    CHECK_EQ(zn_queue_init(&m.q, chance(2) ? 0 : 1 + chance(20), false), 0);
}

static void end(void)
{
    zn_queue_fini(&m.q);
    for (int i = 0; i < CONTENTS; i++) {
        CHECK_EQ(atomic_load(&contents[i]->refs), 1, "a content is held too often");
        zn_content_drop(contents[i]);
    }
    for (int i = 0; i < logs.count; i++) {
        CHECK_EQ(atomic_load(&logs.chunks[i]->refs), 1, "a log is held too often");
        zn_content_drop(logs.chunks[i]);
    }
}

static void note(struct frame f)
{
    m.frames[m.written++] = f;
    if (f.flags & ZN_MORE)
        return;
    m.whole = m.written;
    m.messages++;
}

/* ---- What a writer does. */

static uint32_t some_size(void)
{
    switch (chance(8)) {
    case 0:
        return m.raw ? 1 : 0;
    case 1:
        return 250 + chance(12);
    case 2:
        return ZN_SHARE_SIZE - 3 + chance(6);
    case 3:
        return 1 + chance(BYTES_MAX);
    default:
        return 1 + chance(60);
    }
}

static struct frame some_frame(void)
{
    struct frame f = { some_size(), chance(256), chance(3) == 0 ? ZN_MORE : 0 };

    if (chance(10) == 0 && m.framing != ZN_FRAMING_V1)
        f.flags |= ZN_COMMAND;
    return f;
}

static void write_one(void)
{
    struct frame f = some_frame();
    struct zn_frame frame = { .data = noise + f.start, .size = f.size, .flags = f.flags };

    if (f.size >= ZN_SHARE_SIZE && chance(2)) {
        frame.content = contents[chance(CONTENTS)];
        frame.data = frame.content->data + f.start;
    }
    if (chance(6) == 0)
        faults_arm(ZN_FAULT_ALLOC, 1);
    int rc = zn_queue_write(&m.q, &frame);
    if (rc == 0)
        note(f);
    else
        CHECK(rc == -ENOMEM && faults_struck() == 1, "write: %d", rc);
    faults_disarm();
}

/* Records in one piece, as a connection finds them. */
static void append(void)
{
    struct frame frames[16];
    uint8_t bytes[16 * 300];
    size_t size = 0, tail = 0;
    uint32_t messages = 0;
    int count = 1 + (int)chance(16);

    for (int i = 0; i < count; i++) {
        struct frame f = { m.raw + chance(255), chance(256),
                           chance(3) == 0 ? ZN_MORE : 0 };
        frames[i] = f;
        size += (size_t)zn_frame_encode(bytes + size, f.flags, f.size);
        memcpy(bytes + size, noise + f.start, f.size);
        size += f.size;
        if (!(f.flags & ZN_MORE)) {
            messages++;
            tail = size;
        }
    }
    if (chance(6) == 0)
        faults_arm(ZN_FAULT_ALLOC, 1);
    int rc = zn_queue_append(&m.q, bytes, size, messages, size - tail);
    for (int i = 0; rc == 0 && i < count; i++)
        note(frames[i]);
    CHECK(rc == 0 || (rc == -ENOMEM && faults_struck() == 1), "append: %d", rc);
    faults_disarm();
}

/* A message that lies in a log, behind others'. */
static void write_stretch(void)
{
    struct frame frames[3];
    int count = 1 + (int)chance(ZN_COUNT(frames));

    if (m.written != m.whole || logs.count == LOGS)
        return;
    if (logs.count == 0 || LOG_SIZE - logs.size < 3000 || chance(10) == 0) {
        logs.chunks[logs.count] = zn_content_new(LOG_SIZE);
        CHECK(logs.chunks[logs.count++] != NULL);
        logs.size = 0;
    }
    struct zn_content *log = logs.chunks[logs.count - 1];
    if (chance(4) == 0)
        logs.size += chance(100);        /* what this queue does not get */
    uint32_t from = logs.size;
    for (int i = 0; i < count; i++) {
        uint32_t size = m.raw + chance(chance(4) == 0 ? 900 : 60);
        frames[i] = (struct frame){ size, chance(256), i < count - 1 ? ZN_MORE : 0 };
        logs.size +=
            (uint32_t)zn_frame_encode(log->data + logs.size, frames[i].flags, size);
        memcpy(log->data + logs.size, noise + frames[i].start, size);
        logs.size += size;
    }
    if (chance(6) == 0)
        faults_arm(ZN_FAULT_ALLOC, 1);
    int rc = 0;
    if (logs.stretch != logs.count || !zn_queue_extend(&m.q, from, logs.size))
        rc = zn_queue_write_stretch(&m.q, log, from, logs.size);
    CHECK(rc == 0 || (rc == -ENOMEM && faults_struck() == 1), "stretch: %d", rc);
    faults_disarm();
    if (rc < 0)
        return;
    logs.stretch = logs.count;
    for (int i = 0; i < count; i++)
        note(frames[i]);
}

static void rollback(void)
{
    zn_queue_rollback(&m.q);
    m.written = m.whole;
}

static void publish(void)
{
    uint64_t upto = m.messages;

    if (chance(3) == 0)
        upto = m.shown + chance((uint32_t)(m.messages - m.shown) + 1);
    zn_queue_publish(&m.q, upto);
    for (; m.shown < upto; m.published++)
        m.shown += !(m.frames[m.published].flags & ZN_MORE);
}

static void look_for_room(void)
{
    uint32_t hwm = atomic_load(&m.q.hwm);

    CHECK_EQ(zn_queue_room(&m.q), hwm == 0 || m.messages - m.consumed < hwm, "step %d",
             m.step);
    if (chance(20) == 0)
        zn_queue_set_hwm(&m.q, chance(3) == 0 ? 0 : 1 + chance(30));
}

/* ---- What a reader does: frame by frame, */

static bool amid_message(void)
{
    return m.read > 0 && m.read < m.written && m.frames[m.read - 1].flags & ZN_MORE;
}

static void step_over(void)
{
    m.consumed += !(m.frames[m.read++].flags & ZN_MORE);
}

static void read_one(void)
{
    struct zn_frame f;
    int rc = zn_queue_peek(&m.q, &f);

    CHECK_EQ(rc, m.read < m.published, "step %d", m.step);
    if (rc == 0 || m.sent > 0)
        return;
    const struct frame *want = &m.frames[m.read];
    CHECK_EQ(f.size, want->size, "step %d", m.step);
    CHECK_EQ(f.flags, want->flags, "step %d", m.step);
    CHECK_MEM(f.data, noise + want->start, f.size);
    if (chance(8) == 0)
        return;                          /* looking is not taking */
    zn_queue_next(&m.q);
    step_over();
    CHECK_EQ(m.q.rmsgs, m.consumed, "step %d", m.step);
}

/* or to a kernel that takes as much as it likes. */

static size_t head_of(const struct frame *f, uint8_t *out)
{
    if (m.framing == ZN_FRAMING_RAW)
        return 0;
    if (m.framing == ZN_FRAMING_V1)
        return (size_t)zn_frame1_encode(out, f->flags & ZN_MORE, f->size);
    return (size_t)zn_frame_encode(out, f->flags, f->size);
}

/* What must be next on the wire, at most max bytes of it. */
static size_t expected(uint8_t *out, size_t max)
{
    static uint8_t frame[BYTES_MAX + 16];
    size_t skip = m.sent, have = 0;

    for (int i = m.read; i < m.published && have < max; i++) {
        const struct frame *f = &m.frames[i];
        size_t size = head_of(f, frame);
        memcpy(frame + size, noise + f->start, f->size);
        size += f->size;
        size_t from = ZN_MIN(skip, size), n = ZN_MIN(size - from, max - have);
        skip -= from;
        memcpy(out + have, frame + from, n);
        have += n;
    }
    return have;
}

static void count_sent(size_t n)
{
    m.sent += n;
    while (m.read < m.published) {
        size_t length = 0;
        int i = m.read;
        do {
            uint8_t head[16];
            length += head_of(&m.frames[i], head) + m.frames[i].size;
        } while (m.frames[i++].flags & ZN_MORE);
        if (m.sent < length)
            return;
        m.sent -= length;
        while (m.read < i)
            step_over();
    }
}

static void send_some(void)
{
    enum { IOVS = 40, LIMIT = 20000 };
    static uint8_t got[LIMIT], want[LIMIT];
    uint8_t heads[IOVS][16];
    struct zn_iov iov[IOVS];
    struct zn_gather g = { .framing = m.framing,
                           .half = &m.half,
                           .iov = iov,
                           .heads = heads,
                           .max = 2 + (int)chance(IOVS - 1),
                           .limit = chance(2) ? LIMIT : 1 + chance(LIMIT) };
    size_t have = 0;

    if (amid_message())
        return;
    zn_queue_gather(&m.q, &g);
    for (int i = 0; i < g.count; i++) {
        memcpy(got + have, iov[i].data, iov[i].size);
        have += iov[i].size;
    }
    CHECK_EQ(have, g.bytes, "step %d", m.step);
    CHECK(have <= g.limit && g.count <= g.max, "step %d", m.step);
    CHECK_EQ(have > 0, m.read < m.published, "step %d", m.step);
    CHECK_EQ(expected(want, have), have, "step %d", m.step);
    CHECK_MEM(got, want, have);
    if (have == 0)
        return;
    size_t n = chance(2) ? have : chance((uint32_t)have + 1);
    zn_queue_sent(&m.q, &g, n);
    count_sent(n);
    CHECK_EQ(m.q.sent, m.sent, "step %d", m.step);
    CHECK_EQ(m.q.rmsgs, m.consumed, "step %d", m.step);
}

/* The connection was lost; the next one may speak another version. */
static void resend(void)
{
    zn_queue_resend(&m.q);
    m.sent = 0;
    if (!m.raw)
        m.framing = (enum zn_framing)chance(2);
}

static void discard(void)
{
    if (m.sent > 0)
        return;
    zn_queue_discard(&m.q);
    while (m.read < m.published)
        step_over();
}

static void trim(void)
{
    bool idle = m.read == m.written && m.sent == 0;

    zn_queue_trim(&m.q);
    CHECK(!idle || m.q.wchunk == NULL, "step %d: an idle queue holds memory", m.step);
}

/* ---- The whole, with a taste for this or that. */

static void run(uint32_t seed)
{
    static void (*const acts[])(
        void) = { write_one, append, publish, look_for_room, read_one,     send_some,
                  rollback,  resend, discard, trim,          write_stretch };
    uint32_t weights[ZN_COUNT(acts)] = { 30, 4, 20, 5, 30, 20, 1, 1, 1, 2, 0 };
    uint32_t total = 0;

    begin(seed);
    if (seed % 2 == 0) {
        weights[0] = 1 + chance(30);
        weights[10] = 30;
    }
    for (size_t i = 0; i < ZN_COUNT(acts); i++)
        total += weights[i] *= 1 + chance(3);
    for (m.step = 0; m.step < 3000 && m.written < FRAMES - 20; m.step++) {
        uint32_t at = chance(total);
        size_t i = 0;
        while (at >= weights[i])
            at -= weights[i++];
        acts[i]();
    }
    end();
}

TEST(queue_does_what_a_list_of_frames_would_do)
{
    for (uint32_t seed = 1; seed <= 120; seed++)
        run(seed);
}

TEST(queue_untouched_or_trimmed_holds_no_memory)
{
    begin(7);
    CHECK(m.q.wchunk == NULL && m.q.first == NULL);
    for (int i = 0; i < 2000; i++)
        write_one();
    rollback();
    zn_queue_publish(&m.q, m.messages);
    zn_queue_discard(&m.q);
    zn_queue_trim(&m.q);
    CHECK(m.q.wchunk == NULL && m.q.rchunk == NULL && m.q.first == NULL);
    CHECK(atomic_load(&m.q.spare) == NULL && m.q.fresh == NULL);
    end();
}

/* ---- The queue of one. */

static void put_number(struct zn_queue *q, uint64_t n, bool large)
{
    static uint8_t bytes[4000];
    uint8_t small[8];
    struct zn_frame f = { .data = small, .size = sizeof small };

    memcpy(small, &n, sizeof n);
    if (large) {
        memcpy(bytes, &n, sizeof n);
        f.data = bytes;
        f.size = sizeof bytes;
    }
    while (zn_queue_write(q, &f) < 0)
        continue;
    zn_queue_publish(q, q->wmsgs);
}

static uint64_t number_of(const struct zn_frame *f)
{
    uint64_t n;

    CHECK(f->size >= sizeof n);
    memcpy(&n, f->data, sizeof n);
    return n;
}

TEST(queue_that_conflates_shows_the_newest)
{
    struct zn_queue q;
    struct zn_frame f;

    CHECK_EQ(zn_queue_init(&q, 10, true), 0);
    CHECK_EQ(zn_queue_peek(&q, &f), 0);
    for (uint64_t i = 1; i < 50; i++) {
        CHECK(zn_queue_room(&q));
        put_number(&q, i, i % 3 == 0);
        if (i % 7 != 0)
            continue;
        CHECK_EQ(zn_queue_peek(&q, &f), 1);
        CHECK_EQ(number_of(&f), i);
        put_number(&q, 1000, false);     /* what is shown stays */
        CHECK_EQ(number_of(&f), i);
        zn_queue_next(&q);
        CHECK_EQ(zn_queue_peek(&q, &f), 1);
        CHECK_EQ(number_of(&f), 1000);
        zn_queue_next(&q);
        CHECK_EQ(zn_queue_peek(&q, &f), 0);
    }
    zn_queue_fini(&q);
}

TEST(queue_that_conflates_is_sent_in_pieces_as_it_was_begun)
{
    uint8_t heads[4][16], got[16];
    struct zn_iov iov[4];
    struct zn_half half = { .before = 0 };
    struct zn_gather g = { .framing = ZN_FRAMING_V2,
                           .half = &half,
                           .iov = iov,
                           .max = 4,
                           .heads = heads,
                           .limit = 100 };
    struct zn_queue q;
    size_t have = 0;
    uint64_t n = 5;

    CHECK_EQ(zn_queue_init(&q, 0, true), 0);
    put_number(&q, n, false);
    for (int i = 0; i < 10; i++) {
        zn_queue_gather(&q, &g);
        CHECK_EQ(g.bytes, 10 - i);
        got[have++] = *(uint8_t *)iov[0].data;
        zn_queue_sent(&q, &g, 1);
        put_number(&q, 6, false);
    }
    CHECK_MEM(got, "\0\x08", 2);
    CHECK_MEM(got + 2, &n, sizeof n);
    zn_queue_gather(&q, &g);
    CHECK_EQ(g.bytes, 10);
    zn_queue_fini(&q);
}

/* ---- Two threads. */

enum { ROUNDS = 60000 };

struct shared {
    struct zn_queue q;
    bool by_bytes;
    struct zn_content *log;
    uint32_t size;                       /* of what is in it */
    bool fresh;                          /* no stretch of it has been written yet */
};

/* In a log, every now and then. */
static bool write_to_log(struct shared *s, uint64_t number)
{
    struct zn_frame f = { .data = (uint8_t *)&number, .size = sizeof number };

    if (number / 100 % 3 == 0 || number % 5 == 0 || number % 11 == 0)
        return false;
    if (s->log == NULL || s->log->size - s->size < 16) {
        if (s->log != NULL)
            zn_content_drop(s->log);
        s->log = zn_content_new(2000);
        CHECK(s->log != NULL);
        s->size = 0;
        s->fresh = true;
    }
    uint32_t from = s->size;
    s->size += (uint32_t)zn_frame_encode(s->log->data + from, 0, f.size);
    memcpy(s->log->data + s->size, f.data, f.size);
    s->size += (uint32_t)f.size;
    if (s->fresh || !zn_queue_extend(&s->q, from, s->size))
        CHECK_EQ(zn_queue_write_stretch(&s->q, s->log, from, s->size), 0);
    s->fresh = false;
    return true;
}

static void *write_rounds(void *arg)
{
    static const uint8_t zeros[3000];
    struct shared *s = arg;

    for (uint64_t i = 1; i <= ROUNDS; i++) {
        while (!zn_queue_room(&s->q))
            sched_yield();
        struct zn_frame part = { .data = zeros,
                                 .size = i * 37 % sizeof zeros,
                                 .flags = ZN_MORE };
        if (i % 5 == 0)
            CHECK_EQ(zn_queue_write(&s->q, &part), 0);
        if (i % 11 == 0) {
            zn_queue_rollback(&s->q);    /* as if it had never been */
            CHECK_EQ(zn_queue_write(&s->q, &part), 0);
        }
        struct zn_frame last = { .data = (uint8_t *)&i, .size = sizeof i };
        if (!write_to_log(s, i))
            CHECK_EQ(zn_queue_write(&s->q, &last), 0);
        if (i % 3 == 0 || i == ROUNDS || !zn_queue_room(&s->q))
            zn_queue_publish(&s->q, s->q.wmsgs);
    }
    return NULL;
}

static void read_rounds(struct shared *s)
{
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        struct zn_frame f;
        int parts = 0;
        do {
            while (zn_queue_peek(&s->q, &f) == 0)
                if (zn_queue_sleep(&s->q))
                    sched_yield();
            if (f.flags & ZN_MORE) {
                CHECK_EQ(f.size, i * 37 % 3000);
                parts++;
            } else {
                CHECK_EQ(number_of(&f), i);
            }
            zn_queue_next(&s->q);
        } while (s->q.reading);
        CHECK_EQ(parts, i % 5 == 0 || i % 11 == 0);
    }
}

static void send_rounds(struct shared *s)
{
    uint8_t heads[16][16];
    struct zn_iov iov[16];
    struct zn_half half = { .before = 0 };
    struct zn_gather g = { .framing = ZN_FRAMING_V2,
                           .half = &half,
                           .iov = iov,
                           .max = 16,
                           .heads = heads,
                           .limit = 5000 };
    uint64_t bytes = 0, want = 0;

    for (uint64_t i = 1; i <= ROUNDS; i++) {
        size_t size = i * 37 % 3000;
        want += 10 + (i % 5 == 0 || i % 11 == 0 ? size + (size > 255 ? 9 : 2) : 0);
    }
    while (bytes < want) {
        zn_queue_gather(&s->q, &g);
        if (g.bytes == 0)
            sched_yield();
        size_t n = g.bytes > 100 && bytes % 2 == 0 ? g.bytes / 2 : g.bytes;
        zn_queue_sent(&s->q, &g, n);
        bytes += n;
    }
    CHECK_EQ(bytes, want);
    CHECK_EQ(s->q.rmsgs, ROUNDS);
}

static void both_at_once(bool by_bytes, uint32_t hwm)
{
    static struct shared s;

    CHECK_EQ(zn_queue_init(&s.q, hwm, false), 0);
    struct test_thread *writer = test_thread_start(write_rounds, &s);
    if (by_bytes)
        send_rounds(&s);
    else
        read_rounds(&s);
    test_thread_join(writer);
    zn_queue_fini(&s.q);
    CHECK_EQ(atomic_load(&s.log->refs), 1);
    zn_content_drop(s.log);
    s.log = NULL;
}

TEST(queue_of_two_threads_keeps_order_and_messages_whole)
{
    both_at_once(false, 0);
    both_at_once(false, 1);
    both_at_once(false, 50);
}

TEST(queue_of_two_threads_goes_to_the_kernel_whole)
{
    both_at_once(true, 0);
    both_at_once(true, 50);
}

static void *write_newest(void *arg)
{
    for (uint64_t i = 1; i <= ROUNDS; i++)
        put_number(arg, i, i % 4 == 0);
    return NULL;
}

TEST(queue_that_conflates_between_two_threads_never_goes_back)
{
    struct zn_queue q;
    struct zn_frame f;
    uint64_t last = 0;

    CHECK_EQ(zn_queue_init(&q, 0, true), 0);
    struct test_thread *writer = test_thread_start(write_newest, &q);
    while (last < ROUNDS) {
        if (zn_queue_peek(&q, &f) == 0)
            continue;
        CHECK(number_of(&f) > last);
        last = number_of(&f);
        zn_queue_next(&q);
    }
    test_thread_join(writer);
    zn_queue_fini(&q);
}

/* ---- A reader that sleeps until it is told. */

enum { NAPS = 30000 };

static struct {
    struct zn_queue q;
    _Atomic uint64_t told;
    uint64_t light;                      /* messages that went without a barrier */
} nap;

static void pause_for(unsigned loops)
{
    for (volatile unsigned i = loops; i > 0; i--)
        ;
}

/* Nothing follows until the reader has all of it: one that was missed is missed for good. */
static void *write_naps(void *arg)
{
    uint64_t naps = NAPS / (uint64_t)test_patience();

    for (uint64_t i = 1; i <= naps; i++) {
        struct zn_frame f = { .data = (uint8_t *)&i, .size = sizeof i };
        CHECK_EQ(zn_queue_write(&nap.q, &f), 0);
        nap.q.calm = UINT16_MAX;         /* as if no reader had slept for long */
        nap.light += atomic_load(&nap.q.light);
        if (zn_queue_publish_lightly(&nap.q))
            atomic_fetch_add(&nap.told, 1);
        pause_for((unsigned)(i % 7) * 10);
        while (i % 3 == 0 && atomic_load(&nap.q.consumed) != i)
            sched_yield();
    }
    return arg;
}

TEST(reader_that_sleeps_is_told_though_the_writer_runs_no_barrier)
{
    uint64_t told = 0, naps = NAPS / (uint64_t)test_patience();
    struct zn_frame f;

    zn_gate_begin();
    CHECK_EQ(zn_queue_init(&nap.q, 0, false), 0);
    struct test_thread *writer = test_thread_start(write_naps, NULL);
    for (uint64_t i = 1; i <= naps; i++) {
        while (zn_queue_peek(&nap.q, &f) == 0) {
            pause_for((unsigned)(i % 5) * 10);
            if (!zn_queue_sleep(&nap.q))
                continue;
            while (atomic_load(&nap.told) == told)
                sched_yield();
            told++;
        }
        CHECK_EQ(number_of(&f), i);
        zn_queue_next(&nap.q);
    }
    test_thread_join(writer);
    CHECK(nap.light > 0 || !atomic_load(&zn_gate_light));
    zn_queue_fini(&nap.q);
}
