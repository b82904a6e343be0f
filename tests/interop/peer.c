/* tests/interop/peer.c - one end of a conversation, over whichever libzmq.so.5 the
 * loader finds. interop.py pairs two of these, of different libraries.
 *
 *     peer bind|connect TYPE ENDPOINT ROLE [SECURITY]
 *
 * ROLE is `ask` (speak first and check the echo), `echo`, `send` or `take`. What is
 * said is the same table at both ends: every size class, single and multipart. Or it is
 * `watch`: then it prints "event NUMBER VALUE" for what the handshake comes to.
 *
 * SECURITY is plain-server, plain-client=USER, curve-server, curve-client,
 * curve-stranger (whom the server does not know) or curve-misled (who has another
 * server's key), gssapi-server=SERVICE, gssapi-client=USER,SERVICE (USER - is whose ticket
 * there is), or gssapi-bare-server and -client, which do not encrypt. A server asks an
 * authenticator of its own, which knows bob (with GSSAPI: of the realm ZINC.TEST) and the key
 * of curve-client; a user whose name is a number is answered with that status.
 *
 * Prints "at ENDPOINT" once bound or connected, "library PATH" for the record, and
 * "done" when all that was expected has come; anything else is an error and exit 1.
 * It obeys lines on its standard input: "go" starts the talk of a role that speaks,
 * a line ends `echo`. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_FRAMES 8
#define PATIENCE_MS 30000

/* Frame sizes of each message; 0 is a frame too, -1 ends. */
static const long script[][MAX_FRAMES] = {
    { 1, -1 },
    { 0, -1 },
    { 254, -1 },
    { 255, -1 },
    { 256, -1 },
    { 257, -1 },
    { 8191, -1 },
    { 8192, -1 },
    { 8193, -1 },
    { 65536, -1 },
    { 1 << 20, -1 },
    { 5, 5, -1 },
    { 0, 0, -1 },
    { 1, 0, 255, -1 },
    { 0, 256, 1 << 20, 0, -1 },
    { 29, -1 },
    { 30, -1 },
    { 33, -1 },
    { 34, -1 },
    { 1, 2, 3, 4, 5, 6, 7, -1 },
};

static const struct {
    const char *name;
    int type;
} types[] = {
    { "PAIR", ZMQ_PAIR },     { "REQ", ZMQ_REQ },   { "REP", ZMQ_REP },
    { "DEALER", ZMQ_DEALER }, { "ROUTER", ZMQ_ROUTER }, { "PUB", ZMQ_PUB },
    { "SUB", ZMQ_SUB },       { "XPUB", ZMQ_XPUB }, { "XSUB", ZMQ_XSUB },
    { "PUSH", ZMQ_PUSH },     { "PULL", ZMQ_PULL },
};

static void *sock;
static int type;

_Noreturn static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(" (%s)\n", zmq_strerror(zmq_errno()));
    exit(1);
}

/* Byte i of frame f of message m: anyone can tell it from any other. */
static unsigned char byte_at(size_t m, size_t f, size_t i)
{
    return (unsigned char)(m * 31 + f * 7 + i * 13 + (i >> 8));
}

static void send_frame(size_t m, size_t f, size_t size, int flags)
{
    unsigned char *p = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        p[i] = byte_at(m, f, i);
    if (zmq_send(sock, p, size, flags) != (int)size)
        die("cannot send frame %zu of message %zu", f, m);
    free(p);
}

/* Publishers put a topic before each message; subscribers ask for it alone. */
static bool has_topic(void)
{
    return type == ZMQ_PUB || type == ZMQ_XPUB || type == ZMQ_SUB || type == ZMQ_XSUB;
}

static void send_message(size_t m)
{
    /* A ROUTER that speaks first knows its peer by the name that the peer has set. */
    if (type == ZMQ_ROUTER && zmq_send(sock, "peer", 4, ZMQ_SNDMORE) != 4)
        die("cannot send the routing id");
    if (has_topic()) {
        if (zmq_send(sock, "noise", 5, 0) != 5 ||
            zmq_send(sock, "topic", 5, ZMQ_SNDMORE) != 5)
            die("cannot send the topic");
    }
    for (size_t f = 0; script[m][f] >= 0; f++)
        send_frame(m, f, (size_t)script[m][f], script[m][f + 1] >= 0 ? ZMQ_SNDMORE : 0);
}

