/* tests/api/util_test.c */
#include <signal.h>
#include <zmq.h>

#include "tests/test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(strerror_knows_zmqs_own_errors)
{
    static const struct {
        int errnum;
        const char *text;
    } cases[] = {
        { 0, "Success" },
        { EFSM, "Operation cannot be accomplished in current state" },
        { ENOCOMPATPROTO, "The protocol is not compatible with the socket type" },
        { ETERM, "Context was terminated" },
        { EMTHREAD, "No thread available" },
        { EHOSTUNREACH, "Host unreachable" },
        { EINVAL, "Invalid argument" },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_STR(zmq_strerror(cases[i].errnum), cases[i].text);
    CHECK(zmq_strerror(-1) != NULL);
    CHECK(zmq_strerror(99999) != NULL);
}

TEST(errno_is_the_threads_own)
{
    errno = EMTHREAD;
    CHECK_EQ(zmq_errno(), EMTHREAD);
}

TEST(version_is_that_of_the_header)
{
    int major, minor, patch;

    zmq_version(&major, &minor, &patch);
    CHECK_EQ(ZMQ_MAKE_VERSION(major, minor, patch), ZMQ_VERSION);
    zmq_version(NULL, NULL, NULL);
}

TEST(has_knows_what_is_built)
{
    static const struct {
        const char *name;
        int want;
    } cases[] = {
        { "ipc", 1 },    { "draft", 1 }, { "IPC", 0 }, { "tcp", 0 },
        { "inproc", 0 }, { "udp", 0 },   { "", 0 },    { "CURVE", 0 },
        { NULL, 0 },     { "WS", 1 },    { "ws", 0 },
#ifdef ZN_HAVE_GNUTLS
        { "WSS", 1 },
#else
        { "WSS", 0 },
#endif
#ifdef ZN_HAVE_SODIUM
        { "curve", 1 },
#else
        { "curve", 0 },
#endif
#ifdef ZN_HAVE_GSSAPI
        { "gssapi", 1 },
#else
        { "gssapi", 0 },
#endif
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_EQ(zmq_has(cases[i].name), cases[i].want, "case %zu", i);
}

TEST(z85_gives_its_destination_or_null)
{
    uint8_t bytes[8];
    char text[11];

    CHECK(zmq_z85_decode(bytes, "HelloWorld") == bytes);
    CHECK(zmq_z85_encode(text, bytes, 8) == text);
    CHECK_STR(text, "HelloWorld");
    CHECK_NULL(zmq_z85_decode(bytes, "HelloW"), EINVAL);
    CHECK_NULL(zmq_z85_decode(bytes, ""), EINVAL);
    CHECK_NULL(zmq_z85_encode(text, bytes, 7), EINVAL);
    CHECK(zmq_z85_encode(text, bytes, 0) == text);
    CHECK_STR(text, "");
}

TEST(curve_keys_need_curve)
{
    char public_key[41], secret_key[41];

    if (zmq_has("curve"))
        test_skip("there is CURVE");
    CHECK_ERRNO(zmq_curve_keypair(public_key, secret_key), ENOTSUP);
    CHECK_ERRNO(zmq_curve_public(public_key, secret_key), ENOTSUP);
}

/* The vectors are libzmq's: its zmq_curve_public() of these secret keys. */
TEST(curve_keys_are_texts_in_z85)
{
    char public_key[41], secret_key[41], derived[41];

    if (!zmq_has("curve"))
        test_skip("there is no CURVE");
    CHECK_EQ(zmq_curve_keypair(public_key, secret_key), 0);
    CHECK_EQ(strlen(public_key), 40);
    CHECK_EQ(strlen(secret_key), 40);
    CHECK_EQ(zmq_curve_public(derived, secret_key), 0);
    CHECK_STR(derived, public_key);
    CHECK_EQ(zmq_curve_public(derived, "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"), 0);
    CHECK_STR(derived, "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");

    CHECK_ERRNO(zmq_curve_public(derived, ""), EINVAL);
    CHECK_ERRNO(zmq_curve_public(derived, "D:)Q["), EINVAL);
    CHECK_ERRNO(zmq_curve_public(derived, "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%c~"),
                EINVAL);
    CHECK_ERRNO(
        zmq_curve_public(derived, "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs00000"),
        EINVAL);
    CHECK_ERRNO(zmq_curve_public(NULL, secret_key), EINVAL);
    CHECK_ERRNO(zmq_curve_public(derived, NULL), EINVAL);
    CHECK_ERRNO(zmq_curve_keypair(NULL, secret_key), EINVAL);
    CHECK_ERRNO(zmq_curve_keypair(public_key, NULL), EINVAL);
}

static void *count_up(void *counter)
{
    for (int i = 0; i < 100000; i++)
        zmq_atomic_counter_inc(counter);
    return NULL;
}

TEST(counter_counts_for_many_threads)
{
    void *counter = zmq_atomic_counter_new();
    struct test_thread *threads[4];

    CHECK_EQ(zmq_atomic_counter_value(counter), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        threads[i] = test_thread_start(count_up, counter);
    for (size_t i = 0; i < COUNT(threads); i++)
        test_thread_join(threads[i]);
    CHECK_EQ(zmq_atomic_counter_value(counter), 400000);

    zmq_atomic_counter_set(counter, 1);
    CHECK_EQ(zmq_atomic_counter_inc(counter), 1);
    CHECK_EQ(zmq_atomic_counter_dec(counter), 1);
    CHECK_EQ(zmq_atomic_counter_dec(counter), 0);
    CHECK_EQ(zmq_atomic_counter_dec(counter), 1, "-1 is not 0");
    zmq_atomic_counter_destroy(&counter);
    CHECK(counter == NULL);
}

TEST(watch_measures_in_microseconds)
{
    void *watch = zmq_stopwatch_start();
    zmq_poll(NULL, 0, 30);
    unsigned long first = zmq_stopwatch_intermediate(watch);
    unsigned long last = zmq_stopwatch_stop(watch);

    CHECK(first >= 29000 && first < 20000000, "%lu", first);
    CHECK(last >= first);
}

TEST(sleep_is_in_seconds)
{
    void *watch = zmq_stopwatch_start();

    zmq_sleep(0);
    zmq_sleep(1);
    CHECK(zmq_stopwatch_stop(watch) >= 990000);
}

static void in_thread(void *arg)
{
    sigset_t blocked;

    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
    CHECK(sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGUSR1));
    *(int *)arg = 1;
}

TEST(thread_runs_with_signals_blocked_until_it_is_closed)
{
    int ran = 0;
    void *thread = zmq_threadstart(in_thread, &ran);

    CHECK(thread != NULL);
    zmq_threadclose(thread);
    CHECK_EQ(ran, 1);
}
