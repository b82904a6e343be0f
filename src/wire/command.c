/* wire/command.c - see command.h. */
#include "wire/command.h"

#include <errno.h>

#include "wire/frame.h"

enum { PING_TTL_SIZE = 2, PING_CONTEXT_MAX = 16 };

int zn_command_parse(const uint8_t *body, size_t size, struct zn_command *cmd)
{
    if (size == 0 || body[0] > size - 1)
        return -EPROTO;
    size_t name = body[0];
    cmd->name = (struct zn_bytes){ body + 1, name };
    cmd->data = (struct zn_bytes){ body + 1 + name, size - 1 - name };
    return 0;
}

bool zn_command_is(const struct zn_command *cmd, const char *name)
{
    struct zn_bytes wanted = { (const uint8_t *)name, strlen(name) };
    return zn_bytes_equal(cmd->name, wanted);
}

int zn_ping_parse(const struct zn_command *cmd, uint32_t *ttl_ms,
                  struct zn_bytes *context)
{
    if (cmd->data.size < PING_TTL_SIZE)
        return -EPROTO;
    /* 32 bits: in 16, as libzmq counts, 65.6 s would come out as 64 ms. */
    *ttl_ms = zn_get_u16(cmd->data.data) * UINT32_C(100);
    size_t rest = cmd->data.size - PING_TTL_SIZE;
    context->data = cmd->data.data + PING_TTL_SIZE;
    context->size = ZN_MIN(rest, (size_t)PING_CONTEXT_MAX);
    return 0;
}

/* Both commands' names are four letters. Where their data goes. */
static uint8_t *put_head(uint8_t *out, const char name[4], size_t data_size)
{
    out += zn_frame_encode(out, ZN_FRAME_COMMAND, 5 + data_size);
    *out++ = 4;
    memcpy(out, name, 4);
    return out + 4;
}

size_t zn_ping_frame(uint8_t *out, uint16_t ttl_deciseconds)
{
    uint8_t *p = put_head(out, "PING", PING_TTL_SIZE);
    zn_put_u16(p, ttl_deciseconds);
    return (size_t)(p + PING_TTL_SIZE - out);
}

size_t zn_pong_frame(uint8_t *out, struct zn_bytes context)
{
    size_t size = ZN_MIN(context.size, (size_t)PING_CONTEXT_MAX);
    uint8_t *p = put_head(out, "PONG", size);
    if (size > 0)
        memcpy(p, context.data, size);
    return (size_t)(p + size - out);
}
