/* tests/interop/cast.c - a publisher or a subscriber of multicast, over whichever
 * libzmq.so.5 the loader finds. multicast.py puts several of these, of both libraries, into
 * networks of its own.
 *
 *     cast has NAME                       prints zmq_has(NAME)
 *     cast send ENDPOINT RATE [small]
 *     cast take ENDPOINT RATE [small]
 *
 * Both print "library PATH" and "at ENDPOINT". A publisher obeys lines of its standard input:
 * "warm" sends a message that has no number, "go A B" those from A up to but not including B,
 * each with one that no subscriber has asked for in front; it answers "sent". The subscriber
 * prints "warm", or the number of the message, whose bytes it has checked. Both end when their
 * standard input does. RATE is in kbit/s. small: no frame is larger than 2000 bytes. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_SIZE 20000

/* Of the frame behind the number; message m has sizes[m % COUNT(sizes)]. */
static const size_t sizes[] = {
    0, 1, 100, 253, 254, 255, 256, 1424, 1500, 5000, MAX_SIZE
};

static void *sock;
static bool small;

_Noreturn static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(" (%s)\n", zmq_strerror(zmq_errno()));
    exit(1);
}

static size_t size_of(unsigned m)
{
    size_t size = sizes[m % COUNT(sizes)];
    return small && size > 2000 ? 2000 : size;
}

static unsigned char byte_at(unsigned m, size_t i)
{
    return (unsigned char)(m * 31 + i * 13 + (i >> 8));
}

/* ---- The publisher. */

static void send_frame(const void *data, size_t size, int flags)
{
    if (zmq_send(sock, data, size, flags) != (int)size)
        die("cannot send");
}

static void send_message(unsigned m)
{
    static unsigned char body[MAX_SIZE];
    char number[16];
    size_t size = size_of(m);

    for (size_t i = 0; i < size; i++)
        body[i] = byte_at(m, i);
    snprintf(number, sizeof number, "%u", m);
    send_frame("noise", 5, ZMQ_SNDMORE);
    send_frame(number, strlen(number), 0);
    send_frame("topic", 5, ZMQ_SNDMORE);
    send_frame(number, strlen(number), ZMQ_SNDMORE);
    send_frame(body, size, 0);
}

static void publish(void)
{
    char line[64];
    unsigned from, to;

    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strcmp(line, "warm\n") == 0)
            send_frame("topic", 5, 0);
        else if (sscanf(line, "go %u %u", &from, &to) == 2)
            while (from < to)
                send_message(from++);
        puts("sent");
    }
}

/* ---- The subscriber. */

static int take_frame(unsigned char *buf, size_t size, bool *more)
{
    int n = zmq_recv(sock, buf, size, 0), value = 0;
    size_t value_size = sizeof value;
    if (n < 0)
        die("cannot receive");
    zmq_getsockopt(sock, ZMQ_RCVMORE, &value, &value_size);
    *more = value != 0;
    return n;
}

static void take_message(void)
{
    static unsigned char buf[MAX_SIZE + 1];
    bool more;

    int n = take_frame(buf, sizeof buf, &more);
    if (n != 5 || memcmp(buf, "topic", 5) != 0)
        die("not the topic, but %d bytes", n);
    if (!more) {
        puts("warm");
        return;
    }
    n = take_frame(buf, 16, &more);
    if (n < 1 || n > 15 || !more)
        die("no number");
    buf[n] = '\0';
    unsigned m = (unsigned)atoi((char *)buf);
    n = take_frame(buf, sizeof buf, &more);
    if (n != (int)size_of(m) || more)
        die("message %u has %d bytes, %s", m, n, more ? "and more" : "not all");
    for (int i = 0; i < n; i++)
        if (buf[i] != byte_at(m, (size_t)i))
            die("message %u, byte %d differs", m, i);
    printf("%u\n", m);
}

static void subscribe(void)
{
    zmq_pollitem_t items[] = { { sock, 0, ZMQ_POLLIN, 0 }, { NULL, 0, ZMQ_POLLIN, 0 } };

    while (zmq_poll(items, 2, -1) >= 0 && items[1].revents == 0)
        take_message();
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

static void set(int option, int value)
{
    if (zmq_setsockopt(sock, option, &value, sizeof value) != 0)
        die("option %d", option);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3 && strcmp(argv[1], "has") == 0) {
        printf("%d\n", zmq_has(argv[2]));
        return 0;
    }
    if (argc < 4)
        return 2;
    bool sends = strcmp(argv[1], "send") == 0;
    small = argc > 4 && strcmp(argv[4], "small") == 0;
    void *ctx = zmq_ctx_new();
    sock = zmq_socket(ctx, sends ? ZMQ_PUB : ZMQ_SUB);
    if (sock == NULL)
        die("no socket");
    print_library();
    set(ZMQ_RATE, atoi(argv[3]));
    set(ZMQ_LINGER, 0);
    set(ZMQ_SNDHWM, 0);
    set(ZMQ_RCVHWM, 0);
#ifdef ZMQ_NORM_MODE                     /* which an older library does not have */
    int fixed = ZMQ_NORM_FIXED;
    zmq_setsockopt(sock, ZMQ_NORM_MODE, &fixed, sizeof fixed);
#endif
    if (!sends && zmq_setsockopt(sock, ZMQ_SUBSCRIBE, "topic", 5) != 0)
        die("cannot subscribe");
    if (zmq_connect(sock, argv[2]) != 0)
        die("cannot connect to %s", argv[2]);
    printf("at %s\n", argv[2]);
    sends ? publish() : subscribe();
    zmq_close(sock);
    zmq_ctx_term(ctx);
    return 0;
}
