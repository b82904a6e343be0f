/* wire/handshake.h - from the first byte of a connection to the first message:
 * greeting, choice of version, mechanism, metadata (RFC 13, 15, 23, 37).
 *
 * Pure: bytes are fed in, bytes to be sent are taken out, in any cut. Bounded: keeps
 * at most ZN_HANDSHAKE_MAX bytes of what a peer has sent.
 *
 *     zn_handshake_init(&hs, &config);
 *     loop: send zn_handshake_output(); feed what arrives; until hs.done or error
 *     read hs.version and hs.peer_*; zn_handshake_fini(&hs);
 */
#ifndef ZN_WIRE_HANDSHAKE_H
#define ZN_WIRE_HANDSHAKE_H

#include "base/base.h"
#include "wire/command.h"
#include "wire/zmtp.h"

enum { ZN_HANDSHAKE_MAX = 65536 };

struct zn_cipher;                        /* wire/cipher.h */
struct zn_mechanism;                     /* wire/mechanism.h */
extern const struct zn_mechanism zn_mechanism_null;
extern const struct zn_mechanism zn_mechanism_plain;
#ifdef ZN_HAVE_SODIUM
extern const struct zn_mechanism zn_mechanism_curve;
#endif
#ifdef ZN_HAVE_GSSAPI
extern const struct zn_mechanism zn_mechanism_gssapi;
#endif

/* What zn_handshake.error says: ZMQ_PROTOCOL_ERROR_... of zmq.h, the same numbers. */
enum zn_protocol_error {
    ZN_ERROR_UNSPECIFIED = 0x10000000,
    ZN_ERROR_UNEXPECTED_COMMAND = 0x10000001,
    ZN_ERROR_INVALID_SEQUENCE = 0x10000002,
    ZN_ERROR_KEY_EXCHANGE = 0x10000003,
    ZN_ERROR_MALFORMED_COMMAND = 0x10000011,
    ZN_ERROR_MALFORMED_MESSAGE = 0x10000012,
    ZN_ERROR_MALFORMED_HELLO = 0x10000013,
    ZN_ERROR_MALFORMED_INITIATE = 0x10000014,
    ZN_ERROR_MALFORMED_ERROR = 0x10000015,
    ZN_ERROR_MALFORMED_READY = 0x10000016,
    ZN_ERROR_MALFORMED_WELCOME = 0x10000017,
    ZN_ERROR_INVALID_METADATA = 0x10000018,
    ZN_ERROR_CRYPTOGRAPHIC = 0x11000001,
    ZN_ERROR_MECHANISM_MISMATCH = 0x11000002,
};

/* What mechanisms need to know; each its own part. */
struct zn_security {
    struct zn_bytes username, password;  /* PLAIN's client */
    uint8_t public_key[32], secret_key[32],
        server_key[32];               /* CURVE; server_key: client's */
    const char *principal;               /* GSSAPI: our own; NULL: the default */
    const char *service;                 /* the server's, which a client asks for */
    int principal_type, service_type;    /* ZMQ_GSSAPI_NT_* */
    bool plaintext;                      /* GSSAPI without encryption */
};

/* What a server asks a ZAP handler about its client (RFC 27). */
struct zn_credentials {
    const char *mechanism;               /* "NULL", "PLAIN", "CURVE", "GSSAPI" */
    int count;
    struct zn_bytes parts[2];            /* user and password; key; principal */
};

struct zn_handshake_config {
    int socket_type;                     /* ZMQ_PAIR ... */
    uint32_t peers;                      /* 1u << type for each that is welcome */
    struct zn_bytes routing_id;          /* our own */
    bool tells_id;                       /* READY carries Identity */
    const struct zn_property *properties; /* ours beyond those: "X-..." */
    size_t property_count;
    int64_t max_size;                    /* of a frame; -1: no limit */
    const struct zn_mechanism *mechanism; /* zn_mechanism_null */
    const struct zn_security *security;  /* NULL for the mechanism NULL */
    bool as_server;
    bool asks;                           /* stop at the point where ZAP is to be asked */
    bool versions_3_only;                /* refuse older peers */
    bool whole_greeting;                 /* all of it at once; an older peer is lost */
};

struct zn_handshake_buf {                /* grows with bytes that came; heap */
    uint8_t *data;
    size_t size, cap;
};

struct zn_handshake {
    struct zn_handshake_config config;   /* as given: what it points at must live on */
    int phase;
    int turn;                            /* of the mechanism's script */
    struct zn_handshake_buf in, out;
    size_t out_sent;
    size_t need;                         /* bytes in `in` that the next step asks for */
    int failure;                         /* -errno, for good */
    void *state;                         /* the mechanism's, heap; see its drop() */
    struct zn_handshake_buf held;        /* came while it waited */
    size_t held_used;

    /* until zn_handshake_answer(): nothing is read, nothing is said */
    bool waits;
    struct zn_credentials credentials;   /* within this handshake's memory */

    /* results, once done */
    bool done;
    enum zn_zmtp version;
    int peer_type;                       /* ZMQ_..., or -1 if it was not told */
    struct zn_bytes peer_id;             /* within this handshake's memory */
    struct zn_property *peer_properties; /* Socket-Type, Identity, X-...; ditto */
    size_t peer_property_count;
    struct zn_cipher *cipher;            /* of what follows; taken out by its new owner, who
                                            sets it NULL, else freed by fini */

    /* after an error */
    uint32_t error;                      /* ZMQ_PROTOCOL_ERROR_*; 0: no code */
    uint32_t peer_refused;               /* 300, 400, 500 from an ERROR command; or 0 */
};

/* -EINVAL: no such socket type, a property's name is not of 1 to 255 bytes. -ENOMEM.
 * After a failure there is nothing to fini. */
int zn_handshake_init(struct zn_handshake *hs, const struct zn_handshake_config *config);
void zn_handshake_fini(struct zn_handshake *hs);

/* Bytes to send now (size 0: none), and how many of them went. */
struct zn_bytes zn_handshake_output(const struct zn_handshake *hs);
void zn_handshake_sent(struct zn_handshake *hs, size_t n);

/* Takes bytes from the peer. How many were used: all of them until done; what is left
 * then is traffic. While hs->waits they are kept, unread, until the answer: at most
 * ZN_HANDSHAKE_MAX of them. -EPROTO: the peer broke the protocol (hs->error,
 * hs->peer_refused), -EMSGSIZE, -ENOMEM; -EPERM: our own credentials are not to be had just
 * now (GSSAPI); every later call then says the same. */
ptrdiff_t zn_handshake_feed(struct zn_handshake *hs, const uint8_t *p, size_t n);

/* What the ZAP handler said: 200 lets the script go on; 400 and 500 put an ERROR command
 * into the output and end the handshake; 300 (or any other) ends it without a word. What
 * was kept while it waited is read on; if hs->done then, zn_handshake_rest() is traffic.
 * 0, or as zn_handshake_feed(); -EINVAL: it does not wait. A refusal is answered with 0, too:
 * then hs->failure is -EACCES, and what the output holds is still to be sent. */
int zn_handshake_answer(struct zn_handshake *hs, int status);

/* Once done: traffic among the bytes that were kept. It comes before any other; size 0
 * unless a peer spoke early. Within the handshake's memory. */
struct zn_bytes zn_handshake_rest(const struct zn_handshake *hs);

/* Type names as they stand in Socket-Type; -1 / NULL if there is none such. */
int zn_socket_type_of(struct zn_bytes name);
const char *zn_socket_type_name(int type);

#endif
