/* api/util.c - what zmq.h offers beside messages and sockets: errors, version, Z85,
 * counters, watches, threads. */
#include <stdatomic.h>
#include <zmq.h>

#include "api/result.h"
#include "base/wipe.h"
#include "base/z85.h"
#include "platform/platform.h"
#include "wire/mechanisms/curve.h"

/* ---- Errors and version. */

static const struct {
    int errnum;
    const char *text;
} texts[] = {
    { EFSM, "Operation cannot be accomplished in current state" },
    { ENOCOMPATPROTO, "The protocol is not compatible with the socket type" },
    { ETERM, "Context was terminated" },
    { EMTHREAD, "No thread available" },
    { EHOSTUNREACH, "Host unreachable" },
};

int zmq_errno(void)
{
    return errno;
}

const char *zmq_strerror(int errnum)
{
    for (size_t i = 0; i < ZN_COUNT(texts); i++)
        if (texts[i].errnum == errnum)
            return texts[i].text;
    return strerror(errnum);
}

void zmq_version(int *major, int *minor, int *patch)
{
    if (major != NULL)
        *major = ZMQ_VERSION_MAJOR;
    if (minor != NULL)
        *minor = ZMQ_VERSION_MINOR;
    if (patch != NULL)
        *patch = ZMQ_VERSION_PATCH;
}

#ifdef ZN_HAVE_SODIUM
#define HAS_CURVE 1
#else
#define HAS_CURVE 0
#endif
#ifdef ZN_HAVE_GSSAPI
#define HAS_GSSAPI 1
#else
#define HAS_GSSAPI 0
#endif

#ifdef ZN_HAVE_GNUTLS
#define HAS_WSS 1
#else
#define HAS_WSS 0
#endif
#ifdef ZN_HAVE_PGM
#define HAS_PGM 1
#else
#define HAS_PGM 0
#endif
#ifdef ZN_HAVE_NORM
#define HAS_NORM 1
#else
#define HAS_NORM 0
#endif

#ifdef ZN_HAVE_TIPC
#define HAS_TIPC 1
#else
#define HAS_TIPC 0
#endif

#ifdef ZN_HAVE_VSOCK
#define HAS_VSOCK 1
#else
#define HAS_VSOCK 0
#endif

/* Names as libzmq has them. What is always there ("tcp", "inproc") has no name. */
static const struct {
    const char *name;
    int built;
} capabilities[] = {
    { "ipc", 1 },           { "draft", 1 },
    { "curve", HAS_CURVE }, { "gssapi", HAS_GSSAPI },
    { "pgm", HAS_PGM },     { "norm", HAS_NORM },
    { "tipc", HAS_TIPC },   { "vmci", HAS_VSOCK },
    { "vsock", HAS_VSOCK }, { "WS", 1 },
    { "WSS", HAS_WSS },     { "shm", ZN_HAVE_SHARED },
};

int zmq_has(const char *capability)
{
    if (capability == NULL)
        return 0;
    for (size_t i = 0; i < ZN_COUNT(capabilities); i++)
        if (strcmp(capabilities[i].name, capability) == 0)
            return capabilities[i].built;
    return 0;
}

/* ---- Z85 and keys. */

enum { CURVE_TEXT = ZN_CURVE_KEY / 4 * 5 };

char *zmq_z85_encode(char *dst, const uint8_t *data, size_t size)
{
    if (dst == NULL || (data == NULL && size > 0))
        return zn_null_result(-EINVAL);
    int rc = zn_z85_encode(dst, data, size);
    return rc < 0 ? zn_null_result(rc) : dst;
}

uint8_t *zmq_z85_decode(uint8_t *dst, const char *text)
{
    if (dst == NULL || text == NULL)
        return zn_null_result(-EINVAL);
    int rc = zn_z85_decode(dst, text);
    return rc < 0 ? zn_null_result(rc) : dst;
}

