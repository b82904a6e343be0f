/* tests/transports/udp_cast_test.c - udp:// to many: multicast over loopback, multicast and
 * broadcast between two networks of the test's own, joined by a wire. */
#include "tests/transports/udp.h"

#include <sched.h>
#include <sys/wait.h>

/* ---- Loopback. */

struct group {
    char endpoint[TEST_ENDPOINT];
    int port;
};

static struct group group_on(const char *interface, const char *address, int port)
{
    struct group g = { .port = port };

    snprintf(g.endpoint, sizeof(g.endpoint), "udp://%s;%s:%d", interface, address, port);
    return g;
}

static void *member(struct net *n, const struct group *g)
{
    void *dish = net_socket(n, ZMQ_DISH);

    CHECK_OK(zmq_join(dish, "g"));
    CHECK_OK(zmq_bind(dish, g->endpoint));
    return dish;
}

TEST(all_members_of_a_multicast_group_hear_what_is_sent_to_it)
{
    struct net n = net_open();
    int port = test_free_port(), ignored, fd = raw_open(&ignored);
    struct group g = group_on("lo", "239.7.7.7", port),
                 by_address = group_on("127.0.0.1", "239.7.7.7", port),
                 other = group_on("lo", "239.7.7.8", port);
    void *a = member(&n, &g), *b = member(&n, &by_address), *c = member(&n, &other);
    void *to_g = net_connected(&n, ZMQ_RADIO, by_address.endpoint);
    void *to_other = net_connected(&n, ZMQ_RADIO, other.endpoint);
    char last[TEST_ENDPOINT], want[TEST_ENDPOINT];

    CHECK_EQ(udp_bound(a, last), port);
    snprintf(want, sizeof(want), "udp://lo;239.7.7.7:%d", port);
    CHECK_STR(last, want);
    for (int i = 0; i < 10; i++) {
        send_group(to_g, "g", "to both");
        expect_group(a, "g", "to both");
        expect_group(b, "g", "to both");
    }
    /* Only what is sent to the group: no other's, nothing to the port alone. */
    raw_send(fd, port, "\1gport", 6);
    send_group(to_other, "g", "other");
    expect_group(c, "g", "other");
    send_group(to_g, "g", "last");
    expect_group(a, "g", "last");
    expect_group(b, "g", "last");

    CHECK_OK(zmq_unbind(a, g.endpoint));
    send_group(to_g, "g", "without a");
    expect_group(b, "g", "without a");
    CHECK_ERRNO(zmq_recv(a, want, 1, ZMQ_DONTWAIT), EAGAIN);
    close(fd);
    net_close(&n);
}

TEST(dgram_may_be_of_a_group_and_answer_who_sent_to_it)
{
    struct net n = net_open();
    struct group g = group_on("lo", "239.7.7.9", test_free_port());
    void *a = net_socket(&n, ZMQ_DGRAM), *b = net_socket(&n, ZMQ_DGRAM);
    char endpoint[TEST_ENDPOINT], from[TEST_ENDPOINT], got[8] = "";

    CHECK_OK(zmq_bind(a, g.endpoint));
    udp_bind(b, endpoint);
    CHECK_OK(zmq_send(b, "239.7.7.9:1", 11, ZMQ_SNDMORE));
    CHECK_OK(zmq_send(b, "nobody", 6, 0));
    snprintf(from, sizeof(from), "239.7.7.9:%d", g.port);
    /* The system picks lo for an address of lo. */
    CHECK_OK(zmq_send(b, from, strlen(from), ZMQ_SNDMORE));
    CHECK_OK(zmq_send(b, "hello", 5, 0));
    size_t size = net_recv(a, from, sizeof(from));
    CHECK_EQ(net_recv(a, got, sizeof(got)), 5);
    CHECK_STR(got, "hello");
    CHECK_STR(from, endpoint + 6, "its own address, not the group's");
    CHECK_OK(zmq_send(a, from, size, ZMQ_SNDMORE));
    CHECK_OK(zmq_send(a, "back", 4, 0));
    net_recv(b, from, sizeof(from));
    CHECK_EQ(net_recv(b, got, sizeof(got)), 4);
    net_close(&n);
}

