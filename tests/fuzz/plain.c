/* fuzz/plain.c - PLAIN, either side. */
#include "tests/fuzz/mechanism.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct zn_security security = {
        .username = { (const uint8_t *)"u", 1 }, .password = { (const uint8_t *)"p", 1 }
    };

    if (size == 0)
        return 0;
    struct zn_handshake_config config =
        config_of(data[0], &zn_mechanism_plain, &security);
    speak_both_ways(&config, data + 1, size - 1, data[0]);
    return 0;
}
