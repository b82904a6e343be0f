/* zmq.h - the interface of libzmq 4.3.6, as zinc offers it: libzmq.so.5.
 *
 * Handles  Contexts, sockets, pollers, timers, counters, watches and threads are
 *          void pointers, and belong to the caller until the call that ends them.
 * Errors   Unless a comment says otherwise a call returns 0 (or a count) on success,
 *          and -1, or NULL, with zmq_errno() telling why: ENOTSOCK for what is not a
 *          socket, EFAULT for what is not a context, message, poller or timer set,
 *          ETERM once the context has been shut down, EINTR when a signal handler
 *          ran, EINVAL for anything that cannot be meant.
 * Threads  A context may be used by any thread at any time. zinc's sockets may be
 *          too, though a message of several parts should be sent and received by
 *          one thread; portable programs keep to one thread a socket. Messages,
 *          pollers and timer sets are for one thread at a time.
 * Time     Milliseconds, unless a name says otherwise; -1 means for ever.
 * Drafts   What libzmq hides behind ZMQ_BUILD_DRAFT_API is always here. Defining
 *          that macro is harmless. */
#ifndef ZMQ_H_INCLUDED
#define ZMQ_H_INCLUDED

#define ZMQ_VERSION_MAJOR 4
#define ZMQ_VERSION_MINOR 3
#define ZMQ_VERSION_PATCH 6

#define ZMQ_MAKE_VERSION(major, minor, patch) ((major)*10000 + (minor)*100 + (patch))
#define ZMQ_VERSION \
    ZMQ_MAKE_VERSION(ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH)

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#if defined(_WIN32)
#include <winsock2.h>
#else
#include <sys/select.h>                  /* sigset_t, even in strict ISO C */
#endif

/* Functions are exported from a shared library; ZMQ_NO_EXPORT turns that off. */
#if defined(ZMQ_NO_EXPORT)
#define ZMQ_EXPORT
#elif defined(_WIN32)
#if defined(ZMQ_STATIC)
#define ZMQ_EXPORT
#elif defined(DLL_EXPORT)
#define ZMQ_EXPORT __declspec(dllexport)
#else
#define ZMQ_EXPORT __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define ZMQ_EXPORT __attribute__((visibility("default")))
#else
#define ZMQ_EXPORT
#endif

#define ZMQ_DEFINED_STDINT 1
#define ZMQ_HAS_CAPABILITIES 1           /* there is zmq_has() */
#define ZMQ_HAVE_TIMERS
#define ZMQ_HAVE_POLLER

