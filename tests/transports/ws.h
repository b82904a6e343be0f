/* ws.h - a WebSocket peer made of a bare socket, either side of it, and certificates for wss.
 *
 * All reads are bounded by PATIENCE and end the test when they fail. */
#ifndef TESTS_TRANSPORTS_WS_H
#define TESTS_TRANSPORTS_WS_H

#include "tests/api/raw.h"
#include "tests/api/security.h"

enum { CONTINUATION, TEXT, BINARY, CLOSE = 8, PING, PONG };
enum { FIN = 0x80 };

#define SAMPLE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define SAMPLE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define READY(type) "\2\5READY\13Socket-Type\0\0\0" type "\10Identity\0\0\0\0"

struct ws_peer {
    int fd;
    bool client;                         /* so it masks */
};

/* Reads an HTTP text up to its empty line. */
static inline void ws_text(int fd, char *text, size_t size)
{
    size_t at = 0;

    do {
        CHECK(at < size - 1);
        raw_recv(fd, text + at, 1);
        text[++at] = '\0';
    } while (at < 4 || strcmp(text + at - 4, "\r\n\r\n") != 0);
}

static inline void ws_request(int fd, const char *protocol)
{
    char text[512];
    int n = snprintf(text, sizeof text,
                     "GET /any/path?x=1 HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: " SAMPLE_KEY "\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
                     protocol);
    raw_send(fd, text, (size_t)n);
}

/* A client of the library's server, upgraded. */
static inline struct ws_peer ws_client(const char *endpoint, const char *protocol)
{
    struct ws_peer p = { raw_connect(endpoint), true };
    char text[512], want[512];

    ws_request(p.fd, protocol);
    ws_text(p.fd, text, sizeof text);
    snprintf(want, sizeof want,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Accept: " SAMPLE_ACCEPT "\r\n"
             "Sec-WebSocket-Protocol: %s\r\n\r\n",
             protocol);
    CHECK_STR(text, want);
    return p;
}

/* What a key is answered with: the library's own arithmetic, which websocket_test holds to the
 * RFC's example. */
void zn_upgrade_accept(char accept[29], const char *key);

/* A server for the library's client: accepts, reads the request, answers. */
static inline struct ws_peer ws_server(int listener, const char *protocol)
{
    struct ws_peer p = { raw_accept(listener), false };
    char text[2048], answer[512], accept[29];

    ws_text(p.fd, text, sizeof text);
    char *key = strstr(text, "Sec-WebSocket-Key: ");
    CHECK(key != NULL);
    zn_upgrade_accept(accept, key + 19);
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                     "Sec-WebSocket-Protocol: %s\r\n\r\n",
                     accept, protocol);
    raw_send(p.fd, answer, (size_t)n);
    return p;
}

/* ---- Frames. */

static inline void ws_send(const struct ws_peer *p, int first, const void *data,
                           size_t len)
{
    unsigned char *frame = malloc(len + 14), *at = frame + 2;
    static const unsigned char key[] = { 0x37, 0xfa, 0x21, 0x3d };

    CHECK(frame != NULL);
    frame[0] = (unsigned char)first;
    frame[1] = len < 126 ? (unsigned char)len : len < 65536 ? 126 : 127;
    if (len >= 126) {
        int wide = len < 65536 ? 2 : 8;
        put_be(at, len, wide);
        at += wide;
    }
    if (p->client) {
        frame[1] |= 0x80;
        memcpy(at, key, 4);
        at += 4;
    }
    for (size_t i = 0; i < len; i++)
        *at++ = ((const unsigned char *)data)[i] ^ (p->client ? key[i % 4] : 0);
    raw_send(p->fd, frame, (size_t)(at - frame));
    free(frame);
}

#define WS_SEND(p, first, literal) ws_send(p, first, literal, sizeof(literal) - 1)
#define WS_SAY(p, literal) WS_SEND(p, FIN | BINARY, literal)

/* One whole frame; its first byte to *first. Returns the payload's length. */
static inline size_t ws_recv(const struct ws_peer *p, int *first, void *data, size_t size)
{
    unsigned char head[8], key[4] = { 0 };

    raw_recv(p->fd, head, 2);
    *first = head[0];
    CHECK_EQ(head[1] >> 7, !p->client, "masked");
    size_t len = head[1] & 127;
    if (len >= 126) {
        int wide = len == 126 ? 2 : 8;
        raw_recv(p->fd, head, (size_t)wide);
        len = (size_t)get_be(head, wide);
    }
    if (!p->client)
        raw_recv(p->fd, key, 4);
    CHECK(len <= size, "%zu bytes", len);
    raw_recv(p->fd, data, len);
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)data)[i] ^= key[i % 4];
    return len;
}

static inline void ws_expect(const struct ws_peer *p, int first, const void *data,
                             size_t len)
{
    char got[2048];
    int got_first;

    CHECK_EQ(ws_recv(p, &got_first, got, sizeof got), len, "length");
    CHECK_EQ(got_first, first, "first byte");
    CHECK_MEM(got, data, len);
}

#define WS_EXPECT(p, first, literal) ws_expect(p, first, literal, sizeof(literal) - 1)
#define WS_HEAR(p, literal) WS_EXPECT(p, FIN | BINARY, literal)

/* Reads until a frame whose first byte is this. */
static inline void ws_await(const struct ws_peer *p, int first)
{
    char got[2048];
    int got_first;

    do
        ws_recv(p, &got_first, got, sizeof got);
    while (got_first != first);
}

#endif
