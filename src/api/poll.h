/* api/poll.h - the wait that zmq_poll and zmq_poller_* share. */
#ifndef ZN_API_POLL_H
#define ZN_API_POLL_H

#include <zmq.h>

/* Sets revents. How many items are ready, 0 when time is up, -errno. sigmask may be NULL. */
int zn_poll_items(zmq_pollitem_t *items, size_t count, long timeout_ms,
                  const void *sigmask);

#endif
