/* tests/patterns/fan_out_test.c - one publisher, many subscribers, some of which get all and
 * some now and then, over several transports at once: each gets just what it is to get. */
#include "base/base.h"
#include "tests/patterns/net.h"

enum {
    SUBS = 24,
    TOPICS = 4,
    ALL = 1 << TOPICS,
    FRAMES = 3,
    MESSAGES = 900,
    LARGE = 6000
};

/* ---- Chance: the same for the same seed. */

static uint64_t state;

static uint32_t chance(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* ---- Messages: the first frame is a topic's letter and the message's number. */

struct message {
    int frames;
    size_t size[FRAMES];
    int topic;
};

static size_t some_size(void)
{
    switch (chance(24)) {
    case 0:
        return 4000 + chance(LARGE - 4000);
    case 1:
        return chance(3000);
    case 2:
        return 0;
    default:
        return 20 + chance(200);
    }
}

static struct message some_message(int most_frames)
{
    struct message m = { .frames = 1 + (int)chance((uint32_t)most_frames) };
    for (int i = 0; i < m.frames; i++)
        m.size[i] = some_size();
    m.size[0] += 5;
    m.topic = (int)chance(TOPICS);
    return m;
}

static void fill(uint8_t *out, const struct message *m, uint32_t number, int frame)
{
    memset(out, (int)(number * 3 + (uint32_t)frame), m->size[frame]);
    if (frame > 0)
        return;
    out[0] = (uint8_t)('a' + m->topic);
    memcpy(out + 1, &number, sizeof number);
}

static void send_message(void *s, const struct message *m, uint32_t number)
{
    uint8_t frame[LARGE + 5];

    for (int i = 0; i < m->frames; i++) {
        fill(frame, m, number, i);
        CHECK_OK(zmq_send(s, frame, m->size[i], i < m->frames - 1 ? ZMQ_SNDMORE : 0));
    }
}

/* Receives one, which must be whole; sent: all that were. Its number. */
static uint32_t recv_message(void *s, const struct message *sent, uint32_t count)
{
    uint8_t want[LARGE + 5], got[LARGE + 5];
    uint32_t number = 0;
    const struct message *m = NULL;

    for (int i = 0; m == NULL || i < m->frames; i++) {
        size_t size = net_recv(s, got, sizeof got);
        if (i == 0) {
            CHECK(size >= 5);
            memcpy(&number, got + 1, sizeof number);
            CHECK(number < count);
            m = &sent[number];
        }
        CHECK_EQ(size, m->size[i], "frame %d of message %u", i, number);
        fill(want, m, number, i);
        CHECK_MEM(got, want, size);
        CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), i < m->frames - 1);
    }
    return number;
}

/* ---- Subscribers. */

struct sub {
    void *socket;
    unsigned wants;                      /* a bit for each topic; ALL */
    uint32_t next;                       /* the first message that it has not seen yet */
};

static bool is_for(const struct sub *sub, const struct message *m)
{
    return (sub->wants & ALL) || (sub->wants >> m->topic & 1);
}

/* One more topic, or one less; the publisher knows when this returns. */
static void change(struct sub *sub, void *pub, int topic)
{
    char name[2] = { (char)('a' + topic), '\0' }, notice[8];
    size_t size = topic == TOPICS ? 0 : 1;
    bool held = sub->wants >> topic & 1;

    CHECK_OK(
        zmq_setsockopt(sub->socket, held ? ZMQ_UNSUBSCRIBE : ZMQ_SUBSCRIBE, name, size));
    sub->wants ^= 1u << topic;
    CHECK_EQ(net_recv(pub, notice, sizeof notice), 1 + size);
    CHECK_EQ(notice[0], !held);
}

static void read_some(struct sub *sub, const struct message *sent, uint32_t count,
                      uint32_t upto)
{
    while (sub->next < upto) {
        if (is_for(sub, &sent[sub->next]))
            CHECK_EQ(recv_message(sub->socket, sent, count), sub->next);
        sub->next++;
    }
}

struct crowd {
    struct net net;
    void *pub;
    struct sub subs[SUBS];
};

static struct crowd crowd_open(int hwm, bool nodrop)
{
    static const char *const transports[] = { "tcp", "ipc", "tcp", "inproc" };
    char endpoints[ZN_COUNT(transports)][TEST_ENDPOINT];
    struct crowd c = { .net = net_open() };

