/* certificate.h - an authority and its certificates, made on the spot: nothing expires. */
#ifndef TESTS_TRANSPORTS_CERTIFICATE_H
#define TESTS_TRANSPORTS_CERTIFICATE_H

#include "tests/api/api.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

struct certificate {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    char key_pem[4096], cert_pem[4096];
};

#define TLS_OK(call) CHECK_EQ((call), 0, "%s", #call)

/* names: of hosts or addresses, up to NULL. by NULL: it signs itself, and others. */
static inline void make_certificate(struct certificate *c, const struct certificate *by,
                                    const char *const *names, long valid_for)
{
    static unsigned char serial = 1;
    size_t key_size = sizeof c->key_pem - 1, cert_size = sizeof c->cert_pem - 1;
    time_t now = time(NULL);

    memset(c, 0, sizeof *c);
    TLS_OK(gnutls_x509_privkey_init(&c->key));
    TLS_OK(gnutls_x509_privkey_generate(
        c->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    TLS_OK(gnutls_x509_crt_init(&c->crt));
    TLS_OK(gnutls_x509_crt_set_version(c->crt, 3));
    TLS_OK(gnutls_x509_crt_set_serial(c->crt, &serial, 1));
    serial++;
    TLS_OK(gnutls_x509_crt_set_activation_time(c->crt, now - 7200));
    TLS_OK(gnutls_x509_crt_set_expiration_time(c->crt, now + valid_for));
    TLS_OK(gnutls_x509_crt_set_key(c->crt, c->key));
    TLS_OK(gnutls_x509_crt_set_basic_constraints(c->crt, by == NULL, -1));
    TLS_OK(gnutls_x509_crt_set_dn_by_oid(c->crt, GNUTLS_OID_X520_COMMON_NAME, 0,
                                         by == NULL ? "test authority" : "test",
                                         by == NULL ? 14 : 4));
    for (; names != NULL && *names != NULL; names++) {
        unsigned char ip[4];
        bool numeric =
            sscanf(*names, "%hhu.%hhu.%hhu.%hhu", ip, ip + 1, ip + 2, ip + 3) == 4;
        TLS_OK(gnutls_x509_crt_set_subject_alt_name(
            c->crt, numeric ? GNUTLS_SAN_IPADDRESS : GNUTLS_SAN_DNSNAME,
            numeric ? (const void *)ip : *names, numeric ? 4 : (unsigned)strlen(*names),
            GNUTLS_FSAN_APPEND));
    }
    TLS_OK(gnutls_x509_crt_sign2(c->crt, by != NULL ? by->crt : c->crt,
                                 by != NULL ? by->key : c->key, GNUTLS_DIG_SHA256, 0));
    TLS_OK(
        gnutls_x509_privkey_export(c->key, GNUTLS_X509_FMT_PEM, c->key_pem, &key_size));
    TLS_OK(gnutls_x509_crt_export(c->crt, GNUTLS_X509_FMT_PEM, c->cert_pem, &cert_size));
}

static inline void free_certificate(struct certificate *c)
{
    gnutls_x509_crt_deinit(c->crt);
    gnutls_x509_privkey_deinit(c->key);
}

#endif
