/* faults_test.c - every allocation and every system call of the library fails in turn,
 * while sockets of each pattern are made, talk and go.
 *
 * A scenario is a script that a patient application could be: it tries a call again that
 * failed with an errno of need, and sends again what has not arrived. So whatever fails, and
 * wherever, it must come to its end: the sockets that exist work, lost connections come
 * back. Each runs once to count, then once for each n with the nth call failing, and once
 * for each n with all calls from the nth on failing for a while. */
#include "tests/api/faults.h"

/* ---- Pairs of sockets. */

struct talkers {
    int server, client;
    bool answers;                        /* the server can send to the client */
};

static void open_pair(struct net *net, const struct talkers *t, void **server,
                      void **client)
{
    *server = net_socket(net, t->server);
    net_bind(net, *server);
    *client = net_socket(net, t->client);
    if (t->client == ZMQ_SUB)
        KEEP(zmq_setsockopt(*client, ZMQ_SUBSCRIBE, "T", 1));
    net_connect(net, *client);
}

static void talk(struct net *net, const struct talkers *t, void *server, void *client)
{
    bool down = t->server == ZMQ_PUB || t->server == ZMQ_XPUB || t->server == ZMQ_PUSH;

    for (int shape = 0; shape < SHAPES; shape++) {
        if (down)
            net_converse(net, server, client, shape);
        else
            net_converse(net, client, server, shape);
        if (t->answers)
            net_converse(net, server, client, shape);
    }
}

static void run_pair(struct net *net, int server_type, int client_type, bool answers)
{
    const struct talkers t = { server_type, client_type, answers };
    void *server, *client;

    open_pair(net, &t, &server, &client);
    talk(net, &t, server, client);
    net_close(client);
    net_close(server);
}

static void pair(struct net *net)
{
    run_pair(net, ZMQ_PAIR, ZMQ_PAIR, true);
}

static void pipeline(struct net *net)
{
    run_pair(net, ZMQ_PULL, ZMQ_PUSH, false);
}

static void dealers(struct net *net)
{
    run_pair(net, ZMQ_DEALER, ZMQ_DEALER, true);
}

static void pubsub(struct net *net)
{
    run_pair(net, ZMQ_PUB, ZMQ_SUB, false);
}

/* ---- Request and reply. */

/* One exchange. REQ and REP keep to their turns: a reply that was lost is asked for anew. */
static void ask(struct net *net, void *req, void *rep, int shape)
{
    unsigned seq = ++net->seq, got;
    int waits = 0;

    do {
        net_send(req, shape, seq);
        while (net_recv(rep, &got) >= 0)
            net_send(rep, shape, got);
        if (net_recv(req, &got) < 0)
            net_wait_more(&waits);
        else
            waits = 0;
    } while (waits > 0 || got != seq);
}

static void reqrep(struct net *net)
{
    void *rep = net_socket(net, ZMQ_REP), *req;

    net_bind(net, rep);
    net_set(rep, ZMQ_RCVTIMEO, 2);
    req = net_socket(net, ZMQ_REQ);
    net_set(req, ZMQ_REQ_RELAXED, 1);
    net_set(req, ZMQ_REQ_CORRELATE, 1);
    net_connect(net, req);
    for (int shape = 0; shape < SHAPES; shape++)
        ask(net, req, rep, shape);
    net_close(req);
    net_close(rep);
}

/* ---- ROUTER: ids chosen and made up, probes, notices, hello and goodbye. */

static void router(struct net *net)
{
    static const char id[] = "a name longer than what lies in a message itself";
    void *r = net_socket(net, ZMQ_ROUTER), *d[2];

    net_bind(net, r);
    net_set(r, ZMQ_ROUTER_MANDATORY, 1);
    for (int i = 0; i < 2; i++) {
        d[i] = net_socket(net, ZMQ_DEALER);
        if (i == 0)
            KEEP(zmq_setsockopt(d[i], ZMQ_ROUTING_ID, id, sizeof id));
        net_connect(net, d[i]);
    }
    for (int shape = 0; shape < SHAPES; shape++)
        for (int i = 0; i < 2; i++)
            net_echo(net, d[i], r, shape);
    net_close(d[0]);
    net_echo(net, d[1], r, SMALL);
    net_close(d[1]);
    net_close(r);
}

/* Receives until a last frame is this text: the number of frames. With lossy, 0 if it does
 * not come because a connection was lost: the library says it but once. */
