/* hello_server - request-reply, the answering side.
 *
 * A REP socket takes one request, answers it, takes the next: strictly in turn. Any
 * number of clients may connect, before or after the server starts; it serves them
 * fairly, one request each.
 *
 *     hello_server [ENDPOINT]                      cc hello_server.c -lzmq */
#include <stdio.h>
#include <time.h>
#include <zmq.h>

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://*:5555";
    void *context = zmq_ctx_new();
    void *responder = zmq_socket(context, ZMQ_REP);

    if (zmq_bind(responder, endpoint) != 0) {
        fprintf(stderr, "%s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        return 1;
    }
    for (;;) {
        char request[64];
        int size = zmq_recv(responder, request, sizeof request, 0);
        if (size < 0)
            break;
        struct timespec work = { 0, 100000000 };
        nanosleep(&work, NULL);
        zmq_send(responder, "World", 5, 0);
    }
    zmq_close(responder);
    zmq_ctx_term(context);
    return 0;
}
