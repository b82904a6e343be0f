/* wire/upgrade.h - the HTTP request and answer that turn a connection into a WebSocket (RFC
 * 6455, section 4), with ZWS 2.0's subprotocols in them (RFC 45).
 *
 * Pure, no allocation: what is parsed points into the text. Strict: RFC 7230's grammar, no
 * folded lines, no bare CR or LF, nothing twice that may be there once. */
#ifndef ZN_WIRE_UPGRADE_H
#define ZN_WIRE_UPGRADE_H

#include <errno.h>

#include "base/base.h"

enum {
    ZN_UPGRADE_MAX = 8192,               /* of a request or an answer, all of it */
    ZN_UPGRADE_KEY = 24,                 /* characters of Sec-WebSocket-Key */
    ZN_UPGRADE_ACCEPT = 28
};

/* Subprotocols that one side speaks, the best first; ends with NULL. */
#define ZN_UPGRADE_PROTOCOLS 3
typedef const char *const zn_upgrade_protocols[ZN_UPGRADE_PROTOCOLS];

struct zn_upgrade_request {
    char key[ZN_UPGRADE_KEY + 1];
    int protocol;                        /* of `known`: the first that was offered */
};

/* Reads a client's request. Its length; 0: more bytes are needed; -EPROTO: it is none, or
 * offers nothing that is known; -EMSGSIZE: longer than ZN_UPGRADE_MAX. Leniencies that libzmq
 * has, too: Host and Sec-WebSocket-Version need not be there, any path will do. */
ptrdiff_t zn_upgrade_read_request(const uint8_t *p, size_t size, const char *const *known,
                                  struct zn_upgrade_request *r);

/* Reads a server's answer to a request with that key. Its length, and which subprotocol it
 * chose; 0; -EPROTO, -EMSGSIZE; -ECONNREFUSED: it is fair HTTP, but no 101. */
ptrdiff_t zn_upgrade_read_answer(const uint8_t *p, size_t size, const char *const *known,
                                 const char *key, int *protocol);

/* Texts to send, with a NUL; their length, or -EMSGSIZE when there is no room. */
int zn_upgrade_write_request(char *out, size_t size, const char *host, const char *path,
                             const char *key, const char *const *protocols);
int zn_upgrade_write_answer(char *out, size_t size, const char *key,
                            const char *protocol);

/* 16 bytes as a key. */
void zn_upgrade_key(char key[ZN_UPGRADE_KEY + 1], const uint8_t random[16]);
/* What a server makes of a key. */
void zn_upgrade_accept(char accept[ZN_UPGRADE_ACCEPT + 1], const char *key);

/* Whether the text can stand as a path in a request. */
bool zn_upgrade_is_path(const char *path);

#endif
