/* transports/tls.c - see tls.h.
 *
 * Certificates and keys are parsed once for all connections with the same ones that there are
 * at a time.
 *
 * Out: a single record is written as GnuTLS makes it; several are gathered in `unsent` and
 * written together. What has been taken and the kernel has not stays there, or with GnuTLS if it
 * is one record, until flush passes it on.
 *
 * In: GnuTLS asks for a record's header, then for its body. Both, and the records behind them,
 * come with one read to `in`, which lives until it has been used up. */
#include "transports/tls.h"

#ifdef ZN_HAVE_GNUTLS

#include <gnutls/gnutls.h>

#include "base/list.h"
#include "base/wipe.h"
#include "core/unsent.h"
#include "wire/handshake.h"

/* ---- Identities. */

struct identity {
    struct zn_list link;
    int refs;
    bool server;
    int trust_system;
    struct zn_blob key, cert, trust;
    gnutls_certificate_credentials_t credentials;
};

static struct zn_lock identities_lock;   /* guards the list, and refs */
static struct zn_list identities = { &identities, &identities };

static bool same(const struct zn_blob *a, const struct zn_blob *b)
{
    return zn_bytes_equal((struct zn_bytes){ a->data, a->size },
                          (struct zn_bytes){ b->data, b->size });
}

static bool suits(const struct identity *id, const struct zn_options *o, bool server)
{
    if (id->server != server)
        return false;
    return server ? same(&id->key, &o->wss_key_pem) && same(&id->cert, &o->wss_cert_pem)
                  : same(&id->trust, &o->wss_trust_pem) &&
                        id->trust_system == o->wss_trust_system;
}

static gnutls_datum_t datum(const struct zn_blob *b)
{
    return (gnutls_datum_t){ b->data, (unsigned)b->size };
}

