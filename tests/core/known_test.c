/* tests/core/known_test.c - endpoints that are greeted in one piece. */
#include "core/known.h"

#include <stdio.h>

#include "core/ctx.h"
#include "tests/test.h"

TEST(known_endpoints_are_told_apart_and_forgotten)
{
    struct zn_ctx *ctx = zn_ctx_new();
    CHECK(ctx != NULL);

    CHECK(!zn_known_to_speak_3(ctx, "tcp://a:1"));
    zn_known_forget(ctx, "tcp://a:1");
    zn_known_learn(ctx, "tcp://a:1");
    CHECK(zn_known_to_speak_3(ctx, "tcp://a:1"));
    CHECK(!zn_known_to_speak_3(ctx, "tcp://a:2"));
    zn_known_forget(ctx, "tcp://a:1");
    CHECK(!zn_known_to_speak_3(ctx, "tcp://a:1"));
    CHECK_EQ(zn_ctx_term(ctx), 0);
}

TEST(known_table_takes_any_number_of_endpoints)
{
    struct zn_ctx *ctx = zn_ctx_new();
    char text[32];
    CHECK(ctx != NULL);

    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "tcp://10.0.0.1:%d", i);
        zn_known_learn(ctx, text);
        CHECK(zn_known_to_speak_3(ctx, text), "%s", text);
    }
    CHECK_EQ(zn_ctx_term(ctx), 0);
}