static bool recv_frame(zmq_msg_t *msg)
{
    zmq_msg_init(msg);
    if (zmq_msg_recv(msg, sock, 0) < 0)
        die("nothing came");
    return zmq_msg_more(msg) != 0;
}

static void check_message(size_t m)
{
    zmq_msg_t msg;

    if (type == ZMQ_ROUTER) {
        if (!recv_frame(&msg))
            die("message %zu ends after the routing id", m);
        zmq_msg_close(&msg);
    }
    if (has_topic()) {
        if (!recv_frame(&msg) || zmq_msg_size(&msg) != 5 ||
            memcmp(zmq_msg_data(&msg), "topic", 5) != 0)
            die("message %zu has not the topic", m);
        zmq_msg_close(&msg);
    }
    for (size_t f = 0; script[m][f] >= 0; f++) {
        bool more = recv_frame(&msg);
        unsigned char *p = zmq_msg_data(&msg);
        if (zmq_msg_size(&msg) != (size_t)script[m][f])
            die("message %zu, frame %zu: %zu bytes, not %ld", m, f, zmq_msg_size(&msg),
                script[m][f]);
        if (more != (script[m][f + 1] >= 0))
            die("message %zu, frame %zu: more is %d", m, f, more);
        for (size_t i = 0; i < zmq_msg_size(&msg); i++)
            if (p[i] != byte_at(m, f, i))
                die("message %zu, frame %zu, byte %zu differs", m, f, i);
        zmq_msg_close(&msg);
    }
}

/* Sends back whatever comes, envelope included, until told to stop. */
static void echo(void)
{
    zmq_pollitem_t items[] = { { sock, 0, ZMQ_POLLIN, 0 }, { NULL, 0, ZMQ_POLLIN, 0 } };

    while (zmq_poll(items, 2, -1) >= 0 && items[1].revents == 0) {
        zmq_msg_t frames[MAX_FRAMES + 2];
        int count = 0;
        while (recv_frame(&frames[count++]))
            if (count == (int)COUNT(frames))
                die("too many frames");
        for (int i = 0; i < count; i++)
            if (zmq_msg_send(&frames[i], sock, i + 1 < count ? ZMQ_SNDMORE : 0) < 0)
                die("cannot echo");
    }
}

static void ask(void)
{
    for (size_t m = 0; m < COUNT(script); m++) {
        send_message(m);
        check_message(m);
    }
    if (type == ZMQ_REQ)
        return;
    for (size_t m = 0; m < COUNT(script); m++)       /* and all at once */
        send_message(m);
    for (size_t m = 0; m < COUNT(script); m++)
        check_message(m);
}

static void wait_go(void)
{
    char line[16];
    if (fgets(line, sizeof line, stdin) == NULL)
        exit(0);
}

/* A publisher speaks once its subscriber is known: an XPUB sees it, a PUB is told. */
static void send_all(void)
{
    if (type == ZMQ_XPUB) {
        zmq_msg_t msg;
        recv_frame(&msg);
        if (zmq_msg_size(&msg) != 6 || memcmp(zmq_msg_data(&msg), "\1topic", 6) != 0)
            die("not the subscription");
        zmq_msg_close(&msg);
    }
    for (size_t m = 0; m < COUNT(script); m++)
        send_message(m);
}

static void take_all(void)
{
    for (size_t m = 0; m < COUNT(script); m++)
        check_message(m);
}

/* ---- Security. */

static const char *const secrets[] = { "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
                                       "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
                                       "0000000000000000000000000000000000000001" };
enum { SERVER_KEY, CLIENT_KEY, OTHER_KEY };

static const char *public_key(int key)
{
    static char text[41];
    if (zmq_curve_public(text, secrets[key]) != 0)
        die("no CURVE");
    return text;
}

static void set_text(int option, const char *text)
{
    if (zmq_setsockopt(sock, option, text, strlen(text)) != 0)
        die("option %d", option);
}

static void set_on(int option)
{
    int on = 1;
    if (zmq_setsockopt(sock, option, &on, sizeof on) != 0)
        die("option %d", option);
}

