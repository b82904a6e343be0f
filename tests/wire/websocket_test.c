/* websocket_test.c - WebSocket's frames, the upgrade, and ZMTP turned into messages and back. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/sha1.h"
#include "tests/test.h"
#include "wire/upgrade.h"
#include "wire/zws.h"

/* ---- Digests and text. */

static void hex(char *out, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sprintf(out + 2 * i, "%02x", p[i]);
}

TEST(sha1_of_known_texts)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
        { "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
        { "0123456789012345678901234567890123456789012345678901234", /* one block, just so */
          "9f3a4ce7f66b1b74c34da2c5d732c39f81e0f8df" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* two */
          "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "a"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56" },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        uint8_t digest[ZN_SHA1_SIZE];
        char got[2 * ZN_SHA1_SIZE + 1];
        zn_sha1(cases[i].text, strlen(cases[i].text), digest);
        hex(got, digest, sizeof digest);
        CHECK_STR(got, cases[i].want);
    }
}

TEST(base64_of_known_texts)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
        { "\xff\xef\xfe", "/+/+" },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        char got[16];
        size_t size = strlen(cases[i].bytes);
        struct zn_bytes text = { (const uint8_t *)cases[i].text, strlen(cases[i].text) };
        zn_base64_encode(got, (const uint8_t *)cases[i].bytes, size);
        CHECK_STR(got, cases[i].text);
        CHECK(zn_base64_is(text, size));
        CHECK(!zn_base64_is(text, size + 3));
    }
    CHECK(!zn_base64_is((struct zn_bytes){ (const uint8_t *)"Zm9=", 4 }, 1), "one pad");
    CHECK(!zn_base64_is((struct zn_bytes){ (const uint8_t *)"Zm9=", 4 }, 3), "a pad");
    CHECK(!zn_base64_is((struct zn_bytes){ (const uint8_t *)"Z-9v", 4 }, 3), "URL's");
}

/* ---- Frames. */

#define SEVENTH "\0\0\0\0\0\0\0"

