/* wire/datagram.h - a message to a group as one datagram: length of the group's name (1 byte),
 * name, body. RFC 48 leaves the form to transports; this is libzmq's over UDP. Pure. */
#ifndef ZN_WIRE_DATAGRAM_H
#define ZN_WIRE_DATAGRAM_H

#include "base/base.h"

enum {
    ZN_GROUP_HEAD_MAX = 256,
    ZN_GROUP_DATAGRAM_MAX = 8192         /* libzmq's DISH cuts what is longer */
};

/* The two parts of a datagram, in it. -EPROTO: the name is cut short. */
int zn_group_decode(struct zn_bytes datagram, struct zn_bytes *group,
                    struct zn_bytes *body);
/* What goes before the body: its size. group: at most 255 bytes. */
size_t zn_group_encode(uint8_t head[ZN_GROUP_HEAD_MAX], struct zn_bytes group);

#endif
