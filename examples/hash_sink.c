/* hash_sink - the pipeline on real input: collects the digests and checks them.
 *
 * The ventilator says how many files there are; each worker sends (digest, size, path).
 * Given a list made by `sha256sum --zero`, every digest must be in it, and nothing may be
 * left over. Without one, the digests are printed as sha256sum would.
 *
 *     hash_sink [ENDPOINT [LIST]]                  cc hash_sink.c -lzmq */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

static char *list;                               /* "digest  path" and a NUL, each */
static char **lines;
static size_t line_count;

/* Lines are in the order of their paths, which follow 64 digits and two spaces. */
static int by_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a + 66, *(char *const *)b + 66);
}

static int read_list(const char *name)
{
    FILE *f = fopen(name, "rb");
    size_t size = 0, room = 1 << 16, n;

    if (f == NULL || (list = malloc(room)) == NULL)
        return -1;
    while ((n = fread(list + size, 1, room - size, f)) > 0)
        if ((size += n) == room && (list = realloc(list, room *= 2)) == NULL)
            return -1;
    fclose(f);
    lines = malloc((size / 67 + 1) * sizeof *lines);
    if (lines == NULL)
        return -1;
    for (char *p = list; p < list + size; p += strlen(p) + 1)
        lines[line_count++] = p;
    qsort(lines, line_count, sizeof *lines, by_path);
    return 0;
}

static int is_listed(char *line)
{
    char **found = bsearch(&line, lines, line_count, sizeof *lines, by_path);
    return found != NULL && strcmp(*found, line) == 0;
}

/* One frame as a string; whether more follow. */
static int recv_string(void *socket, char *text, int room)
{
    int size = zmq_recv(socket, text, (size_t)room - 1, 0), more = 0;
    size_t more_size = sizeof more;
    if (size < 0)
        exit(1);
    text[size < room ? size : room - 1] = '\0';
    zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size);
    return more;
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://*:5558";
    long total = -1, files = 0, wrong = 0;
    long long bytes = 0;
    void *context = zmq_ctx_new();
    void *results = zmq_socket(context, ZMQ_PULL);

    if (argc > 2 && read_list(argv[2]) != 0) {
        perror(argv[2]);
        return 1;
    }
    if (zmq_bind(results, endpoint) != 0) {
        fprintf(stderr, "%s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        return 1;
    }
    while (files != total) {
        char digest[80], size[32], line[4096 + 80];
        recv_string(results, digest, sizeof digest);
        if (!recv_string(results, size, sizeof size)) {
            total = atol(size);
            continue;
        }
        int at = snprintf(line, sizeof line, "%s  ", digest);
        recv_string(results, line + at, (int)sizeof line - at);
        files++;
        bytes += atoll(size);
        if (argc <= 2) {
            puts(line);
        } else if (at != 66 || !is_listed(line)) {
            fprintf(stderr, "not as sha256sum says: %s\n", line);
            wrong++;
        }
    }
    if (argc > 2) {
        long missing = (long)line_count - (files - wrong);
        printf("%ld files, %lld bytes: %ld differ, %ld missing\n", files, bytes, wrong,
               missing);
        wrong += missing;
    }
    free(lines);
    free(list);
    zmq_close(results);
    zmq_ctx_term(context);
    return wrong == 0 ? 0 : 1;
}