TEST(ws_header_decode_reports_length_or_want_or_error)
{
    static const struct {
        const char *what, *in;
        size_t len;
        int want;
        int opcode;
        bool final, masked;
        uint64_t size;
    } cases[] = {
        { "nothing yet", "", 0, 0, 0, 0, 0, 0 },
        { "opcode only", "\x82", 1, 0, 0, 0, 0, 0 },
        { "short", "\x82\5", 2, 2, ZN_WS_BINARY, true, false, 5 },
        { "short, masked, cut",
          "\x82\x85"
          "abc",
          5, 0, 0, 0, 0, 0 },
        { "short, masked",
          "\x82\x85"
          "abcd",
          6, 6, ZN_WS_BINARY, true, true, 5 },
        { "a fragment", "\2\5", 2, 2, ZN_WS_BINARY, false, false, 5 },
        { "continued", "\x80\5", 2, 2, ZN_WS_CONTINUATION, true, false, 5 },
        { "text", "\x81\5", 2, 2, ZN_WS_TEXT, true, false, 5 },
        { "16 bits, cut", "\x82\x7e\1", 3, 0, 0, 0, 0, 0 },
        { "16 bits", "\x82\x7e\1\2", 4, 4, ZN_WS_BINARY, true, false, 258 },
        { "16 bits, needlessly", "\x82\x7e\0\2", 4, 4, ZN_WS_BINARY, true, false, 2 },
        { "64 bits, cut", "\x82\x7f" SEVENTH, 9, 0, 0, 0, 0, 0 },
        { "64 bits", "\x82\x7f" SEVENTH "\2", 10, 10, ZN_WS_BINARY, true, false, 2 },
        { "64 bits, masked", "\x82\xff" SEVENTH "\2abcd", 14, 14, ZN_WS_BINARY, true,
          true, 2 },
        { "beyond 2^63", "\x82\x7f\x80" SEVENTH, 10, -EPROTO, 0, 0, 0, 0 },
        { "reserved bit 1", "\xc2\5", 2, -EPROTO, 0, 0, 0, 0 },
        { "reserved bit 2", "\xa2\5", 2, -EPROTO, 0, 0, 0, 0 },
        { "reserved bit 3", "\x92\5", 2, -EPROTO, 0, 0, 0, 0 },
        { "opcode 3", "\x83\5", 2, -EPROTO, 0, 0, 0, 0 },
        { "opcode 7", "\x87\5", 2, -EPROTO, 0, 0, 0, 0 },
        { "opcode 11", "\x8b\5", 2, -EPROTO, 0, 0, 0, 0 },
        { "opcode 15", "\x8f\5", 2, -EPROTO, 0, 0, 0, 0 },
        { "a ping", "\x89\x7d", 2, 2, ZN_WS_PING, true, false, 125 },
        { "a ping in fragments", "\x09\1", 2, -EPROTO, 0, 0, 0, 0 },
        { "a ping of 126 bytes", "\x89\x7e\0\x7e", 4, -EPROTO, 0, 0, 0, 0 },
        { "a close of 126 bytes", "\x88\x7e", 2, -EPROTO, 0, 0, 0, 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_ws_header h = { 0 };
        const uint8_t *end, *p = test_fence(cases[i].in, cases[i].len, &end);
        CHECK_EQ(zn_ws_header_decode(p, end, &h), cases[i].want, "%s", cases[i].what);
        if (cases[i].want <= 0)
            continue;
        CHECK_EQ(h.opcode, cases[i].opcode, "%s", cases[i].what);
        CHECK_EQ(h.final, cases[i].final, "%s", cases[i].what);
        CHECK_EQ(h.masked, cases[i].masked, "%s", cases[i].what);
        CHECK_EQ(h.size, cases[i].size, "%s", cases[i].what);
        CHECK_MEM(h.key, h.masked ? "abcd" : "\0\0\0\0", 4);
    }
}

TEST(ws_header_decode_undoes_encode_and_wants_more_at_every_cut)
{
    static const struct {
        uint64_t size;
        int length;
    } cases[] = {
        { 0, 2 },      { 1, 2 },      { 125, 2 },         { 126, 4 },
        { 65535, 4 },  { 65536, 10 }, { UINT32_MAX, 10 }, { INT64_MAX, 10 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases) * 2; i++) {
        const uint8_t *key = i % 2 ? (const uint8_t *)"\1\2\3\4" : NULL, *end;
        uint8_t out[ZN_WS_HEADER_MAX];
        struct zn_ws_header h;
        int length = zn_ws_header_encode(out, ZN_WS_BINARY, cases[i / 2].size, key);
        CHECK_EQ(length, cases[i / 2].length + (key != NULL ? 4 : 0));
        for (int cut = 0; cut <= length; cut++) {
            const uint8_t *p = test_fence(out, (size_t)cut, &end);
            CHECK_EQ(zn_ws_header_decode(p, end, &h), cut < length ? 0 : length);
        }
        CHECK_EQ(h.size, cases[i / 2].size);
        CHECK(h.final && h.opcode == ZN_WS_BINARY && h.masked == (key != NULL));
    }
}

/* Byte by byte, as RFC 6455 has it. */
TEST(ws_mask_is_its_own_inverse_from_any_byte_on)
{
    uint8_t in[64], out[64], shifted[72];
    const uint8_t key[] = { 0x37, 0xfa, 0x21, 0x3d };

    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7);
    for (uint64_t at = 0; at < 9; at++)
        for (size_t n = 0; n <= sizeof in; n++) {
            zn_ws_mask(out, in, n, key, at);
            for (size_t i = 0; i < n; i++)
                CHECK_EQ(out[i], in[i] ^ key[(at + i) % 4], "byte %zu from %d", i,
                         (int)at);
            for (size_t gap = 0; gap <= 8; gap++) {
                memcpy(shifted + gap, out, n);
                zn_ws_mask(shifted, shifted + gap, n, key, at);
                CHECK_MEM(shifted, in, n);
            }
        }
}

/* ---- The upgrade. */

#define RFC_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define RFC_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define LINE "GET / HTTP/1.1\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: " RFC_KEY "\r\n"
#define OFFER "Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n"
#define GOOD LINE UPGRADE CONNECTION KEY OFFER

static zn_upgrade_protocols known = { "ZWS2.0/NULL", "ZWS2.0", NULL };

TEST(accept_is_what_rfc_6455_says)
{
    char accept[ZN_UPGRADE_ACCEPT + 1];
    zn_upgrade_accept(accept, RFC_KEY);
    CHECK_STR(accept, RFC_ACCEPT);
}

