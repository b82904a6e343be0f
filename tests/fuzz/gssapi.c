/* fuzz/gssapi.c - GSSAPI, either side, without a realm: a client gets no ticket, a server
 * reads its first token. */
#include "tests/fuzz/mechanism.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
#ifdef ZN_HAVE_GSSAPI
    static const struct zn_security security = { .service = "zmq@localhost" };

    if (size == 0)
        return 0;
    setenv("KRB5_CONFIG", "/dev/null", 1);
    setenv("KRB5_KTNAME", "/dev/null", 1);
    setenv("KRB5CCNAME", "MEMORY:none", 1);
    struct zn_handshake_config config =
        config_of(data[0], &zn_mechanism_gssapi, &security);
    speak_both_ways(&config, data + 1, size - 1, data[0]);
#else
    (void)data, (void)size;
#endif
    return 0;
}