static const char *judge(const char *mechanism, char *who)
{
    if (strcmp(mechanism, "CURVE") == 0) {
        char text[41];
        zmq_z85_encode(text, (const uint8_t *)who, 32);
        return strcmp(text, public_key(CLIENT_KEY)) == 0 ? "200" : "400";
    }
    if (strcmp(mechanism, "GSSAPI") == 0) {
        char *realm = strchr(who, '@');
        if (realm == NULL || strcmp(realm, "@ZINC.TEST") != 0)
            return "400";
        *realm = '\0';
    }
    if (who[0] >= '0' && who[0] <= '9')
        return who;
    return strcmp(who, "bob") == 0 ? "200" : "400";
}

/* Answers until the context ends. */
static void authenticate(void *zap)
{
    enum { MECHANISM = 5, WHO = 6, FRAMES = 9 };
    for (;;) {
        char frames[FRAMES][256] = { { 0 } };
        int more = 1, count = 0;
        size_t size = sizeof more;
        while (more && count < FRAMES) {
            if (zmq_recv(zap, frames[count++], sizeof frames[0] - 1, 0) < 0) {
                zmq_close(zap);
                return;
            }
            zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &size);
        }
        const char *status = judge(frames[MECHANISM], frames[WHO]);
        const char *answer[] = { "1.0", "1", status, "", "user", "" };
        for (size_t i = 0; i < COUNT(answer); i++)
            zmq_send(zap, answer[i], strlen(answer[i]),
                     i + 1 < COUNT(answer) ? ZMQ_SNDMORE : 0);
    }
}

static void start_authenticator(void *ctx)
{
    void *zap = zmq_socket(ctx, ZMQ_REP);
    if (zap == NULL || zmq_bind(zap, "inproc://zeromq.zap.01") != 0)
        die("no authenticator");
    zmq_threadstart(authenticate, zap);
}

static void set_principal(int option, int type_option, const char *name)
{
    int kind = ZMQ_GSSAPI_NT_KRB5_PRINCIPAL;
    set_text(option, name);
    if (zmq_setsockopt(sock, type_option, &kind, sizeof kind) != 0)
        die("option %d", type_option);
}

static void secure_by_gssapi(void *ctx, const char *how)
{
    char side[8] = "", own[32] = "", service[32] = "";

    if (strncmp(how, "bare-", 5) == 0) {
        set_on(ZMQ_GSSAPI_PLAINTEXT);
        how += 5;
    }
    int fields = sscanf(how, "%7[a-z]=%31[^,],%31s", side, own, service);
    if (strcmp(side, "server") == 0) {
        start_authenticator(ctx);
        set_on(ZMQ_GSSAPI_SERVER);
    } else if (fields == 3) {
        set_principal(ZMQ_GSSAPI_SERVICE_PRINCIPAL, ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE,
                      service);
    } else {
        die("unknown: %s", how);
    }
    if (strcmp(own, "-") != 0)
        set_principal(ZMQ_GSSAPI_PRINCIPAL, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, own);
}

static void secure(void *ctx, const char *how)
{
    if (strcmp(how, "plain-server") == 0) {
        start_authenticator(ctx);
        set_on(ZMQ_PLAIN_SERVER);
    } else if (strncmp(how, "plain-client=", 13) == 0) {
        set_text(ZMQ_PLAIN_USERNAME, how + 13);
        set_text(ZMQ_PLAIN_PASSWORD, "secret");
    } else if (strcmp(how, "curve-server") == 0) {
        start_authenticator(ctx);
        set_on(ZMQ_CURVE_SERVER);
        set_text(ZMQ_CURVE_SECRETKEY, secrets[SERVER_KEY]);
    } else if (strncmp(how, "curve-", 6) == 0) {
        int key = strcmp(how + 6, "stranger") == 0 ? OTHER_KEY : CLIENT_KEY;
        bool misled = strcmp(how + 6, "misled") == 0;
        set_text(ZMQ_CURVE_SECRETKEY, secrets[key]);
        set_text(ZMQ_CURVE_PUBLICKEY, public_key(key));
        set_text(ZMQ_CURVE_SERVERKEY, public_key(misled ? OTHER_KEY : SERVER_KEY));
    } else if (strncmp(how, "gssapi-", 7) == 0) {
        secure_by_gssapi(ctx, how + 7);
    }
}

/* ---- Watching. */

