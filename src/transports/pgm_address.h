/* transports/pgm_address.h - what an address of pgm or epgm stands for, as OpenPGM has it. Only
 * numbers reach OpenPGM, which would ask the network for names. */
#ifndef ZN_TRANSPORTS_PGM_ADDRESS_H
#define ZN_TRANSPORTS_PGM_ADDRESS_H

#include <stdint.h>

struct pgm_addrinfo_t;

/* 0: *out is to be given to pgm_freeaddrinfo(). -EINVAL. */
int zn_pgm_find(const char *address, struct pgm_addrinfo_t **out, uint16_t *port);

#endif
