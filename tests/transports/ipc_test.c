/* ipc_test.c - ipc://: paths, abstract names, and whose file it is. */

#include "tests/api/api.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { LONGEST_PATH = 107 };

TEST(ipc_paths_up_to_107_bytes)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX], too_long[ENDPOINT_MAX], missing[ENDPOINT_MAX];
    int n = snprintf(endpoint, sizeof endpoint, "ipc://%s/", test_dir());

    memset(endpoint + n, 'p', (size_t)(6 + LONGEST_PATH - n));
    endpoint[6 + LONGEST_PATH] = 0;
    memcpy(too_long, endpoint, sizeof endpoint);
    strcat(too_long, "x");
    snprintf(missing, sizeof missing, "ipc://%s/none/x", test_dir());
    REFUSED(zmq_bind(in, too_long), ENAMETOOLONG, "bind");
    REFUSED(zmq_connect(in, too_long), ENAMETOOLONG, "connect");
    REFUSED(zmq_bind(in, missing), ENOENT, "no such directory");
    REFUSED(zmq_bind(in, "ipc://@"), EINVAL, "abstract name of no letter");
    CHECK_OK(zmq_bind(in, endpoint));
    connect_to(out, endpoint);
    send_text(out, "hi");
    expect_text(in, "hi");
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

TEST(ipc_abstract_name_meets_and_leaves_no_file)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);

    CHECK_OK(zmq_bind(in, "ipc://@zinc-abstract"));
    connect_to(out, "ipc://@zinc-abstract");
    send_text(out, "hi");
    expect_text(in, "hi");
    CHECK(access("@zinc-abstract", F_OK) != 0);
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

TEST(ipc_wildcard_makes_a_path_and_removes_it)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];

    CHECK_OK(setenv("TMPDIR", test_dir(), 1));
    bind_to(in, "ipc://*", endpoint);
    CHECK_EQ(strncmp(endpoint + 6, test_dir(), strlen(test_dir())), 0, "%s", endpoint);
    CHECK(access(endpoint + 6, F_OK) == 0);
    connect_to(out, endpoint);
    send_text(out, "hi");
    expect_text(in, "hi");
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
    CHECK(access(endpoint + 6, F_OK) != 0);
    *strrchr(endpoint, '/') = 0;
    CHECK(strcmp(endpoint + 6, test_dir()) == 0 || access(endpoint + 6, F_OK) != 0);
}

static void ipc_path(char endpoint[ENDPOINT_MAX])
{
    snprintf(endpoint, ENDPOINT_MAX, "ipc://%s/socket", test_dir());
}

TEST(ipc_path_left_by_a_dead_process_is_taken_over)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ipc_path(endpoint);
    memcpy(a.sun_path, endpoint + 6, strlen(endpoint + 6));
    CHECK_OK(bind(fd, (struct sockaddr *)&a, sizeof a));
    CHECK_OK(listen(fd, 1));
    close(fd);                                    /* the file stays */
    CHECK_OK(zmq_bind(s, endpoint));
    connect_to(out, endpoint);
    send_text(out, "hi");
    expect_text(s, "hi");
    close_socket(s);
    close_socket(out);
    end_ctx(ctx);
}

/* zinc: libzmq unlinks whatever is there. */
TEST(ipc_path_of_a_live_listener_is_eaddrinuse)
{
    void *ctx = open_ctx(), *a = open_socket(ctx, ZMQ_PULL),
         *b = open_socket(ctx, ZMQ_PULL);
    void *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];

    ipc_path(endpoint);
    CHECK_OK(zmq_bind(a, endpoint));
    REFUSED(zmq_bind(b, endpoint), EADDRINUSE, "taken");
    connect_to(out, endpoint);
    send_text(out, "to the first");
    expect_text(a, "to the first");
    close_socket(a);
    close_socket(b);
    close_socket(out);
    end_ctx(ctx);
}