static int find_word(void *s, const char *word, bool lossy)
{
    char got[64];
    int n, frames = 0, waits = 0;

    for (;;) {
        KEEP_TRYING(n = zmq_recv(s, got, sizeof got, 0));
        if (n < 0) {
            net_wait_more(&waits);
            if (lossy && waits > 10 && net_struck())
                return 0;
            continue;
        }
        frames++;
        if (!net_more(s) && n == (int)strlen(word) && memcmp(got, word, (size_t)n) == 0)
            return frames;
    }
}

static void set_text(void *s, int option, const char *text)
{
    KEEP(zmq_setsockopt(s, option, text, strlen(text)));
}

static void words(struct net *net)
{
    void *r = net_socket(net, ZMQ_ROUTER), *d;

    set_text(r, ZMQ_HELLO_MSG, "hello");
    set_text(r, ZMQ_DISCONNECT_MSG, "bye");
    net_bind(net, r);
    d = net_socket(net, ZMQ_DEALER);
    set_text(d, ZMQ_HELLO_MSG, "here I am");
    set_text(d, ZMQ_HICCUP_MSG, "hiccup");
    net_connect(net, d);
    find_word(d, "hello", false);
    find_word(r, "here I am", false);
    net_echo(net, d, r, SMALL);
    net_close(d);
    net_close(r);
}

static void probe(struct net *net)
{
    void *r = net_socket(net, ZMQ_ROUTER), *d;

    net_bind(net, r);
    d = net_socket(net, ZMQ_DEALER);
    net_set(d, ZMQ_PROBE_ROUTER, 1);
    net_connect(net, d);
    find_word(r, "", true);
    net_echo(net, d, r, PARTS);
    net_close(d);
    net_close(r);
}

/* ---- Publish and subscribe. */

static void xpub(struct net *net)
{
    void *x = net_socket(net, ZMQ_XPUB), *s;

    set_text(x, ZMQ_XPUB_WELCOME_MSG, "Twelcome");
    net_set(x, ZMQ_XPUB_VERBOSER, 1);
    net_bind(net, x);
    s = net_socket(net, ZMQ_SUB);
    set_text(s, ZMQ_SUBSCRIBE, "T");
    net_connect(net, s);
    find_word(x, "\1T", false);
    find_word(s, "Twelcome", false);
    net_converse(net, x, s, PARTS);
    set_text(s, ZMQ_SUBSCRIBE,
             "a topic with a name longer than a message's own bytes are");
    find_word(x, "\1a topic with a name longer than a message's own bytes are", false);
    set_text(s, ZMQ_UNSUBSCRIBE, "T");
    net_close(s);
    net_close(x);
}

static void xsub(struct net *net)
{
    void *x = net_socket(net, ZMQ_XPUB), *s;

    net_bind(net, x);
    s = net_socket(net, ZMQ_XSUB);
    net_connect(net, s);
    KEEP(zmq_send(s, "\1T", 2, 0));
    find_word(x, "\1T", false);
    net_converse(net, x, s, PARTS);
    net_converse(net, x, s, LARGE);
    net_converse(net, s, x, SMALL);
    net_close(s);
    net_close(x);
}

/* Subscriptions made before and after the connect all count. */
static void topics(struct net *net)
{
    enum { TOPICS = 24 };
    void *p = net_socket(net, ZMQ_PUB), *s = net_socket(net, ZMQ_SUB);
    char topic[8];

    net_bind(net, p);
    for (int i = 0; i < TOPICS; i++) {
        snprintf(topic, sizeof topic, "%c%d", 'a' + i, i);
        set_text(s, ZMQ_SUBSCRIBE, topic);
        if (i == TOPICS / 2)
            net_connect(net, s);
    }
    for (int i = 0; i < TOPICS; i++) {
        char got[8] = "";
        int n, waits = 0;

        snprintf(topic, sizeof topic, "%c%d", 'a' + i, i);
        do {
            KEEP(zmq_send(p, topic, strlen(topic), 0));
            KEEP_TRYING(n = zmq_recv(s, got, sizeof got - 1, 0));
            if (n < 0)
                net_wait_more(&waits);
            else
                got[n] = '\0';
        } while (n < 0 || strcmp(got, topic) != 0);
    }
    net_close(s);
    net_close(p);
}

FAULT_TESTS(pair, EVERYWHERE)
FAULT_TESTS(pipeline, EVERYWHERE)
FAULT_TESTS(dealers, EVERYWHERE)
FAULT_TESTS(pubsub, EVERYWHERE)
FAULT_TESTS(reqrep, EVERYWHERE)
FAULT_TESTS(router, EVERYWHERE)
FAULT_TESTS(words, EVERYWHERE)
FAULT_TESTS(probe, EVERYWHERE)
FAULT_TESTS(xpub, EVERYWHERE)
FAULT_TESTS(xsub, EVERYWHERE)
FAULT_TESTS(topics, EVERYWHERE)