    c.pub = net_socket(&c.net, ZMQ_XPUB);
    test_set_int(c.pub, ZMQ_SNDHWM, hwm);
    test_set_int(c.pub, ZMQ_XPUB_NODROP, nodrop);
    test_set_int(c.pub, ZMQ_XPUB_VERBOSER, 1);
    for (size_t i = 0; i < ZN_COUNT(transports); i++)
        test_bind(c.pub, transports[i], endpoints[i]);
    for (size_t i = 0; i < SUBS; i++) {
        c.subs[i].socket = net_socket(&c.net, ZMQ_SUB);
        test_set_int(c.subs[i].socket, ZMQ_RCVHWM, hwm);
        CHECK_OK(zmq_connect(c.subs[i].socket, endpoints[i % ZN_COUNT(transports)]));
        change(&c.subs[i], c.pub, i % 3 == 2 ? (int)chance(TOPICS) : TOPICS);
    }
    return c;
}

/* Everybody has all that was sent in the end; in between some read, and some change their
 * minds when they have read everything. */
static void play(uint32_t seed, int most_frames)
{
    static struct message sent[MESSAGES];

    state = seed;
    struct crowd c = crowd_open(1000, true);
    for (uint32_t n = 0; n < MESSAGES; n++) {
        sent[n] = some_message(most_frames);
        if (n % 300 > 200)               /* a calm time: small ones only */
            for (int i = 0; i < sent[n].frames; i++)
                sent[n].size[i] = 20 + sent[n].size[i] % 100;
        send_message(c.pub, &sent[n], n);
        struct sub *sub = &c.subs[chance(SUBS)];
        if (chance(3) == 0)
            read_some(sub, sent, n + 1, sub->next + chance(n + 2 - sub->next));
        if (sub->next == n + 1 && chance(8) == 0)
            change(sub, c.pub, (int)chance(TOPICS + 1));
    }
    for (size_t i = 0; i < SUBS; i++)
        read_some(&c.subs[i], sent, MESSAGES, MESSAGES);
    net_close(&c.net);
}

TEST(each_of_many_subscribers_gets_what_it_wants)
{
    for (uint32_t seed = 1; seed <= 4; seed++)
        play(seed, 1);
}

TEST(each_of_many_subscribers_gets_messages_of_several_frames)
{
    for (uint32_t seed = 1; seed <= 4; seed++)
        play(seed, FRAMES);
}

/* Who does not read loses messages, but no part of one; who reads loses none. */
TEST(of_many_subscribers_those_who_do_not_read_lose_whole_messages)
{
    static struct message sent[4 * MESSAGES];
    enum { HWM = 40 };

    state = 5;
    struct crowd c = crowd_open(HWM, false);
    struct sub *eager = &c.subs[0], *lazy = &c.subs[1];
    uint32_t heard = 0;
    for (uint32_t n = 0; n < ZN_COUNT(sent); n++) {
        sent[n] = some_message(FRAMES);
        sent[n].topic = 0;
        send_message(c.pub, &sent[n], n);
        read_some(eager, sent, n + 1, n + 1);
    }
    struct message last = { .frames = 1, .size = { 5 }, .topic = 0 };
    for (uint32_t number = 0; number < ZN_COUNT(sent) - 1; heard++) {
        uint32_t got = recv_message(lazy->socket, sent, ZN_COUNT(sent));
        CHECK(heard == 0 || got > number, "%u after %u", got, number);
        number = got;
        /* There is room now: what is sent next comes, sooner or later. */
        sent[ZN_COUNT(sent) - 1] = last;
        send_message(c.pub, &last, ZN_COUNT(sent) - 1);
    }
    CHECK(heard < ZN_COUNT(sent));
    net_close(&c.net);
}

/* A message that grows beyond what many share goes on as copies, and one that nobody is left
 * for goes nowhere. */
TEST(subscribers_that_leave_amid_a_message_take_nobody_along)
{
    static struct message sent[400];

    state = 6;
    struct crowd c = crowd_open(1000, true);
    for (uint32_t n = 0; n < ZN_COUNT(sent); n++) {
        sent[n] =
            (struct message){ .frames = FRAMES, .size = { 30, 60, 90 }, .topic = 0 };
        if (n % 7 == 0)
            sent[n].size[2] = LARGE - 1;
        uint8_t frame[LARGE + 5];
        for (int i = 0; i < FRAMES; i++) {
            fill(frame, &sent[n], n, i);
            CHECK_OK(zmq_send(c.pub, frame, sent[n].size[i],
                              i < FRAMES - 1 ? ZMQ_SNDMORE : 0));
            size_t left = n % 16 == 5 && i == 1 ? n / 16 : SUBS;
            if (left < SUBS / 2 && c.subs[left].socket != NULL) {
                read_some(&c.subs[left], sent, n, n);
                net_leave(&c.net, c.subs[left].socket);
                c.subs[left].socket = NULL;
            }
        }
    }
    for (size_t i = 0; i < SUBS; i++)
        if (c.subs[i].socket != NULL)
            read_some(&c.subs[i], sent, ZN_COUNT(sent), ZN_COUNT(sent));
    net_close(&c.net);
}
