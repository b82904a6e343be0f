/* tests/test.c - runs tests, each in a process of its own, and judges what it leaves.
 *
 * The parent forks, watches and reports; the child runs one test under cmocka with its
 * output in a file that is shown on failure. */
#include "tests/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_FDS 65536
#define EXIT_SKIPPED 77

static struct test_case *tests, **tests_tail = &tests;

/* In the child: the test that runs, and who may leave it by a jump. */
static struct test_case *running;
static pid_t running_pid;
static pthread_t running_thread;
static char running_dir[64];
static bool skipped;
static const int caught_signals[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS };
static struct sigaction signals_before[COUNT(caught_signals)];

void test_register(struct test_case *test)
{
    *tests_tail = test;
    tests_tail = &test->next;
}

int test_patience(void)
{
    const char *more = getenv("ZINC_TEST_PATIENCE");
    int factor = more != NULL && atoi(more) > 0 ? atoi(more) : 1;
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
    factor *= 4;
#endif
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    factor *= 4;
#endif
    return factor;
}

double test_cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

const char *test_dir(void)
{
    return running_dir;
}

/* ---- Failing. */

static bool may_jump(void)
{
    return getpid() == running_pid && pthread_equal(pthread_self(), running_thread);
}

_Noreturn static void end_test(void)
{
    fflush(NULL);
    if (may_jump())
        _fail(running->name, 0);
    if (getpid() != running_pid)
        kill(running_pid, SIGABRT);          /* a process that the test forked */
    _exit(1);
}

static void print_detail(const char *format, va_list args)
{
    char detail[1024];
    vsnprintf(detail, sizeof detail, format, args);
    if (detail[0] != '\0')
        fprintf(stderr, "    %s\n", detail);
}

void test_fail(const char *file, int line, const char *what, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    va_start(args, format);
    print_detail(format, args);
    va_end(args);
    end_test();
}

void test_fail_eq(const char *file, int line, const char *a_text, const char *b_text,
                  long long a, long long b, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s:%d: failed: %s == %s\n    %lld != %lld\n", file, line, a_text,
            b_text, a, b);
    va_start(args, format);
    print_detail(format, args);
    va_end(args);
    end_test();
}

void test_fail_str(const char *file, int line, const char *a_text, const char *b_text,
                   const char *a, const char *b, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s:%d: failed: %s == %s\n    \"%s\" != \"%s\"\n", file, line, a_text,
            b_text, a != NULL ? a : "(null)", b != NULL ? b : "(null)");
    va_start(args, format);
    print_detail(format, args);
    va_end(args);
    end_test();
}

static void print_bytes(const uint8_t *p, size_t size, size_t around)
{
    size_t from = around > 8 ? around - 8 : 0;
    fprintf(stderr, "    [%zu]", from);
    for (size_t i = from; i < size && i < from + 24; i++)
        fprintf(stderr, " %02x", p[i]);
    fputc('\n', stderr);
}

void test_check_mem(const char *file, int line, const char *a_text, const char *b_text,
                    const void *a, const void *b, size_t size)
{
    const uint8_t *p = a, *q = b;
    size_t i = 0;
    while (i < size && p[i] == q[i])
        i++;
    if (i == size)
        return;
    fprintf(stderr, "%s:%d: failed: %s equals %s: byte %zu of %zu differs\n", file, line,
            a_text, b_text, i, size);
    print_bytes(p, size, i);
    print_bytes(q, size, i);
    end_test();
}

long long test_check_ok(const char *file, int line, const char *call, long long rc)
{
    int error = errno;
    if (rc < 0)
        test_fail(file, line, call, "returned %lld, errno %d (%s)", rc, error,
                  strerror(error));
    return rc;
}

void test_check_errno(const char *file, int line, const char *call, bool failed, int want)
{
    int got = errno;
    if (!failed)
        test_fail(file, line, call, "succeeded; wanted errno %d (%s)", want,
                  strerror(want));
    if (got != want)
        test_fail(file, line, call, "errno %d (%s); wanted %d (%s)", got, strerror(got),
                  want, strerror(want));
}

void test_skip(const char *why)
{
    fprintf(stderr, "skipped: %s\n", why);
    fflush(NULL);
    if (!may_jump())
        _exit(EXIT_SKIPPED);
    skipped = true;
    _skip(running->name, 0);
}

/* ---- Means. */

const uint8_t *test_fence(const void *bytes, size_t size, const uint8_t **end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (size + page - 1) / page * page;
    uint8_t *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED);
    CHECK_OK(mprotect(map + room, page, PROT_NONE));
    *end = map + room;
    return size == 0 ? *end : memcpy(map + room - size, bytes, size);
}

