/* platform/posix/fault.h - a system call that tests can make fail. */
#ifndef ZN_PLATFORM_POSIX_FAULT_H
#define ZN_PLATFORM_POSIX_FAULT_H

#include "platform/platform.h"

#ifdef ZN_FAULTS
#define FAULT(site, error)                 \
    do {                                   \
        if (zn_fault(ZN_FAULT_CALL, site)) \
            return -(error);               \
    } while (0)
#else
#define FAULT(site, error) ((void)0)
#endif

#endif
