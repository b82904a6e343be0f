/* fuzz/udp.c - any bytes as a datagram to a group, and as a DGRAM's address; what is read,
 * written, is the same again. */
#include <stdlib.h>

#include "platform/platform.h"
#include "wire/datagram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_datagram(const uint8_t *data, size_t size)
{
    struct zn_bytes group, body;
    uint8_t head[ZN_GROUP_HEAD_MAX];

    if (zn_group_decode((struct zn_bytes){ data, size }, &group, &body) < 0)
        return;
    size_t n = zn_group_encode(head, group);
    check(n + body.size == size && memcmp(head, data, n) == 0);
    check(body.data == data + n);
}

static void check_address(const uint8_t *data, size_t size)
{
    struct zn_addr a, b;
    char text[512], again[512];

    if (zn_addr_parse(&a, (const char *)data, size) < 0)
        return;
    check(zn_addr_port(&a) > 0);
    check(zn_addr_text(&a, text, sizeof(text)) == 0);
    check(zn_addr_parse(&b, text, strlen(text) + 1) == 0);
    check(zn_addr_text(&b, again, sizeof(again)) == 0 && strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_datagram(data, size);
    check_address(data, size);
    return 0;
}
