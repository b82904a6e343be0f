/* weather_publisher - publish-subscribe, the side that speaks.
 *
 * A PUB socket sends each update to the subscribers that asked for its prefix, and to
 * nobody else: what nobody wants never leaves this process. It does not know or wait for
 * subscribers; without any it talks to the wind.
 *
 *     weather_publisher [ENDPOINT [ZIP-CODES]]     cc weather_publisher.c -lzmq */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://*:5556";
    int codes = argc > 2 ? atoi(argv[2]) : 100000;
    void *context = zmq_ctx_new();
    void *publisher = zmq_socket(context, ZMQ_PUB);

    if (codes < 1 || zmq_bind(publisher, endpoint) != 0) {
        fprintf(stderr, "%s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        return 1;
    }
    srand((unsigned)time(NULL));
    for (;;) {
        char update[64];
        int zip = rand() % codes, temperature = rand() % 60 - 20;
        int humidity = rand() % 50 + 10;
        int size =
            snprintf(update, sizeof update, "%05d %d %d", zip, temperature, humidity);
        if (zmq_send(publisher, update, (size_t)size, 0) < 0)
            break;
    }
    zmq_close(publisher);
    zmq_ctx_term(context);
    return 0;
}
