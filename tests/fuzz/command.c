/* fuzz/command.c - any bytes as a command, a PING, a PONG's context. */
#include <stdlib.h>

#include "wire/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zn_command cmd;
    struct zn_bytes context;
    uint32_t ttl;
    uint8_t pong[ZN_PONG_FRAME_MAX];

    if (zn_command_parse(data, size, &cmd) < 0)
        return 0;
    check(1 + cmd.name.size + cmd.data.size == size);
    check(cmd.data.data + cmd.data.size == data + size);
    zn_command_is(&cmd, "READY");
    zn_command_is(&cmd, "");

    if (zn_ping_parse(&cmd, &ttl, &context) < 0)
        return 0;
    check(ttl <= 6553500 && context.size <= 16);
    size_t length = zn_pong_frame(pong, context);
    check(length == 7 + context.size);
    check(zn_command_parse(pong + 2, length - 2, &cmd) == 0);
    check(zn_command_is(&cmd, "PONG") && zn_bytes_equal(cmd.data, context));
    return 0;
}
