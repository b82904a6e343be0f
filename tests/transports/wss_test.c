/* wss_test.c - wss://: who is believed and who is not; and messages of every size, over ws and
 * wss, with each mechanism inside. */
#include "tests/transports/ws.h"

#ifdef ZN_HAVE_GNUTLS
#include "tests/transports/certificate.h"

static const char *const here[] = { "localhost", "127.0.0.1", NULL };

/* An authority, and a server that it knows. */
struct house {
    struct certificate authority, server;
};

static void open_house(struct house *h)
{
    make_certificate(&h->authority, NULL, NULL, 3600);
    make_certificate(&h->server, &h->authority, here, 3600);
}

static void close_house(struct house *h)
{
    free_certificate(&h->server);
    free_certificate(&h->authority);
}

static void show(void *server, const struct certificate *c)
{
    set_text(server, ZMQ_WSS_CERT_PEM, c->cert_pem);
    set_text(server, ZMQ_WSS_KEY_PEM, c->key_pem);
}

static void trust(void *client, const struct certificate *c)
{
    set_text(client, ZMQ_WSS_TRUST_PEM, c->cert_pem);
}

/* ---- What goes through. */

static void echo(struct couple *c, size_t size)
{
    char *bytes = malloc(size + 1), *got = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 + size);
    for (int back = 0; back < 2; back++) {
        void *from = back ? c->server : c->client, *to = back ? c->client : c->server;
        CHECK_EQ(zmq_send(from, bytes, size, ZMQ_SNDMORE), size);
        CHECK_EQ(zmq_send(from, "behind", 6, 0), 6);
        CHECK_EQ(zmq_recv(to, got, size + 1, 0), size);
        CHECK_MEM(got, bytes, size);
        expect_text(to, "behind");
    }
    free(bytes);
    free(got);
}

static void echo_all(const char *transport, const struct house *h, int mechanism)
{
    static const size_t sizes[] = { 0,     1,     123,   124,   125,    126,     254,
                                    255,   256,   257,   4095,  4096,   8191,    8192,
                                    16383, 16384, 65534, 65535, 131072, 3000000 };
    struct couple c = open_couple(ZMQ_PAIR, ZMQ_PAIR);
    char address[64];

    if (h != NULL) {
        show(c.server, &h->server);
        trust(c.client, &h->authority);
    }
    secure(mechanism, c.server, c.client);
    void *zap = mechanism == ZMQ_PLAIN ? open_zap(c.ctx) : NULL;
    snprintf(address, sizeof address, "%s://127.0.0.1:*", transport);
    join_couple(&c, address);
    if (zap != NULL)
        answer(zap, "200");
    EXPECT_UP(c.on_server, transport);
    for (size_t i = 0; i < ZN_COUNT(sizes); i++)
        echo(&c, sizes[i]);
    if (zap != NULL)
        close_socket(zap);
    close_couple(&c);
}

TEST(every_size_goes_through_with_every_mechanism)
{
    struct house h;

    open_house(&h);
    for (int mechanism = ZMQ_NULL; mechanism <= ZMQ_CURVE; mechanism++) {
        if (!has_mechanism(mechanism))
            continue;
        echo_all("ws", NULL, mechanism);
        echo_all("wss", &h, mechanism);
    }
    close_house(&h);
}

/* Neither kernel has room for all of it, and the receiver takes one message at a time. */
static void fill_and_empty(void *from, void *to)
{
    enum { COUNT = 400, MOST = 60000 };
    static uint8_t bytes[MOST], got[MOST + 1];

    for (int i = 0; i < COUNT; i++) {
        size_t size = 1 + (size_t)i * 7919 % MOST;
        memset(bytes, i, size);
        CHECK_EQ(zmq_send(from, bytes, size, 0), size);
    }
    for (int i = 0; i < COUNT; i++) {
        size_t size = 1 + (size_t)i * 7919 % MOST;
        memset(bytes, i, size);
        CHECK_EQ(zmq_recv(to, got, sizeof got, 0), size);
        CHECK_MEM(got, bytes, size);
    }
}