static void nap(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

void test_wait_until(bool (*pred)(void *), void *arg, int seconds)
{
    long left = seconds * 1000L * test_patience();
    while (!pred(arg)) {
        CHECK(left-- > 0, "waited %d s for what did not come", seconds);
        nap(1);
    }
}

struct test_thread {
    pthread_t id;
};

struct test_thread *test_thread_start(void *(*work)(void *), void *arg)
{
    struct test_thread *t = malloc(sizeof *t);
    CHECK(t != NULL);
    CHECK_EQ(pthread_create(&t->id, NULL, work, arg), 0);
    return t;
}

void *test_thread_join(struct test_thread *t)
{
    void *result;
    CHECK_EQ(pthread_join(t->id, &result), 0);
    free(t);
    return result;
}

/* Counts the numbers that name entries of a directory of /proc/self, own apart, and
 * notes them in seen. */
static int list_numbers(const char *path, int own, bool *seen, int max)
{
    int count = 0;
    DIR *d = opendir(path);
    if (d == NULL)
        return 0;
    if (own < 0)
        own = dirfd(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        int n = atoi(e->d_name);
        if (e->d_name[0] < '0' || e->d_name[0] > '9' || n == own)
            continue;
        count++;
        if (seen != NULL && n < max)
            seen[n] = true;
    }
    closedir(d);
    return count;
}

int test_count_fds(void)
{
    return list_numbers("/proc/self/fd", -1, NULL, 0);
}

int test_count_threads(void)
{
    return list_numbers("/proc/self/task", 0, NULL, 0);
}

/* ---- The child. */

/* ThreadSanitizer asks this. A test may fork beside the library's threads and make a
 * context of its own in that child. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}

static void *do_nothing(void *arg)
{
    return arg;
}

/* Sanitizers start a helper thread beside the first other thread: let them do it before
 * anything is counted. */
static void settle_threads(void)
{
    pthread_t t;
    if (pthread_create(&t, NULL, do_nothing, NULL) == 0)
        pthread_join(t, NULL);
    for (int i = 0; i < 10 && test_count_threads() > 1; i++)
        nap(1);
}

static const char *forgiven_fds = "";

void test_forgive_fds(const char *target)
{
    forgiven_fds = target;
}

static void check_fds(const bool *before)
{
    static bool now[MAX_FDS];
    int left = 0;

    list_numbers("/proc/self/fd", -1, now, MAX_FDS);
    for (int fd = 0; fd < MAX_FDS; fd++) {
        char path[64], target[256] = "?";
        if (now[fd] == before[fd])
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (now[fd] && readlink(path, target, sizeof target - 1) < 0)
            target[0] = '\0';
        if (now[fd] && strcmp(target, forgiven_fds) == 0)
            continue;
        fprintf(stderr, "descriptor %d %s: %s\n", fd, now[fd] ? "left open" : "closed",
                target);
        left++;
    }
    CHECK(left == 0, "%d descriptors differ", left);
}

/* A thread that has been joined may still be listed for a moment. */
static void check_threads(int before)
{
    for (int i = 0; i < 2000 && test_count_threads() != before; i++)
        nap(1);
    CHECK_EQ(test_count_threads(), before, "threads after and before");
}

/* cmocka turns SIGSEGV and its like into a failed test; a crash tells more. */
static void restore_signals(void)
{
    for (size_t i = 0; i < COUNT(caught_signals); i++)
        sigaction(caught_signals[i], &signals_before[i], NULL);
}

static void run_body(void **state)
{
    static bool fds[MAX_FDS];
    (void)state;

    restore_signals();
    settle_threads();
    list_numbers("/proc/self/fd", -1, fds, MAX_FDS);
    int threads = test_count_threads();
    running->body();
    check_threads(threads);
    check_fds(fds);
}

/* Runs the test in this process, and ends it. */
_Noreturn static void be_child(struct test_case *test, int output)
{
    const struct CMUnitTest group[] = { { test->name, run_body, NULL, NULL, NULL } };

    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    close(output);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < COUNT(caught_signals); i++)
        sigaction(caught_signals[i], NULL, &signals_before[i]);

    setenv("TMPDIR", running_dir, 1);
    running = test;
    running_pid = getpid();
    running_thread = pthread_self();
    int failed = _cmocka_run_group_tests(test->name, group, 1, NULL, NULL);
    fflush(NULL);
    if (failed != 0)
        _exit(1);                            /* what a cut test leaks says nothing */
    if (skipped)
        _exit(EXIT_SKIPPED);
    exit(0);
}

/* ---- The parent. */

enum outcome { PASSED, FAILED, SKIPPED, OUTCOMES };

struct options {
    char **filters;
    int filter_count;
    int repeat;
    bool verbose, list;
};

static int remove_entry(const char *path, const struct stat *st, int flag,
                        struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void make_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(running_dir, sizeof running_dir, "%s/zinc-test-XXXXXX",
                     tmp != NULL ? tmp : "/tmp");
    if (n >= (int)sizeof running_dir)        /* ipc paths must stay short */
        strcpy(running_dir, "/tmp/zinc-test-XXXXXX");
    if (mkdtemp(running_dir) == NULL)
        perror(running_dir), exit(2);
}

/* cmocka's own lines. */
static bool is_chatter(const char *line)
{
    return strncmp(line, "[ ", 2) == 0 || strncmp(line, "[=", 2) == 0 ||
           strcmp(line, "\n") == 0 || strstr(line, "ED TEST(S)\n") != NULL;
}

