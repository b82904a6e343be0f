/* fuzz/socks.c - a proxy that answers anything, in pieces of any size. */
#include <stdlib.h>

#include "wire/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Returns how it ended; *heard: after how many bytes. */
static int converse(const struct zn_socks_wish *wish, const uint8_t *data, size_t size,
                    size_t piece, size_t *heard)
{
    struct zn_socks s;
    int rc = 0;

    *heard = 0;
    check(zn_socks_start(&s, wish) == 0);
    while (rc == 0 && *heard < size) {
        struct zn_bytes out = zn_socks_output(&s);
        size_t want = zn_socks_wants(&s);

        check(out.size <= ZN_SOCKS_OUT_MAX);
        zn_socks_sent(&s, out.size);
        check(want > 0 && want <= ZN_SOCKS_IN_MAX);
        want = ZN_MIN(want, ZN_MIN(piece, size - *heard));
        rc = zn_socks_input(&s, data + *heard, want);
        *heard += want;
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t text[16] = "sixteen bytes..";
    struct zn_socks_wish wish = { .host = { text, sizeof text }, .port = 1 };
    size_t whole, pieces;

    if (size == 0)
        return 0;
    wish.kind = data[0] & 1 ? ZN_SOCKS_NAME : ZN_SOCKS_IPV6;
    if (data[0] & 2)
        wish.user = wish.password = wish.host;
    int rc = converse(&wish, data + 1, size - 1, SIZE_MAX, &whole);

    check(rc <= 1);
    check(converse(&wish, data + 1, size - 1, 1 + data[0] / 4, &pieces) == rc);
    check(rc != 1 || pieces == whole);
    return 0;
}
