/* hash_worker - the pipeline on real input: hashes the files whose paths it is given.
 *
 * Takes a path, sends a message of three frames: digest, size, path. Start as many as
 * there are cores.
 *
 *     hash_worker [VENTILATOR [SINK]]              cc hash_worker.c -lzmq */
#include <stdio.h>
#include <zmq.h>

#include "sha256.h"

/* The digest in hex and the size in bytes, or "unreadable" and 0. */
static long hash_file(const char *path, char hex[65])
{
    static char buffer[65536];
    struct sha256 sha;
    size_t n;
    FILE *f = fopen(path, "rb");

    if (f == NULL) {
        strcpy(hex, "unreadable");
        return 0;
    }
    sha256_init(&sha);
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0)
        sha256_add(&sha, buffer, n);
    fclose(f);
    long size = (long)sha.size;
    sha256_hex(&sha, hex);
    return size;
}

int main(int argc, char **argv)
{
    const char *source = argc > 1 ? argv[1] : "tcp://localhost:5557";
    const char *target = argc > 2 ? argv[2] : "tcp://localhost:5558";
    void *context = zmq_ctx_new();
    void *paths = zmq_socket(context, ZMQ_PULL);
    void *digests = zmq_socket(context, ZMQ_PUSH);

    if (zmq_connect(paths, source) != 0 || zmq_connect(digests, target) != 0) {
        fprintf(stderr, "%s, %s: %s\n", source, target, zmq_strerror(zmq_errno()));
        return 1;
    }
    for (;;) {
        char path[4096], hex[65], size[32];
        int length = zmq_recv(paths, path, sizeof path - 1, 0);
        if (length < 0 || length >= (int)sizeof path)
            break;
        path[length] = '\0';
        int digits = snprintf(size, sizeof size, "%ld", hash_file(path, hex));
        zmq_send(digests, hex, strlen(hex), ZMQ_SNDMORE);
        zmq_send(digests, size, (size_t)digits, ZMQ_SNDMORE);
        zmq_send(digests, path, (size_t)length, 0);
    }
    zmq_close(paths);
    zmq_close(digests);
    zmq_ctx_term(context);
    return 0;
}
