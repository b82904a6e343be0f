/* web_server - what web pages talk to: echoes requests and publishes a clock, over WebSocket.
 *
 *     web_server [REP-ENDPOINT [PUB-ENDPOINT [CERTIFICATE KEY]]]
 *
 * By default on the ports 5555 and 5556, over ws; wss needs the files of a certificate and its
 * key. examples/web has the page, and a client for Node. Browsers answer the heartbeats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define TICK_MS 20

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

/* A file as an option's text. */
static void set_file(void *socket, int option, const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t size = f != NULL ? fread(text, 1, sizeof text, f) : 0;
    if (f != NULL)
        fclose(f);
    if (size == 0 || zmq_setsockopt(socket, option, text, size) < 0)
        die(path);
}

static void *serve(void *ctx, int type, const char *endpoint, char *const *files)
{
    char at[256];
    size_t size = sizeof at;
    int interval = 100, timeout = 3000;
    void *s = zmq_socket(ctx, type);
    if (s == NULL)
        die("socket");
    if (files != NULL) {
        set_file(s, ZMQ_WSS_CERT_PEM, files[0]);
        set_file(s, ZMQ_WSS_KEY_PEM, files[1]);
    }
    zmq_setsockopt(s, ZMQ_HEARTBEAT_IVL, &interval, sizeof interval);
    zmq_setsockopt(s, ZMQ_HEARTBEAT_TIMEOUT, &timeout, sizeof timeout);
    if (zmq_bind(s, endpoint) < 0)
        die(endpoint);
    zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, at, &size);
    printf("%s\n", at);
    fflush(stdout);
    return s;
}

/* What came goes back: all of its parts first come in, then go out. */
static void echo(void *rep)
{
    enum { MOST = 64 };
    zmq_msg_t parts[MOST], rest;
    int count = 0, more = 1;
    while (more) {
        zmq_msg_t *part = count < MOST ? &parts[count++] : &rest;
        zmq_msg_init(part);
        if (zmq_msg_recv(part, rep, 0) < 0)
            die("recv");
        more = zmq_msg_more(part);
        if (part == &rest)
            zmq_msg_close(part);             /* more than anybody needs */
    }
    for (int i = 0; i < count; i++)
        if (zmq_msg_send(&parts[i], rep, i + 1 < count ? ZMQ_SNDMORE : 0) < 0)
            die("send");
}

static void tick(void *pub, int number)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%d", number);
    zmq_send(pub, "tick", 4, ZMQ_SNDMORE);
    zmq_send(pub, text, (size_t)n, 0);
    zmq_send(pub, "noise", 5, ZMQ_SNDMORE);   /* for those who want it */
    zmq_send(pub, text, (size_t)n, 0);
}

int main(int argc, char **argv)
{
    char *const *files = argc > 4 ? argv + 3 : NULL;
    void *ctx = zmq_ctx_new();
    void *rep = serve(ctx, ZMQ_REP, argc > 1 ? argv[1] : "ws://*:5555", files);
    void *pub = serve(ctx, ZMQ_PUB, argc > 2 ? argv[2] : "ws://*:5556", files);
    void *clock = zmq_stopwatch_start();

    for (int number = 0;;) {
        zmq_pollitem_t item = { rep, 0, ZMQ_POLLIN, 0 };
        long due =
            (long)number * TICK_MS - (long)(zmq_stopwatch_intermediate(clock) / 1000);
        if (due <= 0)
            tick(pub, number++);
        if (zmq_poll(&item, 1, due > 0 ? due : 0) < 0)
            break;
        if (item.revents & ZMQ_POLLIN)
            echo(rep);
    }
    zmq_stopwatch_stop(clock);
    zmq_close(rep);
    zmq_close(pub);
    zmq_ctx_term(ctx);
    return 0;
}
