/* bench.h - what the benchmarks share: honest clocks, arguments, figures as text.
 *
 * Each program uses zmq.h alone, so that one binary measures any library that provides
 * libzmq.so.5:    LD_LIBRARY_PATH=DIR ./local_thr tcp://127.0.0.1:5555 32 1000000
 *
 * Clocks    Wall-clock time is CLOCK_MONOTONIC's; CPU time is that of all threads of this
 *           process, in user mode and in the kernel, as getrusage tells.
 * Figures   One a line, "name: value [unit]"; run.py reads them.
 * Failure   Every helper ends the program when its call fails. */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* For calls that return a negative number, or NULL, when they fail. */
#define TRY(call) bench_try((call) >= 0, #call)
#define TRY_PTR(pointer, call) bench_try(((pointer) = (call)) != NULL, #call)

void bench_try(int good, const char *call);

/* Ends the program unless there are so many arguments. */
void bench_need(int argc, int count, const char *usage);
long bench_number(const char *text, const char *what, long least);

double bench_now(void);                  /* seconds */
double bench_cpu(void);
long bench_rss(void);                    /* bytes of memory that this process uses */

void *bench_socket(void *ctx, int type);
void bench_set(void *socket, int option, int value);
void bench_send(void *socket, size_t size);              /* a fresh message of zeros */
void bench_recv(void *socket, zmq_msg_t *msg, size_t size);
void bench_print(const char *name, double value, const char *unit);

/* ---- Ping-pong. */

struct bench_pings {
    size_t size;
    long count;
    double *took;                        /* seconds, each there and back */
    double all, cpu;
};

/* Answers so many messages; the CPU seconds they took. */
double bench_pong(void *socket, size_t size, long count);
void bench_ping(void *socket, struct bench_pings *p);
/* For inproc cpu is that of both sides. Frees what bench_ping() kept. */
void bench_print_pings(struct bench_pings *p);

/* ---- Streams. */

struct bench_stream {
    size_t size;
    long count;
    double all, cpu;                     /* from the first message on */
};

void bench_pour(void *socket, size_t size, long count);
void bench_drain(void *socket, struct bench_stream *s);
void bench_print_stream(const struct bench_stream *s);

/* ---- Another process, for programs that are client and server at once. It runs
 * work(endpoint, arg) with an endpoint that is told later, and hands back some figures. */

enum { BENCH_FIGURES = 4 };

struct bench_child {
    int pid, to, from;
};

typedef void (*bench_work)(const char *endpoint, void *arg, double figures[]);

/* Before there is any context. */
struct bench_child bench_fork(bench_work work, void *arg);
/* Binds, and sets the child going. */
void bench_bind(void *socket, const char *address, struct bench_child *child);
void bench_join(struct bench_child *child, double figures[]);

#endif
