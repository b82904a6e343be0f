/* core/zap.c - see zap.h.
 *
 * The handler is a REP or ROUTER bound to inproc://zeromq.zap.01, a socket of the
 * application like any other. Each handshake that has a question makes a pipe to it, as an
 * inproc connect does, but its own end belongs to the session that asks: nobody's thread
 * waits. The question is written and published before the handler's socket gets its end, so
 * one post tells of both. The answer is posted to our end's owner, which hands the session to
 * its loop; there it is read like any handshake input. A handler that closes, unanswered, is
 * posted likewise. When the session needs the answer no more (it has it, or time is up) it
 * closes its end, and the handler's socket forgets that peer: a late answer goes nowhere.
 *
 * What is not a handler (a SERVER would drop messages of several frames, for other types
 * libzmq aborts) counts as none. */
#include "core/zap.h"

#include "core/ctx.h"
#include "wire/metadata.h"

struct zn_zap {
    struct zn_end *end;                  /* ours */
    uint8_t *kept;                       /* user id, then metadata; heap, or NULL */
    size_t user_size, metadata_size;
    struct zn_property *properties;      /* heap; they point into kept */
    size_t property_count;
};

enum { FRAMES = 7, KEPT_FROM = 5 };

#define TEXT(literal)                                   \
    {                                                   \
        (const uint8_t *)(literal), sizeof(literal) - 1 \
    }

static const struct zn_bytes handler_name = TEXT("inproc://zeromq.zap.01");
static const struct zn_bytes version = TEXT("1.0");
static const struct zn_bytes request_id = TEXT("1");
static const struct zn_bytes user_id = TEXT("User-Id");

/* Any thread, the pipe's lock held: it keeps the session alive. */
static struct zn_wish on_post(struct zn_end *e, unsigned what, struct zn_socket *poster)
{
    const struct zn_wish nothing = { NULL, 0 };
    (void)poster;
    if (what & (ZN_POST_READ | ZN_POST_CLOSED))
        zn_session_post(e->session, ZN_WORK_IN);
    return nothing;
}

static const struct zn_owner zap_owner = { .post = on_post };

/* ---- The question. */

/* The handler's socket, held, and the room that it gives; or NULL. */
static struct zn_socket *find_handler(struct zn_ctx *ctx, struct zn_end *its_end)
{
    struct zn_socket *s = NULL;
    zn_lock(&ctx->inproc_lock);
    struct zn_route *r = zn_map_get(&ctx->inproc_names, handler_name);
    if (r != NULL) {
        int type = r->socket->pattern->type;
        if (type == ZMQ_REP || type == ZMQ_ROUTER) {
            s = r->socket;
            zn_socket_hold(s);
            zn_end_set_hwm(its_end, r->options.sndhwm, r->options.rcvhwm);
        }
    }
    zn_unlock(&ctx->inproc_lock);
    return s;
}

static int put(struct zn_queue *q, struct zn_bytes b, bool more)
{
    struct zn_frame f = { .data = b.data, .size = b.size, .flags = more ? ZN_MORE : 0 };
    return zn_queue_write(q, &f);
}

static struct zn_bytes text_of(const char *text)
{
    return (struct zn_bytes){ (const uint8_t *)text, strlen(text) };
}

static struct zn_bytes blob_of(const struct zn_blob *b)
{
    return (struct zn_bytes){ b->data, b->size };
}

static int write_question(struct zn_queue *q, const struct zn_options *o,
                          const struct zn_credentials *who, const char *address)
{
    const struct zn_bytes frames[] = {
        { NULL, 0 },
        version,
        request_id,
        blob_of(&o->zap_domain),
        text_of(address),
        blob_of(&o->routing_id),         /* RFC 27: the client's; libzmq: our own */
        text_of(who->mechanism),
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ZN_COUNT(frames); i++)
        rc = put(q, frames[i], i + 1 < ZN_COUNT(frames) || who->count > 0);
    for (int i = 0; rc == 0 && i < who->count; i++)
        rc = put(q, who->parts[i], i + 1 < who->count);
    return rc;
}

static void free_pipe(struct zn_end *e)
{
    zn_end_release(e->peer);
    zn_end_release(e);
}

int zn_zap_ask(struct zn_session *ss, const struct zn_credentials *who,
               const char *address, struct zn_zap **out)
{
    struct zn_pipe *p;
    struct zn_zap *z = zn_zalloc(sizeof *z);
    if (z == NULL)
        return -ENOMEM;
    int rc = zn_pipe_new(&p, false, false);
    if (rc < 0)
        goto free_zap;

    struct zn_end *mine = &p->end[0], *its = &p->end[1];
    struct zn_socket *handler = find_handler(ss->route->socket->ctx, its);
    rc = handler == NULL ? -ENOENT
                         : write_question(mine->out, &ss->route->options, who, address);
    if (rc < 0)
        goto free_ends;

    zn_queue_publish(mine->out, mine->out->wmsgs);
    its->inproc = true;
    zn_end_own(mine, &zap_owner, ss);
    zn_end_own(its, &zn_socket_owner, handler);
    zn_end_post(its, ZN_POST_ATTACH | ZN_POST_READY | ZN_POST_READ, NULL);
    zn_socket_drop(handler);
    z->end = mine;
    *out = z;
    return 0;

free_ends:
    if (handler != NULL)
        zn_socket_drop(handler);
    free_pipe(mine);
free_zap:
    zn_free(z);
    return rc;
}

