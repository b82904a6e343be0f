/* wire/metadata.c - see metadata.h. */
#include "wire/metadata.h"

#include <errno.h>

enum { NAME_LENGTH = 1, VALUE_LENGTH = 4 };

/* Takes size bytes off the front of from. */
static bool take(struct zn_bytes *from, size_t size, struct zn_bytes *taken)
{
    if (from->size < size)
        return false;
    taken->data = from->data;
    taken->size = size;
    from->data += size;
    from->size -= size;
    return true;
}

int zn_property_get(struct zn_bytes *list, struct zn_property *property)
{
    struct zn_bytes length;

    if (!take(list, NAME_LENGTH, &length))
        return -EPROTO;
    if (!take(list, length.data[0], &property->name))
        return -EPROTO;
    if (!take(list, VALUE_LENGTH, &length))
        return -EPROTO;
    if (!take(list, zn_get_u32(length.data), &property->value))
        return -EPROTO;
    return 0;
}

size_t zn_property_size(const struct zn_property *property)
{
    return NAME_LENGTH + property->name.size + VALUE_LENGTH + property->value.size;
}

static uint8_t *put(uint8_t *out, struct zn_bytes bytes)
{
    if (bytes.size > 0)
        memcpy(out, bytes.data, bytes.size);
    return out + bytes.size;
}

uint8_t *zn_property_put(uint8_t *out, const struct zn_property *property)
{
    *out++ = (uint8_t)property->name.size;
    out = put(out, property->name);
    zn_put_u32(out, (uint32_t)property->value.size);
    return put(out + VALUE_LENGTH, property->value);
}

int zn_metadata_count(struct zn_bytes list)
{
    int count = 0;

    while (list.size > 0) {
        struct zn_property property;
        if (zn_property_get(&list, &property) < 0 || count == ZN_METADATA_MAX)
            return -EPROTO;
        count++;
    }
    return count;
}

size_t zn_metadata_parse(struct zn_bytes list, struct zn_property *out)
{
    size_t count = 0;
    struct zn_property property;

    while (list.size > 0 && zn_property_get(&list, &property) == 0) {
        if (zn_metadata_find(out, count, property.name) == NULL)
            out[count++] = property;
    }
    return count;
}

const struct zn_bytes *zn_metadata_find(const struct zn_property *properties,
                                        size_t count, struct zn_bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (zn_bytes_equal(properties[i].name, name))
            return &properties[i].value;
    }
    return NULL;
}
