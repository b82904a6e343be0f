/* wire/mechanisms/gssapi.c - GSSAPI (RFC 38), over Kerberos 5. What the RFC leaves open is as
 * libzmq does it: tokens go in INITIATE commands, both ways, until there is a context; then
 * both sides say READY, the server first. Unless "plaintext" is set, READY and all that
 * follows is wrapped into MESSAGE commands.
 *
 * The library may block: it reads key tables and asks the realm's servers. */
#ifdef ZN_HAVE_GSSAPI
#include <gssapi/gssapi_krb5.h>

#include "base/alloc.h"
#include "base/wipe.h"
#include "wire/cipher.h"
#include "wire/frame.h"
#include "wire/mechanism.h"

/* wire/cipher.h's overhead: what any encryption of Kerberos adds (of AES it is 60), our own
 * fields, and some room. */
enum { LENGTH = 4, NAME = 8, TOKEN_AT = NAME + LENGTH, OVERHEAD = 256 };
enum { INNER_MORE = 1, INNER_COMMAND = 2, INNER_SUBSCRIBE = 4, INNER_CANCEL = 8 };
enum { NAME_HOSTBASED, NAME_USER, NAME_KRB5 };   /* ZMQ_GSSAPI_NT_* */

struct gssapi {                          /* hs->state */
    gss_cred_id_t credential;
    gss_name_t service;                  /* client: whom we want to talk to */
    gss_ctx_id_t context;
    gss_buffer_desc token;               /* to be sent; the library's memory */
    gss_buffer_desc principal;           /* server: the client's; ditto */
    bool established;
    bool has_last_word;                  /* client: a token of ours ends the exchange */
};

struct gssapi_cipher {
    struct zn_cipher base;
    gss_ctx_id_t context;
};

/* ---- Life. */

static void drop(void *state)
{
    struct gssapi *gss = state;
    OM_uint32 minor;

    (void)gss_release_buffer(&minor, &gss->token);
    (void)gss_release_buffer(&minor, &gss->principal);
    (void)gss_release_name(&minor, &gss->service);
    (void)gss_release_cred(&minor, &gss->credential);
    (void)gss_delete_sec_context(&minor, &gss->context, GSS_C_NO_BUFFER);
    zn_free(gss);
}