#if defined(__cplusplus)
extern "C" {
#endif

/* ---- Errors: the system's where it has them. */

#define ZMQ_HAUSNUMERO 156384712

#ifndef ENOTSUP
#define ENOTSUP (ZMQ_HAUSNUMERO + 1)
#endif
#ifndef EPROTONOSUPPORT
#define EPROTONOSUPPORT (ZMQ_HAUSNUMERO + 2)
#endif
#ifndef ENOBUFS
#define ENOBUFS (ZMQ_HAUSNUMERO + 3)
#endif
#ifndef ENETDOWN
#define ENETDOWN (ZMQ_HAUSNUMERO + 4)
#endif
#ifndef EADDRINUSE
#define EADDRINUSE (ZMQ_HAUSNUMERO + 5)
#endif
#ifndef EADDRNOTAVAIL
#define EADDRNOTAVAIL (ZMQ_HAUSNUMERO + 6)
#endif
#ifndef ECONNREFUSED
#define ECONNREFUSED (ZMQ_HAUSNUMERO + 7)
#endif
#ifndef EINPROGRESS
#define EINPROGRESS (ZMQ_HAUSNUMERO + 8)
#endif
#ifndef ENOTSOCK
#define ENOTSOCK (ZMQ_HAUSNUMERO + 9)
#endif
#ifndef EMSGSIZE
#define EMSGSIZE (ZMQ_HAUSNUMERO + 10)
#endif
#ifndef EAFNOSUPPORT
#define EAFNOSUPPORT (ZMQ_HAUSNUMERO + 11)
#endif
#ifndef ENETUNREACH
#define ENETUNREACH (ZMQ_HAUSNUMERO + 12)
#endif
#ifndef ECONNABORTED
#define ECONNABORTED (ZMQ_HAUSNUMERO + 13)
#endif
#ifndef ECONNRESET
#define ECONNRESET (ZMQ_HAUSNUMERO + 14)
#endif
#ifndef ENOTCONN
#define ENOTCONN (ZMQ_HAUSNUMERO + 15)
#endif
#ifndef ETIMEDOUT
#define ETIMEDOUT (ZMQ_HAUSNUMERO + 16)
#endif
#ifndef EHOSTUNREACH
#define EHOSTUNREACH (ZMQ_HAUSNUMERO + 17)
#endif
#ifndef ENETRESET
#define ENETRESET (ZMQ_HAUSNUMERO + 18)
#endif

#define EFSM (ZMQ_HAUSNUMERO + 51)       /* not in this state (REQ, REP) */
#define ENOCOMPATPROTO (ZMQ_HAUSNUMERO + 52) /* transport does not fit the type */
#define ETERM (ZMQ_HAUSNUMERO + 53)      /* the context is terminating */
#define EMTHREAD (ZMQ_HAUSNUMERO + 54)   /* no I/O thread to use */

/* The calling thread's error. Any thread. */
ZMQ_EXPORT int zmq_errno(void);
/* What errnum means, never NULL; not to be freed. */
ZMQ_EXPORT const char *zmq_strerror(int errnum);
/* The library's version, as it runs. */
ZMQ_EXPORT void zmq_version(int *major, int *minor, int *patch);
/* 1 if the library has "ipc", "curve", "draft" ...; else 0. */
ZMQ_EXPORT int zmq_has(const char *capability);

/* ---- Contexts. */

#define ZMQ_IO_THREADS 1                 /* before the first socket */
#define ZMQ_MAX_SOCKETS 2                /* before the first socket */
#define ZMQ_SOCKET_LIMIT 3               /* get only */
#define ZMQ_THREAD_PRIORITY 3            /* set only */
#define ZMQ_THREAD_SCHED_POLICY 4
#define ZMQ_MAX_MSGSZ 5                  /* bytes */
#define ZMQ_MSG_T_SIZE 6                 /* bytes, get only */
#define ZMQ_THREAD_AFFINITY_CPU_ADD 7
#define ZMQ_THREAD_AFFINITY_CPU_REMOVE 8
#define ZMQ_THREAD_NAME_PREFIX 9
#define ZMQ_ZERO_COPY_RECV 10
/* ZMQ_IPV6 and ZMQ_BLOCKY, below, are options of contexts too: defaults of the sockets
 * made later. */

#define ZMQ_IO_THREADS_DFLT 1
#define ZMQ_MAX_SOCKETS_DFLT 1023
#define ZMQ_THREAD_PRIORITY_DFLT -1
#define ZMQ_THREAD_SCHED_POLICY_DFLT -1

/* NULL with ENOMEM or EMFILE. Starts no thread. */
ZMQ_EXPORT void *zmq_ctx_new(void);
/* Waits until all sockets have been closed and what they lingered for is sent, then
 * frees the context. EINTR: call again. */
ZMQ_EXPORT int zmq_ctx_term(void *context);
/* Makes blocking and later calls on the context's sockets fail with ETERM. May be
 * repeated; zmq_ctx_term() is still needed. */
ZMQ_EXPORT int zmq_ctx_shutdown(void *context);
ZMQ_EXPORT int zmq_ctx_set(void *context, int option, int value);
ZMQ_EXPORT int zmq_ctx_get(void *context, int option);
/* The same for options of any type; size in bytes. *size is room, and is left. */
ZMQ_EXPORT int zmq_ctx_set_ext(void *context, int option, const void *value, size_t size);
ZMQ_EXPORT int zmq_ctx_get_ext(void *context, int option, void *value, size_t *size);

/* Older names. */
ZMQ_EXPORT void *zmq_init(int io_threads);
ZMQ_EXPORT int zmq_term(void *context);
ZMQ_EXPORT int zmq_ctx_destroy(void *context);

/* ---- Messages. */

/* Opaque; initialise before use. Never copy it by assignment. Its bytes may lie within
 * the struct. */
typedef struct zmq_msg_t {
    void *opaque[64 / sizeof(void *)];
} zmq_msg_t;

/* Frees data given to zmq_msg_init_data(): once, from any thread. */
typedef void(zmq_free_fn)(void *data, void *hint);

/* zmq_msg_get() */
#define ZMQ_MORE 1                       /* another part follows */
#define ZMQ_SRCFD 2                      /* deprecated: the connection's descriptor */
#define ZMQ_SHARED 3                     /* bytes are shared with another message */

/* zmq_msg_gets(). Peers tell their routing id under the name "Identity". */
#define ZMQ_MSG_PROPERTY_ROUTING_ID "Routing-Id"
#define ZMQ_MSG_PROPERTY_SOCKET_TYPE "Socket-Type"
#define ZMQ_MSG_PROPERTY_USER_ID "User-Id"
#define ZMQ_MSG_PROPERTY_PEER_ADDRESS "Peer-Address"

#define ZMQ_GROUP_MAX_LENGTH 255

ZMQ_EXPORT int zmq_msg_init(zmq_msg_t *msg);
/* Bytes are not cleared. ENOMEM. */
ZMQ_EXPORT int zmq_msg_init_size(zmq_msg_t *msg, size_t size);
/* Takes data over, unless it fails with ENOMEM. ffn NULL: data is constant. */
ZMQ_EXPORT int zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size,
                                 zmq_free_fn *ffn, void *hint);
