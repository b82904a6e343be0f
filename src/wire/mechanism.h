/* wire/mechanism.h - what a security mechanism is: a name and two scripts, each the
 * turns of one side in the order they are spoken. The handshake plays the script; a
 * mechanism only writes and reads the commands' data.
 *
 * Memory   cmd, and the list given to zn_handshake_take_metadata(), lie in the last
 *          command that arrived and stay until the next one does: a script takes the
 *          metadata from the last command it receives. */
#ifndef ZN_WIRE_MECHANISM_H
#define ZN_WIRE_MECHANISM_H

#include "wire/handshake.h"

enum { ZN_MECHANISM_NAME = 20 };         /* its field in the greeting, zero padded */

/* Sends, receives or asks. send appends the command's data with zn_handshake_put(); the
 * frame around it is made by the handshake. recv gets the command it waited for; what it
 * does to the command's bytes in place is its own affair. -EPROTO (with hs->error, if there
 * is a code), -ENOMEM. */
struct zn_turn {
    const char *name;                    /* of the command; NULL: traffic may flow; "", to be
                                            sent: none, the frame is bare */
    int (*send)(struct zn_handshake *hs);
    int (*recv)(struct zn_handshake *hs, const struct zn_command *cmd);
    int (*ask)(
        struct zn_handshake *hs); /* sets hs->credentials, which point into the last
                                            command or hs->state: passed over unless
                                            config.asks */
    bool (*skip)(const struct zn_handshake *hs);  /* the turn is passed over; or NULL */
    size_t most;                         /* recv: a larger body is refused by its header ... */
    uint32_t oversized;                  /* ... with this code; 0: no limit of its own */
};

/* The most that an ERROR command takes: turns that may get one allow for it. */
enum { ZN_ERROR_COMMAND_MAX = 6 + 1 + 255 };

struct zn_mechanism {
    char name[ZN_MECHANISM_NAME];
    bool open;                           /* protects nothing: older peers may be let in */
    bool idles;                          /* empty commands mean nothing: libzmq's client says
                                            one when it has no token to send (GSSAPI) */
    const struct zn_turn *client, *server;
    void (*drop)(void *state);           /* clears and frees hs->state; or NULL */
};

/* ---- For scripts. */

/* Appends to what will be sent: bytes, or room (NULL: no memory) to be filled at once. */
int zn_handshake_put(struct zn_handshake *hs, const void *bytes, size_t size);
uint8_t *zn_handshake_extend(struct zn_handshake *hs, size_t size);
/* Appends our own metadata: Socket-Type, Identity, X-... */
int zn_handshake_put_metadata(struct zn_handshake *hs);
/* Reads the peer's, and judges its Socket-Type. -EPROTO sets no code: NULL has none. */
int zn_handshake_take_metadata(struct zn_handshake *hs, struct zn_bytes list);
/* The same for a client's READY, with ZN_ERROR_INVALID_METADATA. */
int zn_handshake_take_ready(struct zn_handshake *hs, struct zn_bytes list);
/* A failure with a code: -EPROTO. */
int zn_handshake_fail(struct zn_handshake *hs, uint32_t error);
/* Notes the reason in an ERROR command. Never 0: the peer has given up. */
int zn_handshake_take_error(struct zn_handshake *hs, const struct zn_command *cmd);

#endif