static int import_name(const char *text, int type, gss_name_t *name)
{
    gss_OID kind = type == NAME_USER   ? GSS_C_NT_USER_NAME
                   : type == NAME_KRB5 ? (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME
                                       : GSS_C_NT_HOSTBASED_SERVICE;
    gss_buffer_desc buffer = { strlen(text), (void *)(uintptr_t)text };
    OM_uint32 minor;

    return gss_import_name(&minor, &buffer, kind, name) == GSS_S_COMPLETE ? 0 : -EPERM;
}

/* Without a principal the system's default is taken, when it is needed. */
static int acquire(struct gssapi *gss, const struct zn_security *security, bool as_server)
{
    gss_cred_usage_t usage = as_server ? GSS_C_ACCEPT : GSS_C_INITIATE;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor;

    if (security->principal == NULL || security->principal[0] == '\0')
        return 0;
    int rc = import_name(security->principal, security->principal_type, &name);
    if (rc < 0)
        return rc;
    OM_uint32 major = gss_acquire_cred(&minor, name, GSS_C_INDEFINITE, GSS_C_NO_OID_SET,
                                       usage, &gss->credential, NULL, NULL);
    (void)gss_release_name(&minor, &name);
    return major == GSS_S_COMPLETE ? 0 : -EPERM;
}

static int start(struct zn_handshake *hs)
{
    const struct zn_security *security = hs->config.security;
    struct gssapi *gss = zn_zalloc(sizeof(*gss));

    if (gss == NULL)
        return -ENOMEM;
    hs->state = gss;
    int rc = acquire(gss, security, hs->config.as_server);
    if (rc < 0 || hs->config.as_server)
        return rc;
    if (security->service == NULL)
        return -EPERM;
    return import_name(security->service, security->service_type, &gss->service);
}

/* ---- What frames become. */

static ptrdiff_t fill_message(gss_ctx_id_t context, gss_buffer_t text, size_t room,
                              uint8_t *out)
{
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    int encrypted = 0;
    ptrdiff_t size = -EPROTO;

    OM_uint32 major =
        gss_wrap(&minor, context, 1, GSS_C_QOP_DEFAULT, text, &encrypted, &token);
    if (major == GSS_S_COMPLETE && encrypted && token.length <= UINT32_MAX &&
        TOKEN_AT + token.length <= room) {
        memcpy(out, "\7MESSAGE", NAME);
        zn_put_u32(out + NAME, (uint32_t)token.length);
        memcpy(out + TOKEN_AT, token.value, token.length);
        size = (ptrdiff_t)(TOKEN_AT + token.length);
    }
    (void)gss_release_buffer(&minor, &token);
    return size;
}

/* What is to be wrapped is put together at the end of out, where there is room for it: the
 * result, which is longer, overwrites it when it is no more needed. */
static ptrdiff_t seal(struct zn_cipher *c, uint8_t flags, const uint8_t *p, size_t size,
                      uint8_t *out)
{
    struct gssapi_cipher *cipher = (struct gssapi_cipher *)c;
    uint8_t *text = out + OVERHEAD - 1;

    text[0] = (uint8_t)((flags & ZN_FRAME_MORE ? INNER_MORE : 0) |
                        (flags & ZN_FRAME_COMMAND ? INNER_COMMAND : 0));
    if (size > 0)
        memcpy(text + 1, p, size);
    gss_buffer_desc buffer = { 1 + size, text };
    return fill_message(cipher->context, &buffer, size + OVERHEAD, out);
}

/* The name, whole, and a token that ends where the body does. */
static uint32_t find_token(uint8_t *body, size_t size, gss_buffer_t token)
{
    if (size < NAME || memcmp(body, "\7MESSAGE", NAME) != 0)
        return ZN_ERROR_UNEXPECTED_COMMAND;
    if (size < TOKEN_AT || zn_get_u32(body + NAME) != size - TOKEN_AT)
        return ZN_ERROR_MALFORMED_MESSAGE;
    token->length = size - TOKEN_AT;
    token->value = body + TOKEN_AT;
    return 0;
}

/* Replaces the token by the text that was in it, and says where that is. A code, or 0. */
static uint32_t unwrap(gss_ctx_id_t context, gss_buffer_t token, struct zn_bytes *text)
{
    gss_buffer_desc plain = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    int encrypted = 0;
    uint32_t error = 0;

    OM_uint32 major = gss_unwrap(&minor, context, token, &plain, &encrypted, NULL);
    if (GSS_ERROR(major) || !encrypted || plain.length > token->length)
        error = ZN_ERROR_CRYPTOGRAPHIC;
    else if (major != GSS_S_COMPLETE)    /* seen before, or one is missing */
        error = ZN_ERROR_INVALID_SEQUENCE;
    else if (plain.length == 0)
        error = ZN_ERROR_MALFORMED_MESSAGE;
    else
        memcpy(token->value, plain.value, plain.length);
    *text = (struct zn_bytes){ token->value, error == 0 ? plain.length : 0 };
    if (plain.value != NULL)
        zn_wipe(plain.value, plain.length);
    (void)gss_release_buffer(&minor, &plain);
    return error;
}

/* libzmq says by a flag that what follows is a subscription; in the form that every version
 * understands its first byte says so, and there is a byte before it: the flags'. */
static void read_flags(struct zn_opened *out, uint8_t *text, size_t size)
{
    uint8_t flags = text[0];

    out->flags = (uint8_t)((flags & INNER_MORE ? ZN_FRAME_MORE : 0) |
                           (flags & INNER_COMMAND ? ZN_FRAME_COMMAND : 0));
    out->payload = (struct zn_bytes){ text + 1, size - 1 };
    if (!(flags & (INNER_SUBSCRIBE | INNER_CANCEL)))
        return;
    text[0] = flags & INNER_SUBSCRIBE ? 1 : 0;
    out->flags = 0;
    out->payload = (struct zn_bytes){ text, size };
}

static int open_message(struct zn_cipher *c, uint8_t *body, size_t size,
                        struct zn_opened *out, uint32_t *error)
{
    struct gssapi_cipher *cipher = (struct gssapi_cipher *)c;
    gss_buffer_desc token;
    struct zn_bytes text;

    *error = find_token(body, size, &token);
    if (*error == 0)
        *error = unwrap(cipher->context, &token, &text);
    if (*error != 0)
        return -EPROTO;
    read_flags(out, token.value, text.size);
    return 0;
}

static void free_cipher(struct zn_cipher *c)
{
    struct gssapi_cipher *cipher = (struct gssapi_cipher *)c;
    OM_uint32 minor;

    (void)gss_delete_sec_context(&minor, &cipher->context, GSS_C_NO_BUFFER);
    zn_free(cipher);
}

static const struct zn_cipher_ops cipher_ops = {
    .overhead = OVERHEAD,
    .seal = seal,
    .open = open_message,
    .free = free_cipher,
};

/* The context passes on to the traffic, if that is to be wrapped. */
static int finish(struct zn_handshake *hs)
{
    struct gssapi *gss = hs->state;

    if (hs->config.security->plaintext)
        return 0;
    struct gssapi_cipher *cipher = zn_zalloc(sizeof(*cipher));
    if (cipher == NULL)
        return -ENOMEM;
    cipher->base.ops = &cipher_ops;
    cipher->context = gss->context;
    gss->context = GSS_C_NO_CONTEXT;
    hs->cipher = &cipher->base;
    return 0;
}

/* ---- Tokens. */

static bool is_established(const struct zn_handshake *hs)
{
    const struct gssapi *gss = hs->state;
    return gss != NULL && gss->established;
}

/* The script has run out of tokens: no mechanism of ours needs more. */
static int check_established(const struct zn_handshake *hs)
{
    return is_established(hs) ? 0 : -EPROTO;
}

static bool has_no_token(const struct zn_handshake *hs)
{
    const struct gssapi *gss = hs->state;
    return gss != NULL && gss->token.length == 0;
}

/* Nobody sends his traffic bare because an attacker made the library forget something. */
static bool has_flags(const struct zn_handshake *hs, OM_uint32 flags)
{
    OM_uint32 wanted = GSS_C_MUTUAL_FLAG;
    if (!hs->config.security->plaintext)
        wanted |= GSS_C_CONF_FLAG;
    return (flags & wanted) == wanted;
}

/* What fails before the peer has said anything, or for want of a key, is our own affair:
 * a later attempt may fare better. */
static int progress(struct zn_handshake *hs, bool is_first, OM_uint32 major,
                    OM_uint32 flags)
{
    struct gssapi *gss = hs->state;

    if (GSS_ERROR(major) && (is_first || GSS_ROUTINE_ERROR(major) == GSS_S_NO_CRED))
        return -EPERM;
    if (GSS_ERROR(major))
        return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    gss->established = !(major & GSS_S_CONTINUE_NEEDED);
    if (gss->established && !has_flags(hs, flags))
        return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    return 0;
}

/* Goes one step on with the peer's token, or NULL for the first. */
static int initiate(struct zn_handshake *hs, gss_buffer_t token)
{
    struct gssapi *gss = hs->state;
    OM_uint32 minor, flags = 0,
                     wanted = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG |
                              GSS_C_SEQUENCE_FLAG | GSS_C_INTEG_FLAG;

    if (!hs->config.security->plaintext)
        wanted |= GSS_C_CONF_FLAG;
    OM_uint32 major = gss_init_sec_context(
        &minor, gss->credential, &gss->context, gss->service, (gss_OID)gss_mech_krb5,
        wanted, 0, GSS_C_NO_CHANNEL_BINDINGS, token, NULL, &gss->token, &flags, NULL);
    gss->has_last_word = gss->token.length > 0;
    return progress(hs, token == GSS_C_NO_BUFFER, major, flags);
}

static bool has_last_word(const struct zn_handshake *hs)
{
    const struct gssapi *gss = hs->state;
    return gss != NULL && gss->has_last_word;
}

/* libzmq's server waits for an answer to its last token, if only for an empty one. */
static int put_nothing(struct zn_handshake *hs)
{
    return check_established(hs);
}

static int accept_token(struct zn_handshake *hs, gss_buffer_t token)
{
    struct gssapi *gss = hs->state;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor, flags = 0;

    OM_uint32 major = gss_accept_sec_context(&minor, &gss->context, gss->credential,
                                             token, GSS_C_NO_CHANNEL_BINDINGS, &name,
                                             NULL, &gss->token, &flags, NULL, NULL);
    int rc = progress(hs, false, major, flags);
    if (rc == 0 && gss->established &&
        gss_display_name(&minor, name, &gss->principal, NULL) != GSS_S_COMPLETE)
        rc = zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    (void)gss_release_name(&minor, &name);
    return rc;
}

static int put_token(struct zn_handshake *hs)
{
    uint8_t length[LENGTH];
    OM_uint32 minor;

    if (hs->state == NULL) {             /* a client's first */
        int rc = start(hs);
        if (rc == 0)
            rc = initiate(hs, GSS_C_NO_BUFFER);
        if (rc < 0)
            return rc;
    }
    struct gssapi *gss = hs->state;
    if (gss->token.length > ZN_HANDSHAKE_MAX)
        return -EPROTO;
    zn_put_u32(length, (uint32_t)gss->token.length);
    int rc = zn_handshake_put(hs, length, LENGTH);
    if (rc == 0)
        rc = zn_handshake_put(hs, gss->token.value, gss->token.length);
    (void)gss_release_buffer(&minor, &gss->token);
    return rc;
}

static int get_token(struct zn_handshake *hs, const struct zn_command *cmd)
{
    const uint8_t *p = cmd->data.data;

    if (cmd->data.size < LENGTH || zn_get_u32(p) != cmd->data.size - LENGTH)
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_INITIATE);
    gss_buffer_desc token = { cmd->data.size - LENGTH, (void *)(uintptr_t)(p + LENGTH) };
    if (!hs->config.as_server)
        return initiate(hs, &token);
    int rc = hs->state == NULL ? start(hs) : 0;
    return rc < 0 ? rc : accept_token(hs, &token);
}

