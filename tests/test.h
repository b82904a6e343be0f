/* tests/test.h - a test is a sentence; each runs in a process of its own.
 *
 *     TEST(frame_decode_wants_more_when_cut)
 *     {
 *         CHECK_EQ(zn_frame_decode(p, end, limit, &frame), 0, "%s", what);
 *     }
 *
 * Process   TEST() registers itself. Its body runs in a forked child, under a
 *           watchdog; when it has returned, descriptors and threads must be what
 *           they were before, and sanitizers add their own judgement at exit.
 * Threads   CHECKs may be used in any thread, and in processes that a test forks:
 *           the first that fails ends the test.
 * Output    of a test is shown only if it fails (or with -v). */
#ifndef ZN_TESTS_TEST_H
#define ZN_TESTS_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct test_case {
    const char *name;
    void (*body)(void);
    int timeout;                         /* seconds, before test_patience() */
    struct test_case *next;
};

void test_register(struct test_case *test);

#define TEST(name) TEST_TIMEOUT(name, 30)
#define TEST_TIMEOUT(name, seconds)                                            \
    static void test_body_##name(void);                                        \
    __attribute__((constructor)) static void test_register_##name(void)        \
    {                                                                          \
        static struct test_case test = { #name, test_body_##name, seconds, NULL }; \
        test_register(&test);                                                  \
    }                                                                          \
    static void test_body_##name(void)

/* ---- Checks. All but CHECK_MEM take an optional printf format and arguments, which
 * are evaluated only on failure. At most six arguments after the format. */

#define CHECK(...)                                                             \
    TEST_PICK(__VA_ARGS__, TEST_TRUE_F, TEST_TRUE_F, TEST_TRUE_F, TEST_TRUE_F, \
              TEST_TRUE_F, TEST_TRUE_F, TEST_TRUE_F, TEST_TRUE, 0)             \
    (__VA_ARGS__)
/* Integers (or booleans, enumerations). */
#define CHECK_EQ(...)                                                        \
    TEST_PICK(__VA_ARGS__, TEST_EQ_F, TEST_EQ_F, TEST_EQ_F, TEST_EQ_F, TEST_EQ_F, \
              TEST_EQ_F, TEST_EQ, 0, 0)                                           \
    (__VA_ARGS__)
/* C strings; NULL equals NULL alone. */
#define CHECK_STR(...)                                                          \
    TEST_PICK(__VA_ARGS__, TEST_STR_F, TEST_STR_F, TEST_STR_F, TEST_STR_F, TEST_STR_F, \
              TEST_STR_F, TEST_STR, 0, 0)                                              \
    (__VA_ARGS__)
#define CHECK_MEM(a, b, size) test_check_mem(__FILE__, __LINE__, #a, #b, (a), (b), (size))
/* The call succeeds: not negative. What it returned is the macro's value. */
#define CHECK_OK(call) test_check_ok(__FILE__, __LINE__, #call, (errno = 0, (call)))
/* The call returns -1 (or NULL) and sets errno to err. */
#define CHECK_ERRNO(call, err) \
    test_check_errno(__FILE__, __LINE__, #call, (errno = 0, (call)) == -1, (err))
#define CHECK_NULL(call, err) \
    test_check_errno(__FILE__, __LINE__, #call, (errno = 0, (call)) == NULL, (err))

/* ---- Means. */

/* A copy of the bytes that ends at an unreadable page; *end may not be read. The
 * copy lives as long as the test. */
const uint8_t *test_fence(const void *bytes, size_t size, const uint8_t **end);

/* Ends the test, neither passed nor failed. */
void test_skip(const char *why);

/* How much slower than a release build this one may be: 1, or more under a
 * sanitizer. Timeouts of tests are already multiplied by it. */
int test_patience(void);
/* What the process has used of the processors. */
double test_cpu_seconds(void);

/* A directory of this test's own, removed with all it holds afterwards. */
const char *test_dir(void);

/* Descriptors of that kind ("anon_inode:[eventpoll]") may be left open: by a library that the
 * test cannot do without. */
void test_forgive_fds(const char *target);

/* The number of open descriptors, and of threads. */
int test_count_fds(void);
int test_count_threads(void);

/* Runs work(arg) in a thread; join returns what work returned. */
struct test_thread;
struct test_thread *test_thread_start(void *(*work)(void *), void *arg);
void *test_thread_join(struct test_thread *thread);

/* ---- Means for tests over zmq.h. */

#define TEST_ENDPOINT 128

/* The transports of the table in test_api.c over which patterns are tried, those that work on
 * this machine; each list ends with NULL. */
enum test_kind {
    TEST_ANY,
    TEST_STREAMS,                        /* between processes */
    TEST_RAW,                            /* that carry bare bytes as well */
    TEST_ABSENT,                         /* those that do not work here */
    TEST_KINDS
};
const char *const *test_transports_of(enum test_kind kind);
#define test_transports test_transports_of(TEST_ANY)

/* Where to bind, fresh each time; it may be of the library's choice ("tcp://127.0.0.1:*").
 * Returns buf. */
char *test_endpoint(const char *transport, char buf[TEST_ENDPOINT]);
/* The same, for peers that must connect before the bind. */
char *test_fixed_endpoint(const char *transport, char buf[TEST_ENDPOINT]);
/* Binds there; buf then holds the endpoint to connect to. Returns buf. */
char *test_bind(void *socket, const char *transport, char buf[TEST_ENDPOINT]);
/* A port that was free a moment ago, for peers that must connect before the bind. */
int test_free_port(void);

void *test_socket(void *ctx, int type);              /* LINGER 0; checked */
void test_set_int(void *socket, int option, int value);
int test_get_int(void *socket, int option);
/* Sends each of the strings up to NULL as a frame of one message. */
void test_send_strings(void *socket, const char *first, ...);
/* Receives one message (waiting at most 10 s) that must be these frames. */
void test_expect_strings(void *socket, const char *first, ...);
/* Nothing arrives within ms. */
void test_expect_nothing(void *socket, int ms);
/* Waits until pred(arg), for at most seconds; fails the test if not. */
void test_wait_until(bool (*pred)(void *), void *arg, int seconds);

/* ---- The machinery of the macros. */

#if defined(__GNUC__)
#define TEST_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TEST_PRINTF(fmt, args)
#endif

_Noreturn void test_fail(const char *file, int line, const char *what, const char *format,
                         ...) TEST_PRINTF(4, 5);
_Noreturn void test_fail_eq(const char *file, int line, const char *a_text,
                            const char *b_text, long long a, long long b,
                            const char *format, ...) TEST_PRINTF(7, 8);
_Noreturn void test_fail_str(const char *file, int line, const char *a_text,
                             const char *b_text, const char *a, const char *b,
                             const char *format, ...) TEST_PRINTF(7, 8);
void test_check_mem(const char *file, int line, const char *a_text, const char *b_text,
                    const void *a, const void *b, size_t size);
long long test_check_ok(const char *file, int line, const char *call, long long rc);
void test_check_errno(const char *file, int line, const char *call, bool failed,
                      int want);

#define TEST_PICK(a, b, c, d, e, f, g, h, name, ...) name

#define TEST_TRUE(cond) TEST_TRUE_F(cond, "%s", "")
#define TEST_TRUE_F(cond, ...)                                   \
    do {                                                         \
        if (!(cond))                                             \
            test_fail(__FILE__, __LINE__, #cond, __VA_ARGS__);   \
    } while (0)

#define TEST_EQ(a, b) TEST_EQ_F(a, b, "%s", "")
#define TEST_EQ_F(a, b, ...)                                                          \
    do {                                                                              \
        long long test_a = (long long)(a), test_b = (long long)(b);                   \
        if (test_a != test_b)                                                         \
            test_fail_eq(__FILE__, __LINE__, #a, #b, test_a, test_b, __VA_ARGS__);    \
    } while (0)

#define TEST_STR(a, b) TEST_STR_F(a, b, "%s", "")
#define TEST_STR_F(a, b, ...)                                                         \
    do {                                                                              \
        const char *test_a = (a), *test_b = (b);                                      \
        if (test_a == NULL || test_b == NULL ? test_a != test_b                       \
                                             : strcmp(test_a, test_b) != 0)           \
            test_fail_str(__FILE__, __LINE__, #a, #b, test_a, test_b, __VA_ARGS__);   \
    } while (0)

#endif
