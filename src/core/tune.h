/* core/tune.h - what options say of any socket of the system's, of streams or datagrams. */
#ifndef ZN_CORE_TUNE_H
#define ZN_CORE_TUNE_H

#include "core/options.h"

/* Buffers, TOS, priority, busy polling, device. Before bind or connect. What the system does
 * not take is an error: nothing is ignored. */
int zn_tune(int fd, const struct zn_options *o);

#endif