/* The hops that are left to a datagram which came to fd. */
static int hops_of_next(int fd)
{
    char bytes[64], control[64];
    struct iovec iov = { bytes, sizeof(bytes) };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control,
                        .msg_controllen = sizeof(control) };
    struct pollfd p = { fd, POLLIN, 0 };
    int hops = -1;

    CHECK_EQ(CHECK_OK(poll(&p, 1, NET_PATIENCE)), 1);
    CHECK_OK(recvmsg(fd, &m, 0));
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
            memcpy(&hops, CMSG_DATA(c), sizeof(hops));
    return hops;
}

/* A bare member of 239.7.7.10 on the interface that has this address. */
static int raw_member(const char *interface, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct ip_mreqn wanted = { .imr_ifindex = 0 };
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0)), one = 1;

    CHECK_EQ(inet_pton(AF_INET, "239.7.7.10", &a.sin_addr), 1);
    CHECK_EQ(inet_pton(AF_INET, interface, &wanted.imr_address), 1);
    wanted.imr_multiaddr = a.sin_addr;
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
    CHECK_OK(setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one)));
    CHECK_OK(bind(fd, (struct sockaddr *)&a, sizeof(a)));
    CHECK_OK(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &wanted, sizeof(wanted)));
    return fd;
}

TEST(multicast_goes_as_many_hops_as_it_is_told)
{
    static const int hops[] = { 0, 1, 7, 255, 1000 };    /* 0: the default */
    struct net n = net_open();
    int port = test_free_port(), fd = raw_member("127.0.0.1", port);

    struct group g = group_on("lo", "239.7.7.10", port);
    for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
        void *radio = net_socket(&n, ZMQ_RADIO);
        if (hops[i] > 0)
            test_set_int(radio, ZMQ_MULTICAST_HOPS, hops[i]);
        CHECK_OK(zmq_connect(radio, g.endpoint));
        send_group(radio, "g", "x");
        CHECK_EQ(hops_of_next(fd), hops[i] == 0 ? 1 : hops[i] > 255 ? 255 : hops[i]);
    }
    close(fd);
    net_close(&n);
}

/* ---- Two networks: this process has the one, a child the other. */

struct wire {
    pid_t child;                         /* 0: this is the child */
    int to, from;                        /* the other process */
};

static bool run(const char *command)
{
    char quiet[256];

    snprintf(quiet, sizeof(quiet), "(%s) >/dev/null 2>&1", command);
    return system(quiet) == 0;
}

static void say(const struct wire *w, char word)
{
    CHECK_EQ(CHECK_OK(write(w->to, &word, 1)), 1);
}

/* Whether the other one says something within ms. */
static bool said(const struct wire *w, int ms)
{
    struct pollfd p = { w->from, POLLIN, 0 };
    char word;

    return CHECK_OK(poll(&p, 1, ms)) > 0 && CHECK_OK(read(w->from, &word, 1)) == 1;
}

static void hear(const struct wire *w)
{
    CHECK(said(w, NET_PATIENCE), "the other process says nothing");
}

static void set_up(const char *interface, int last)
{
    char command[200];

    snprintf(command, sizeof(command),
             "ip link set lo up && ip addr add 10.77.0.%d/24 brd 10.77.0.255 dev %s && "
             "ip link set %s up && ip route add default via 10.77.0.%d",
             last, interface, interface, last);
    CHECK(run(command), "%s", command);
}

/* Before any context. The parent has 10.77.0.1 on va, the child 10.77.0.2 on vb. */
static struct wire wire_open(void)
{
    struct wire w = { 0 };
    char command[64];
    int down[2], up[2];

    if (unshare(CLONE_NEWNET) < 0)
        test_skip("a network of its own is not allowed here");
    if (!run("ip link add va type veth peer name vb"))
        test_skip("no ip, or no veth");
    CHECK_OK(pipe(down));
    CHECK_OK(pipe(up));
    pid_t child = fork();
    bool is_child = child == 0;
    close(is_child ? down[1] : down[0]);
    close(is_child ? up[0] : up[1]);
    w.child = child;
    w.to = is_child ? up[1] : down[1];
    w.from = is_child ? down[0] : up[0];
    if (is_child) {
        CHECK_OK(unshare(CLONE_NEWNET));
        say(&w, 'n');
        hear(&w);
        set_up("vb", 2);
        say(&w, 'u');
        return w;
    }
    hear(&w);
    snprintf(command, sizeof(command), "ip link set vb netns %d", (int)child);
    CHECK(run(command), "%s", command);
    set_up("va", 1);
    say(&w, 'v');
    hear(&w);
    return w;
}