TEST(what_a_slow_peer_leaves_waiting_comes_whole)
{
    static const char *const transports[] = { "ws://127.0.0.1:*", "wss://127.0.0.1:*" };
    struct house h;

    open_house(&h);
    for (size_t i = 0; i < ZN_COUNT(transports); i++) {
        struct couple c = open_couple(ZMQ_PAIR, ZMQ_PAIR);
        void *const both[] = { c.server, c.client };
        for (size_t k = 0; k < ZN_COUNT(both); k++) {
            test_set_int(both[k], ZMQ_RCVHWM, 1);
            test_set_int(both[k], ZMQ_SNDBUF, 70000);
            test_set_int(both[k], ZMQ_RCVBUF, 50000);
        }
        show(c.server, &h.server);
        trust(c.client, &h.authority);
        join_couple(&c, transports[i]);
        for (int again = 0; again < 2; again++) {
            fill_and_empty(c.client, c.server);
            fill_and_empty(c.server, c.client);
        }
        close_couple(&c);
    }
    close_house(&h);
}

TEST(many_small_and_large_messages_keep_their_order)
{
    struct house h;
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    enum { COUNT = 20000, LARGE = 200000 };
    static char large[LARGE];

    open_house(&h);
    show(c.server, &h.server);
    trust(c.client, &h.authority);
    join_couple(&c, "wss://127.0.0.1:*");
    for (int sent = 0, got = 0; got < COUNT;) {
        if (sent < COUNT) {
            memcpy(large, &sent, sizeof sent);
            size_t size = sent % 1000 == 999 ? LARGE : sizeof sent;
            if (zmq_send(c.client, large, size, ZMQ_DONTWAIT) >= 0) {
                sent++;
                continue;
            }
            CHECK_EQ(errno, EAGAIN);
        }
        if (got == sent) {               /* all there, but the sender has not noticed yet */
            zmq_pollitem_t item = { .socket = c.client, .events = ZMQ_POLLOUT };
            CHECK_EQ(zmq_poll(&item, 1, -1), 1);
            continue;
        }
        int number = -1, n = zmq_recv(c.server, &number, sizeof number, 0);
        CHECK_EQ(n, got % 1000 == 999 ? LARGE : (int)sizeof number);
        CHECK_EQ(number, got);
        got++;
    }
    close_house(&h);
    close_couple(&c);
}

TEST(names_of_wss_are_its_own)
{
    struct house h;
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);

    open_house(&h);
    show(c.server, &h.server);
    trust(c.client, &h.authority);
    join_couple(&c, "wss://127.0.0.1:*/path");
    CHECK(strncmp(c.endpoint, "wss://127.0.0.1:", 16) == 0, "%s", c.endpoint);
    CHECK_STR(strchr(c.endpoint + 6, '/'), "/path");
    send_text(c.client, "hello");
    zmq_msg_t m;
    CHECK_OK(zmq_msg_init(&m));
    CHECK_EQ(zmq_msg_recv(&m, c.server, 0), 5);
    CHECK_STR(zmq_msg_gets(&m, "Peer-Address"), "127.0.0.1");
    CHECK_STR(zmq_msg_gets(&m, "Socket-Type"), "PUSH");
    CHECK_OK(zmq_msg_close(&m));
    CHECK_OK(zmq_disconnect(c.client, c.endpoint));
    CHECK_OK(zmq_unbind(c.server, c.endpoint));
    close_house(&h);
    close_couple(&c);
}

/* ---- Who is believed. */

enum { GOOD, BAD };

static void meet(const struct certificate *shown, const struct certificate *trusted,
                 const char *hostname, const char *connect, int want, const char *what)
{
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    char endpoint[2 * ENDPOINT_MAX];

    show(c.server, shown);
    if (trusted != NULL)
        trust(c.client, trusted);
    if (hostname != NULL)
        set_text(c.client, ZMQ_WSS_HOSTNAME, hostname);
    bind_to(c.server, "wss://127.0.0.1:*", c.endpoint);
    snprintf(endpoint, sizeof endpoint, "wss://%s%s", connect, strrchr(c.endpoint, ':'));
    connect_to(c.client, endpoint);
    if (want == GOOD) {
        EXPECT_UP(c.on_client, what);
        send_text(c.client, "hello");
        expect_text(c.server, "hello");
    } else {
        expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                       ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, what);
        EXPECT_LOST(c.on_client, what);
        EXPECT_LOST(
            (wait_event(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL), c.on_server),
            what);
    }
    close_couple(&c);
}

