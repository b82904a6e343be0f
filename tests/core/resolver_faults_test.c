/* resolver_faults_test.c - connections by name while calls fail; see api/faults_test.c. */
#include "tests/api/faults.h"

static void by_name(struct net *net)
{
    void *server = net_socket(net, ZMQ_DEALER), *client = net_socket(net, ZMQ_DEALER);
    char port[16];

    net_bind(net, server);
    snprintf(port, sizeof port, "%s", strrchr(net->endpoint, ':'));
    snprintf(net->endpoint, sizeof net->endpoint, "tcp://localhost%s", port);
    net_set(client, ZMQ_IPV6, 1);
    net_connect(net, client);
    net_converse(net, client, server, PARTS);
    net_close(client);
    net_close(server);
}
FAULT_TESTS(by_name, TCP_ONLY)
