/* fuzz/curve.c - CURVE: either side against any bytes; two sides of ours with somebody
 * between them who changes some; and their ciphers. What is drawn by lot is the same at
 * every run. */
#include "tests/fuzz/mechanism.h"

#ifdef ZN_HAVE_SODIUM
#include <sodium.h>

#include "wire/cipher.h"
#include "wire/mechanisms/curve.h"

/* ---- Chance. */

static uint64_t draws;

static const char *name_chance(void)
{
    return "fixed";
}

static void draw(void *buf, size_t size)
{
    unsigned char seed[randombytes_SEEDBYTES] = { 1 };
    zn_put_u64(seed + 1, ++draws);
    randombytes_buf_deterministic(buf, size, seed);
}

static uint32_t draw_one(void)
{
    uint32_t value;
    draw(&value, sizeof(value));
    return value;
}

static struct randombytes_implementation chance = { .implementation_name = name_chance,
                                                    .random = draw_one,
                                                    .buf = draw };

static struct zn_security server_security, client_security;

static void prepare(void)
{
    static bool is_prepared;

    if (!is_prepared) {
        randombytes_set_implementation(&chance);
        check(zn_curve_keypair(client_security.server_key, server_security.secret_key) ==
              0);
        check(zn_curve_keypair(client_security.public_key, client_security.secret_key) ==
              0);
        is_prepared = true;
    }
    draws = 100;
}

/* ---- Two of ours, and a third between them: each of its words is where (two bytes) among
 * all that is said, and what is changed there. */

struct meddler {
    const uint8_t *words;
    size_t size;
    size_t passed;                       /* bytes so far */
    bool changed;
};

static void meddle(struct meddler *m, uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 3 <= m->size; i += 3) {
        size_t at = zn_get_u16(m->words + i);
        if (at >= m->passed && at < m->passed + n && m->words[i + 2] != 0) {
            p[at - m->passed] ^= m->words[i + 2];
            m->changed = true;
        }
    }
    m->passed += n;
}

/* What one has to say goes to the other. false: nothing went, or it was refused. */
static bool pass(struct meddler *m, struct zn_handshake *from, struct zn_handshake *to,
                 uint8_t choice)
{
    uint8_t bytes[2048];
    struct zn_bytes out = zn_handshake_output(from);
    size_t n = ZN_MIN(out.size, sizeof(bytes));

    if (n == 0)
        return false;
    memcpy(bytes, out.data, n);
    zn_handshake_sent(from, n);
    meddle(m, bytes, n);
    return speak_to(to, bytes, n, SIZE_MAX, choice) == 0;
}

static void exchange_frames(struct zn_cipher *from, struct zn_cipher *to,
                            const uint8_t *data, size_t size)
{
    uint8_t wire[4096 + 64], flags = size > 0 ? data[0] & 5 : 0;
    struct zn_opened opened;
    uint32_t error = 0;

    size = ZN_MIN(size, (size_t)4096);
    ptrdiff_t sealed = from->ops->seal(from, flags, data, size, wire);
    check(sealed == (ptrdiff_t)(size + from->ops->overhead));
    check(to->ops->open(to, wire, (size_t)sealed, &opened, &error) == 0);
    check(opened.flags == flags && opened.payload.size == size);
    check(size == 0 || memcmp(opened.payload.data, data, size) == 0);

    memcpy(wire, "\7MESSAGE", 8);        /* and what nobody has sealed */
    if (size > 0)
        memcpy(wire + (size & 8), data, size);
    check(to->ops->open(to, wire, size, &opened, &error) == -EPROTO && error != 0);
}

static void talk(const uint8_t *data, size_t size, uint8_t choice)
{
    struct zn_handshake_config client =
        config_of(choice & 23, &zn_mechanism_curve, &client_security);
    struct zn_handshake_config server =
        config_of(choice | 8, &zn_mechanism_curve, &server_security);
    struct zn_handshake a, b;
    struct meddler m = { .words = data, .size = ZN_MIN(size, (size_t)30) };

    client.asks = false;
    greet(&a, &client);
    greet(&b, &server);
    zn_handshake_sent(&a, 64);
    zn_handshake_sent(&b, 64);
    while (pass(&m, &a, &b, choice) && pass(&m, &b, &a, choice))
        continue;
    bool refused = (choice & 16) && (choice & 32);
    if (a.done && b.done) {
        exchange_frames(a.cipher, b.cipher, data, size);
        exchange_frames(b.cipher, a.cipher, data, size);
    }
    check(m.changed || refused || (a.done && b.done));
    check(!refused || !b.done);
    zn_handshake_fini(&a);
    zn_handshake_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    prepare();
    uint8_t choice = data[0];
    if (choice & 64) {
        talk(data + 1, size - 1, choice);
        return 0;
    }
    struct zn_handshake_config config = config_of(
        choice, &zn_mechanism_curve, choice & 8 ? &server_security : &client_security);
    speak_both_ways(&config, data + 1, size - 1, choice);
    return 0;
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    return 0;
}
#endif
