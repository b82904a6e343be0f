/* patterns/dish.h - what zmq_join() and zmq_leave() ask of a DISH. */
#ifndef ZN_PATTERNS_DISH_H
#define ZN_PATTERNS_DISH_H

#include "core/pattern.h"

/* -ENOTSUP: s is no DISH; -EINVAL: group is NULL, too long, joined already (or not, to be
 * left); -ENOMEM. Socket's lock held. */
int zn_dish_join(struct zn_socket *s, const char *group);
int zn_dish_leave(struct zn_socket *s, const char *group);

#endif
