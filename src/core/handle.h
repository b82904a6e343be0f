/* core/handle.h - see socket.h: handles as such. Any thread. */
#ifndef ZN_CORE_HANDLE_H
#define ZN_CORE_HANDLE_H

#include "core/socket.h"

struct zn_handle *zn_handle_new(struct zn_socket *s);    /* NULL: no memory */
void zn_handle_free(struct zn_handle *h);

#endif
