/* curve_cipher_test.c - MESSAGE (RFC 26): what is behind CURVE's handshake. */
#include "tests/wire/peer.h"

#ifdef ZN_HAVE_SODIUM
#include "tests/faults.h"
#include "tests/wire/curve_other.h"
#include "wire/cipher.h"

static struct zn_cipher *take_cipher(struct zn_handshake *hs)
{
    struct zn_cipher *cipher = hs->cipher;
    hs->cipher = NULL;
    zn_handshake_fini(hs);
    return cipher;
}

static struct zn_cipher *server_cipher(struct other *o)
{
    struct zn_handshake hs;

    make_keys();
    play_server(&hs, o, false);
    return take_cipher(&hs);
}

static void expect_open(struct zn_cipher *cipher, const struct body *message, int rc,
                        uint32_t want, const char *what)
{
    const uint8_t *end;
    uint8_t *copy = (uint8_t *)(uintptr_t)test_fence(message->bytes, message->size, &end);
    struct zn_opened opened;
    uint32_t error = 0;

    CHECK_EQ(cipher->ops->open(cipher, copy, message->size, &opened, &error), rc, "%s",
             what);
    CHECK_EQ(error, want, "%s", what);
}

TEST(every_field_of_message_is_checked)
{
    static const struct damage damages[] = {
        { "name length", 0, ZN_ERROR_UNEXPECTED_COMMAND },
        { "name", 7, ZN_ERROR_UNEXPECTED_COMMAND },
        { "nonce grows", 8, ZN_ERROR_CRYPTOGRAPHIC },
        { "tag", 16, ZN_ERROR_CRYPTOGRAPHIC },
        { "flags", 32, ZN_ERROR_CRYPTOGRAPHIC },
        { "payload", 33, ZN_ERROR_CRYPTOGRAPHIC },
        { "payload ends", 37, ZN_ERROR_CRYPTOGRAPHIC },
    };
    struct other o;
    struct zn_cipher *cipher = server_cipher(&o);
    struct body b, bad;

    other_message(&o, false, "\0hello", 6, &b);
    for (size_t i = 0; i < ZN_COUNT(damages); i++) {
        bad = b;
        bad.bytes[damages[i].at] ^= 1;
        expect_open(cipher, &bad, -EPROTO, damages[i].error, damages[i].what);
    }
    for (bad = b; bad.size > 0; bad.size--) {
        if (bad.size < b.size)
            expect_open(cipher, &bad, -EPROTO,
                        bad.size >= 33  ? ZN_ERROR_CRYPTOGRAPHIC
                        : bad.size >= 8 ? ZN_ERROR_MALFORMED_MESSAGE
                                        : ZN_ERROR_UNEXPECTED_COMMAND,
                        "cut");
    }
    bad.size = 0;
    expect_open(cipher, &bad, -EPROTO, ZN_ERROR_UNEXPECTED_COMMAND, "empty");
    expect_open(cipher, &b, 0, 0, "nothing wrong");
    zn_cipher_free(cipher);
}

TEST(messages_cannot_be_replayed_reordered_or_reflected)
{
    struct other o;
    struct zn_cipher *cipher = server_cipher(&o);
    struct body first, second, third, ours;

    other_message(&o, false, "\0first", 6, &first);
    other_message(&o, false, "\0second", 7, &second);
    other_message(&o, false, "\0third", 6, &third);
    CHECK_EQ(zn_get_u64(first.bytes + 8), 3);
    expect_open(cipher, &second, 0, 0, "one may be left out");
    expect_open(cipher, &second, -EPROTO, ZN_ERROR_INVALID_SEQUENCE, "again");
    expect_open(cipher, &first, -EPROTO, ZN_ERROR_INVALID_SEQUENCE, "too late");
    expect_open(cipher, &third, 0, 0, "in order");

    o.nonce = 2;                         /* INITIATE had it */
    other_message(&o, false, "\0x", 2, &first);
    expect_open(cipher, &first, -EPROTO, ZN_ERROR_INVALID_SEQUENCE, "of the handshake");
    for (int i = 0; i < 5; i++)
        ours.size = (size_t)cipher->ops->seal(cipher, 0, NULL, 0, ours.bytes);
    CHECK_EQ(zn_get_u64(ours.bytes + 8), 6);
    expect_open(cipher, &ours, -EPROTO, ZN_ERROR_CRYPTOGRAPHIC, "our own");
    zn_cipher_free(cipher);
}

