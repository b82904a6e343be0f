/* api/context.c - zmq_ctx_*: check, call the core, set errno. */
#include <stdlib.h>

#include <zmq.h>

#include "api/result.h"
#include "core/ctx.h"
#include "core/socket.h"

void *zmq_ctx_new(void)
{
    struct zn_ctx *ctx = zn_ctx_new();
    if (ctx == NULL)
        errno = ENOMEM;
    return ctx;
}

int zmq_ctx_term(void *ctx)
{
    int rc = zn_ctx_check(ctx);
    return zn_result(rc < 0 ? rc : zn_ctx_term(ctx));
}

int zmq_ctx_shutdown(void *ctx)
{
    int rc = zn_ctx_check(ctx);
    return zn_result(rc < 0 ? rc : zn_ctx_shutdown(ctx));
}

int zmq_ctx_set_ext(void *ctx, int option, const void *value, size_t size)
{
    int rc = zn_ctx_check(ctx);
    return zn_result(rc < 0 ? rc : zn_ctx_set(ctx, option, value, size));
}

int zmq_ctx_get_ext(void *ctx, int option, void *value, size_t *size)
{
    int rc = zn_ctx_check(ctx);
    return zn_result(rc < 0 ? rc : zn_ctx_get(ctx, option, value, size));
}

int zmq_ctx_set(void *ctx, int option, int value)
{
    return zmq_ctx_set_ext(ctx, option, &value, sizeof value);
}

/* The name prefix is a text that ctx_set makes of a number: read back as one. */
static int get_prefix(void *ctx)
{
    char text[32] = "";
    size_t size = sizeof text - 1;
    if (zmq_ctx_get_ext(ctx, ZMQ_THREAD_NAME_PREFIX, text, &size) < 0)
        return -1;
    int err = errno;                     /* a -1 without an error leaves it as it was */
    int value = (int)strtoll(text, NULL, 10);
    errno = err;
    return value;
}

int zmq_ctx_get(void *ctx, int option)
{
    int value = 0;
    size_t size = sizeof value;
    if (option == ZMQ_THREAD_NAME_PREFIX)
        return get_prefix(ctx);
    return zmq_ctx_get_ext(ctx, option, &value, &size) < 0 ? -1 : value;
}

void *zmq_init(int io_threads)
{
    if (io_threads < 0) {
        errno = EINVAL;
        return NULL;
    }
    void *ctx = zmq_ctx_new();
    if (ctx != NULL)
        zmq_ctx_set(ctx, ZMQ_IO_THREADS, io_threads);
    return ctx;
}

int zmq_term(void *ctx)
{
    return zmq_ctx_term(ctx);
}

int zmq_ctx_destroy(void *ctx)
{
    return zmq_ctx_term(ctx);
}

void *zmq_socket(void *ctx, int type)
{
    struct zn_handle *h = NULL;
    int rc = zn_ctx_check(ctx);
    if (rc == 0)
        rc = zn_socket_new(ctx, type, &h);
    if (rc < 0) {
        errno = -rc;
        return NULL;
    }
    return h;
}
