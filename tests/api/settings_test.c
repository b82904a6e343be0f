/* settings_test.c - what options set on the descriptors of connections, which the monitor tells. */

#include "tests/api/raw.h"

static void expect_setting(uint32_t fd, int level, int name, int wanted)
{
    int value = -1;
    socklen_t size = sizeof value;
    CHECK_OK(getsockopt((int)fd, level, name, &value, &size));
    CHECK_EQ(value, wanted);
}

TEST(tos_is_set_on_all_descriptors_of_both_families)
{
    for (int ipv6 = 0; ipv6 <= has_ipv6(); ipv6++) {
        void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
        void *out = open_socket(ctx, ZMQ_PUSH);
        void *monitors[] = { open_monitor(ctx, in, ZMQ_EVENT_ACCEPTED),
                             open_monitor(ctx, out, ZMQ_EVENT_CONNECTED) };
        char endpoint[ENDPOINT_MAX];

        for (int i = 0; i < 2; i++) {
            test_set_int(i == 0 ? in : out, ZMQ_IPV6, ipv6);
            test_set_int(i == 0 ? in : out, ZMQ_TOS, 0x28);
        }
        bind_to(in, ipv6 ? "tcp://[::1]:*" : "tcp://127.0.0.1:*", endpoint);
        connect_to(out, endpoint);
        for (int i = 0; i < 2; i++) {
            uint32_t fd = next_event(monitors[i]).value;
            expect_setting(fd, IPPROTO_IP, IP_TOS, 0x28);
            if (ipv6)
                expect_setting(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x28);
            close_socket(monitors[i]);
        }
        close_socket(in);
        close_socket(out);
        end_ctx(ctx);
    }
}

/* A draft option: Debian's libzmq does not have it. */
TEST(priority_is_set_on_accepted_connections_too)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
    void *out = open_socket(ctx, ZMQ_PUSH);
    void *monitor = open_monitor(ctx, in, ZMQ_EVENT_ACCEPTED);
    char endpoint[ENDPOINT_MAX];

    test_set_int(in, ZMQ_PRIORITY, 5);
    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    connect_to(out, endpoint);
    expect_setting(next_event(monitor).value, SOL_SOCKET, SO_PRIORITY, 5);
    close_socket(in);
    close_socket(out);
    close_socket(monitor);
    end_ctx(ctx);
}