TEST(requests_are_read_or_refused)
{
    static const struct {
        const char *what, *text;
        int protocol;                    /* or -1: refused */
    } cases[] = {
        { "the least", GOOD "\r\n", 0 },
        { "a browser's",
          "GET /a/b?c=d HTTP/1.1\r\nHost: x:1\r\nConnection: keep-alive, Upgrade\r\n"
          "Pragma: no-cache\r\nUpgrade: WebSocket\r\nOrigin: http://x\r\n"
          "Sec-WebSocket-Version: 13\r\nUser-Agent: M (X; \xc3\xa4)\r\n" KEY
          "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
          "Sec-WebSocket-Protocol: ZWS2.0\r\n\r\n",
          1 },
        { "any case, any space",
          LINE "UPGRADE:websocket\r\nconnection: \t upgrade \r\n"
               "sec-websocket-KEY:" RFC_KEY "\r\nSec-WebSocket-Protocol: ,ZWS2.0\r\n\r\n",
          1 },
        { "the first that is known",
          LINE UPGRADE CONNECTION KEY
          "Sec-WebSocket-Protocol: chat, ZWS2.0 , ZWS2.0/NULL\r\n\r\n",
          1 },
        { "an offer in two headers",
          LINE UPGRADE CONNECTION KEY "Sec-WebSocket-Protocol: chat\r\n" OFFER "\r\n",
          0 },
        { "no Upgrade", LINE CONNECTION KEY OFFER "\r\n", -1 },
        { "another Upgrade", LINE "Upgrade: h2c\r\n" CONNECTION KEY OFFER "\r\n", -1 },
        { "no Connection", LINE UPGRADE KEY OFFER "\r\n", -1 },
        { "another Connection", LINE UPGRADE "Connection: close\r\n" KEY OFFER "\r\n",
          -1 },
        { "half a token", LINE UPGRADE "Connection: Upgraded\r\n" KEY OFFER "\r\n", -1 },
        { "no key", LINE UPGRADE CONNECTION OFFER "\r\n", -1 },
        { "two keys", GOOD KEY "\r\n", -1 },
        { "a short key",
          LINE UPGRADE CONNECTION OFFER "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n\r\n",
          -1 },
        { "a key that is no base64",
          LINE UPGRADE CONNECTION OFFER
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n\r\n",
          -1 },
        { "no offer", LINE UPGRADE CONNECTION KEY "\r\n", -1 },
        { "an unknown offer",
          LINE UPGRADE CONNECTION KEY "Sec-WebSocket-Protocol: ZWS2.0/PLAIN\r\n\r\n",
          -1 },
        { "names have their case",
          LINE UPGRADE CONNECTION KEY "Sec-WebSocket-Protocol: zws2.0/null\r\n\r\n", -1 },
        { "version 8", GOOD "Sec-WebSocket-Version: 8\r\n\r\n", -1 },
        { "two versions",
          GOOD "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n\r\n", -1 },
        { "two hosts", GOOD "Host: a\r\nHost: a\r\n\r\n", -1 },
        { "POST", "POST / HTTP/1.1\r\n" UPGRADE CONNECTION KEY OFFER "\r\n", -1 },
        { "HTTP/1.0", "GET / HTTP/1.0\r\n" UPGRADE CONNECTION KEY OFFER "\r\n", -1 },
        { "no path", "GET  HTTP/1.1\r\n" UPGRADE CONNECTION KEY OFFER "\r\n", -1 },
        { "a path with a space",
          "GET /a b HTTP/1.1\r\n" UPGRADE CONNECTION KEY OFFER "\r\n", -1 },
        { "a folded line", GOOD "X: a\r\n b\r\n\r\n", -1 },
        { "a bare LF", GOOD "X: a\n\r\n\r\n", -1 },
        { "a bare CR", GOOD "X: a\rb\r\n\r\n", -1 },
        { "a header without a colon", GOOD "X\r\n\r\n", -1 },
        { "a header without a name", GOOD ": a\r\n\r\n", -1 },
        { "a space before the colon", GOOD "X : a\r\n\r\n", -1 },
        { "a control character", GOOD "X: \1\r\n\r\n", -1 },
        { "something else", "\xff\0\0\0", -1 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_upgrade_request r;
        const uint8_t *end;
        size_t size = strlen(cases[i].text);
        const uint8_t *p = test_fence(cases[i].text, size, &end);
        ptrdiff_t rc = zn_upgrade_read_request(p, size, known, &r);
        CHECK_EQ(rc, cases[i].protocol < 0 ? -EPROTO : (ptrdiff_t)size, "%s",
                 cases[i].what);
        if (rc > 0) {
            CHECK_EQ(r.protocol, cases[i].protocol, "%s", cases[i].what);
            CHECK_STR(r.key, RFC_KEY);
        }
    }
}

TEST(requests_want_more_at_every_cut_and_leave_what_is_behind)
{
    static const char text[] = GOOD "\r\nframe";
    size_t whole = sizeof text - 1 - 5;
    struct zn_upgrade_request r;

    for (size_t cut = 0; cut < sizeof text; cut++) {
        const uint8_t *end, *p = test_fence(text, cut, &end);
        CHECK_EQ(zn_upgrade_read_request(p, cut, known, &r),
                 cut < whole ? 0 : (ptrdiff_t)whole, "cut at %zu", cut);
    }
}

TEST(requests_are_bounded)
{
    char text[ZN_UPGRADE_MAX + 1] = GOOD "X: ";
    struct zn_upgrade_request r;
    size_t at = strlen(text);

    memset(text + at, 'x', sizeof text - at);
    CHECK_EQ(zn_upgrade_read_request((uint8_t *)text, ZN_UPGRADE_MAX - 1, known, &r), 0);
    CHECK_EQ(zn_upgrade_read_request((uint8_t *)text, ZN_UPGRADE_MAX, known, &r),
             -EMSGSIZE);
    memcpy(text + ZN_UPGRADE_MAX - 4, "\r\n\r\n", 4);
    CHECK_EQ(zn_upgrade_read_request((uint8_t *)text, sizeof text, known, &r),
             ZN_UPGRADE_MAX);
}

#define STATUS "HTTP/1.1 101 Switching Protocols\r\n"
#define ACCEPT "Sec-WebSocket-Accept: " RFC_ACCEPT "\r\n"

TEST(answers_are_read_or_refused)
{
    static const struct {
        const char *what, *text;
        int want;                        /* protocol, or -errno */
    } cases[] = {
        { "libzmq's", STATUS UPGRADE CONNECTION ACCEPT OFFER "\r\n", 0 },
        { "a proxy's",
          "HTTP/1.1 101\r\nServer: x\r\nupgrade: WebSocket\r\n"
          "connection: keep-alive, upgrade\r\n" ACCEPT
          "Sec-WebSocket-Protocol: ZWS2.0\r\nVia: y\r\n\r\n",
          1 },
        { "no Accept", STATUS UPGRADE CONNECTION OFFER "\r\n", -EPROTO },
        { "another's Accept",
          STATUS UPGRADE CONNECTION OFFER
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n\r\n",
          -EPROTO },
        { "no protocol", STATUS UPGRADE CONNECTION ACCEPT "\r\n", -EPROTO },
        { "a protocol not offered",
          STATUS UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: ZWS2.0/PLAIN\r\n\r\n",
          -EPROTO },
        { "two protocols", STATUS UPGRADE CONNECTION ACCEPT OFFER OFFER "\r\n", -EPROTO },
        { "an extension",
          STATUS UPGRADE CONNECTION ACCEPT OFFER
          "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
          -EPROTO },
        { "no Upgrade", STATUS CONNECTION ACCEPT OFFER "\r\n", -EPROTO },
        { "no Connection", STATUS UPGRADE ACCEPT OFFER "\r\n", -EPROTO },
        { "not here", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
          -ECONNREFUSED },
        { "not now", "HTTP/1.1 503 \r\n\r\n", -ECONNREFUSED },
        { "no status", "HTTP/1.1 \r\n\r\n", -EPROTO },
        { "half a status", "HTTP/1.1 10\r\n\r\n", -EPROTO },
        { "a long status", "HTTP/1.1 1010 x\r\n\r\n", -EPROTO },
        { "letters", "HTTP/1.1 1o1 x\r\n\r\n", -EPROTO },
        { "HTTP/1.0", "HTTP/1.0 101 x\r\n\r\n", -EPROTO },
        { "no HTTP", "SSH-2.0", -EPROTO },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        const uint8_t *end;
        int protocol = -1;
        size_t size = strlen(cases[i].text);
        const uint8_t *p = test_fence(cases[i].text, size, &end);
        ptrdiff_t rc = zn_upgrade_read_answer(p, size, known, RFC_KEY, &protocol);
        CHECK_EQ(rc, cases[i].want < 0 ? cases[i].want : (ptrdiff_t)size, "%s",
                 cases[i].what);
        if (rc > 0)
            CHECK_EQ(protocol, cases[i].want, "%s", cases[i].what);
    }
}

TEST(what_we_ask_and_answer_is_what_we_read)
{
    char request[512], answer[256], key[ZN_UPGRADE_KEY + 1];
    struct zn_upgrade_request r;
    int protocol;

    zn_upgrade_key(key, (const uint8_t *)"the sample nonce");
    CHECK_STR(key, RFC_KEY);
    int n = zn_upgrade_write_request(request, sizeof request, "h:1", "/p", key, known);
    CHECK_EQ(n, strlen(request));
    CHECK(strstr(request, "GET /p HTTP/1.1\r\nHost: h:1\r\n") == request);
    CHECK(strstr(request, "Sec-WebSocket-Protocol: ZWS2.0/NULL,ZWS2.0\r\n") != NULL);
    CHECK_EQ(zn_upgrade_read_request((uint8_t *)request, (size_t)n, known, &r), n);
    CHECK_EQ(r.protocol, 0);
    CHECK_STR(r.key, key);
    n = zn_upgrade_write_answer(answer, sizeof answer, r.key, known[1]);
    CHECK_EQ(zn_upgrade_read_answer((uint8_t *)answer, (size_t)n, known, key, &protocol),
             n);
    CHECK_EQ(protocol, 1);
    CHECK_EQ(zn_upgrade_write_answer(answer, 100, r.key, known[1]), -EMSGSIZE);
    CHECK_EQ(zn_upgrade_write_request(answer, 100, "h", "/", key, known), -EMSGSIZE);
}

/* ---- ZMTP there and back. */

struct run {
    uint8_t *p;
    size_t size, cap;
};

static void add(struct run *r, const void *p, size_t n)
{
    if (r->size + n > r->cap) {
        r->cap = (r->size + n) * 2;
        r->p = realloc(r->p, r->cap);
        CHECK(r->p != NULL);
    }
    if (n > 0)
        memcpy(r->p + r->size, p, n);
    r->size += n;
}

static void add_zmtp(struct run *r, uint8_t flags, size_t size)
{
    uint8_t head[ZN_FRAME_HEADER_MAX];
    add(r, head, (size_t)zn_frame_encode(head, flags, size));
    for (size_t i = 0; i < size; i++)
        add(r, &(uint8_t){ (uint8_t)(i * 3 + size) }, 1);
}

/* As websocket.c does: behind the place where ZMTP goes, as far as slack says. */
static int take(struct zn_zws_in *in, const uint8_t *p, size_t n, size_t piece,
                struct run *out)
{
    while (n > 0) {
        size_t part = ZN_MIN(piece, n), made, slack = ZN_ZWS_SLACK(part);
        uint8_t *room = malloc(part + slack), *block;
        CHECK(room != NULL);
        memcpy(room + slack, p, part);
        ptrdiff_t used = zn_zws_take(in, room + slack, part, room, &made);
        CHECK(made <= part + slack);
        add(out, room, made);
        free(room);
        struct zn_bytes whole = zn_zws_whole(in, &block);
        add(out, whole.data, whole.size);
        CHECK_EQ(block != NULL, whole.size > 0);
        free(block);
        if (used < 0)
            return (int)used;
        CHECK(used > 0 || whole.size > 0);
        p += used;
        n -= (size_t)used;
    }
    return 0;
}

static void put(struct zn_zws_out *out, const struct run *zmtp, size_t piece, size_t room,
                struct run *ws)
{
    uint8_t keys[256];
    for (size_t i = 0; i < sizeof keys; i++)
        keys[i] = (uint8_t)(i * 5 + 1);
    for (size_t at = 0; at < zmtp->size;) {
        uint8_t *frames = malloc(room);
        size_t made;
        if (out->keys_size < ZN_WS_KEY) {
            out->keys = keys;
            out->keys_size = sizeof keys;
        }
        at += zn_zws_put(out, zmtp->p + at, ZN_MIN(piece, zmtp->size - at), frames, room,
                         &made);
        CHECK(made <= room);
        add(ws, frames, made);
        free(frames);
    }
}

TEST(zmtp_survives_the_way_through_frames_in_any_cut)
{
    static const size_t sizes[] = { 0,   1,   2,   123, 124, 125,   126,   254, 255,
                                    256, 257, 300, 256, 257, 65533, 65534, 65535 };
    static const size_t pieces[] = { 1, 2, 3, 7, 64, 1000, 1 << 20 };
    struct run zmtp = { 0 };

    for (size_t i = 0; i < ZN_COUNT(sizes); i++)
        add_zmtp(&zmtp,
                 i % 3 == 1   ? ZN_FRAME_MORE
                 : i % 3 == 2 ? ZN_FRAME_COMMAND
                              : 0,
                 sizes[i]);
    for (size_t i = 0; i < ZN_COUNT(pieces) * 2; i++) {
        bool masks = i % 2;
        struct zn_zws_out out = { .masks = masks };
        struct zn_zws_in in = { .masked = masks };
        struct run ws = { 0 }, back = { 0 };
        size_t room = ZN_MAX(pieces[i / 2], (size_t)ZN_ZWS_HEAD_MAX);
        put(&out, &zmtp, pieces[i / 2], room, &ws);
        CHECK_EQ(take(&in, ws.p, ws.size, pieces[i / 2], &back), 0);
        CHECK_EQ(back.size, zmtp.size, "in pieces of %zu", pieces[i / 2]);
        CHECK_MEM(back.p, zmtp.p, zmtp.size);
        zn_zws_in_fini(&in);
        free(ws.p);
        free(back.p);
    }
    free(zmtp.p);
}

TEST(greetings_are_swallowed_and_shown)
{
    uint8_t greeting[ZN_ZWS_GREETING_MAX], out[16];
    size_t made;

    CHECK_EQ(zn_zws_greeting(greeting, "CURVE"), 64);
    CHECK_MEM(greeting,
              "\xff\0\0\0\0\0\0\0\1\x7f\3\0"
              "CURVE\0\0",
              19);
    CHECK_EQ(zn_zws_greeting(greeting, NULL), 12);
    CHECK_MEM(greeting, "\xff\0\0\0\0\0\0\0\1\x7f\1\0", 12);

    struct zn_zws_out z = { .swallow = 12 };
    CHECK_EQ(zn_zws_put(&z, greeting, 11, out, sizeof out, &made), 11);
    CHECK_EQ(made, 0);
    CHECK_EQ(zn_zws_put(&z, (const uint8_t *)"\0\0\2id", 5, out, sizeof out, &made), 5);
    CHECK_EQ(made, 5);
    CHECK_MEM(out, "\x82\3\0id", 5);
}

TEST(large_bodies_may_go_as_they_lie)
{
    struct run zmtp = { 0 };
    struct zn_zws_out z = { .direct = 100 };
    uint8_t out[400];
    size_t made;

    add_zmtp(&zmtp, 0, 99);
    add_zmtp(&zmtp, 0, 100);
    size_t used = zn_zws_put(&z, zmtp.p, zmtp.size, out, sizeof out, &made);
    CHECK_EQ(used, zmtp.size - 100);
    CHECK_EQ(made, 3 + 99 + 3);
    CHECK_EQ(z.left, 100);
    CHECK(!zn_zws_between(&z));
    zn_zws_sent(&z, 100);
    CHECK(zn_zws_between(&z));
    free(zmtp.p);
}

#define TAKE(in, literal, out) \
    take(in, (const uint8_t *)(literal), sizeof(literal) - 1, piece, out)

/* A message in fragments, with others' business in between. */
TEST(fragments_are_put_together)
{
    for (size_t piece = 1; piece < 40; piece++) {
        struct zn_zws_in in = { .limit = 100 };
        struct run out = { 0 };
        CHECK_EQ(TAKE(&in,
                      "\x02\1\1"
                      "\x89\2hi"
                      "\x00\0"
                      "\x00\2ab"
                      "\x8a\0"
                      "\x80\1c"
                      "\x82\3\0de",
                      &out),
                 0);
        CHECK_EQ(out.size, 9);
        CHECK_MEM(out.p, "\1\3abc\0\2de", 9);
        CHECK(in.heard);
        CHECK_EQ(in.reply_opcode, ZN_WS_PONG);
        CHECK_EQ(in.reply_size, 2);
        CHECK_MEM(in.reply, "hi", 2);
        zn_zws_in_fini(&in);
        free(out.p);
    }
}

TEST(close_is_answered_and_ends_it)
{
    for (size_t piece = 1; piece < 20; piece++) {
        struct zn_zws_in in = { .limit = 100 };
        struct run out = { 0 };
        CHECK_EQ(TAKE(&in,
                      "\x82\2\0a"
                      "\x88\5\x03\xe8"
                      "bye"
                      "\x82\2\0b",
                      &out),
                 0);
        CHECK(in.closed);
        CHECK_EQ(in.reply_opcode, ZN_WS_CLOSE);
        CHECK_EQ(in.reply_size, 5);
        CHECK_MEM(in.reply,
                  "\x03\xe8"
                  "bye",
                  5);
        CHECK_EQ(out.size, 3);
        free(out.p);
    }
}

TEST(what_breaks_the_rules_is_refused_after_what_kept_them)
{
    static const struct {
        const char *what, *in;
        size_t size;
        int want;
    } cases[] = {
        { "text", "\x81\2\0a", 4, -EPROTO },
        { "no flags", "\x82\0", 2, -EPROTO },
        { "masked, from a server",
          "\x82\x82"
          "abcd"
          "\0a",
          8, -EPROTO },
        { "a continuation of nothing", "\x80\1a", 3, -EPROTO },
        { "a message within fragments",
          "\x02\1a"
          "\x82\2\0a",
          7, -EPROTO },
        { "fragments of nothing",
          "\x02\0"
          "\x80\0",
          4, -EPROTO },
        { "half a status", "\x88\1x", 3, -EPROTO },
        { "status 999", "\x88\2\x03\xe7", 4, -EPROTO },
        { "status 1005", "\x88\2\x03\xed", 4, -EPROTO },
        { "status 1006", "\x88\2\x03\xee", 4, -EPROTO },
        { "status 1015", "\x88\2\x03\xf7", 4, -EPROTO },
        { "status 5000", "\x88\2\x13\x88", 4, -EPROTO },
        { "fragments beyond the limit",
          "\x02\5abcde"
          "\x00\4fghi"
          "\x00\2",
          15, -EMSGSIZE },
        { "a fragment beyond the limit", "\x02\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10,
          -EMSGSIZE },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        for (size_t piece = 1; piece < 20; piece++) {
            struct zn_zws_in in = { .limit = 10 };
            struct run out = { 0 };
            char text[32] = "\x82\3\1ok";
            memcpy(text + 5, cases[i].in, cases[i].size);
            CHECK_EQ(take(&in, (uint8_t *)text, 5 + cases[i].size, piece, &out),
                     cases[i].want, "%s", cases[i].what);
            CHECK_EQ(out.size, 4, "%s", cases[i].what);
            CHECK_MEM(out.p, "\1\2ok", 4);
            zn_zws_in_fini(&in);
            free(out.p);
        }
}

/* What is read straight to its place is unmasked there. */
TEST(bodies_may_be_read_where_they_belong)
{
    struct zn_zws_in in = { .masked = true };
    uint8_t out[32], rest[] = { 'c' ^ 3, 'd' ^ 4, 'e' ^ 1 };
    size_t made;

    CHECK_EQ(zn_zws_body_left(&in), 0);
    CHECK_EQ(zn_zws_take(&in, (const uint8_t *)"\x82\x85\1\2\3\4\1", 7, out, &made), 7);
    CHECK_EQ(made, 2);
    CHECK_EQ(zn_zws_body_left(&in), 4);
    CHECK_EQ(zn_zws_take(&in, &(uint8_t){ 'b' ^ 2 }, 1, out, &made), 1);
    CHECK_EQ(zn_zws_body_left(&in), 3);
    zn_zws_body_came(&in, rest, 3);
    CHECK_MEM(rest, "cde", 3);
    CHECK_EQ(zn_zws_body_left(&in), 0);
    CHECK(!in.inside);
}