/* Shows what a test printed. */
static void show_output(int fd)
{
    char line[4096];
    lseek(fd, 0, SEEK_SET);
    FILE *f = fdopen(dup(fd), "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (!is_chatter(line))
            printf("    %s", line);
    if (f != NULL)
        fclose(f);
}

static void show_file(const char *dir, const char *name)
{
    char path[384], text[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n > 0)
        printf("  %.*s", (int)strcspn((text[n] = '\0', text), "\n"), text);
}

/* Where every thread of a test that hangs is, as well as /proc (and gdb) can say. */
static void show_threads(pid_t pid)
{
    char path[64], thread[320], command[128];

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(thread, sizeof thread, "%s/%s", path, e->d_name);
        printf("    thread %s:", e->d_name);
        show_file(thread, "comm");
        show_file(thread, "wchan");
        show_file(thread, "syscall");
        putchar('\n');
    }
    if (d != NULL)
        closedir(d);
    fflush(stdout);
    snprintf(command, sizeof command,
             "command -v gdb >/dev/null && timeout 30 gdb -p %d -batch "
             "-ex 'thread apply all bt' 2>&1 | grep '^[#T]'",
             (int)pid);
    if (system(command) != 0)
        fflush(stdout);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits for the child; false if it was still there at the deadline. */
static bool wait_child(pid_t pid, double deadline, int *status)
{
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    while (waitpid(pid, status, WNOHANG) == 0) {
        double left = deadline - now();
        struct timespec t = { left < 1 ? 0 : 1, left < 1 ? 100000000 : 0 };
        if (left <= 0)
            return false;
        sigtimedwait(&chld, NULL, &t);
    }
    return true;
}

static enum outcome judge(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return PASSED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED)
        return SKIPPED;
    if (WIFSIGNALED(status))
        printf("    killed by signal %d (%s)\n", WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 1)
        printf("    exit status %d\n", WEXITSTATUS(status));
    return FAILED;
}

static enum outcome run(struct test_case *test, const struct options *o)
{
    static const char *const words[] = { "ok  ", "FAIL", "skip" };
    FILE *output = tmpfile();
    int timeout = test->timeout * test_patience(), status = 0;
    double start = now();

    if (output == NULL)
        perror("tmpfile"), exit(2);
    make_dir();
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        perror("fork"), exit(2);
    if (pid == 0)
        be_child(test, fileno(output));
    setpgid(pid, pid);

    bool ended = wait_child(pid, start + timeout, &status);
    if (!ended)
        show_threads(pid);
    kill(-pid, SIGKILL);                     /* and whatever the test left behind */
    if (!ended)
        waitpid(pid, &status, 0);
    nftw(running_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);

    enum outcome outcome = ended ? judge(status) : FAILED;
    if (!ended)
        printf("    still running after %d s\n", timeout);
    if (outcome != PASSED || o->verbose) {
        show_output(fileno(output));
        printf("%s %s (%.2f s)\n", words[outcome], test->name, now() - start);
        fflush(stdout);
    }
    fclose(output);
    return outcome;
}

static bool wanted(const struct test_case *test, const struct options *o)
{
    for (int i = 0; i < o->filter_count; i++)
        if (strstr(test->name, o->filters[i]) != NULL)
            return true;
    return o->filter_count == 0;
}

static int run_all(const struct options *o)
{
    int counts[OUTCOMES] = { 0 };

    for (struct test_case *t = tests; t != NULL; t = t->next) {
        if (!wanted(t, o))
            continue;
        if (o->list) {
            puts(t->name);
            continue;
        }
        enum outcome outcome = PASSED;
        for (int i = 0; i < o->repeat && outcome == PASSED; i++)
            outcome = run(t, o);
        counts[outcome]++;
    }
    if (o->list)
        return 0;
    printf("%d passed, %d failed", counts[PASSED], counts[FAILED]);
    if (counts[SKIPPED] > 0)
        printf(", %d skipped", counts[SKIPPED]);
    putchar('\n');
    if (counts[PASSED] + counts[FAILED] + counts[SKIPPED] == 0)
        return 2;
    return counts[FAILED] == 0 ? 0 : 1;
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [-v] [--list] [--repeat N] [PART-OF-A-NAME]...\n",
            program);
    return 2;
}

int main(int argc, char **argv)
{
    struct options o = { .filters = argv + 1, .repeat = 1 };
    sigset_t chld;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            o.verbose = true;
        else if (strcmp(argv[i], "--list") == 0)
            o.list = true;
        else if (strcmp(argv[i], "--repeat") == 0 && i + 1 < argc &&
                 atoi(argv[i + 1]) > 0)
            o.repeat = atoi(argv[++i]);
        else if (argv[i][0] == '-')
            return usage(argv[0]);
        else
            o.filters[o.filter_count++] = argv[i];
    }

    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, NULL);     /* for sigtimedwait() */
    return run_all(&o);
}