/* Copies data. ENOMEM. */
ZMQ_EXPORT int zmq_msg_init_buffer(zmq_msg_t *msg, const void *data, size_t size);
/* The message's size. It is taken, and left empty; on failure it stays the caller's. */
ZMQ_EXPORT int zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);
/* The size received, whatever the message held before. */
ZMQ_EXPORT int zmq_msg_recv(zmq_msg_t *msg, void *socket, int flags);
/* EFAULT: not initialised, or closed before. */
ZMQ_EXPORT int zmq_msg_close(zmq_msg_t *msg);
/* What dst held is released. */
ZMQ_EXPORT int zmq_msg_move(zmq_msg_t *dst, zmq_msg_t *src);
/* Large bytes are shared: write to neither afterwards. */
ZMQ_EXPORT int zmq_msg_copy(zmq_msg_t *dst, zmq_msg_t *src);
/* Valid until the message changes; NULL if it is not initialised. */
ZMQ_EXPORT void *zmq_msg_data(zmq_msg_t *msg);
ZMQ_EXPORT size_t zmq_msg_size(const zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_more(const zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_get(const zmq_msg_t *msg, int property);
/* There is nothing to set: EINVAL. */
ZMQ_EXPORT int zmq_msg_set(zmq_msg_t *msg, int property, int value);
/* A property of the peer, owned by the message; NULL with EINVAL. */
ZMQ_EXPORT const char *zmq_msg_gets(const zmq_msg_t *msg, const char *property);
/* SERVER, PEER: whom the message is from, or for. 0: nobody; may not be set. */
ZMQ_EXPORT uint32_t zmq_msg_routing_id(zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_set_routing_id(zmq_msg_t *msg, uint32_t routing_id);
/* RADIO, DISH: the group, cut after ZMQ_GROUP_MAX_LENGTH bytes. ENOMEM. */
ZMQ_EXPORT const char *zmq_msg_group(zmq_msg_t *msg);
ZMQ_EXPORT int zmq_msg_set_group(zmq_msg_t *msg, const char *group);

/* ---- Sockets. */

#define ZMQ_PAIR 0
#define ZMQ_PUB 1
#define ZMQ_SUB 2
#define ZMQ_REQ 3
#define ZMQ_REP 4
#define ZMQ_DEALER 5
#define ZMQ_ROUTER 6
#define ZMQ_PULL 7
#define ZMQ_PUSH 8
#define ZMQ_XPUB 9
#define ZMQ_XSUB 10
#define ZMQ_STREAM 11
#define ZMQ_SERVER 12
#define ZMQ_CLIENT 13
#define ZMQ_RADIO 14
#define ZMQ_DISH 15
#define ZMQ_GATHER 16
#define ZMQ_SCATTER 17
#define ZMQ_DGRAM 18
#define ZMQ_PEER 19
#define ZMQ_CHANNEL 20

#define ZMQ_XREQ ZMQ_DEALER              /* older names */
#define ZMQ_XREP ZMQ_ROUTER

/* Socket options. Durations are in ms, sizes in bytes, values int, unless noted. */
#define ZMQ_AFFINITY 4                   /* uint64_t: bit n allows I/O thread n */
#define ZMQ_ROUTING_ID 5                 /* 1..255 bytes */
#define ZMQ_SUBSCRIBE 6                  /* bytes */
#define ZMQ_UNSUBSCRIBE 7                /* bytes */
#define ZMQ_RATE 8                       /* kbit/s */
#define ZMQ_RECOVERY_IVL 9
#define ZMQ_SNDBUF 11                    /* -1: the system's choice */
#define ZMQ_RCVBUF 12                    /* -1: the system's choice */
#define ZMQ_RCVMORE 13
#define ZMQ_FD 14                        /* zmq_fd_t: wait on it, nothing else */
#define ZMQ_EVENTS 15                    /* ZMQ_POLLIN | ZMQ_POLLOUT */
#define ZMQ_TYPE 16
#define ZMQ_LINGER 17
#define ZMQ_RECONNECT_IVL 18             /* -1: never again */
#define ZMQ_BACKLOG 19
#define ZMQ_RECONNECT_IVL_MAX 21         /* 0: no growth */
#define ZMQ_MAXMSGSIZE 22                /* int64_t; -1: no limit */
#define ZMQ_SNDHWM 23                    /* messages; 0: no limit */
#define ZMQ_RCVHWM 24                    /* messages; 0: no limit */
#define ZMQ_MULTICAST_HOPS 25
#define ZMQ_RCVTIMEO 27
#define ZMQ_SNDTIMEO 28
#define ZMQ_LAST_ENDPOINT 32             /* text */
#define ZMQ_ROUTER_MANDATORY 33
#define ZMQ_TCP_KEEPALIVE 34             /* -1: the system's choice */
#define ZMQ_TCP_KEEPALIVE_CNT 35
#define ZMQ_TCP_KEEPALIVE_IDLE 36        /* seconds */
#define ZMQ_TCP_KEEPALIVE_INTVL 37       /* seconds */
#define ZMQ_IMMEDIATE 39
#define ZMQ_XPUB_VERBOSE 40
#define ZMQ_ROUTER_RAW 41
#define ZMQ_IPV6 42
#define ZMQ_MECHANISM 43                 /* ZMQ_NULL ... */
#define ZMQ_PLAIN_SERVER 44
#define ZMQ_PLAIN_USERNAME 45            /* text */
#define ZMQ_PLAIN_PASSWORD 46            /* text */
#define ZMQ_CURVE_SERVER 47
#define ZMQ_CURVE_PUBLICKEY 48           /* 32 bytes, or 40 characters of Z85 */
#define ZMQ_CURVE_SECRETKEY 49
#define ZMQ_CURVE_SERVERKEY 50
#define ZMQ_PROBE_ROUTER 51
#define ZMQ_REQ_CORRELATE 52
#define ZMQ_REQ_RELAXED 53
#define ZMQ_CONFLATE 54
#define ZMQ_ZAP_DOMAIN 55                /* text */
#define ZMQ_ROUTER_HANDOVER 56
#define ZMQ_TOS 57
#define ZMQ_CONNECT_ROUTING_ID 61        /* bytes, for the next zmq_connect() */
#define ZMQ_GSSAPI_SERVER 62
#define ZMQ_GSSAPI_PRINCIPAL 63          /* text */
#define ZMQ_GSSAPI_SERVICE_PRINCIPAL 64  /* text */
#define ZMQ_GSSAPI_PLAINTEXT 65
#define ZMQ_HANDSHAKE_IVL 66             /* 0: no limit */
#define ZMQ_SOCKS_PROXY 68               /* text */
#define ZMQ_XPUB_NODROP 69
#define ZMQ_BLOCKY 70                    /* of contexts only */
#define ZMQ_XPUB_MANUAL 71
#define ZMQ_XPUB_WELCOME_MSG 72          /* bytes */
#define ZMQ_STREAM_NOTIFY 73
#define ZMQ_INVERT_MATCHING 74
#define ZMQ_HEARTBEAT_IVL 75             /* 0: off */
#define ZMQ_HEARTBEAT_TTL 76             /* kept in tenths of a second */
#define ZMQ_HEARTBEAT_TIMEOUT 77
#define ZMQ_XPUB_VERBOSER 78
#define ZMQ_CONNECT_TIMEOUT 79           /* 0: the system's */
#define ZMQ_TCP_MAXRT 80
#define ZMQ_THREAD_SAFE 81
#define ZMQ_MULTICAST_MAXTPDU 84
#define ZMQ_VMCI_BUFFER_SIZE 85          /* uint64_t */
#define ZMQ_VMCI_BUFFER_MIN_SIZE 86      /* uint64_t */
#define ZMQ_VMCI_BUFFER_MAX_SIZE 87      /* uint64_t */
#define ZMQ_VMCI_CONNECT_TIMEOUT 88
#define ZMQ_USE_FD 89
#define ZMQ_GSSAPI_PRINCIPAL_NAMETYPE 90
#define ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE 91
#define ZMQ_BINDTODEVICE 92              /* text */
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#define ZMQ_LOOPBACK_FASTPATH 94
#define ZMQ_METADATA 95                  /* text: "X-name:value", repeatable */
#define ZMQ_MULTICAST_LOOP 96
#define ZMQ_ROUTER_NOTIFY 97             /* ZMQ_NOTIFY_... */
#define ZMQ_XPUB_MANUAL_LAST_VALUE 98
#define ZMQ_SOCKS_USERNAME 99            /* text */
#define ZMQ_SOCKS_PASSWORD 100           /* text */
#define ZMQ_IN_BATCH_SIZE 101
#define ZMQ_OUT_BATCH_SIZE 102
#define ZMQ_WSS_KEY_PEM 103              /* text */
#define ZMQ_WSS_CERT_PEM 104             /* text */
#define ZMQ_WSS_TRUST_PEM 105            /* text */
#define ZMQ_WSS_HOSTNAME 106             /* text */
#define ZMQ_WSS_TRUST_SYSTEM 107
#define ZMQ_ONLY_FIRST_SUBSCRIBE 108
#define ZMQ_RECONNECT_STOP 109           /* ZMQ_RECONNECT_STOP_... */
#define ZMQ_HELLO_MSG 110                /* bytes */
#define ZMQ_DISCONNECT_MSG 111           /* bytes */
#define ZMQ_PRIORITY 112
#define ZMQ_BUSY_POLL 113                /* microseconds */
#define ZMQ_HICCUP_MSG 114               /* bytes */
#define ZMQ_XSUB_VERBOSE_UNSUBSCRIBE 115
#define ZMQ_TOPICS_COUNT 116
#define ZMQ_NORM_MODE 117                /* ZMQ_NORM_FIXED ... */
#define ZMQ_NORM_UNICAST_NACK 118
#define ZMQ_NORM_BUFFER_SIZE 119         /* KiB */
#define ZMQ_NORM_SEGMENT_SIZE 120
#define ZMQ_NORM_BLOCK_SIZE 121
#define ZMQ_NORM_NUM_PARITY 122
#define ZMQ_NORM_NUM_AUTOPARITY 123
#define ZMQ_NORM_PUSH 124

/* zinc's own: how many connections an endpoint that is bound from then on takes at a time,
 * from everybody, from one IP address; 0: any number. One more is closed at once, and told as
 * ZMQ_EVENT_ACCEPT_FAILED with ECONNREFUSED. */
#define ZMQ_ZINC_MAX_CONNECTIONS 30001
#define ZMQ_ZINC_MAX_CONNECTIONS_PER_ADDRESS 30002
#define ZMQ_ZINC_SPIN 30003              /* us that a blocked call stays awake; 0: none */

/* Options by older names, and older options. */
#define ZMQ_IDENTITY ZMQ_ROUTING_ID
#define ZMQ_CONNECT_RID ZMQ_CONNECT_ROUTING_ID
#define ZMQ_DELAY_ATTACH_ON_CONNECT ZMQ_IMMEDIATE
#define ZMQ_FAIL_UNROUTABLE ZMQ_ROUTER_MANDATORY
#define ZMQ_ROUTER_BEHAVIOR ZMQ_ROUTER_MANDATORY
#define ZMQ_IPV4ONLY 31
#define ZMQ_TCP_ACCEPT_FILTER 38         /* text: "address[/bits]", repeatable */
#define ZMQ_IPC_FILTER_PID 58            /* pid_t, repeatable */
#define ZMQ_IPC_FILTER_UID 59            /* uid_t, repeatable */
#define ZMQ_IPC_FILTER_GID 60            /* gid_t, repeatable */

/* ZMQ_MECHANISM */
#define ZMQ_NULL 0
#define ZMQ_PLAIN 1
#define ZMQ_CURVE 2
#define ZMQ_GSSAPI 3

/* ZMQ_GSSAPI_..._NAMETYPE */
#define ZMQ_GSSAPI_NT_HOSTBASED 0
#define ZMQ_GSSAPI_NT_USER_NAME 1
#define ZMQ_GSSAPI_NT_KRB5_PRINCIPAL 2

/* ZMQ_NORM_MODE */
#define ZMQ_NORM_FIXED 0
#define ZMQ_NORM_CC 1
#define ZMQ_NORM_CCL 2
#define ZMQ_NORM_CCE 3
#define ZMQ_NORM_CCE_ECNONLY 4

/* ZMQ_RECONNECT_STOP, bits */
#define ZMQ_RECONNECT_STOP_CONN_REFUSED 0x1
#define ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED 0x2
#define ZMQ_RECONNECT_STOP_AFTER_DISCONNECT 0x4

/* ZMQ_ROUTER_NOTIFY, bits */
#define ZMQ_NOTIFY_CONNECT 1
#define ZMQ_NOTIFY_DISCONNECT 2

/* Flags of sending and receiving. */
#define ZMQ_DONTWAIT 1                   /* EAGAIN instead of waiting */
#define ZMQ_SNDMORE 2                    /* another part of this message follows */
#define ZMQ_NOBLOCK ZMQ_DONTWAIT         /* older name */

/* NULL with EINVAL, EFAULT, EMFILE, ENOMEM or ETERM. */
ZMQ_EXPORT void *zmq_socket(void *context, int type);
/* Returns at once; the handle is gone. What waits to be sent lingers. */
ZMQ_EXPORT int zmq_close(void *socket);
ZMQ_EXPORT int zmq_setsockopt(void *socket, int option, const void *value, size_t size);
/* *size: room in, length out. */
ZMQ_EXPORT int zmq_getsockopt(void *socket, int option, void *value, size_t *size);
/* EINVAL, EPROTONOSUPPORT, ENOCOMPATPROTO, EADDRINUSE, EADDRNOTAVAIL, ENODEV, EMTHREAD,
 * ENAMETOOLONG, or what the system says. */
ZMQ_EXPORT int zmq_bind(void *socket, const char *endpoint);
/* As zmq_bind(); does not wait until there is a peer. */
ZMQ_EXPORT int zmq_connect(void *socket, const char *endpoint);
/* ENOENT: no such endpoint. ZMQ_LAST_ENDPOINT tells a bound one's name. */
ZMQ_EXPORT int zmq_unbind(void *socket, const char *endpoint);
ZMQ_EXPORT int zmq_disconnect(void *socket, const char *endpoint);
/* PEER only: the routing id of the new peer; 0 on failure. */
ZMQ_EXPORT uint32_t zmq_connect_peer(void *socket, const char *endpoint);
/* SERVER, PEER: EHOSTUNREACH if there is no such peer. */
ZMQ_EXPORT int zmq_disconnect_peer(void *socket, uint32_t routing_id);
/* ROUTER, REP: ZMQ_POLLOUT if a message to that peer may be sent now, else 0.
 * EHOSTUNREACH. */
ZMQ_EXPORT int zmq_socket_get_peer_state(void *socket, const void *routing_id,
                                         size_t size);
/* DISH only. */
ZMQ_EXPORT int zmq_join(void *socket, const char *group);
ZMQ_EXPORT int zmq_leave(void *socket, const char *group);

/* Sending and receiving bytes: how many there are in the message, at most INT_MAX.
 * EAGAIN, ENOTSUP, EFSM, EHOSTUNREACH, ENOMEM; EINVAL for parts where only whole messages
 * are sent. */
ZMQ_EXPORT int zmq_send(void *socket, const void *data, size_t size, int flags);
/* data is constant, and is never copied. */
ZMQ_EXPORT int zmq_send_const(void *socket, const void *data, size_t size, int flags);
/* What exceeds size is lost; the result tells the full size. */
ZMQ_EXPORT int zmq_recv(void *socket, void *buffer, size_t size, int flags);

/* Older names of zmq_msg_send() and zmq_msg_recv(). */
ZMQ_EXPORT int zmq_sendmsg(void *socket, zmq_msg_t *msg, int flags);
ZMQ_EXPORT int zmq_recvmsg(void *socket, zmq_msg_t *msg, int flags);

/* A part for each iovec. Received ones are the caller's to free(). */
struct iovec;
ZMQ_EXPORT int zmq_sendiov(void *socket, struct iovec *iov, size_t count, int flags);
ZMQ_EXPORT int zmq_recviov(void *socket, struct iovec *iov, size_t *count, int flags);

/* ---- Waiting. */

#define ZMQ_POLLIN 1
#define ZMQ_POLLOUT 2
#define ZMQ_POLLERR 4
#define ZMQ_POLLPRI 8

#define ZMQ_POLLITEMS_DFLT 16

#if defined(_WIN64)
typedef unsigned long long zmq_fd_t;
#elif defined(_WIN32)
typedef unsigned int zmq_fd_t;
#else
typedef int zmq_fd_t;
#endif

typedef struct zmq_pollitem_t {
    void *socket;                        /* NULL: fd counts */
    zmq_fd_t fd;
    short events;
    short revents;
} zmq_pollitem_t;

/* How many items have revents; 0 when the time is over. */
ZMQ_EXPORT int zmq_poll(zmq_pollitem_t *items, int count, long timeout);
#if !defined(_WIN32)
/* The same, with the signal mask while waiting (may be NULL). */
ZMQ_EXPORT int zmq_ppoll(zmq_pollitem_t *items, int count, long timeout,
                         const sigset_t *sigmask);
#endif

/* A poller keeps its items; it does not own them. One thread at a time. */
typedef struct zmq_poller_event_t {
    void *socket;                        /* NULL: fd counts */
    zmq_fd_t fd;
    void *user_data;
    short events;
} zmq_poller_event_t;

ZMQ_EXPORT void *zmq_poller_new(void);
/* Sets *poller to NULL. */
ZMQ_EXPORT int zmq_poller_destroy(void **poller);
ZMQ_EXPORT int zmq_poller_size(void *poller);
ZMQ_EXPORT int zmq_poller_add(void *poller, void *socket, void *user_data, short events);
ZMQ_EXPORT int zmq_poller_modify(void *poller, void *socket, short events);
ZMQ_EXPORT int zmq_poller_remove(void *poller, void *socket);
/* EBADF: fd is -1. */
ZMQ_EXPORT int zmq_poller_add_fd(void *poller, zmq_fd_t fd, void *user_data,
                                 short events);
ZMQ_EXPORT int zmq_poller_modify_fd(void *poller, zmq_fd_t fd, short events);
ZMQ_EXPORT int zmq_poller_remove_fd(void *poller, zmq_fd_t fd);
/* 0 and one event; EAGAIN when the time is over, EFAULT if nothing could ever come. */
ZMQ_EXPORT int zmq_poller_wait(void *poller, zmq_poller_event_t *event, long timeout);
/* How many events there are, at most count; never 0. */
ZMQ_EXPORT int zmq_poller_wait_all(void *poller, zmq_poller_event_t *events, int count,
                                   long timeout);
/* Pollers with thread-safe sockets only: a descriptor to wait on. */
ZMQ_EXPORT int zmq_poller_fd(void *poller, zmq_fd_t *fd);

/* ---- Events of a socket's life, told over inproc. */

#define ZMQ_EVENT_CONNECTED 0x0001
#define ZMQ_EVENT_CONNECT_DELAYED 0x0002
#define ZMQ_EVENT_CONNECT_RETRIED 0x0004
#define ZMQ_EVENT_LISTENING 0x0008
#define ZMQ_EVENT_BIND_FAILED 0x0010
#define ZMQ_EVENT_ACCEPTED 0x0020
#define ZMQ_EVENT_ACCEPT_FAILED 0x0040
#define ZMQ_EVENT_CLOSED 0x0080
#define ZMQ_EVENT_CLOSE_FAILED 0x0100
#define ZMQ_EVENT_DISCONNECTED 0x0200
#define ZMQ_EVENT_MONITOR_STOPPED 0x0400
#define ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL 0x0800
#define ZMQ_EVENT_HANDSHAKE_SUCCEEDED 0x1000
#define ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL 0x2000
#define ZMQ_EVENT_HANDSHAKE_FAILED_AUTH 0x4000
#define ZMQ_EVENT_ALL 0xFFFF
#define ZMQ_EVENT_PIPES_STATS 0x10000    /* version 2 only */
#define ZMQ_EVENT_ALL_V1 ZMQ_EVENT_ALL
#define ZMQ_EVENT_ALL_V2 (ZMQ_EVENT_ALL_V1 | ZMQ_EVENT_PIPES_STATS)

#define ZMQ_CURRENT_EVENT_VERSION 1
#define ZMQ_CURRENT_EVENT_VERSION_DRAFT 2

/* Values of ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL. */
#define ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED 0x10000000
#define ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND 0x10000001
#define ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE 0x10000002
#define ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE 0x10000003
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED 0x10000011
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE 0x10000012
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO 0x10000013
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE 0x10000014
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR 0x10000015
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_READY 0x10000016
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_WELCOME 0x10000017
#define ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA 0x10000018
#define ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC 0x11000001
#define ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH 0x11000002
#define ZMQ_PROTOCOL_ERROR_ZAP_UNSPECIFIED 0x20000000
#define ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY 0x20000001
#define ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID 0x20000002
#define ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION 0x20000003
#define ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE 0x20000004
#define ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA 0x20000005
#define ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED 0x30000000

/* Events go to endpoint ("inproc://..."), from a PAIR; endpoint NULL ends it. */
ZMQ_EXPORT int zmq_socket_monitor(void *socket, const char *endpoint, int events);
/* The same in either version, from a PAIR, PUB or PUSH. */
ZMQ_EXPORT int zmq_socket_monitor_versioned(void *socket, const char *endpoint,
                                            uint64_t events, int event_version, int type);
/* Asks for a ZMQ_EVENT_PIPES_STATS event for each peer. EAGAIN: there is none. */
ZMQ_EXPORT int zmq_socket_monitor_pipes_stats(void *socket);

/* ---- Proxies. */

/* Moves messages both ways, with a copy to capture (may be NULL), until a call on a
 * socket fails: always -1. The sockets are the proxy's until it returns. */
ZMQ_EXPORT int zmq_proxy(void *frontend, void *backend, void *capture);
/* The same under control of "PAUSE", "RESUME", "STATISTICS" and "TERMINATE" (returns
 * 0), received by control (may be NULL). */
ZMQ_EXPORT int zmq_proxy_steerable(void *frontend, void *backend, void *capture,
                                   void *control);

/* Older: a proxy without capture, whatever the type. */
#define ZMQ_STREAMER 1
#define ZMQ_FORWARDER 2
#define ZMQ_QUEUE 3
ZMQ_EXPORT int zmq_device(int type, void *frontend, void *backend);

/* ---- Z85 (RFC 32) and keys. */

/* dst, which needs 5 * size / 4 + 1 characters; NULL with EINVAL unless size is a multiple
 * of 4. */
ZMQ_EXPORT char *zmq_z85_encode(char *dst, const uint8_t *data, size_t size);
/* dst, which needs 4 / 5 of the text's length; NULL with EINVAL for what is not Z85. */
ZMQ_EXPORT uint8_t *zmq_z85_decode(uint8_t *dst, const char *text);
/* Keys in Z85: 41 characters each. ENOTSUP: there is no CURVE in this library. */
ZMQ_EXPORT int zmq_curve_keypair(char *public_key, char *secret_key);
ZMQ_EXPORT int zmq_curve_public(char *public_key, const char *secret_key);

/* ---- Counters for many threads. */

/* A counter at 0; NULL with ENOMEM. */
ZMQ_EXPORT void *zmq_atomic_counter_new(void);
ZMQ_EXPORT void zmq_atomic_counter_set(void *counter, int value);
/* The value before. */
ZMQ_EXPORT int zmq_atomic_counter_inc(void *counter);
/* 0 if it has become 0, else 1. */
ZMQ_EXPORT int zmq_atomic_counter_dec(void *counter);
ZMQ_EXPORT int zmq_atomic_counter_value(void *counter);
/* Sets *counter to NULL. */
ZMQ_EXPORT void zmq_atomic_counter_destroy(void **counter);

/* ---- Timers, which run when zmq_timers_execute() is called. */

typedef void(zmq_timer_fn)(int timer_id, void *arg);

ZMQ_EXPORT void *zmq_timers_new(void);
/* Sets *timers to NULL. */
ZMQ_EXPORT int zmq_timers_destroy(void **timers);
/* A repeating timer's id, from 1 up. interval in ms. */
ZMQ_EXPORT int zmq_timers_add(void *timers, size_t interval, zmq_timer_fn handler,
                              void *arg);
/* The next three, also from within handlers: EINVAL if there is no such timer. */
ZMQ_EXPORT int zmq_timers_cancel(void *timers, int timer_id);
/* Counts from now. */
ZMQ_EXPORT int zmq_timers_set_interval(void *timers, int timer_id, size_t interval);
ZMQ_EXPORT int zmq_timers_reset(void *timers, int timer_id);
/* ms until the next one is due; -1 if there is none. */
ZMQ_EXPORT long zmq_timers_timeout(void *timers);
/* Runs each timer that is due, once. */
ZMQ_EXPORT int zmq_timers_execute(void *timers);

/* ---- Odds and ends. */

/* A watch; elapsed time is in microseconds. Stopping frees it. */
ZMQ_EXPORT void *zmq_stopwatch_start(void);
ZMQ_EXPORT unsigned long zmq_stopwatch_intermediate(void *watch);
ZMQ_EXPORT unsigned long zmq_stopwatch_stop(void *watch);

ZMQ_EXPORT void zmq_sleep(int seconds);

typedef void(zmq_thread_fn)(void *arg);

/* A thread, all signals blocked; NULL if there can be none. */
ZMQ_EXPORT void *zmq_threadstart(zmq_thread_fn *func, void *arg);
/* Waits for its end and frees the handle. */
ZMQ_EXPORT void zmq_threadclose(void *thread);

#undef ZMQ_EXPORT

#if defined(__cplusplus)
}
#endif

#endif
