/* hello_client - request-reply, the asking side, with patience.
 *
 * A REQ socket sends a request and then must receive its reply. If the server dies with
 * a request in its hands, that reply will never come: nobody but the client can know
 * whether asking twice does harm. So this one waits a second, throws its socket away
 * (the only way out of the lockstep) and asks again with a new one. Being not yet
 * connected is no trouble at all: the request waits for the server to appear.
 *
 *     hello_client [ENDPOINT [REQUESTS]]           cc hello_client.c -lzmq */
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

enum { PATIENCE_MS = 1000, TRIES = 20 };

static void *connect_to(void *context, const char *endpoint)
{
    int no_linger = 0;
    void *requester = zmq_socket(context, ZMQ_REQ);
    zmq_setsockopt(requester, ZMQ_LINGER, &no_linger, sizeof no_linger);
    if (zmq_connect(requester, endpoint) != 0) {
        fprintf(stderr, "%s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        exit(1);
    }
    return requester;
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://localhost:5555";
    int requests = argc > 2 ? atoi(argv[2]) : 10, tries = 0;
    void *context = zmq_ctx_new();
    void *requester = connect_to(context, endpoint);

    for (int i = 1; i <= requests;) {
        zmq_pollitem_t item = { requester, 0, ZMQ_POLLIN, 0 };
        char reply[64];

        zmq_send(requester, "Hello", 5, 0);
        if (zmq_poll(&item, 1, PATIENCE_MS) > 0) {
            int size = zmq_recv(requester, reply, sizeof reply, 0);
            if (size > (int)sizeof reply)
                size = sizeof reply;             /* it was longer, and is cut */
            printf("reply %d: %.*s\n", i++, size, reply);
            fflush(stdout);
            tries = 0;
            continue;
        }
        printf("no reply to request %d, asking again\n", i);
        fflush(stdout);
        zmq_close(requester);
        if (++tries == TRIES)
            return 1;
        requester = connect_to(context, endpoint);
    }
    zmq_close(requester);
    zmq_ctx_term(context);
    return 0;
}