/* zinc: libzmq would unlink a file of any kind. */
TEST(ipc_bind_does_not_remove_an_ordinary_file)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    ipc_path(endpoint);
    FILE *f = fopen(endpoint + 6, "w");
    CHECK(f != NULL);
    fclose(f);
    REFUSED(zmq_bind(s, endpoint), EADDRINUSE, "a file");
    CHECK(access(endpoint + 6, F_OK) == 0);
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq leaves the file behind. */
TEST(ipc_file_goes_with_its_listener)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    ipc_path(endpoint);
    CHECK_OK(zmq_bind(s, endpoint));
    CHECK(access(endpoint + 6, F_OK) == 0);
    CHECK_OK(zmq_unbind(s, endpoint));
    CHECK(access(endpoint + 6, F_OK) != 0, "after unbind");
    CHECK_OK(zmq_bind(s, endpoint));
    close_socket(s);
    end_ctx(ctx);
    CHECK(access(endpoint + 6, F_OK) != 0, "after close");
}

TEST(ipc_directory_is_eaddrinuse)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    ipc_path(endpoint);
    CHECK_OK(mkdir(endpoint + 6, 0700));
    REFUSED(zmq_bind(s, endpoint), EADDRINUSE, "a directory");
    close_socket(s);
    end_ctx(ctx);
}

/* ---- what is not the listener's own any more ---- */

TEST(ipc_path_that_somebody_else_has_bound_since_is_left_to_him)
{
    static const char *const schemes[] = { "ipc://", "shm://" };

    for (size_t i = 0; i < ZN_COUNT(schemes); i++) {
        void *ctx = open_ctx(), *first = open_socket(ctx, ZMQ_PULL);
        void *second = open_socket(ctx, ZMQ_PULL), *out = open_socket(ctx, ZMQ_PUSH);
        char endpoint[ENDPOINT_MAX];

        snprintf(endpoint, sizeof endpoint, "%s%s/socket", schemes[i], test_dir());
        CHECK_OK(zmq_bind(first, endpoint));
        CHECK_OK(unlink(endpoint + 6));
        CHECK_OK(zmq_bind(second, endpoint));
        close_socket(first);
        CHECK(access(endpoint + 6, F_OK) == 0, "%s", endpoint);
        connect_to(out, endpoint);
        send_text(out, "to the second");
        expect_text(second, "to the second");
        close_socket(second);
        CHECK(access(endpoint + 6, F_OK) != 0, "%s", endpoint);
        close_socket(out);
        end_ctx(ctx);
    }
}

/* Makes two directories, and enters the first. */
static void enter(char other[ENDPOINT_MAX])
{
    char dir[ENDPOINT_MAX];

    snprintf(dir, sizeof dir, "%s/here", test_dir());
    snprintf(other, ENDPOINT_MAX, "%s/there", test_dir());
    CHECK_OK(mkdir(dir, 0700));
    CHECK_OK(mkdir(other, 0700));
    CHECK_OK(chdir(dir));
}

TEST(ipc_file_of_the_same_name_in_another_directory_stays)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char other[ENDPOINT_MAX];

    enter(other);
    CHECK_OK(zmq_bind(s, "ipc://data"));
    CHECK_OK(chdir(other));
    close((int)CHECK_OK(open("data", O_CREAT | O_WRONLY, 0600)));
    close_socket(s);
    end_ctx(ctx);
    CHECK(access("data", F_OK) == 0);
}

TEST(ipc_directory_of_the_same_name_in_another_directory_stays)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char other[ENDPOINT_MAX], endpoint[ENDPOINT_MAX];

    CHECK_OK(unsetenv("TMPDIR"));
    CHECK_OK(unsetenv("TEMPDIR"));
    CHECK_OK(unsetenv("TMP"));
    enter(other);
    bind_to(s, "ipc://*", endpoint);
    CHECK_OK(chdir(other));
    *strrchr(endpoint, '/') = 0;
    CHECK_OK(mkdir(endpoint + 6, 0700));
    close_socket(s);
    end_ctx(ctx);
    CHECK(access(endpoint + 6, F_OK) == 0);
}
