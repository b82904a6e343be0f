/* websocket_test.c - the stream of ws:// by itself, on a stream of our own beneath. */
#include "tests/test.h"

#include "core/options.h"
#include "transports/websocket.h"

/* Says its request, and then PONGs without end. */
struct babbler {
    struct zn_stream stream;
    int reads;
};

static int open_at_once(struct zn_stream *st, int fd)
{
    (void)st;
    (void)fd;
    return 1;
}

static ptrdiff_t babble(struct zn_stream *st, int fd, const struct zn_iov *iov, int count)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n";
    static const uint8_t pong[6] = { 0x8a, 0x80 };
    struct babbler *b = ZN_CONTAINER(st, struct babbler, stream);
    uint8_t *to = iov[0].data;

    (void)fd;
    CHECK_EQ(count, 1);
    if (b->reads++ == 0) {
        memcpy(to, request, sizeof request - 1);
        return (ptrdiff_t)sizeof request - 1;
    }
    CHECK(b->reads < 1000, "it reads on and on");
    size_t size = iov[0].size - iov[0].size % sizeof pong;
    for (size_t i = 0; i < size; i += sizeof pong)
        memcpy(to + i, pong, sizeof pong);
    return (ptrdiff_t)size;
}

static ptrdiff_t swallow(struct zn_stream *st, int fd, const struct zn_iov *iov,
                         int count)
{
    size_t size = 0;

    (void)st;
    (void)fd;
    for (int i = 0; i < count; i++)
        size += iov[i].size;
    return (ptrdiff_t)size;
}

static void leave(struct zn_stream *st, int fd)
{
    (void)st;
    (void)fd;
}

TEST(who_reads_pongs_without_end_is_asked_to_come_back_later)
{
    static const struct zn_stream_ops ops = {
        .open = open_at_once, .readv = babble, .writev = swallow, .free = leave
    };
    struct babbler b = { .stream = { .ops = &ops } };
    static uint8_t got[32 * 1024];
    struct zn_iov iov = { got, sizeof got };
    struct zn_options o;
    struct zn_stream *st;

    zn_options_init(&o);
    CHECK_OK(zn_websocket_new(&b.stream, "", "/", &o, true, &st));
    CHECK_EQ(st->ops->open(st, -1), 1);
    CHECK(st->ops->readv(st, -1, &iov, 1) > 0);   /* what stands for the greeting */
    for (int i = 0; i < 3; i++) {
        int before = b.reads;

        st->more = st->heard = false;
        CHECK_EQ(st->ops->readv(st, -1, &iov, 1), -EAGAIN);
        CHECK(st->more && st->heard);
        CHECK(b.reads > before);
    }
    zn_stream_free(st, -1);
    zn_options_fini(&o);
}
