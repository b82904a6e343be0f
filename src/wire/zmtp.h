/* wire/zmtp.h - the versions of ZMTP that a connection may speak (RFC 13, 15, 23, 37). */
#ifndef ZN_WIRE_ZMTP_H
#define ZN_WIRE_ZMTP_H

#include "base/base.h"

enum zn_zmtp {
    ZN_ZMTP_UNKNOWN,
    ZN_ZMTP_1,                           /* unversioned: RFC 13 as it was */
    ZN_ZMTP_1_REV,                       /* version 1 framing after a greeting, rev. 0 */
    ZN_ZMTP_2,                           /* RFC 15 */
    ZN_ZMTP_3_0,                         /* RFC 23 */
    ZN_ZMTP_3_1                          /* RFC 37 */
};

#endif
