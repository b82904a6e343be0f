/* base/z85.c - four bytes are five digits to base 85, highest first. */
#include "base/z85.h"

#include <errno.h>

static const char digits[86] = "0123456789abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

int zn_z85_encode(char *dst, const uint8_t *data, size_t size)
{
    if (size % 4 != 0)
        return -EINVAL;

    for (size_t i = 0; i < size; i += 4, dst += 5) {
        uint32_t word = zn_get_u32(data + i);

        for (int k = 4; k >= 0; k--, word /= 85)
            dst[k] = digits[word % 85];
    }
    *dst = '\0';
    return 0;
}

int zn_z85_decode(uint8_t *dst, const char *text)
{
    size_t length = strlen(text);

    if (length == 0 || length % 5 != 0)
        return -EINVAL;
    for (size_t i = 0; i < length; i += 5, dst += 4) {
        uint64_t word = 0;

        for (size_t k = 0; k < 5; k++) {
            const char *digit = strchr(digits, text[i + k]);
            if (digit == NULL)
                return -EINVAL;
            word = word * 85 + (uint64_t)(digit - digits);
        }
        if (word > UINT32_MAX)
            return -EINVAL;
        zn_put_u32(dst, (uint32_t)word);
    }
    return 0;
}
