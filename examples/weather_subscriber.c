/* weather_subscriber - publish-subscribe, the side that listens.
 *
 * A SUB socket names the prefixes it wants; here the five digits of a zip code and a
 * space. The publisher sends it these updates alone. This one takes a hundred and tells
 * the average temperature.
 *
 *     weather_subscriber [ENDPOINT [ZIP [UPDATES]]]    cc weather_subscriber.c -lzmq */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://localhost:5556";
    const char *zip = argc > 2 ? argv[2] : "10001";
    int updates = argc > 3 ? atoi(argv[3]) : 100;
    long total = 0;
    char filter[16];
    void *context = zmq_ctx_new();
    void *subscriber = zmq_socket(context, ZMQ_SUB);

    snprintf(filter, sizeof filter, "%s ", zip);
    zmq_setsockopt(subscriber, ZMQ_SUBSCRIBE, filter, strlen(filter));
    if (zmq_connect(subscriber, endpoint) != 0) {
        fprintf(stderr, "%s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        return 1;
    }
    for (int i = 0; i < updates; i++) {
        char update[64];
        int size = zmq_recv(subscriber, update, sizeof update - 1, 0);
        if (size < 0 || size >= (int)sizeof update)
            return 1;
        update[size] = '\0';
        if (strncmp(update, filter, strlen(filter)) != 0) {
            fprintf(stderr, "not for %s: %s\n", zip, update);
            return 1;
        }
        total += atoi(update + strlen(filter));
    }
    printf("zip code %s: %d updates, %.1f degrees on average\n", zip, updates,
           (double)total / updates);
    zmq_close(subscriber);
    zmq_ctx_term(context);
    return 0;
}
