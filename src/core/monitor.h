/* core/monitor.h - tells the application what happens to a socket's connections.
 *
 * Events go to a socket inside the library that is bound to an inproc name. Telling never
 * blocks: when nobody reads, events beyond the high-water marks are dropped. */
#ifndef ZN_CORE_MONITOR_H
#define ZN_CORE_MONITOR_H

#include "core/socket.h"

/* Starts, or stops (endpoint NULL). s is locked. -errno as in facts. */
int zn_monitor_start(struct zn_socket *s, const char *endpoint, uint64_t events,
                     int version, int type);
void zn_monitor_stop(struct zn_socket *s);
/* From any thread, with or without s's lock. Version 1 shows the local endpoint if there
 * is one and the connection was not made by us. */
void zn_monitor_tell(struct zn_socket *s, uint64_t event, uint64_t value,
                     const char *local, const char *remote);
bool zn_monitor_wants(struct zn_socket *s);
void zn_monitor_tell_connection(struct zn_socket *s, uint64_t event, uint64_t value,
                                const char *local, const char *remote, bool initiator);
/* The two values of ZMQ_EVENT_PIPES_STATS for each pipe. s is locked. */
int zn_monitor_pipes_stats(struct zn_socket *s);

#endif