TEST(certificates_are_verified_and_so_are_names)
{
    static const char *const there[] = { "elsewhere.test", NULL };
    struct house h, other;
    struct certificate elsewhere, expired, own;

    open_house(&h);
    open_house(&other);
    make_certificate(&elsewhere, &h.authority, there, 3600);
    make_certificate(&expired, &h.authority, here, -3600);
    make_certificate(&own, NULL, here, 3600);

    meet(&h.server, &h.authority, NULL, "127.0.0.1", GOOD, "by address");
    meet(&h.server, &h.authority, NULL, "localhost", GOOD, "by name");
    meet(&elsewhere, &h.authority, "elsewhere.test", "127.0.0.1", GOOD, "by option");
    meet(&own, &own, NULL, "127.0.0.1", GOOD, "its own authority");

    meet(&elsewhere, &h.authority, NULL, "127.0.0.1", BAD, "another's address");
    meet(&elsewhere, &h.authority, NULL, "localhost", BAD, "another's name");
    meet(&h.server, &h.authority, "elsewhere.test", "localhost", BAD,
         "not the one meant");
    meet(&h.server, &other.authority, NULL, "127.0.0.1", BAD, "an unknown authority");
    meet(&h.server, NULL, NULL, "127.0.0.1", BAD, "nobody is trusted");
    meet(&own, &h.authority, NULL, "127.0.0.1", BAD, "signed by itself");
    meet(&expired, &h.authority, NULL, "127.0.0.1", BAD, "expired");

    free_certificate(&own);
    free_certificate(&expired);
    free_certificate(&elsewhere);
    close_house(&other);
    close_house(&h);
}

TEST(the_systems_authorities_are_trusted_if_asked_for)
{
    struct house h;
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);

    open_house(&h);
    show(c.server, &h.server);
    test_set_int(c.client, ZMQ_WSS_TRUST_SYSTEM, 1);
    bind_to(c.server, "wss://127.0.0.1:*", c.endpoint);
    if (zmq_connect(c.client, c.endpoint) < 0)
        CHECK_EQ(errno, EINVAL, "a system that has none");
    else
        expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                       ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, "ours is none of them");
    close_house(&h);
    close_couple(&c);
}

TEST(what_is_no_certificate_is_einval)
{
    struct house h;
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PAIR);

    open_house(&h);
    REFUSED(zmq_bind(s, "wss://127.0.0.1:*"), EINVAL, "none");
    set_text(s, ZMQ_WSS_CERT_PEM, h.server.cert_pem);
    REFUSED(zmq_bind(s, "wss://127.0.0.1:*"), EINVAL, "no key");
    set_text(s, ZMQ_WSS_KEY_PEM, "no key");
    REFUSED(zmq_bind(s, "wss://127.0.0.1:*"), EINVAL, "no key, but text");
    set_text(s, ZMQ_WSS_KEY_PEM, h.authority.key_pem);
    REFUSED(zmq_bind(s, "wss://127.0.0.1:*"), EINVAL, "another's key");
    set_text(s, ZMQ_WSS_KEY_PEM, h.server.key_pem);
    CHECK_OK(zmq_bind(s, "wss://127.0.0.1:*"));
    set_text(s, ZMQ_WSS_TRUST_PEM, "no certificate");
    REFUSED(zmq_connect(s, "wss://127.0.0.1:9"), EINVAL, "no authority");
    CHECK_OK(zmq_setsockopt(s, ZMQ_WSS_TRUST_PEM, NULL, 0));
    CHECK_OK(zmq_connect(s, "wss://127.0.0.1:9"));
    char value[4096];
    size_t size = sizeof value;
    REFUSED(zmq_getsockopt(s, ZMQ_WSS_KEY_PEM, value, &size), EINVAL, "it stays inside");
    close_house(&h);
    close_socket(s);
    end_ctx(ctx);
}

/* ---- Who speaks something else. */

TEST(peers_without_tls_are_let_go)
{
    struct house h;
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);

    open_house(&h);
    show(c.server, &h.server);
    bind_to(c.server, "wss://127.0.0.1:*", c.endpoint);
    int fd = raw_connect(c.endpoint);
    ws_request(fd, "ZWS2.0");
    raw_expect_close(fd, "no TLS");
    expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                   ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, "no TLS");
    EXPECT_LOST(c.on_server, "no TLS");
    close(fd);

    memmove(c.endpoint + 2, c.endpoint + 3, strlen(c.endpoint + 2));
    CHECK(strncmp(c.endpoint, "ws://", 5) == 0, "%s", c.endpoint);
    connect_to(c.client, c.endpoint);    /* ws to wss */
    EXPECT_LOST(
        (wait_event(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL), c.on_server),
        "ws");
    close_house(&h);
    close_couple(&c);
}

