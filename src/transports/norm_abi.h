/* transports/norm_abi.h - the functions of libnorm that norm.c calls. Its own header, of the
 * releases up to now, is C++ only (a reference, default arguments); the library's interface
 * is plain C all the same. */
#ifndef ZN_TRANSPORTS_NORM_ABI_H
#define ZN_TRANSPORTS_NORM_ABI_H

#include <stdbool.h>
#include <stdint.h>

typedef const void *NormInstanceHandle;  /* NULL: none, as of all of these */
typedef const void *NormSessionHandle;
typedef const void *NormNodeHandle;
typedef const void *NormObjectHandle;

typedef enum NormObjectType {
    NORM_OBJECT_NONE,
    NORM_OBJECT_DATA,
    NORM_OBJECT_FILE,
    NORM_OBJECT_STREAM
} NormObjectType;

typedef enum NormFlushMode {
    NORM_FLUSH_NONE,
    NORM_FLUSH_PASSIVE,
    NORM_FLUSH_ACTIVE
} NormFlushMode;

typedef enum NormEventType {
    NORM_EVENT_INVALID,
    NORM_TX_QUEUE_VACANCY,
    NORM_TX_QUEUE_EMPTY,
    NORM_TX_FLUSH_COMPLETED,
    NORM_TX_WATERMARK_COMPLETED,
    NORM_TX_CMD_SENT,
    NORM_TX_OBJECT_SENT,
    NORM_TX_OBJECT_PURGED,
    NORM_TX_RATE_CHANGED,
    NORM_LOCAL_SENDER_CLOSED,
    NORM_REMOTE_SENDER_NEW,
    NORM_REMOTE_SENDER_RESET,
    NORM_REMOTE_SENDER_ADDRESS,
    NORM_REMOTE_SENDER_ACTIVE,
    NORM_REMOTE_SENDER_INACTIVE,
    NORM_REMOTE_SENDER_PURGED,
    NORM_RX_CMD_NEW,
    NORM_RX_OBJECT_NEW,
    NORM_RX_OBJECT_INFO,
    NORM_RX_OBJECT_UPDATED,
    NORM_RX_OBJECT_COMPLETED,
    NORM_RX_OBJECT_ABORTED
} NormEventType;

typedef struct {
    NormEventType type;
    NormSessionHandle session;
    NormNodeHandle sender;
    NormObjectHandle object;
} NormEvent;

NormInstanceHandle NormCreateInstance(bool priority_boost);
void NormDestroyInstance(NormInstanceHandle instance);
bool NormGetNextEvent(NormInstanceHandle instance, NormEvent *event, bool wait);
int NormGetDescriptor(NormInstanceHandle instance);

NormSessionHandle NormCreateSession(NormInstanceHandle instance, const char *address,
                                    uint16_t port, uint32_t id);
void NormDestroySession(NormSessionHandle session);
void NormSetTxOnly(NormSessionHandle session, bool tx_only, bool connect);
void NormSetRxPortReuse(NormSessionHandle session, bool reuse, const char *bind_address,
                        const char *sender_address, uint16_t sender_port);
bool NormSetMulticastInterface(NormSessionHandle session, const char *name);
bool NormSetTTL(NormSessionHandle session, unsigned char ttl);
bool NormSetTOS(NormSessionHandle session, unsigned char tos);
bool NormSetMulticastLoopback(NormSessionHandle session, bool loop);

bool NormStartSender(NormSessionHandle session, uint16_t instance_id, uint32_t buffer,
                     uint16_t segment, uint16_t data, uint16_t parity, uint8_t fec);
void NormStopSender(NormSessionHandle session);
void NormSetTxRate(NormSessionHandle session, double bits_per_second);
void NormSetCongestionControl(NormSessionHandle session, bool enable, bool adjust_rate);
void NormSetEcnSupport(NormSessionHandle session, bool enable, bool ignore_loss,
                       bool tolerate_loss);
void NormSetAutoParity(NormSessionHandle session, unsigned char parity);
NormObjectHandle NormStreamOpen(NormSessionHandle session, uint32_t buffer,
                                const char *info, unsigned int info_size);
void NormStreamSetPushEnable(NormObjectHandle stream, bool push);
unsigned int NormStreamWrite(NormObjectHandle stream, const char *bytes,
                             unsigned int size);
void NormStreamMarkEom(NormObjectHandle stream);
void NormStreamFlush(NormObjectHandle stream, bool eom, NormFlushMode mode);

bool NormStartReceiver(NormSessionHandle session, uint32_t buffer);
void NormStopReceiver(NormSessionHandle session);
void NormSetDefaultUnicastNack(NormSessionHandle session, bool unicast);
NormObjectType NormObjectGetType(NormObjectHandle object);
bool NormStreamRead(NormObjectHandle stream, char *bytes, unsigned int *size);
bool NormStreamSeekMsgStart(NormObjectHandle stream);
void NormNodeFreeBuffers(NormNodeHandle sender);

#endif