/* Both ends of a wire in one network of this process; va is set up. */
static void own_wire(void)
{
    if (unshare(CLONE_NEWNET) < 0)
        test_skip("a network of its own is not allowed here");
    if (!run("ip link add va type veth peer name vb && ip link set vb up"))
        test_skip("no ip, or no veth");
    set_up("va", 1);
}

/* The child ends here, after the parent: its network takes the wire with it. */
static void wire_close(const struct wire *w)
{
    int status;
    char word;

    close(w->to);
    if (w->child == 0)
        _exit(CHECK_OK(read(w->from, &word, 1)) != 0);
    close(w->from);
    CHECK_EQ(waitpid(w->child, &status, 0), w->child);
    CHECK_EQ(status, 0, "the child failed");
}

/* One way from here to there; how to bind in the child, how to connect in the parent. */
struct way {
    const char *bind, *connect;
    int ipv6;
};

static void listen_in_child(const struct wire *w, const struct way *way)
{
    struct net n = net_open();
    void *dish = net_socket(&n, ZMQ_DISH);

    test_set_int(dish, ZMQ_IPV6, way->ipv6);
    CHECK_OK(zmq_join(dish, "g"));
    CHECK_EQ(zmq_bind(dish, way->bind), 0, "%s: %s", way->bind, zmq_strerror(errno));
    say(w, 'b');
    expect_group(dish, "g", way->connect);
    say(w, 'g');
    net_close(&n);
}

/* The wire may still be coming up: sends until it arrives. */
static void send_from_parent(const struct wire *w, const struct way *way)
{
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO);
    int tries = 0;

    test_set_int(radio, ZMQ_IPV6, way->ipv6);
    CHECK_EQ(zmq_connect(radio, way->connect), 0, "%s: %s", way->connect,
             zmq_strerror(errno));
    hear(w);
    do {
        CHECK(++tries < 1000, "%s does not reach %s", way->connect, way->bind);
        send_group(radio, "g", way->connect);
    } while (!said(w, 10));
    net_close(&n);
}

static void try_ways(const struct way *ways, size_t count)
{
    struct wire w = wire_open();

    for (size_t i = 0; i < count; i++)
        if (w.child == 0)
            listen_in_child(&w, &ways[i]);
        else
            send_from_parent(&w, &ways[i]);
    wire_close(&w);
}

TEST(multicast_reaches_other_machines)
{
    static const struct way ways[] = {
        { "udp://vb;239.7.7.7:5001", "udp://va;239.7.7.7:5001", 0 },
        { "udp://10.77.0.2;239.7.7.7:5002", "udp://10.77.0.1;239.7.7.7:5002", 0 },
        { "udp://239.7.7.7:5003", "udp://239.7.7.7:5003", 0 },
        { "udp://*;239.7.7.7:5004", "udp://*;239.7.7.7:5004", 0 },
    };
    try_ways(ways, sizeof(ways) / sizeof(ways[0]));
}

TEST(multicast_reaches_other_machines_over_ipv6)
{
    static const struct way ways[] = {
        { "udp://vb;[ff12::7777]:5001", "udp://va;[ff12::7777]:5001", 1 },
        { "udp://vb;[ff15::7777]:5002", "udp://va;[ff15::7777]:5002", 1 },
        { "udp://[ff12::7777%vb]:5003", "udp://[ff12::7777%va]:5003", 1 },
        { "udp://vb;239.7.7.7:5004", "udp://va;239.7.7.7:5004", 1 },
        { "udp://*:5005", "udp://10.77.0.255:5005", 1 },
    };
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);

    if (fd < 0)
        test_skip("no IPv6 here");
    close(fd);
    try_ways(ways, sizeof(ways) / sizeof(ways[0]));
}

TEST(broadcast_reaches_other_machines)
{
    static const struct way ways[] = {
        { "udp://*:5001", "udp://10.77.0.255:5001", 0 },
        { "udp://*:5002", "udp://255.255.255.255:5002", 0 },
        { "udp://10.77.0.255:5003", "udp://10.77.0.255:5003", 0 },
        { "udp://vb:5004", "udp://10.77.0.2:5004", 0 },
    };
    try_ways(ways, sizeof(ways) / sizeof(ways[0]));
}

