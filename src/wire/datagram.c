/* wire/datagram.c - see datagram.h. */
#include "wire/datagram.h"

#include <errno.h>

int zn_group_decode(struct zn_bytes datagram, struct zn_bytes *group,
                    struct zn_bytes *body)
{
    if (datagram.size == 0 || datagram.data[0] > datagram.size - 1)
        return -EPROTO;
    *group = (struct zn_bytes){ datagram.data + 1, datagram.data[0] };
    *body =
        (struct zn_bytes){ group->data + group->size, datagram.size - 1 - group->size };
    return 0;
}

size_t zn_group_encode(uint8_t head[ZN_GROUP_HEAD_MAX], struct zn_bytes group)
{
    head[0] = (uint8_t)group.size;
    if (group.size > 0)
        memcpy(head + 1, group.data, group.size);
    return 1 + group.size;
}
