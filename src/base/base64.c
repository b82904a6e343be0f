/* base/base64.c - three bytes are four digits to base 64, highest first. */
#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                             "0123456789+/";

void zn_base64_encode(char *dst, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i += 3) {
        size_t have = ZN_MIN(size - i, (size_t)3);
        uint32_t word = 0;

        for (size_t k = 0; k < 3; k++)
            word = word << 8 | (k < have ? data[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            *dst++ = k <= have ? digits[word >> (18 - 6 * k) & 63] : '=';
    }
    *dst = '\0';
}

bool zn_base64_is(struct zn_bytes text, size_t size)
{
    size_t padding = (3 - size % 3) % 3;

    if (text.size != ZN_BASE64_LENGTH(size))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        bool pads = i >= text.size - padding;
        if (pads ? text.data[i] != '='
                 : memchr(digits, text.data[i], sizeof digits - 1) == NULL)
            return false;
    }
    return true;
}
