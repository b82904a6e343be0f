/* fuzz/metadata.c - any bytes as a property list; what is read, written, read again. */
#include <stdlib.h>

#include "wire/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zn_bytes list = { data, size };
    int count = zn_metadata_count(list);

    if (count <= 0)
        return 0;
    struct zn_property *properties = malloc((size_t)count * sizeof(*properties));
    uint8_t *again = malloc(size), *end = again;
    size_t kept = zn_metadata_parse(list, properties);

    check(kept > 0 && kept <= (size_t)count);
    for (size_t i = 0; i < kept; i++) {
        const struct zn_bytes *found =
            zn_metadata_find(properties, kept, properties[i].name);
        check(found == &properties[i].value);
        end = zn_property_put(end, &properties[i]);
    }
    list = (struct zn_bytes){ again, (size_t)(end - again) };
    check(list.size <= size && zn_metadata_count(list) == (int)kept);
    check(memcmp(again, data, ZN_MIN(list.size, zn_property_size(properties))) == 0);
    free(again);
    free(properties);
    return 0;
}
