/* socks_faults_test.c - tcp through a proxy while calls fail; see api/faults_test.c. */
#include "tests/api/faults.h"
#include "tests/transports/proxy.h"

static struct proxy proxy = { .user = "me", .password = "secret" };

static void by_proxy(struct net *net)
{
    void *server = net_socket(net, ZMQ_DEALER), *client = net_socket(net, ZMQ_DEALER);
    char text[32];

    snprintf(text, sizeof text, "127.0.0.1:%d", proxy.port);
    KEEP(zmq_setsockopt(client, ZMQ_SOCKS_PROXY, text, strlen(text)));
    KEEP(zmq_setsockopt(client, ZMQ_SOCKS_USERNAME, "me", 2));
    KEEP(zmq_setsockopt(client, ZMQ_SOCKS_PASSWORD, "secret", 6));
    net_bind(net, server);
    net_connect(net, client);
    net_converse(net, client, server, PARTS);
    net_converse(net, server, client, SMALL);
    net_close(client);
    net_close(server);
}

static void hunt(enum zn_fault_kind kind, bool sticky)
{
    proxy.port = test_free_port();
    proxy_start(&proxy);
    net_hunt_all(by_proxy, TCP_ONLY, kind, sticky);
    proxy_stop(&proxy);
}

TEST_TIMEOUT(by_proxy_without_an_allocation, 60)
{
    hunt(ZN_FAULT_ALLOC, false);
}

TEST_TIMEOUT(by_proxy_without_memory_for_a_while, 60)
{
    hunt(ZN_FAULT_ALLOC, true);
}

TEST_TIMEOUT(by_proxy_without_a_system_call, 60)
{
    hunt(ZN_FAULT_CALL, false);
}

TEST_TIMEOUT(by_proxy_without_the_system_for_a_while, 60)
{
    hunt(ZN_FAULT_CALL, true);
}
