/* bench.c - see bench.h. */
#include "bench.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ENDPOINT = 300 };

void bench_try(int good, const char *call)
{
    if (good)
        return;
    fprintf(stderr, "error in %.*s: %s\n", (int)strcspn(call, "("), call,
            zmq_strerror(zmq_errno()));
    exit(1);
}

void bench_need(int argc, int count, const char *usage)
{
    if (argc == count + 1)
        return;
    fprintf(stderr, "usage: %s\n", usage);
    exit(1);
}

long bench_number(const char *text, const char *what, long least)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || n < least) {
        fprintf(stderr, "%s must be a number of at least %ld, not '%s'\n", what, least,
                text);
        exit(1);
    }
    return n;
}

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_cpu(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

long bench_rss(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

void *bench_socket(void *ctx, int type)
{
    void *s;
    TRY_PTR(s, zmq_socket(ctx, type));
    return s;
}

void bench_set(void *socket, int option, int value)
{
    TRY(zmq_setsockopt(socket, option, &value, sizeof value));
}

void bench_send(void *socket, size_t size)
{
    zmq_msg_t m;
    TRY(zmq_msg_init_size(&m, size));
    memset(zmq_msg_data(&m), 0, size);
    TRY(zmq_msg_send(&m, socket, 0));
}

void bench_recv(void *socket, zmq_msg_t *m, size_t size)
{
    TRY(zmq_msg_recv(m, socket, 0));
    if (zmq_msg_size(m) == size)
        return;
    fprintf(stderr, "message of incorrect size received: %zu, not %zu\n", zmq_msg_size(m),
            size);
    exit(1);
}

void bench_print(const char *name, double value, const char *unit)
{
    printf("%s: %.*f [%s]\n", name, value < 1000 ? 3 : 0, value, unit);
}

/* ---- Ping-pong. The first tenth warms up and does not count. */

static long warm_up(long count)
{
    return count / 10;
}

double bench_pong(void *socket, size_t size, long count)
{
    zmq_msg_t m;
    double cpu = 0;
    TRY(zmq_msg_init(&m));
    for (long i = 0; i < count; i++) {
        if (i == warm_up(count))
            cpu = bench_cpu();
        bench_recv(socket, &m, size);
        TRY(zmq_msg_send(&m, socket, 0));
    }
    TRY(zmq_msg_close(&m));
    return bench_cpu() - cpu;
}

void bench_ping(void *socket, struct bench_pings *p)
{
    zmq_msg_t m;
    long warm = warm_up(p->count);
    double begin = 0, cpu = 0;

    TRY_PTR(p->took, malloc((size_t)p->count * sizeof *p->took));
    TRY(zmq_msg_init_size(&m, p->size));
    memset(zmq_msg_data(&m), 0, p->size);
    for (long i = 0; i < p->count; i++) {
        double t = bench_now();
        if (i == warm) {
            begin = t;
            cpu = bench_cpu();
        }
        TRY(zmq_msg_send(&m, socket, 0));
        bench_recv(socket, &m, p->size);
        p->took[i] = bench_now() - t;
    }
    p->all = bench_now() - begin;
    p->cpu = bench_cpu() - cpu;
    p->count -= warm;
    memmove(p->took, p->took + warm, (size_t)p->count * sizeof *p->took);
    TRY(zmq_msg_close(&m));
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void bench_print_pings(struct bench_pings *p)
{
    double n = (double)p->count;
    qsort(p->took, (size_t)p->count, sizeof *p->took, compare);
    printf("message size: %zu [B]\n", p->size);
    printf("roundtrip count: %ld\n", p->count);
    bench_print("average latency", p->all / n / 2 * 1e6, "us");
    bench_print("p50 latency", p->took[p->count / 2] / 2 * 1e6, "us");
    bench_print("p99 latency", p->took[p->count * 99 / 100] / 2 * 1e6, "us");
    bench_print("p99.9 latency", p->took[p->count * 999 / 1000] / 2 * 1e6, "us");
    bench_print("CPU per message", p->cpu / n / 2 * 1e6, "us");
    free(p->took);
}

/* ---- Streams. */

void bench_pour(void *socket, size_t size, long count)
{
    for (long i = 0; i < count; i++)
        bench_send(socket, size);
}

void bench_drain(void *socket, struct bench_stream *s)
{
    zmq_msg_t m;
    TRY(zmq_msg_init(&m));
    bench_recv(socket, &m, s->size);
    double begin = bench_now(), cpu = bench_cpu();
    for (long i = 1; i < s->count; i++)
        bench_recv(socket, &m, s->size);
    s->all = bench_now() - begin;
    s->cpu = bench_cpu() - cpu;
    TRY(zmq_msg_close(&m));
}

void bench_print_stream(const struct bench_stream *s)
{
    double n = (double)(s->count - 1);
    printf("message size: %zu [B]\n", s->size);
    printf("message count: %ld\n", s->count);
    bench_print("mean throughput", n / s->all, "msg/s");
    bench_print("mean throughput", n / s->all * (double)s->size * 8 / 1e6, "Mb/s");
    bench_print("CPU per message", s->cpu / n * 1e6, "us");
}

/* ---- Another process. */

struct bench_child bench_fork(bench_work work, void *arg)
{
    int to[2], from[2];
    char endpoint[ENDPOINT];
    double figures[BENCH_FIGURES] = { 0 };
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    TRY(pipe(to));
    TRY(pipe(from));
    struct bench_child child = { fork(), to[1], from[0] };
    TRY(child.pid);
    if (child.pid == 0) {
        close(to[1]);
        if (read(to[0], endpoint, sizeof endpoint) != sizeof endpoint)
            exit(1);                     /* the other one has said why */
        work(endpoint, arg, figures);
        exit(write(from[1], figures, sizeof figures) != sizeof figures);
    }
    close(to[0]);
    close(from[1]);
    return child;
}

void bench_bind(void *socket, const char *address, struct bench_child *child)
{
    char endpoint[ENDPOINT] = "";
    size_t size = sizeof endpoint;

    TRY(zmq_bind(socket, address));
    TRY(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size));
    TRY(write(child->to, endpoint, sizeof endpoint));
}

void bench_join(struct bench_child *child, double figures[])
{
    int status = 0;
    size_t size = BENCH_FIGURES * sizeof *figures;

    if (read(child->from, figures, size) != (ssize_t)size ||
        waitpid(child->pid, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "the other process failed\n");
        exit(1);
    }
    close(child->to);
    close(child->from);
}
