/* zmq_utils.h - kept for programs that include it: all of it is in zmq.h now. */
#ifndef ZMQ_UTILS_H_INCLUDED
#define ZMQ_UTILS_H_INCLUDED

#include "zmq.h"

#endif