TEST(silent_tls_peers_are_let_go)
{
    struct house h;
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);

    open_house(&h);
    show(c.server, &h.server);
    test_set_int(c.server, ZMQ_HANDSHAKE_IVL, 100);
    bind_to(c.server, "wss://127.0.0.1:*", c.endpoint);
    int fd = raw_connect(c.endpoint);
    raw_expect_close(fd, "silent");
    expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EAGAIN, "silent");
    close(fd);
    close_house(&h);
    close_couple(&c);
}

TEST(a_server_that_comes_back_is_found_again)
{
    struct house h;
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);

    open_house(&h);
    show(c.server, &h.server);
    trust(c.client, &h.authority);
    test_set_int(c.client, ZMQ_RECONNECT_IVL, 10);
    join_couple(&c, "wss://127.0.0.1:*");
    for (int i = 0; i < 3; i++) {
        EXPECT_UP(c.on_client, "again");
        send_text(c.client, "hello");
        expect_text(c.server, "hello");
        CHECK_OK(zmq_unbind(c.server, c.endpoint));
        EXPECT_LOST(c.on_client, "unbound");
        CHECK_OK(zmq_bind(c.server, c.endpoint));
    }
    close_house(&h);
    close_couple(&c);
}

/* What other servers send besides: their tickets, as many as OpenSSL's. */
static gnutls_session_t accept_tls(int fd, const struct certificate *c,
                                   gnutls_certificate_credentials_t cred)
{
    gnutls_session_t t;
    gnutls_datum_t key, crt_pem = { (unsigned char *)(uintptr_t)c->cert_pem,
                                    (unsigned)strlen(c->cert_pem) };
    gnutls_datum_t key_pem = { (unsigned char *)(uintptr_t)c->key_pem,
                               (unsigned)strlen(c->key_pem) };

    TLS_OK(gnutls_certificate_set_x509_key_mem(cred, &crt_pem, &key_pem,
                                               GNUTLS_X509_FMT_PEM));
    TLS_OK(gnutls_init(&t, GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET));
    TLS_OK(gnutls_set_default_priority(t));
    TLS_OK(gnutls_credentials_set(t, GNUTLS_CRD_CERTIFICATE, cred));
    TLS_OK(gnutls_session_ticket_key_generate(&key));
    TLS_OK(gnutls_session_ticket_enable_server(t, &key));
    gnutls_free(key.data);
    gnutls_transport_set_int(t, fd);
    TLS_OK(gnutls_handshake(t));
    TLS_OK(gnutls_session_ticket_send(t, 2, 0));
    return t;
}

TEST(tickets_are_read_past)
{
    struct house h;
    struct couple c = open_couple(ZMQ_PULL, ZMQ_DEALER);
    gnutls_certificate_credentials_t cred;
    char endpoint[ENDPOINT_MAX], wss[ENDPOINT_MAX + 8], text[2048], accept[29];
    size_t at = 0;

    open_house(&h);
    trust(c.client, &h.authority);
    TLS_OK(gnutls_certificate_allocate_credentials(&cred));
    int listener = raw_listen(endpoint);
    snprintf(wss, sizeof wss, "wss%s/", endpoint + 3);
    connect_to(c.client, wss);
    int fd = raw_accept(listener);
    gnutls_session_t t = accept_tls(fd, &h.server, cred);

    do {
        CHECK_EQ(gnutls_record_recv(t, text + at, 1), 1);
        text[++at] = '\0';
        CHECK(at < sizeof text - 1);
    } while (at < 4 || strcmp(text + at - 4, "\r\n\r\n") != 0);
    char *key = strstr(text, "Sec-WebSocket-Key: ");
    CHECK(key != NULL);
    zn_upgrade_accept(accept, key + 19);
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                     "Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n",
                     accept);
    CHECK_EQ(gnutls_record_send(t, text, (size_t)n), n);
    CHECK(gnutls_record_recv(t, text, sizeof text) > 0);          /* READY, in a frame */

    gnutls_deinit(t);
    gnutls_certificate_free_credentials(cred);
    close(fd);
    close(listener);
    close_house(&h);
    close_couple(&c);
}

#else

TEST(wss_is_unknown_where_it_is_not_built)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PAIR);

    REFUSED(zmq_bind(s, "wss://127.0.0.1:*"), EPROTONOSUPPORT, "bind");
    REFUSED(zmq_connect(s, "wss://127.0.0.1:9"), EPROTONOSUPPORT, "connect");
    REFUSED(zmq_setsockopt(s, ZMQ_WSS_HOSTNAME, "here", 4), EINVAL, "option");
    CHECK_EQ(zmq_has("WSS"), 0);
    close_socket(s);
    end_ctx(ctx);
}

#endif