TEST(nonces_are_never_used_again)
{
    struct other o;
    struct zn_cipher *cipher = server_cipher(&o);
    struct body b;
    uint8_t out[64], *sent = (uint8_t *)cipher + sizeof(struct zn_cipher);
    size_t at = 0;

    o.nonce = UINT64_MAX;
    other_message(&o, false, "\0x", 2, &b);
    expect_open(cipher, &b, 0, 0, "the last");
    expect_open(cipher, &b, -EPROTO, ZN_ERROR_INVALID_SEQUENCE, "after the last");

    /* READY had 1. Its place in the cipher is where 1 becomes 2 by sealing. */
    uint64_t count;
    CHECK_EQ(cipher->ops->seal(cipher, 0, NULL, 0, out), 33);
    CHECK_EQ(zn_get_u64(out + 8), 2);
    for (at = 0; at < 64; at += 8) {
        memcpy(&count, sent + at, sizeof(count));
        if (count == 2)
            break;
    }
    CHECK(at < 64);
    count = UINT64_MAX - 1;
    memcpy(sent + at, &count, sizeof(count));
    CHECK_EQ(cipher->ops->seal(cipher, 0, NULL, 0, out), 33);
    CHECK_EQ(zn_get_u64(out + 8), UINT64_MAX);
    CHECK_EQ(cipher->ops->seal(cipher, 0, NULL, 0, out), -EPROTO);
    CHECK_EQ(cipher->ops->seal(cipher, 0, NULL, 0, out), -EPROTO);
    zn_cipher_free(cipher);
}

/* The stream is made in steps, and for large messages in another way. */
TEST(messages_of_every_size_are_boxes_of_the_rfc)
{
    enum { LAST = 2200 };
    struct other o;
    struct zn_cipher *cipher = server_cipher(&o);
    struct body ours, theirs;
    uint8_t inner[1 + LAST], text[1 + LAST];
    struct zn_opened opened;
    uint32_t error = 0;

    randombytes_buf(text, sizeof(text));
    text[0] = 0;
    for (size_t size = 0; size <= LAST; size += size < 700 || size > 1950 ? 1 : 61) {
        uint8_t *out = malloc(33 + size);    /* a byte more would be seen */
        CHECK_EQ(cipher->ops->seal(cipher, 0, text + 1, size, out), 33 + size);
        CHECK_EQ(other_read(&o, false, out, 33 + size, inner), 1 + size);
        CHECK_MEM(inner, text, 1 + size);
        free(out);

        other_message(&o, false, (const char *)text, 1 + size, &theirs);
        ours = theirs;
        ours.bytes[ours.size - 1] ^= 0x80;
        expect_open(cipher, &ours, -EPROTO, ZN_ERROR_CRYPTOGRAPHIC, "its last byte");
        CHECK_EQ(cipher->ops->open(cipher, theirs.bytes, theirs.size, &opened, &error),
                 0);
        CHECK_EQ(opened.payload.size, size);
        CHECK_MEM(opened.payload.data, text + 1, size);
    }
    zn_cipher_free(cipher);
}

TEST(frames_cost_no_memory)
{
    struct other o;
    struct zn_cipher *cipher = server_cipher(&o);
    struct body b;
    uint8_t out[64];

    other_message(&o, false, "\0hello", 6, &b);
    faults_arm_from(ZN_FAULT_ALLOC, 1);
    CHECK_EQ(cipher->ops->seal(cipher, 0, b.bytes, 8, out), 41);
    expect_open(cipher, &b, 0, 0, "hello");
    faults_disarm();
    zn_cipher_free(cipher);
}
#else
TEST(curve_needs_libsodium)
{
    test_skip("built without CURVE");
}
#endif