static int ask_principal(struct zn_handshake *hs)
{
    const struct gssapi *gss = hs->state;
    hs->credentials.count = 1;
    hs->credentials.parts[0] =
        (struct zn_bytes){ gss->principal.value, gss->principal.length };
    return check_established(hs);
}

/* ---- READY: as it is, or in a MESSAGE of its own. */

static bool is_bare(const struct zn_handshake *hs)
{
    return hs->config.security->plaintext;
}

static bool is_wrapped(const struct zn_handshake *hs)
{
    return !hs->config.security->plaintext;
}

/* A whole command becomes the payload of one that send_command() has begun: "MESSAGE". */
static int put_wrapped_ready(struct zn_handshake *hs)
{
    static const uint8_t head[] = { INNER_COMMAND, 5, 'R', 'E', 'A', 'D', 'Y' };
    struct gssapi *gss = hs->state;
    size_t at = hs->out.size;

    int rc = check_established(hs);
    if (rc == 0)
        rc = zn_handshake_put(hs, head, sizeof(head));
    if (rc == 0)
        rc = zn_handshake_put_metadata(hs);
    if (rc < 0)
        return rc;

    size_t size = hs->out.size - at;
    uint8_t *sealed = zn_alloc(size + OVERHEAD);
    if (sealed == NULL)
        return -ENOMEM;
    gss_buffer_desc text = { size, hs->out.data + at };
    ptrdiff_t body = fill_message(gss->context, &text, size + OVERHEAD, sealed);
    hs->out.size = at;
    rc = body < 0 ? (int)body : zn_handshake_put(hs, sealed + NAME, (size_t)body - NAME);
    zn_free(sealed);
    return rc;
}

