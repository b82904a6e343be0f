/* tests/patterns/numbers.h - what the tests of SERVER, CLIENT and PEER share: messages with
 * the number of a peer. */
#ifndef ZN_TESTS_PATTERNS_NUMBERS_H
#define ZN_TESTS_PATTERNS_NUMBERS_H

#include "tests/patterns/net.h"

/* Like zmq_send(), to the peer of this number. */
static inline int send_to_flags(void *s, uint32_t number, const char *text, int flags)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init_buffer(&m, text, strlen(text)));
    if (number != 0)
        CHECK_OK(zmq_msg_set_routing_id(&m, number));
    int rc = zmq_msg_send(&m, s, flags), err = errno;
    CHECK_EQ(zmq_msg_size(&m), rc < 0 ? strlen(text) : 0, "ours still, or gone");
    CHECK_EQ(zmq_msg_routing_id(&m), rc < 0 ? number : 0);
    CHECK_OK(zmq_msg_close(&m));
    errno = err;
    return rc;
}

static inline void send_to(void *s, uint32_t number, const char *text)
{
    CHECK_OK(send_to_flags(s, number, text, 0));
}

/* Receives this text: the number of its sender. */
static inline uint32_t recv_from(void *s, const char *text)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    CHECK_OK(zmq_msg_recv(&m, s, 0));
    CHECK_EQ(zmq_msg_size(&m), strlen(text), "%s", text);
    CHECK_MEM(zmq_msg_data(&m), text, strlen(text));
    CHECK_EQ(zmq_msg_more(&m), 0);
    uint32_t number = zmq_msg_routing_id(&m);
    CHECK_OK(zmq_msg_close(&m));
    return number;
}

struct unreachable {
    void *socket;
    uint32_t number;
};

static inline bool is_unreachable(void *arg)
{
    struct unreachable *u = arg;

    return send_to_flags(u->socket, u->number, "?", ZMQ_DONTWAIT) < 0 &&
           errno == EHOSTUNREACH;
}

/* Waits until s knows that the peer has gone. */
static inline void wait_unreachable(void *s, uint32_t number)
{
    test_wait_until(is_unreachable, &(struct unreachable){ s, number }, 10);
}

#endif