/* What a library call that parses came to. */
static int result_of(int rc)
{
    return rc >= 0 ? 0 : rc == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

static int load_server(struct identity *id)
{
    gnutls_datum_t cert = datum(&id->cert), key = datum(&id->key);
    if (cert.size == 0 || key.size == 0)
        return -EINVAL;
    return result_of(gnutls_certificate_set_x509_key_mem(id->credentials, &cert, &key,
                                                         GNUTLS_X509_FMT_PEM));
}

static int load_client(struct identity *id)
{
    int rc = 0;
    if (id->trust.size > 0) {
        gnutls_datum_t trust = datum(&id->trust);
        rc = gnutls_certificate_set_x509_trust_mem(id->credentials, &trust,
                                                   GNUTLS_X509_FMT_PEM);
        if (rc == 0)
            rc = -EINVAL;                /* a text with no certificate in it */
    }
    if (rc >= 0 && id->trust_system)
        rc = gnutls_certificate_set_x509_system_trust(id->credentials);
    return result_of(rc);
}

static void identity_free(struct identity *id)
{
    if (id->credentials != NULL)
        gnutls_certificate_free_credentials(id->credentials);
    zn_blob_fini(&id->key);
    zn_blob_fini(&id->cert);
    zn_blob_fini(&id->trust);
    zn_free(id);
}

static int copy_blob(struct zn_blob *to, const struct zn_blob *from, bool wanted)
{
    return wanted ? zn_blob_set(to, from->data, from->size) : 0;
}

static int identity_new(const struct zn_options *o, bool server, struct identity **out)
{
    struct identity *id = zn_zalloc(sizeof *id);
    if (id == NULL)
        return -ENOMEM;
    id->refs = 1;
    id->server = server;
    id->trust_system = o->wss_trust_system;
    int rc = copy_blob(&id->key, &o->wss_key_pem, server);
    if (rc == 0)
        rc = copy_blob(&id->cert, &o->wss_cert_pem, server);
    if (rc == 0)
        rc = copy_blob(&id->trust, &o->wss_trust_pem, !server);
    if (rc == 0)
        rc = result_of(gnutls_certificate_allocate_credentials(&id->credentials));
    if (rc == 0)
        rc = server ? load_server(id) : load_client(id);
    if (rc < 0) {
        identity_free(id);
        return rc;
    }
    *out = id;
    return 0;
}

static struct identity *find_locked(const struct zn_options *o, bool server)
{
    ZN_LIST_EACH (it, &identities) {
        struct identity *id = ZN_CONTAINER(it, struct identity, link);
        if (suits(id, o, server)) {
            id->refs++;
            return id;
        }
    }
    return NULL;
}

static int identity_hold(const struct zn_options *o, bool server, struct identity **out)
{
    zn_lock(&identities_lock);
    *out = find_locked(o, server);
    zn_unlock(&identities_lock);
    if (*out != NULL)
        return 0;
    int rc = identity_new(o, server, out);
    if (rc < 0)
        return rc;
    zn_lock(&identities_lock);
    zn_list_append(&identities, &(*out)->link);
    zn_unlock(&identities_lock);
    return 0;
}

static void identity_drop(struct identity *id)
{
    zn_lock(&identities_lock);
    bool last = --id->refs == 0;
    if (last)
        zn_list_remove(&id->link);
    zn_unlock(&identities_lock);
    if (last)
        identity_free(id);
}

int zn_tls_check(const struct zn_options *o, bool accepted)
{
    struct identity *id;
    int rc = identity_hold(o, accepted, &id);
    if (rc == 0)
        identity_drop(id);
    return rc;
}

/* ---- The descriptor beneath. */

enum { IN = 32 * 1024, RECORD_MAX = 18 * 1024 + 5, IDLE_MAX = 1000 };

struct tls {
    struct zn_stream stream;
    struct identity *identity;
    gnutls_session_t session;
    int fd;                              /* during a call */
    int io_error;                        /* -errno with which the descriptor failed */
    int failure;                         /* -errno for good, of whatever is asked next */
    bool opened;
    bool pending;                        /* GnuTLS holds part of a record */
    bool gathers;                        /* records, in unsent */
    bool dry;                            /* the descriptor has no more bytes for now */
    uint16_t idle;                       /* records in a row that held nothing for us */
    struct zn_unsent unsent;
    uint8_t *in;                         /* IN bytes, while one reads or some are left; or NULL */
    size_t in_size, in_at;
    char host[256];
};

static struct tls *of(struct zn_stream *st)
{
    return ZN_CONTAINER(st, struct tls, stream);
}

static ssize_t moved(struct tls *t, ptrdiff_t n)
{
    if (n >= 0)
        return (ssize_t)n;
    if (n != -EAGAIN)
        t->io_error = (int)n;
    gnutls_transport_set_errno(t->session, (int)-n);
    return -1;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t size)
{
    struct tls *t = ptr;
    if (t->gathers && zn_unsent_append(&t->unsent, data, size))
        return (ssize_t)size;
    int rc = zn_unsent_push(&t->unsent, NULL, t->fd);
    struct zn_iov iov = { (void *)(uintptr_t)data, size };
    return moved(t, rc < 0 ? rc : zn_sock_writev(t->fd, &iov, 1));
}

/* Reads into `in`, which is empty. */
static ptrdiff_t pull_in(struct tls *t)
{
    struct zn_iov iov = { t->in, IN };
    ptrdiff_t n = zn_sock_readv(t->fd, &iov, 1);
    t->in_at = 0;
    t->in_size = n > 0 ? (size_t)n : 0;
    return n;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t size)
{
    struct tls *t = ptr;
    struct zn_iov iov = { data, size };
    ptrdiff_t n = 1;
    if (t->in == NULL)
        n = zn_sock_readv(t->fd, &iov, 1);
    else if (t->in_at == t->in_size)
        n = pull_in(t);
    t->dry = n == -EAGAIN;
    if (t->in == NULL || n <= 0)
        return moved(t, n);
    size = ZN_MIN(size, t->in_size - t->in_at);
    memcpy(data, t->in + t->in_at, size);
    t->in_at += size;
    return (ssize_t)size;
}

/* What ended the session. A certificate that does not hold, or bytes that are no TLS, will not
 * do so the next time either; what the peer says may change. */
static int fatal_error(struct tls *t, int rc)
{
    switch (rc) {
    case GNUTLS_E_PUSH_ERROR:
    case GNUTLS_E_PULL_ERROR:
        return t->io_error != 0 ? t->io_error : -ECONNRESET;
    case GNUTLS_E_PREMATURE_TERMINATION:
        return -EPIPE;
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        return -ECONNABORTED;
    case GNUTLS_E_MEMORY_ERROR:
        return -ENOMEM;
    default:
        t->stream.error = ZN_ERROR_CRYPTOGRAPHIC;
        return -EPROTO;
    }
}

/* 0: it is to be tried once more at once; else -errno. Whatever is asked of GnuTLS after an
 * error is another one: the first counts. */
static int error_of(struct tls *t, int rc)
{
    if (t->failure == 0 && rc == GNUTLS_E_AGAIN)
        return -EAGAIN;
    if (t->failure == 0 && gnutls_error_is_fatal(rc))
        t->failure = fatal_error(t, rc);
    return t->failure;
}

/* ---- The stream. */

static int tls_open(struct zn_stream *st, int fd)
{
    struct tls *t = of(st);
    t->fd = fd;
    for (;;) {
        int rc = gnutls_handshake(t->session);
        if (rc == GNUTLS_E_SUCCESS) {
            t->opened = true;
            return 1;
        }
        int error = error_of(t, rc);
        if (error == -EAGAIN)
            return 0;
        if (error == -EPROTO)
            (void)gnutls_alert_send_appropriate(t->session, rc);
        if (error < 0)
            return error;
    }
}

static int tls_flush(struct zn_stream *st, int fd)
{
    struct tls *t = of(st);
    t->fd = fd;
    int rc = zn_unsent_push(&t->unsent, NULL, fd);
    if (rc < 0)
        return rc;
    while (t->pending) {
        ssize_t sent = gnutls_record_send(t->session, NULL, 0);
        int error = sent < 0 ? error_of(t, (int)sent) : 0;
        if (error < 0)
            return error;
        t->pending = sent < 0;
    }
    return 0;
}

/* One record. How many bytes were taken, or -errno. */
static ptrdiff_t send_record(struct tls *t, const void *data, size_t size)
{
    for (;;) {
        ssize_t rc = gnutls_record_send(t->session, data, size);
        if (rc >= 0)
            return rc;
        int error = error_of(t, (int)rc);
        if (error == -EAGAIN) {
            t->pending = true;
            return (ptrdiff_t)ZN_MIN(size, gnutls_record_get_max_size(t->session));
        }
        if (error < 0)
            return error;
    }
}

/* As many as may be held. How many bytes were taken, or -errno. */
static ptrdiff_t send_records(struct tls *t, const struct zn_iov *iov, int count)
{
    ptrdiff_t total = 0;
    for (int i = 0; i < count; i++)
        for (size_t at = 0; at < iov[i].size;) {
            if (t->pending || (t->gathers && zn_unsent_room(&t->unsent) < RECORD_MAX))
                return total;
            ptrdiff_t n = send_record(t, (uint8_t *)iov[i].data + at, iov[i].size - at);
            if (n < 0)
                return total > 0 ? total : n;
            total += n;
            at += (size_t)n;
        }
    return total;
}

static bool makes_several(const struct tls *t, const struct zn_iov *iov, int count)
{
    return count > 1 || iov->size > gnutls_record_get_max_size(t->session);
}

static ptrdiff_t tls_writev(struct zn_stream *st, int fd, const struct zn_iov *iov,
                            int count)
{
    struct tls *t = of(st);
    int rc = tls_flush(st, fd);
    if (rc < 0)
        return rc;
    t->gathers = zn_unsent_is_large(&t->unsent) ||
                 (makes_several(t, iov, count) && zn_unsent_make_room(&t->unsent));
    ptrdiff_t total = send_records(t, iov, count);
    t->gathers = false;
    rc = zn_unsent_push(&t->unsent, NULL, fd);
    if (rc < 0 && rc != -EAGAIN && t->failure == 0)
        t->failure = rc;
    return total;
}

/* What one record has, or the rest of one. 0: the peer has finished. After a record that was
 * TLS's own, as a ticket is, GnuTLS wants to be called again: the descriptor is to be waited for
 * only when it has said that it has no more. */
static ptrdiff_t recv_record(struct tls *t, void *data, size_t size)
{
    for (;;) {
        t->dry = false;
        ssize_t rc = gnutls_record_recv(t->session, data, size);
        if (rc >= 0) {
            t->idle = 0;
            return rc;
        }
        int error = error_of(t, (int)rc);
        if (error < 0 && (error != -EAGAIN || t->dry))
            return error;
        if (++t->idle > IDLE_MAX) {
            t->failure = -EPROTO;
            return -EPROTO;
        }
    }
}

static ptrdiff_t recv_records(struct tls *t, const struct zn_iov *iov, int count)
{
    ptrdiff_t total = 0;
    for (int i = 0; i < count && t->failure == 0; i++)
        for (size_t at = 0; at < iov[i].size;) {
            ptrdiff_t n = recv_record(t, (uint8_t *)iov[i].data + at, iov[i].size - at);
            if (n == -EAGAIN)
                return total > 0 ? total : n;
            if (n == 0)
                t->failure = -EPIPE;
            if (n <= 0)
                break;
            total += n;
            at += (size_t)n;
        }
    return total > 0 ? total : t->failure;
}

static ptrdiff_t tls_readv(struct zn_stream *st, int fd, const struct zn_iov *iov,
                           int count)
{
    struct tls *t = of(st);
    t->fd = fd;
    if (t->in == NULL)
        t->in = zn_alloc(IN);            /* NULL will do */
    ptrdiff_t total = recv_records(t, iov, count);
    if (t->in_at == t->in_size) {
        zn_free(t->in);
        t->in = NULL;
    }
    return total;
}

static bool tls_is_large(const struct zn_stream *st)
{
    return zn_unsent_is_large(&ZN_CONTAINER(st, const struct tls, stream)->unsent);
}

static void tls_trim(struct zn_stream *st)
{
    zn_unsent_trim(&of(st)->unsent);
}

static void tls_free(struct zn_stream *st, int fd)
{
    struct tls *t = of(st);
    t->fd = fd;
    if (t->opened && t->failure == 0 && tls_flush(st, fd) == 0)
        (void)gnutls_bye(t->session, GNUTLS_SHUT_WR);
    if (t->session != NULL)
        gnutls_deinit(t->session);
    identity_drop(t->identity);
    zn_unsent_fini(&t->unsent);
    zn_free(t->in);
    zn_free(t);
}

static const struct zn_stream_ops operations = {
    .open = tls_open,
    .readv = tls_readv,
    .writev = tls_writev,
    .flush = tls_flush,
    .is_large = tls_is_large,
    .trim = tls_trim,
    .free = tls_free,
};

/* Whom the client means: verified, and told to a server that has many names. */
static int name_server(struct tls *t, const struct zn_options *o, const char *host)
{
    struct zn_addr a;
    const char *name =
        o->wss_hostname.size > 0 ? (const char *)o->wss_hostname.data : host;
    if (strlen(name) >= sizeof t->host)
        return -EINVAL;
    memcpy(t->host, name, strlen(name) + 1);
    gnutls_session_set_verify_cert(t->session, t->host, 0);
    if (zn_addr_numeric(&a, name, 0) == 0)
        return 0;
    return result_of(
        gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, name, strlen(name)));
}