static int put_bare_ready(struct zn_handshake *hs)
{
    int rc = check_established(hs);
    return rc < 0 ? rc : zn_handshake_put_metadata(hs);
}

/* libzmq's server has no code for it. */
static int take_list(struct zn_handshake *hs, struct zn_bytes list)
{
    return hs->config.as_server ? zn_handshake_take_metadata(hs, list)
                                : zn_handshake_take_ready(hs, list);
}

static int get_bare_ready(struct zn_handshake *hs, const struct zn_command *cmd)
{
    int rc = check_established(hs);
    return rc < 0 ? rc : take_list(hs, cmd->data);
}

/* cmd is the MESSAGE: within the handshake's buffer, so it may be opened in place. */
static int get_wrapped_ready(struct zn_handshake *hs, const struct zn_command *cmd)
{
    struct gssapi *gss = hs->state;
    struct zn_command ready;
    gss_buffer_desc token;
    struct zn_bytes text;

    int rc = check_established(hs);
    if (rc < 0)
        return rc;
    uint8_t *body = (uint8_t *)(uintptr_t)cmd->data.data - NAME;
    uint32_t error = find_token(body, cmd->data.size + NAME, &token);
    if (error == 0)
        error = unwrap(gss->context, &token, &text);
    if (error != 0)
        return zn_handshake_fail(hs, error);
    if (zn_command_parse(text.data + 1, text.size - 1, &ready) < 0)
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_COMMAND);
    if (!zn_command_is(&ready, "READY"))
        return zn_handshake_fail(hs, ZN_ERROR_UNEXPECTED_COMMAND);
    return take_list(hs, ready.data);
}