/* ---- The answer. */

struct reply {
    int frames;
    uint32_t error;
    int status;
};

static int status_of(struct zn_bytes b)
{
    static const struct zn_bytes known[] = { TEXT("200"), TEXT("300"), TEXT("400"),
                                             TEXT("500") };
    static const int numbers[] = { 200, 300, 400, 500 };
    for (size_t i = 0; i < ZN_COUNT(known); i++)
        if (zn_bytes_equal(b, known[i]))
            return numbers[i];
    return 0;
}

/* The first thing that is wrong counts. */
static void judge(struct reply *r, bool good, uint32_t error)
{
    if (!good && r->error == 0)
        r->error = error;
}

static int keep(struct zn_zap *z, struct zn_bytes b, size_t *size)
{
    size_t have = z->user_size;
    *size = b.size;
    if (b.size == 0)
        return 0;
    uint8_t *grown = zn_realloc(z->kept, have + b.size);
    if (grown == NULL)
        return -ENOMEM;
    memcpy(grown + have, b.data, b.size);
    z->kept = grown;
    return 0;
}

static int take_frame(struct zn_zap *z, struct reply *r, struct zn_bytes b)
{
    switch (r->frames++) {
    case 0:
        judge(r, b.size == 0, ZMQ_PROTOCOL_ERROR_ZAP_UNSPECIFIED);
        return 0;
    case 1:
        judge(r, zn_bytes_equal(b, version), ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION);
        return 0;
    case 2:
        judge(r, zn_bytes_equal(b, request_id), ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID);
        return 0;
    case 3:
        r->status = status_of(b);
        judge(r, r->status != 0, ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE);
        return 0;
    case KEPT_FROM:
        return keep(z, b, &z->user_size);
    case KEPT_FROM + 1:
        return keep(z, b, &z->metadata_size);
    default:
        return 0;                        /* the text of the status; or one too many */
    }
}

/* Reads the whole message, which was published as one. */
static int read_reply(struct zn_zap *z, struct reply *r)
{
    struct zn_frame f;
    int rc = 0;
    do {
        if (zn_end_peek(z->end, &f) != 1)
            return -EPIPE;               /* cannot be: a message is whole */
        if (rc == 0)
            rc = take_frame(z, r, (struct zn_bytes){ f.data, f.size });
        zn_end_next(z->end);
    } while (f.flags & ZN_MORE);
    return rc;
}

static int keep_properties(struct zn_zap *z)
{
    struct zn_bytes metadata = { NULL, z->metadata_size };
    if (metadata.size > 0)
        metadata.data = z->kept + z->user_size;
    int count = zn_metadata_count(metadata);
    if (count < 0)
        return -EPROTO;
    z->properties = zn_alloc(((size_t)count + 1) * sizeof *z->properties);
    if (z->properties == NULL)
        return -ENOMEM;
    z->properties[0] =
        (struct zn_property){ user_id,
                              { z->user_size > 0 ? z->kept : NULL, z->user_size } };
    z->property_count = 1;
    if (count > 0)
        z->property_count += zn_metadata_parse(metadata, z->properties + 1);
    return 0;
}

int zn_zap_hear(struct zn_zap *z, struct zn_zap_answer *answer)
{
    struct zn_frame f;
    struct reply r = { .frames = 0 };
    int rc = zn_end_peek(z->end, &f);
    if (rc <= 0)
        return rc;
    rc = read_reply(z, &r);
    if (rc < 0)
        return rc;
    if (r.frames != FRAMES)
        r.error = ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY;
    if (r.error == 0) {
        rc = keep_properties(z);
        if (rc == -EPROTO)
            r.error = ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA;
        else if (rc < 0)
            return rc;
    }
    *answer = (struct zn_zap_answer){ .status = r.status, .error = r.error };
    return r.error != 0 ? -EPROTO : 1;
}

const struct zn_property *zn_zap_properties(const struct zn_zap *z, size_t *count)
{
    *count = z != NULL ? z->property_count : 0;
    return z != NULL ? z->properties : NULL;
}

void zn_zap_drop(struct zn_zap *z)
{
    if (z == NULL)
        return;
    zn_end_close(z->end, NULL);
    zn_free(z->properties);
    zn_free(z->kept);
    zn_free(z);
}
