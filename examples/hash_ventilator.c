/* hash_ventilator - the pipeline on real input: hands out the files of a directory tree.
 *
 * Each regular file's path goes to one of the workers. When the tree has been walked, the
 * sink is told how many there were, so that it knows when it has seen all, whatever
 * overtakes what on the way.
 *
 *     hash_ventilator DIR [ENDPOINT [SINK [NAME-TO-SKIP...]]]
 *                                                  cc hash_ventilator.c -lzmq */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

static void *workers;
static char **skip;
static long files;

static int wanted(const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    for (char **s = skip; *s != NULL; s++)
        if (strcmp(name, *s) == 0)
            return 0;
    return 1;
}

static void walk(const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t size = strlen(dir) + strlen(e->d_name) + 2;
        char *path = malloc(size);
        struct stat st;
        if (path == NULL)
            abort();
        snprintf(path, size, "%s/%s", dir, e->d_name);
        if (wanted(e->d_name) && lstat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode))
                walk(path);
            else if (S_ISREG(st.st_mode) && zmq_send(workers, path, size - 1, 0) >= 0)
                files++;
        }
        free(path);
    }
    closedir(d);
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 2 ? argv[2] : "tcp://*:5557";
    const char *sink_endpoint = argc > 3 ? argv[3] : "tcp://localhost:5558";
    char count[32];

    if (argc < 2)
        return 2;
    skip = argc > 4 ? argv + 4 : argv + argc;
    void *context = zmq_ctx_new();
    void *sink = zmq_socket(context, ZMQ_PUSH);
    workers = zmq_socket(context, ZMQ_PUSH);
    if (zmq_bind(workers, endpoint) != 0 || zmq_connect(sink, sink_endpoint) != 0) {
        fprintf(stderr, "%s, %s: %s\n", endpoint, sink_endpoint,
                zmq_strerror(zmq_errno()));
        return 1;
    }
    puts("press Enter when the workers are ready");
    getchar();

    walk(argv[1]);
    zmq_send(sink, "total", 5, ZMQ_SNDMORE);
    zmq_send(sink, count, (size_t)snprintf(count, sizeof count, "%ld", files), 0);
    printf("%ld files handed out\n", files);

    zmq_close(workers);
    zmq_close(sink);
    zmq_ctx_term(context);
    return 0;
}