/* The loop option, where it can be told from loopback's own. */
TEST(multicast_without_loop_is_heard_elsewhere_only)
{
    struct wire w = wire_open();
    static const struct way way = { "udp://vb;239.7.7.7:5005", "udp://va;239.7.7.7:5005",
                                    0 };

    if (w.child == 0) {
        listen_in_child(&w, &way);
    } else {
        struct net n = net_open();
        void *dish = net_socket(&n, ZMQ_DISH), *quiet = net_socket(&n, ZMQ_RADIO),
             *loud = net_socket(&n, ZMQ_RADIO);
        int tries = 0;

        CHECK_OK(zmq_join(dish, "g"));
        CHECK_OK(zmq_join(dish, "loud"));
        CHECK_OK(zmq_bind(dish, way.connect));
        test_set_int(quiet, ZMQ_MULTICAST_LOOP, 0);
        CHECK_OK(zmq_connect(quiet, way.connect));
        CHECK_OK(zmq_connect(loud, way.connect));
        hear(&w);
        do {
            CHECK(++tries < 1000);
            send_group(quiet, "g", way.connect);
        } while (!said(&w, 10));
        send_group(loud, "loud", "x");
        expect_group(dish, "loud", "x");
        net_close(&n);
    }
    wire_close(&w);
}

/* One socket for both: the options count for IPv4 too. */
TEST(multicast_of_a_dgram_for_both_families_goes_as_far_as_it_is_told)
{
    static const char to[] = "239.7.7.10:5001";

    own_wire();
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_DGRAM);
    int fd = raw_member("10.77.0.1", 5001);
    test_set_int(s, ZMQ_IPV6, 1);
    test_set_int(s, ZMQ_MULTICAST_HOPS, 9);
    CHECK_OK(zmq_bind(s, "udp://*:*"));
    CHECK_OK(zmq_send(s, to, sizeof(to), ZMQ_SNDMORE));
    CHECK_OK(zmq_send(s, "x", 1, 0));
    CHECK_EQ(hops_of_next(fd), 9);
    close(fd);
    net_close(&n);
}

/* ---- A kernel that takes no more: addresses that nobody answers for. */

static void *dgram_to_nobody(struct net *n, int linger)
{
    void *s = net_socket(n, ZMQ_DGRAM);

    test_set_int(s, ZMQ_SNDHWM, 5);
    test_set_int(s, ZMQ_SNDBUF, 4608);
    test_set_int(s, ZMQ_LINGER, linger);
    CHECK_OK(zmq_bind(s, "udp://10.77.0.1:*"));
    return s;
}

static int send_to_nobody(void *s, int flags)
{
    static const char nobody[] = "10.77.0.99:5555";
    char body[1000] = "";

    int rc = zmq_send(s, nobody, sizeof(nobody), ZMQ_SNDMORE | flags);
    return rc < 0 ? rc : zmq_send(s, body, sizeof(body), flags);
}

/* The kernel keeps datagrams until it has given up to find who has the address. */
TEST_TIMEOUT(dgram_waits_while_the_kernel_is_full, 60)
{
    own_wire();
    (void)run("cd /proc/sys/net/ipv4/neigh/va && echo 1 >mcast_solicit && "
              "echo 20 >retrans_time_ms");    /* else it takes a little longer */
    struct net n = net_open();
    void *s = dgram_to_nobody(&n, -1);
    int sent = 0, rc;

    do
        rc = send_to_nobody(s, ZMQ_DONTWAIT);
    while (rc >= 0 && ++sent < 10000);
    CHECK(rc < 0 && errno == EAGAIN, "%s after %d", zmq_strerror(errno), sent);
    for (int i = 0; i < 10; i++)
        CHECK_OK(send_to_nobody(s, 0));
    net_leave(&n, s);

    /* One that may not linger is gone at once. */
    s = dgram_to_nobody(&n, 0);
    do
        rc = send_to_nobody(s, ZMQ_DONTWAIT);
    while (rc >= 0);
    CHECK(rc < 0 && errno == EAGAIN, "%s after %d", zmq_strerror(errno), sent);
    net_close(&n);
}
