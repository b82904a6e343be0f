/* wire/greeting.c - see greeting.h. Our own greeting goes out piece by piece, each as
 * soon as what the peer has sent allows it, so that peers of any version understand
 * what they get; or all at once, to one that is known to speak ZMTP 3. */
#include "wire/greeting.h"

#include <errno.h>

#include "wire/frame.h"

enum { SIGNATURE_SIZE = 10, GREETING_2_SIZE = 12, GREETING_3_SIZE = 64 };
enum { FLAGS_AT = 9, REVISION_AT = 10, MINOR_AT = 11, MECHANISM_AT = 12 };
enum { REVISION_1_0 = 0, REVISION_2_0 = 1, REVISION_3 = 3 };
enum { OUR_REVISION = 3, OUR_MINOR = 1 };

static int await(struct zn_handshake *hs, enum zn_phase phase, size_t need)
{
    hs->phase = (int)phase;
    hs->need = need;
    return 0;
}

/* All from the minor version on. As-server and the filler stay zero: libzmq's servers, too,
 * send 0. */
static int put_rest(struct zn_handshake *hs)
{
    uint8_t greeting[GREETING_3_SIZE] = { [MINOR_AT] = OUR_MINOR };
    memcpy(greeting + MECHANISM_AT, hs->config.mechanism->name, ZN_MECHANISM_NAME);
    return zn_handshake_put(hs, greeting + MINOR_AT, GREETING_3_SIZE - MINOR_AT);
}

static int put_revision(struct zn_handshake *hs)
{
    static const uint8_t revision = OUR_REVISION;
    return zn_handshake_put(hs, &revision, 1);
}

int zn_greeting_start(struct zn_handshake *hs)
{
    /* To a peer of ZMTP 1.0 this is the long header of our routing id's frame. */
    uint8_t signature[SIGNATURE_SIZE] = { [0] = 0xff, [FLAGS_AT] = 0x7f };
    zn_put_u64(signature + 1, (uint64_t)hs->config.routing_id.size + 1);

    await(hs, ZN_PHASE_FIRST_BYTE, 1);
    int rc = zn_handshake_put(hs, signature, sizeof(signature));
    if (rc == 0 && hs->config.whole_greeting)
        rc = put_revision(hs);
    if (rc == 0 && hs->config.whole_greeting)
        rc = put_rest(hs);
    return rc;
}

/* Before ZMTP 3 there were no mechanisms: one that protects may not be bypassed. Nor can who
 * has been told too much already be understood. */
static bool lets_in_older(const struct zn_handshake *hs)
{
    return !hs->config.versions_3_only && !hs->config.whole_greeting &&
           hs->config.mechanism->open;
}

/* What came is the beginning of its routing id's frame, so it stays in hs->in. Our own
 * signature was such a beginning, too. */
static int meet_unversioned(struct zn_handshake *hs)
{
    if (!lets_in_older(hs))
        return -EPROTO;
    struct zn_bytes id = hs->config.routing_id;
    int rc = zn_handshake_put(hs, id.data, id.size);
    return rc < 0 ? rc : zn_handshake_begin_frames(hs, ZN_ZMTP_1);
}

static int on_first_byte(struct zn_handshake *hs)
{
    if (hs->in.data[0] != 0xff)
        return meet_unversioned(hs);
    return await(hs, ZN_PHASE_SIGNATURE, SIGNATURE_SIZE);
}

/* RFC 15: in the flags of a ZMTP 1.0 routing id frame bit 0, MORE, is never set. */
static int on_signature(struct zn_handshake *hs)
{
    if (!(hs->in.data[FLAGS_AT] & 1))
        return meet_unversioned(hs);
    await(hs, ZN_PHASE_REVISION, REVISION_AT + 1);
    return hs->config.whole_greeting ? 0 : put_revision(hs);
}

static int on_revision(struct zn_handshake *hs)
{
    if (hs->in.data[REVISION_AT] <= REVISION_2_0) {
        uint8_t type = (uint8_t)hs->config.socket_type;
        if (!lets_in_older(hs))
            return -EPROTO;
        await(hs, ZN_PHASE_GREETING_2, GREETING_2_SIZE);
        return zn_handshake_put(hs, &type, 1);
    }

    await(hs, ZN_PHASE_GREETING_3, GREETING_3_SIZE);
    return hs->config.whole_greeting ? 0 : put_rest(hs);
}

/* The socket type, byte 11, is not looked at: libzmq's old peers put anything there. */
static int on_greeting_2(struct zn_handshake *hs)
{
    bool is_1 = hs->in.data[REVISION_AT] == REVISION_1_0;
    struct zn_bytes id = hs->config.routing_id;
    uint8_t header[ZN_FRAME_HEADER_MAX];
    int size =
        is_1 ? zn_frame1_encode(header, 0, id.size) : zn_frame_encode(header, 0, id.size);

    int rc = zn_handshake_put(hs, header, (size_t)size);
    if (rc == 0)
        rc = zn_handshake_put(hs, id.data, id.size);
    if (rc < 0)
        return rc;
    hs->in.size = 0;
    return zn_handshake_begin_frames(hs, is_1 ? ZN_ZMTP_1_REV : ZN_ZMTP_2);
}

static int on_greeting_3(struct zn_handshake *hs)
{
    const uint8_t *in = hs->in.data;

    if (memcmp(in + MECHANISM_AT, hs->config.mechanism->name, ZN_MECHANISM_NAME) != 0) {
        hs->error = ZN_ERROR_MECHANISM_MISMATCH;
        return -EPROTO;
    }
    bool is_3_0 = in[REVISION_AT] == REVISION_3 && in[MINOR_AT] == 0;
    hs->in.size = 0;
    return zn_handshake_begin_frames(hs, is_3_0 ? ZN_ZMTP_3_0 : ZN_ZMTP_3_1);
}

int zn_greeting_step(struct zn_handshake *hs)
{
    static int (*const steps[])(struct zn_handshake *) = {
        [ZN_PHASE_FIRST_BYTE] = on_first_byte, [ZN_PHASE_SIGNATURE] = on_signature,
        [ZN_PHASE_REVISION] = on_revision,     [ZN_PHASE_GREETING_2] = on_greeting_2,
        [ZN_PHASE_GREETING_3] = on_greeting_3,
    };
    return steps[hs->phase](hs);
}
