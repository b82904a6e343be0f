/* core/known.c - see known.h. Each endpoint has one place, by its hash; whoever comes later
 * takes it over. */
#include "core/known.h"

#include "core/ctx.h"

enum { PLACES = 64 };
#define KNOWN_FOR (10000 * ZN_MS)

struct zn_known {
    struct {
        uint64_t hash;
        uint64_t until;                  /* zn_now() */
    } places[PLACES];
};

static uint64_t hash_of(const char *text)
{
    uint64_t h = 14695981039346656037u;  /* FNV-1a */
    while (*text != '\0')
        h = (h ^ (uint8_t)*text++) * 1099511628211u;
    return h;
}

bool zn_known_to_speak_3(struct zn_ctx *ctx, const char *endpoint)
{
    uint64_t hash = hash_of(endpoint);
    zn_lock(&ctx->known_lock);
    bool known = ctx->known != NULL && ctx->known->places[hash % PLACES].hash == hash &&
                 zn_now() < ctx->known->places[hash % PLACES].until;
    zn_unlock(&ctx->known_lock);
    return known;
}

static void set_until(struct zn_ctx *ctx, const char *endpoint, uint64_t until)
{
    uint64_t hash = hash_of(endpoint);
    zn_lock(&ctx->known_lock);
    if (ctx->known == NULL && until != 0)
        ctx->known = zn_zalloc(sizeof *ctx->known);
    if (ctx->known != NULL) {
        ctx->known->places[hash % PLACES].hash = hash;
        ctx->known->places[hash % PLACES].until = until;
    }
    zn_unlock(&ctx->known_lock);
}

void zn_known_learn(struct zn_ctx *ctx, const char *endpoint)
{
    set_until(ctx, endpoint, zn_now() + KNOWN_FOR);
}

void zn_known_forget(struct zn_ctx *ctx, const char *endpoint)
{
    set_until(ctx, endpoint, 0);
}

void zn_known_free(struct zn_ctx *ctx)
{
    zn_free(ctx->known);
}
