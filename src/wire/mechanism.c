/* wire/mechanism.c - what the scripts of all mechanisms share: metadata, ERROR, and the
 * names of socket types. */
#include "wire/mechanism.h"

#include <errno.h>

#include "base/alloc.h"
#include "wire/metadata.h"

#define TEXT(literal)                                   \
    {                                                   \
        (const uint8_t *)(literal), sizeof(literal) - 1 \
    }

static const struct zn_bytes socket_type = TEXT("Socket-Type");
static const struct zn_bytes identity = TEXT("Identity");

/* By their numbers in zmq.h: ZMQ_PAIR is 0. */
static const char *const type_names[] = {
    "PAIR",  "PUB",  "SUB",    "REQ",     "REP",    "DEALER", "ROUTER",
    "PULL",  "PUSH", "XPUB",   "XSUB",    "STREAM", "SERVER", "CLIENT",
    "RADIO", "DISH", "GATHER", "SCATTER", "DGRAM",  "PEER",   "CHANNEL",
};

const char *zn_socket_type_name(int type)
{
    if (type < 0 || (size_t)type >= ZN_COUNT(type_names))
        return NULL;
    return type_names[type];
}

int zn_socket_type_of(struct zn_bytes name)
{
    for (size_t i = 0; i < ZN_COUNT(type_names); i++) {
        struct zn_bytes known = { (const uint8_t *)type_names[i], strlen(type_names[i]) };
        if (zn_bytes_equal(name, known))
            return (int)i;
    }
    return -1;
}

/* ---- Ours. */

static int put_property(struct zn_handshake *hs, const struct zn_property *property)
{
    uint8_t *room = zn_handshake_extend(hs, zn_property_size(property));
    if (room == NULL)
        return -ENOMEM;
    zn_property_put(room, property);
    return 0;
}

int zn_handshake_put_metadata(struct zn_handshake *hs)
{
    const struct zn_handshake_config *config = &hs->config;
    const char *type = zn_socket_type_name(config->socket_type);
    struct zn_property own_type = { socket_type,
                                    { (const uint8_t *)type, strlen(type) } };
    struct zn_property own_id = { identity, config->routing_id };

    int rc = put_property(hs, &own_type);
    if (rc == 0 && config->tells_id)
        rc = put_property(hs, &own_id);  /* even if empty, as libzmq does */
    for (size_t i = 0; rc == 0 && i < config->property_count; i++)
        rc = put_property(hs, &config->properties[i]);
    return rc;
}

/* ---- The peer's. */

/* One that is told twice is kept once, but both must suit: libzmq looks at each. */
static int judge_types(struct zn_handshake *hs, struct zn_bytes list)
{
    struct zn_property property;

    while (list.size > 0) {
        if (zn_property_get(&list, &property) < 0)
            return -EPROTO;
        if (!zn_bytes_equal(property.name, socket_type))
            continue;
        int type = zn_socket_type_of(property.value);
        if (type < 0 || !(hs->config.peers & UINT32_C(1) << type))
            return -EPROTO;
        if (hs->peer_type < 0)
            hs->peer_type = type;
    }
    return 0;
}

int zn_handshake_take_metadata(struct zn_handshake *hs, struct zn_bytes list)
{
    int count = zn_metadata_count(list);
    if (count < 0)
        return count;
    int rc = judge_types(hs, list);
    if (rc < 0 || count == 0)
        return rc;

    struct zn_property *properties = zn_alloc((size_t)count * sizeof(*properties));
    if (properties == NULL)
        return -ENOMEM;
    zn_free(hs->peer_properties);
    hs->peer_properties = properties;
    hs->peer_property_count = zn_metadata_parse(list, properties);

    const struct zn_bytes *id =
        zn_metadata_find(properties, hs->peer_property_count, identity);
    if (id != NULL)
        hs->peer_id = *id;
    return 0;
}

int zn_handshake_take_ready(struct zn_handshake *hs, struct zn_bytes list)
{
    int rc = zn_handshake_take_metadata(hs, list);
    return rc == -EPROTO ? zn_handshake_fail(hs, ZN_ERROR_INVALID_METADATA) : rc;
}

int zn_handshake_fail(struct zn_handshake *hs, uint32_t error)
{
    hs->error = error;
    return -EPROTO;
}

/* RFC 37: error-reason = OCTET 0*255VCHAR, and nothing after it. */
int zn_handshake_take_error(struct zn_handshake *hs, const struct zn_command *cmd)
{
    static const struct {
        struct zn_bytes text;
        uint32_t status;
    } refusals[] = {
        { TEXT("300"), 300 },
        { TEXT("400"), 400 },
        { TEXT("500"), 500 },
    };
    struct zn_bytes reason = cmd->data;

    if (reason.size == 0 || reason.data[0] != reason.size - 1)
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_ERROR);
    reason.data++;
    reason.size--;
    for (size_t i = 0; i < ZN_COUNT(refusals); i++) {
        if (zn_bytes_equal(reason, refusals[i].text))
            hs->peer_refused = refusals[i].status;
    }
    return -EPROTO;
}
