/* ws_faults_test.c - ws while allocations and system calls fail: as api/faults_test.c. */
#include "tests/api/faults.h"

#ifdef ZN_HAVE_GNUTLS
#include "tests/transports/certificate.h"
#endif

static const char *const ws_only[] = { "ws", NULL };

static void one_way(struct net *net)
{
    void *pull = net_socket(net, ZMQ_PULL), *push = net_socket(net, ZMQ_PUSH);

    net_bind(net, pull);
    net_connect(net, push);
    for (int shape = 0; shape < SHAPES; shape++)
        net_converse(net, push, pull, shape);
    net_close(push);
    net_close(pull);
}
FAULT_TESTS(one_way, ws_only)

static void both_ways(struct net *net)
{
    void *router = net_socket(net, ZMQ_ROUTER), *dealer = net_socket(net, ZMQ_DEALER);

    net_bind(net, router);
    net_set(dealer, ZMQ_HEARTBEAT_IVL, 1);
    net_connect(net, dealer);
    for (int shape = 0; shape < SHAPES; shape++)
        net_echo(net, dealer, router, shape);
    net_close(dealer);
    net_close(router);
}
FAULT_TESTS(both_ways, ws_only)

#ifdef ZN_HAVE_GNUTLS

/* The same over wss, which needs a certificate. */
static void certified(struct net *net)
{
    static const char *const names[] = { "127.0.0.1", NULL };
    static struct certificate own;
    void *pull = net_socket(net, ZMQ_PULL), *push = net_socket(net, ZMQ_PUSH);
    size_t size = sizeof net->endpoint;

    if (own.key == NULL)
        make_certificate(&own, NULL, names, 3600);
    KEEP(zmq_setsockopt(pull, ZMQ_WSS_CERT_PEM, own.cert_pem, strlen(own.cert_pem)));
    KEEP(zmq_setsockopt(pull, ZMQ_WSS_KEY_PEM, own.key_pem, strlen(own.key_pem)));
    KEEP(zmq_setsockopt(push, ZMQ_WSS_TRUST_PEM, own.cert_pem, strlen(own.cert_pem)));
    KEEP(zmq_bind(pull, "wss://127.0.0.1:*"));
    CHECK_OK(zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, net->endpoint, &size));
    net_connect(net, push);
    for (int shape = 0; shape < SHAPES; shape++)
        net_converse(net, push, pull, shape);
    net_close(push);
    net_close(pull);
}
FAULT_TESTS(certified, ws_only)

#endif
