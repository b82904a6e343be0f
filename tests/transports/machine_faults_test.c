/* machine_faults_test.c - tipc and vsock while calls fail, where this machine has them; see
 * api/faults_test.c. */
#include "tests/api/faults.h"

static void talk(struct net *net)
{
    void *server = net_socket(net, ZMQ_DEALER), *client = net_socket(net, ZMQ_DEALER);

    net_bind(net, server);
    net_connect(net, client);
    net_converse(net, client, server, PARTS);
    net_converse(net, server, client, LARGE);
    net_close(client);
    net_close(server);
}

static void hunt(enum zn_fault_kind kind, bool sticky)
{
    const char *here[3] = { NULL };
    size_t count = 0;

    for (const char *const *t = test_transports; *t != NULL; t++)
        if (strcmp(*t, "tipc") == 0 || strcmp(*t, "vsock") == 0)
            here[count++] = *t;
    if (count == 0)
        test_skip("neither TIPC nor vsock works here");
    net_hunt_all(talk, here, kind, sticky);
}

TEST_TIMEOUT(talk_without_an_allocation, 60)
{
    hunt(ZN_FAULT_ALLOC, false);
}

TEST_TIMEOUT(talk_without_memory_for_a_while, 60)
{
    hunt(ZN_FAULT_ALLOC, true);
}

TEST_TIMEOUT(talk_without_a_system_call, 60)
{
    hunt(ZN_FAULT_CALL, false);
}

TEST_TIMEOUT(talk_without_the_system_for_a_while, 60)
{
    hunt(ZN_FAULT_CALL, true);
}