static int prepare(struct tls *t, const struct zn_options *o, bool accepted,
                   const char *host)
{
    unsigned side = accepted ? GNUTLS_SERVER : GNUTLS_CLIENT;
    int rc = result_of(gnutls_init(&t->session, side | GNUTLS_NONBLOCK));
    if (rc < 0)
        return rc;
    gnutls_transport_set_ptr(t->session, t);
    gnutls_transport_set_push_function(t->session, push);
    gnutls_transport_set_pull_function(t->session, pull);
    rc = result_of(gnutls_priority_set_direct(
        t->session, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", NULL));
    if (rc == 0)
        rc = result_of(gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE,
                                              t->identity->credentials));
    return rc < 0 || accepted ? rc : name_server(t, o, host);
}

int zn_tls_new(const struct zn_options *o, bool accepted, const char *host,
               struct zn_stream **out)
{
    struct tls *t = zn_zalloc(sizeof *t);
    if (t == NULL)
        return -ENOMEM;
    t->stream.ops = &operations;
    int rc = identity_hold(o, accepted, &t->identity);
    if (rc < 0) {
        zn_free(t);
        return rc;
    }
    rc = prepare(t, o, accepted, host);
    if (rc < 0) {
        tls_free(&t->stream, -1);
        return rc;
    }
    *out = &t->stream;
    return 0;
}

#endif
