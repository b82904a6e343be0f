/* wire/mechanisms/null.c - NULL (RFC 23): both sides say READY, with their metadata. */
#include "wire/mechanism.h"

/* There is nothing to show but where it comes from. */
static int ask_nothing(struct zn_handshake *hs)
{
    (void)hs;
    return 0;
}

static int get_ready(struct zn_handshake *hs, const struct zn_command *cmd)
{
    return zn_handshake_take_metadata(hs, cmd->data);
}

static const struct zn_turn script[] = {
    { "ZAP", .ask = ask_nothing },
    { "READY", .send = zn_handshake_put_metadata },
    { "READY", .recv = get_ready },
    { .name = NULL },
};

const struct zn_mechanism zn_mechanism_null = {
    .name = "NULL",
    .open = true,
    .client = script,
    .server = script,
};
