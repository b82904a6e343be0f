/* wire/mechanisms/plain.c - PLAIN (RFC 24): the client tells a name and a password, as they
 * are. The server only passes them on: whoever is asked compares them. */
#include "wire/mechanism.h"

#include <errno.h>

enum { TEXT_MAX = 255, HELLO_MAX = 6 + 2 * (1 + TEXT_MAX) };

/* ---- The client's side. */

static int put_text(struct zn_handshake *hs, struct zn_bytes text)
{
    uint8_t size = (uint8_t)text.size;

    if (text.size > TEXT_MAX)
        return -EINVAL;
    int rc = zn_handshake_put(hs, &size, 1);
    return rc < 0 ? rc : zn_handshake_put(hs, text.data, text.size);
}

static int put_hello(struct zn_handshake *hs)
{
    int rc = put_text(hs, hs->config.security->username);
    return rc < 0 ? rc : put_text(hs, hs->config.security->password);
}

static int get_welcome(struct zn_handshake *hs, const struct zn_command *cmd)
{
    return cmd->data.size == 0 ? 0 : zn_handshake_fail(hs, ZN_ERROR_MALFORMED_WELCOME);
}

static int get_ready(struct zn_handshake *hs, const struct zn_command *cmd)
{
    return zn_handshake_take_ready(hs, cmd->data);
}

/* ---- The server's side. */

/* Takes a text off the front of data. */
static bool take_text(struct zn_bytes *data, struct zn_bytes *text)
{
    if (data->size == 0 || data->data[0] > data->size - 1)
        return false;
    *text = (struct zn_bytes){ data->data + 1, data->data[0] };
    data->data += 1 + text->size;
    data->size -= 1 + text->size;
    return true;
}

/* The texts stay where they are, in the command, until there is an answer. */
static int get_hello(struct zn_handshake *hs, const struct zn_command *cmd)
{
    struct zn_bytes data = cmd->data, username, password;

    if (!take_text(&data, &username) || !take_text(&data, &password) || data.size > 0)
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_HELLO);
    hs->credentials.count = 2;
    hs->credentials.parts[0] = username;
    hs->credentials.parts[1] = password;
    return 0;
}

static int ask_password(struct zn_handshake *hs)
{
    (void)hs;                            /* set by get_hello() */
    return 0;
}

static int put_welcome(struct zn_handshake *hs)
{
    (void)hs;
    return 0;
}

static int get_initiate(struct zn_handshake *hs, const struct zn_command *cmd)
{
    return zn_handshake_take_metadata(hs, cmd->data);
}

static const struct zn_turn client[] = {
    { "HELLO", .send = put_hello },
    { "WELCOME", .recv = get_welcome, .most = ZN_ERROR_COMMAND_MAX,
      .oversized = ZN_ERROR_MALFORMED_WELCOME },
    { "INITIATE", .send = zn_handshake_put_metadata },
    { "READY", .recv = get_ready },
    { .name = NULL },
};

static const struct zn_turn server[] = {
    { "HELLO", .recv = get_hello, .most = HELLO_MAX,
      .oversized = ZN_ERROR_MALFORMED_HELLO },
    { "ZAP", .ask = ask_password },
    { "WELCOME", .send = put_welcome },
    { "INITIATE", .recv = get_initiate },
    { "READY", .send = zn_handshake_put_metadata },
    { .name = NULL },
};

const struct zn_mechanism zn_mechanism_plain = {
    .name = "PLAIN",
    .client = client,
    .server = server,
};