int zmq_curve_keypair(char *public_key, char *secret_key)
{
    uint8_t public_bytes[ZN_CURVE_KEY], secret_bytes[ZN_CURVE_KEY];

    if (!HAS_CURVE)
        return zn_result(-ENOTSUP);
    if (public_key == NULL || secret_key == NULL)
        return zn_result(-EINVAL);
    int rc = zn_curve_keypair(public_bytes, secret_bytes);
    if (rc < 0)
        return zn_result(rc);
    zn_z85_encode(public_key, public_bytes, sizeof public_bytes);
    zn_z85_encode(secret_key, secret_bytes, sizeof secret_bytes);
    zn_wipe(secret_bytes, sizeof secret_bytes);
    return 0;
}

int zmq_curve_public(char *public_key, const char *secret_key)
{
    uint8_t public_bytes[ZN_CURVE_KEY], secret_bytes[ZN_CURVE_KEY];

    if (!HAS_CURVE)
        return zn_result(-ENOTSUP);
    if (public_key == NULL || secret_key == NULL || strlen(secret_key) != CURVE_TEXT)
        return zn_result(-EINVAL);
    int rc = zn_z85_decode(secret_bytes, secret_key);
    if (rc == 0)
        rc = zn_curve_public(public_bytes, secret_bytes);
    zn_wipe(secret_bytes, sizeof secret_bytes);
    if (rc == 0)
        zn_z85_encode(public_key, public_bytes, sizeof public_bytes);
    return zn_result(rc);
}

/* ---- Counters. A NULL one (there was no memory, and nobody looked) counts nothing. */

void *zmq_atomic_counter_new(void)
{
    _Atomic int *counter = zn_alloc(sizeof *counter);
    if (counter == NULL)
        return zn_null_result(-ENOMEM);
    atomic_init(counter, 0);
    return (void *)counter;
}

void zmq_atomic_counter_set(void *counter, int value)
{
    if (counter != NULL)
        atomic_store((_Atomic int *)counter, value);
}

int zmq_atomic_counter_inc(void *counter)
{
    return counter == NULL ? 0 : atomic_fetch_add((_Atomic int *)counter, 1);
}

int zmq_atomic_counter_dec(void *counter)
{
    return counter != NULL && atomic_fetch_sub((_Atomic int *)counter, 1) != 1;
}

int zmq_atomic_counter_value(void *counter)
{
    return counter == NULL ? 0 : atomic_load((_Atomic int *)counter);
}

void zmq_atomic_counter_destroy(void **counter)
{
    if (counter == NULL)
        return;
    zn_free(*counter);
    *counter = NULL;
}

/* ---- Watches. */

void *zmq_stopwatch_start(void)
{
    uint64_t *start = zn_alloc(sizeof *start);
    if (start == NULL)
        return zn_null_result(-ENOMEM);
    *start = zn_now();
    return start;
}

unsigned long zmq_stopwatch_intermediate(void *watch)
{
    const uint64_t *start = watch;
    return start == NULL ? 0 : (unsigned long)((zn_now() - *start) / 1000);
}

unsigned long zmq_stopwatch_stop(void *watch)
{
    unsigned long elapsed = zmq_stopwatch_intermediate(watch);
    zn_free(watch);
    return elapsed;
}

/* ---- Threads. */

void zmq_sleep(int seconds)
{
    if (seconds > 0)
        zn_sleep((uint64_t)seconds * 1000 * ZN_MS);
}

void *zmq_threadstart(zmq_thread_fn *func, void *arg)
{
    struct zn_thread *thread;

    if (func == NULL)
        return zn_null_result(-EFAULT);
    int rc = zn_thread_start(&thread, "ZMQapp", NULL, func, arg);
    return rc < 0 ? zn_null_result(rc) : (void *)thread;
}

void zmq_threadclose(void *thread)
{
    if (thread != NULL)
        zn_thread_join(thread);
}