static void *watch_from(void *ctx)
{
    int interval = 60000, patience = PATIENCE_MS, soon = 500, mechanism = ZMQ_NULL;
    size_t size = sizeof mechanism;
    void *monitor = zmq_socket(ctx, ZMQ_PAIR);
    zmq_setsockopt(sock, ZMQ_RECONNECT_IVL, &interval, sizeof interval);
    zmq_getsockopt(sock, ZMQ_MECHANISM, &mechanism, &size);
    if (mechanism == ZMQ_GSSAPI)         /* whose realm's server is asked meanwhile */
        soon = 3000;
    if (type != ZMQ_PULL)                /* who binds waits for longer */
        zmq_setsockopt(sock, ZMQ_HANDSHAKE_IVL, &soon, sizeof soon);
    zmq_setsockopt(monitor, ZMQ_RCVTIMEO, &patience, sizeof patience);
    if (zmq_socket_monitor(sock, "inproc://monitor", ZMQ_EVENT_ALL) != 0 ||
        zmq_connect(monitor, "inproc://monitor") != 0)
        die("no monitor");
    return monitor;
}

static void watch(void *monitor)
{
    enum {
        OUTCOMES = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                   ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
    };
    for (int event = 0;
         !(event & (ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED));) {
        unsigned char head[6], rest[256];
        uint16_t id;
        uint32_t value;
        if (zmq_recv(monitor, head, sizeof head, 0) != sizeof head ||
            zmq_recv(monitor, rest, sizeof rest, 0) < 0)
            die("no event");
        memcpy(&id, head, sizeof id);
        memcpy(&value, head + 2, sizeof value);
        event = id;
        if (event & OUTCOMES)
            printf("event %#x %#x\n", (unsigned)event, (unsigned)value);
    }
    puts("event lost or up");
    zmq_close(monitor);
}

static void set_up(void)
{
    int patience = PATIENCE_MS, linger = 5000, interval = 20, hwm = 0;

    zmq_setsockopt(sock, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(sock, ZMQ_SNDTIMEO, &patience, sizeof patience);
    zmq_setsockopt(sock, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(sock, ZMQ_RECONNECT_IVL, &interval, sizeof interval);
    zmq_setsockopt(sock, ZMQ_SNDHWM, &hwm, sizeof hwm);
    zmq_setsockopt(sock, ZMQ_RCVHWM, &hwm, sizeof hwm);
    if (type != ZMQ_ROUTER && zmq_setsockopt(sock, ZMQ_ROUTING_ID, "peer", 4) != 0)
        die("cannot set the routing id");
    if (type == ZMQ_SUB && zmq_setsockopt(sock, ZMQ_SUBSCRIBE, "topic", 5) != 0)
        die("cannot subscribe");
}

static void print_library(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        char *path = strchr(line, '/');
        if (path != NULL && strstr(path, "/libzmq.so") != NULL) {
            printf("library %s", path);
            break;
        }
    }
    if (maps != NULL)
        fclose(maps);
}

int main(int argc, char **argv)
{
    char endpoint[256];
    size_t size = sizeof endpoint;

    if (argc != 5 && argc != 6)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0);
    for (size_t i = 0; i < COUNT(types); i++)
        if (strcmp(types[i].name, argv[2]) == 0)
            type = types[i].type;

    void *ctx = zmq_ctx_new();
    sock = zmq_socket(ctx, type);
    if (sock == NULL)
        die("no socket");
    set_up();
    if (argc == 6)
        secure(ctx, argv[5]);
    void *monitor = strcmp(argv[4], "watch") == 0 ? watch_from(ctx) : NULL;
    if (strcmp(argv[1], "bind") == 0 ? zmq_bind(sock, argv[3])
                                     : zmq_connect(sock, argv[3]))
        die("cannot %s %s", argv[1], argv[3]);
    if (type == ZMQ_XSUB && zmq_send(sock, "\1topic", 6, 0) != 6)
        die("cannot subscribe");
    zmq_getsockopt(sock, ZMQ_LAST_ENDPOINT, endpoint, &size);
    print_library();
    printf("at %s\n", endpoint);

    if (monitor != NULL) {
        watch(monitor);
        wait_go();                       /* the other one has seen it, too */
    } else if (strcmp(argv[4], "echo") == 0) {
        echo();
    } else if (strcmp(argv[4], "take") == 0) {
        take_all();
    } else {
        wait_go();
        strcmp(argv[4], "ask") == 0 ? ask() : send_all();
    }
    if (zmq_close(sock) != 0 || zmq_ctx_term(ctx) != 0)
        die("cannot close");
    puts("done");
    return 0;
}
