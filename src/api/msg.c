/* api/msg.c - zmq_msg_*: everything but sending and receiving.
 *
 * A message that was closed, or never initialised, is told by its type and refused;
 * libzmq aborts the process instead. */
#include <zmq.h>

#include "api/result.h"
#include "core/msg.h"

_Static_assert(sizeof(zmq_msg_t) == sizeof(struct zn_msg), "the same memory");
_Static_assert(_Alignof(zmq_msg_t) >= _Alignof(struct zn_msg), "the same memory");

static struct zn_msg *inside(zmq_msg_t *m)
{
    return (struct zn_msg *)(void *)m;
}

static const struct zn_msg *inside_const(const zmq_msg_t *m)
{
    return (const struct zn_msg *)(const void *)m;
}

int zmq_msg_init(zmq_msg_t *msg)
{
    if (msg == NULL)
        return zn_result(-EFAULT);
    zn_msg_init(inside(msg));
    return 0;
}

int zmq_msg_init_size(zmq_msg_t *msg, size_t size)
{
    if (msg == NULL)
        return zn_result(-EFAULT);
    return zn_result(zn_msg_init_size(inside(msg), size));
}

int zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *ffn,
                      void *hint)
{
    if (msg == NULL || (data == NULL && size > 0))
        return zn_result(-EFAULT);
    return zn_result(zn_msg_init_data(inside(msg), data, size, ffn, hint));
}

int zmq_msg_init_buffer(zmq_msg_t *msg, const void *data, size_t size)
{
    if (msg == NULL || (data == NULL && size > 0))
        return zn_result(-EFAULT);

    int rc = zn_msg_init_size(inside(msg), size);
    if (rc == 0 && size > 0)
        memcpy(zn_msg_data(inside(msg)), data, size);
    return zn_result(rc);
}

int zmq_msg_close(zmq_msg_t *msg)
{
    return zn_result(zn_msg_close(inside(msg)));
}

int zmq_msg_move(zmq_msg_t *dst, zmq_msg_t *src)
{
    return zn_result(zn_msg_move(inside(dst), inside(src)));
}

int zmq_msg_copy(zmq_msg_t *dst, zmq_msg_t *src)
{
    return zn_result(zn_msg_copy(inside(dst), inside(src)));
}

void *zmq_msg_data(zmq_msg_t *msg)
{
    return zn_msg_data(inside(msg));
}

size_t zmq_msg_size(const zmq_msg_t *msg)
{
    return zn_msg_size(inside_const(msg));
}

int zmq_msg_more(const zmq_msg_t *msg)
{
    return msg != NULL && zn_msg_more(inside_const(msg));
}

int zmq_msg_get(const zmq_msg_t *msg, int property)
{
    const struct zn_msg *m = inside_const(msg);
    int fd;

    if (property == ZMQ_MORE)
        return zmq_msg_more(msg);
    if (!zn_msg_valid(m))
        return zn_result(-EFAULT);

    switch (property) {
    case ZMQ_SHARED:
        return zn_msg_shared(m);
    case ZMQ_SRCFD:
        fd = zn_metadata_fd(m->metadata);
        return zn_result(fd < 0 ? -EINVAL : fd);
    default:
        return zn_result(-EINVAL);
    }
}

int zmq_msg_set(zmq_msg_t *msg, int property, int value)
{
    (void)msg, (void)property, (void)value;
    return zn_result(-EINVAL);
}

const char *zmq_msg_gets(const zmq_msg_t *msg, const char *property)
{
    const struct zn_msg *m = inside_const(msg);

    if (!zn_msg_valid(m) || property == NULL)
        return zn_null_result(-EINVAL);

    const char *value = zn_metadata_get(m->metadata, property);
    return value == NULL ? zn_null_result(-EINVAL) : value;
}

uint32_t zmq_msg_routing_id(zmq_msg_t *msg)
{
    return zn_msg_valid(inside(msg)) ? zn_msg_routing_id(inside(msg)) : 0;
}

int zmq_msg_set_routing_id(zmq_msg_t *msg, uint32_t routing_id)
{
    if (!zn_msg_valid(inside(msg)))
        return zn_result(-EFAULT);
    if (routing_id == 0)
        return zn_result(-EINVAL);
    zn_msg_set_routing_id(inside(msg), routing_id);
    return 0;
}

const char *zmq_msg_group(zmq_msg_t *msg)
{
    return zn_msg_valid(inside(msg)) ? zn_msg_group(inside(msg)) : "";
}

int zmq_msg_set_group(zmq_msg_t *msg, const char *group)
{
    if (!zn_msg_valid(inside(msg)))
        return zn_result(-EFAULT);
    return zn_result(zn_msg_set_group(inside(msg), group));
}