static int send_last_bare(struct zn_handshake *hs)
{
    int rc = put_bare_ready(hs);
    return rc < 0 ? rc : finish(hs);
}

static int send_last_wrapped(struct zn_handshake *hs)
{
    int rc = put_wrapped_ready(hs);
    return rc < 0 ? rc : finish(hs);
}

static int get_last_bare(struct zn_handshake *hs, const struct zn_command *cmd)
{
    int rc = get_bare_ready(hs, cmd);
    return rc < 0 ? rc : finish(hs);
}

static int get_last_wrapped(struct zn_handshake *hs, const struct zn_command *cmd)
{
    int rc = get_wrapped_ready(hs, cmd);
    return rc < 0 ? rc : finish(hs);
}

/* ---- The scripts. Kerberos needs one token each way, at times a third. */

#define OURS                                                \
    {                                                       \
        "INITIATE", .send = put_token, .skip = has_no_token \
    }
#define THEIRS                                                \
    {                                                         \
        "INITIATE", .recv = get_token, .skip = is_established \
    }

static const struct zn_turn client[] = {
    OURS,
    THEIRS,
    OURS,
    THEIRS,
    OURS,
    THEIRS,
    OURS,
    { "", .send = put_nothing, .skip = has_last_word },
    { "READY", .recv = get_bare_ready, .skip = is_wrapped },
    { "MESSAGE", .recv = get_wrapped_ready, .skip = is_bare },
    { "READY", .send = send_last_bare, .skip = is_wrapped },
    { "MESSAGE", .send = send_last_wrapped, .skip = is_bare },
    { .name = NULL },
};

static const struct zn_turn server[] = {
    THEIRS,
    OURS,
    THEIRS,
    OURS,
    THEIRS,
    OURS,
    { "ZAP", .ask = ask_principal },
    { "READY", .send = put_bare_ready, .skip = is_wrapped },
    { "MESSAGE", .send = put_wrapped_ready, .skip = is_bare },
    { "READY", .recv = get_last_bare, .skip = is_wrapped },
    { "MESSAGE", .recv = get_last_wrapped, .skip = is_bare },
    { .name = NULL },
};

const struct zn_mechanism zn_mechanism_gssapi = {
    .name = "GSSAPI",
    .idles = true,
    .client = client,
    .server = server,
    .drop = drop,
};
#else
#include "wire/mechanism.h"
#endif
