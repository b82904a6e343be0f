/* wire/command.h - ZMTP 3 commands: a name and what follows it (RFC 23, RFC 37).
 * Pure. */
#ifndef ZN_WIRE_COMMAND_H
#define ZN_WIRE_COMMAND_H

#include "base/base.h"

struct zn_command {
    struct zn_bytes name, data;          /* within the body that was parsed */
};

/* Takes a command frame's body apart; -EPROTO if the name does not fit. */
int zn_command_parse(const uint8_t *body, size_t size, struct zn_command *cmd);
bool zn_command_is(const struct zn_command *cmd, const char *name);

/* PING's parts (RFC 37): TTL in milliseconds, context of at most 16 bytes (a longer
 * one is cut). -EPROTO if too short. */
int zn_ping_parse(const struct zn_command *cmd, uint32_t *ttl_ms,
                  struct zn_bytes *context);

/* Whole frames, header and all, into out; their length. */
enum { ZN_PING_FRAME_MAX = 2 + 5 + 2 + 16, ZN_PONG_FRAME_MAX = 2 + 5 + 16 };
size_t zn_ping_frame(uint8_t *out, uint16_t ttl_deciseconds);
size_t zn_pong_frame(uint8_t *out, struct zn_bytes context);

#endif
