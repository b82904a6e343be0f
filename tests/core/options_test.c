/* tests/core/options_test.c - the table, tried row by row. */
#include "core/options.h"

#include <limits.h>
#include <stdlib.h>
#include <zmq.h>

#include "core/pattern.h"
#include "tests/faults.h"
#include "tests/test.h"

static int set_int(struct zn_options *o, int option, int value)
{
    return zn_options_set(o, option, &value, sizeof value);
}

static int get_int(const struct zn_options *o, int option)
{
    int value = INT_MIN;
    size_t size = sizeof value;

    CHECK_EQ(zn_options_get(o, option, &value, &size), 0, "option %d", option);
    CHECK_EQ(size, sizeof value);
    return value;
}

static bool is_int(const struct zn_option *row)
{
    return row->kind <= ZN_OPTION_SIDE;
}

TEST(options_have_libzmqs_defaults)
{
    static const struct {
        int option, value;
    } cases[] = {
        { ZMQ_SNDHWM, 1000 },
        { ZMQ_RCVHWM, 1000 },
        { ZMQ_LINGER, -1 },
        { ZMQ_RCVTIMEO, -1 },
        { ZMQ_SNDTIMEO, -1 },
        { ZMQ_RECONNECT_IVL, 100 },
        { ZMQ_RECONNECT_IVL_MAX, 0 },
        { ZMQ_BACKLOG, 100 },
        { ZMQ_SNDBUF, -1 },
        { ZMQ_RCVBUF, -1 },
        { ZMQ_RATE, 100 },
        { ZMQ_RECOVERY_IVL, 10000 },
        { ZMQ_MULTICAST_HOPS, 1 },
        { ZMQ_MULTICAST_MAXTPDU, 1500 },
        { ZMQ_MULTICAST_LOOP, 1 },
#ifdef ZN_HAVE_NORM
        { ZMQ_NORM_MODE, ZMQ_NORM_CC },
        { ZMQ_NORM_UNICAST_NACK, 0 },
        { ZMQ_NORM_BUFFER_SIZE, 2048 },
        { ZMQ_NORM_SEGMENT_SIZE, 1400 },
        { ZMQ_NORM_BLOCK_SIZE, 16 },
        { ZMQ_NORM_NUM_PARITY, 4 },
        { ZMQ_NORM_NUM_AUTOPARITY, 0 },
        { ZMQ_NORM_PUSH, 0 },
#endif
        { ZMQ_IPV6, 0 },
        { ZMQ_IPV4ONLY, 1 },
        { ZMQ_IMMEDIATE, 0 },
        { ZMQ_CONFLATE, 0 },
        { ZMQ_TOS, 0 },
        { ZMQ_PRIORITY, 0 },
        { ZMQ_TCP_KEEPALIVE, -1 },
        { ZMQ_TCP_KEEPALIVE_CNT, -1 },
        { ZMQ_TCP_KEEPALIVE_IDLE, -1 },
        { ZMQ_TCP_KEEPALIVE_INTVL, -1 },
        { ZMQ_TCP_MAXRT, 0 },
        { ZMQ_CONNECT_TIMEOUT, 0 },
        { ZMQ_HANDSHAKE_IVL, 30000 },
        { ZMQ_HEARTBEAT_IVL, 0 },
        { ZMQ_HEARTBEAT_TTL, 0 },
        { ZMQ_HEARTBEAT_TIMEOUT, -1 },
        { ZMQ_USE_FD, -1 },
        { ZMQ_INVERT_MATCHING, 0 },
        { ZMQ_ZAP_ENFORCE_DOMAIN, 0 },
        { ZMQ_LOOPBACK_FASTPATH, 0 },
        { ZMQ_ROUTER_NOTIFY, 0 },
        { ZMQ_IN_BATCH_SIZE, 8192 },
        { ZMQ_OUT_BATCH_SIZE, 8192 },
        { ZMQ_RECONNECT_STOP, 0 },
    };
    struct zn_options o;
    int64_t max = 0;
    size_t size = sizeof max;

    zn_options_init(&o);
    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        CHECK_EQ(get_int(&o, cases[i].option), cases[i].value, "option %d",
                 cases[i].option);
    CHECK_EQ(zn_options_get(&o, ZMQ_MAXMSGSIZE, &max, &size), 0);
    CHECK_EQ(max, -1);
    zn_options_fini(&o);
}

TEST(every_int_option_takes_its_range_and_nothing_else)
{
    struct zn_options o;

    zn_options_init(&o);
    for (int id = 0; id < zn_option_end(); id++) {
        const struct zn_option *row = zn_option_find(id);
        if (row == NULL || !is_int(row) || !(row->access & ZN_OPTION_SET))
            continue;

        CHECK_EQ(set_int(&o, id, row->lo), 0, "%s", row->name);
        CHECK_EQ(set_int(&o, id, row->hi), 0, "%s", row->name);
        if (row->lo > INT_MIN)
            CHECK_EQ(set_int(&o, id, row->lo - 1), -EINVAL, "%s", row->name);
        if (row->hi < INT_MAX)
            CHECK_EQ(set_int(&o, id, row->hi + 1), -EINVAL, "%s", row->name);
        if (row->kind == ZN_OPTION_INT && (row->access & ZN_OPTION_GET))
            CHECK_EQ(get_int(&o, id), row->hi, "%s", row->name);
    }
    zn_options_fini(&o);
}

TEST(every_option_wants_its_size)
{
    struct zn_options o;
    uint8_t buf[600] = { 1 };

    zn_options_init(&o);
    for (int id = 0; id < zn_option_end(); id++) {
        const struct zn_option *row = zn_option_find(id);
        if (row == NULL || row->kind > ZN_OPTION_U64)
            continue;

        size_t right = is_int(row) ? 4 : 8;
        for (size_t size = 0; size <= 16; size++) {
            size_t room = size;

            if (size != right) {
                CHECK_EQ(zn_options_set(&o, id, buf, size), -EINVAL, "%s", row->name);
                CHECK_EQ(zn_options_get(&o, id, buf, &room), -EINVAL, "%s", row->name);
            }
        }
        CHECK_EQ(zn_options_set(&o, id, NULL, right), -EINVAL, "%s", row->name);
        CHECK_EQ(zn_options_get(&o, id, NULL, &right), -EINVAL, "%s", row->name);
    }
    zn_options_fini(&o);
}

TEST(what_is_not_in_the_table_is_refused_both_ways)
{
    static const int cases[] = { INT_MIN,
                                 -1,
                                 0,
                                 10,
                                 ZMQ_BLOCKY,
#ifndef ZN_HAVE_GNUTLS
                                 ZMQ_WSS_HOSTNAME,
#endif
#ifndef ZN_HAVE_NORM
                                 ZMQ_NORM_MODE,
#endif
#ifndef ZN_HAVE_VSOCK
                                 ZMQ_VMCI_BUFFER_SIZE,
#endif
                                 125,
                                 127,
                                 ZMQ_ZINC_MAX_CONNECTIONS - 1,
                                 ZMQ_ZINC_SPIN + 1,
                                 1000,
                                 INT_MAX };
    struct zn_options o;

    zn_options_init(&o);
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        int value = 0;
        size_t size = sizeof value;

        CHECK_EQ(set_int(&o, cases[i], 1), -EINVAL, "option %d", cases[i]);
        CHECK_EQ(zn_options_get(&o, cases[i], &value, &size), -EINVAL, "%d", cases[i]);
    }
    CHECK_EQ(set_int(&o, ZMQ_ROUTER_NOTIFY, 1), -EINVAL, "set by ROUTER alone");
    int unread;
    size_t size = sizeof unread;
    CHECK_EQ(zn_options_get(&o, ZMQ_BUSY_POLL, &unread, &size), -EINVAL);
    zn_options_fini(&o);
}

TEST(odd_ints_are_kept_in_their_own_way)
{
    struct zn_options o;

    zn_options_init(&o);
    CHECK_EQ(set_int(&o, ZMQ_IPV4ONLY, 0), 0);
    CHECK_EQ(get_int(&o, ZMQ_IPV6), 1);
    CHECK_EQ(set_int(&o, ZMQ_IPV6, 0), 0);
    CHECK_EQ(get_int(&o, ZMQ_IPV4ONLY), 1);

    static const struct {
        int set, rc, got;
    } ttl[] = {
        { 0, 0, 0 },
        { 99, 0, 0 },
        { 100, 0, 100 },
        { 1550, 0, 1500 },
        { -99, 0, 0 },
        { -100, -EINVAL, 0 },
        { 6553599, 0, 6553500 },
        { 6553600, -EINVAL, 6553500 },
    };
    for (size_t i = 0; i < ZN_COUNT(ttl); i++) {
        CHECK_EQ(set_int(&o, ZMQ_HEARTBEAT_TTL, ttl[i].set), ttl[i].rc, "%d", ttl[i].set);
        CHECK_EQ(get_int(&o, ZMQ_HEARTBEAT_TTL), ttl[i].got, "%d", ttl[i].set);
    }
    CHECK_EQ(set_int(&o, ZMQ_INVERT_MATCHING, -7), 0);
    CHECK_EQ(get_int(&o, ZMQ_INVERT_MATCHING), 1);
    zn_options_fini(&o);
}

TEST(texts_and_blobs_have_their_lengths_and_their_ways_of_clearing)
{
    enum { OK = 0, NO = -EINVAL };
    static const struct {
        int option;
        size_t most;
        int null, none;
    } cases[] = {
        { ZMQ_ROUTING_ID, 255, NO, NO },     { ZMQ_ZAP_DOMAIN, 255, NO, NO },
        { ZMQ_BINDTODEVICE, 16, OK, NO },    { ZMQ_SOCKS_PROXY, 5000, OK, NO },
        { ZMQ_SOCKS_USERNAME, 255, OK, OK }, { ZMQ_SOCKS_PASSWORD, 255, OK, OK },
        { ZMQ_HELLO_MSG, 5000, OK, OK },     { ZMQ_DISCONNECT_MSG, 5000, OK, OK },
        { ZMQ_HICCUP_MSG, 5000, OK, OK },
    };
    static uint8_t bytes[5000];
    struct zn_options o;

    zn_options_init(&o);
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        int id = cases[i].option;

        CHECK_EQ(zn_options_set(&o, id, bytes, 1), OK, "%d", id);
        CHECK_EQ(zn_options_set(&o, id, bytes, cases[i].most), OK, "%d", id);
        if (cases[i].most < sizeof bytes)
            CHECK_EQ(zn_options_set(&o, id, bytes, cases[i].most + 1), NO, "%d", id);
        CHECK_EQ(zn_options_set(&o, id, bytes, 0), cases[i].none, "%d", id);
        CHECK_EQ(zn_options_set(&o, id, NULL, 0), cases[i].null, "%d", id);
        CHECK_EQ(zn_options_set(&o, id, NULL, 5), NO, "%d", id);
    }
    zn_options_fini(&o);
}

TEST(text_is_read_with_its_nul_and_a_blob_without)
{
    struct zn_options o;
    char buf[10];
    size_t size = sizeof buf;

    zn_options_init(&o);
    CHECK_EQ(zn_options_get(&o, ZMQ_ZAP_DOMAIN, buf, &size), 0);
    CHECK_EQ(size, 1);
    CHECK_STR(buf, "");
    size = 0;
    CHECK_EQ(zn_options_get(&o, ZMQ_ROUTING_ID, buf, &size), 0);
    CHECK_EQ(size, 0);

    CHECK_EQ(zn_options_set(&o, ZMQ_ZAP_DOMAIN, "zone", 4), 0);
    CHECK_EQ(zn_options_set(&o, ZMQ_ROUTING_ID, "id\0id", 5), 0);
    for (size_t room = 0; room < sizeof buf; room++) {
        memset(buf, 'x', sizeof buf);
        size = room;
        CHECK_EQ(zn_options_get(&o, ZMQ_ZAP_DOMAIN, buf, &size), room < 5 ? -EINVAL : 0);
        if (room >= 5) {
            CHECK_EQ(size, 5);
            CHECK_STR(buf, "zone");
        }
        size = room;
        CHECK_EQ(zn_options_get(&o, ZMQ_ROUTING_ID, buf, &size), room < 5 ? -EINVAL : 0);
        CHECK_EQ(buf[room], 'x', "room of %zu", room);
    }
    zn_options_fini(&o);
}

TEST(metadata_is_checked_and_kept_in_order)
{
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        { "X-a:b", 0 },        { "X-a:c", 0 },        { "X-a:b:c", 0 },
        { "X-:bc", 0 },        { "X-:b", -EINVAL },   { "X-ab:", -EINVAL },
        { "X-abc", -EINVAL },  { ":abcd", -EINVAL },  { "a:bcd", -EINVAL },
        { "x-a:bc", -EINVAL }, { "Y-a:bc", -EINVAL }, { "", -EINVAL },
    };
    struct zn_options o;
    char name[300];

    zn_options_init(&o);
    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        CHECK_EQ(zn_options_set(&o, ZMQ_METADATA, cases[i].text, strlen(cases[i].text)),
                 cases[i].rc, "%s", cases[i].text);
    CHECK_EQ(zn_options_set(&o, ZMQ_METADATA, NULL, 0), -EINVAL);
    CHECK_EQ(o.metadata.count, 4);
    CHECK_MEM(o.metadata.items[1].data, "X-a:c", 5);

    memset(name, 'a', sizeof name);
    memcpy(name, "X-", 2);
    name[255] = ':';
    CHECK_EQ(zn_options_set(&o, ZMQ_METADATA, name, 257), 0);
    name[255] = 'a', name[256] = ':';
    CHECK_EQ(zn_options_set(&o, ZMQ_METADATA, name, 258), -EINVAL);
    zn_options_fini(&o);
}

TEST(accept_filters_are_numeric_addresses_with_a_prefix)
{
    static const struct {
        const char *text;
        int ipv6, rc, prefix;
    } cases[] = {
        { "127.0.0.1", 0, 0, -1 },
        { "127.0.0.1/8", 0, 0, 8 },
        { "127.0.0.1/32", 0, 0, 32 },
        { "127.0.0.1/0", 0, 0, 0 },
        { "127.0.0.1/33", 0, -EINVAL, 0 },
        { "127.0.0.1/-1", 0, -EINVAL, 0 },
        { "127.0.0.1/", 0, -EINVAL, 0 },
        { "127.0.0.1/a", 0, -EINVAL, 0 },
        { "127.0.0.1/8a", 0, 0, 8 },
        { "127.0.0.1/00", 0, -EINVAL, 0 },
        { "[127.0.0.1]", 0, 0, -1 },
        { "127.0.0.1:80", 0, -EINVAL, 0 },
        { "localhost", 0, -EINVAL, 0 },
        { "*", 0, -EINVAL, 0 },
        { "lo/8", 0, -EINVAL, 0 },
        { "/8", 0, -EINVAL, 0 },
        { "127.0.0.1/8/8", 0, -EINVAL, 0 },
        { "::1", 0, -EINVAL, 0 },
        { "::1", 1, 0, -1 },
        { "[::1]/64", 1, 0, 64 },
        { "::1/128", 1, 0, 128 },
        { "::1/129", 1, -EINVAL, 0 },
        { "127.0.0.1/8", 1, 0, 8 },
        { "127.0.0.1/104", 1, 0, 8 },
        { "127.0.0.1/128", 1, 0, 32 },
        { "127.0.0.1/33", 1, 0, 0 },
        { "10.1/16", 0, 0, 16 },         /* of 10.0.0.1 */
        { "0x7f000001", 0, 0, -1 },
        { "127.0.0.1 ", 0, -EINVAL, 0 },
        { "127.0.0.256", 0, -EINVAL, 0 },
        { "::ffff:127.0.0.1/8", 0, 0, 8 },
        { "::ffff:127.0.0.1/104", 0, -EINVAL, 0 },
        { "::ffff:127.0.0.1/104", 1, 0, 8 },
        { "::ffff:127.0.0.1/96", 1, 0, 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_options o;
        const char *text = cases[i].text;

        zn_options_init(&o);
        CHECK_EQ(set_int(&o, ZMQ_IPV6, cases[i].ipv6), 0);
        CHECK_EQ(zn_options_set(&o, ZMQ_TCP_ACCEPT_FILTER, text, strlen(text)),
                 cases[i].rc, "%s, IPV6 %d", text, cases[i].ipv6);
        CHECK_EQ(o.accept_filter_count, cases[i].rc == 0);
        if (cases[i].rc == 0)
            CHECK_EQ(o.accept_filters[0].prefix, cases[i].prefix, "%s", text);
        zn_options_fini(&o);
    }
}

TEST(filters_add_up_until_they_are_cleared)
{
    struct zn_options o;
    int id = 7;
    unsigned long wrong = 7;

    zn_options_init(&o);
    CHECK_EQ(zn_options_set(&o, ZMQ_TCP_ACCEPT_FILTER, "1.2.3.4", 7), 0);
    CHECK_EQ(zn_options_set(&o, ZMQ_TCP_ACCEPT_FILTER, "1.2.3.5", 7), 0);
    CHECK_EQ(o.accept_filter_count, 2);
    CHECK_STR(o.accept_filters[1].host, "1.2.3.5");
    CHECK_EQ(zn_options_set(&o, ZMQ_TCP_ACCEPT_FILTER, "", 0), -EINVAL);
    CHECK_EQ(zn_options_set(&o, ZMQ_TCP_ACCEPT_FILTER, NULL, 0), 0);
    CHECK_EQ(o.accept_filter_count, 0);

    CHECK_EQ(zn_options_set(&o, ZMQ_IPC_FILTER_PID, &id, sizeof id), 0);
    CHECK_EQ(zn_options_set(&o, ZMQ_IPC_FILTER_UID, &id, sizeof id), 0);
    CHECK_EQ(zn_options_set(&o, ZMQ_IPC_FILTER_UID, &id, sizeof id), 0);
    CHECK_EQ(zn_options_set(&o, ZMQ_IPC_FILTER_GID, &id, sizeof id), 0);
    CHECK_EQ(zn_options_set(&o, ZMQ_IPC_FILTER_GID, &wrong, sizeof wrong), -EINVAL);
    CHECK_EQ(o.ipc_pid_count, 1);
    CHECK_EQ(o.ipc_uid_count, 2);
    CHECK_EQ(o.ipc_gid_count, 1);
    CHECK_EQ(o.ipc_uids[1], 7);
    CHECK_EQ(zn_options_set(&o, ZMQ_IPC_FILTER_UID, NULL, 0), 0);
    CHECK_EQ(o.ipc_uid_count, 0);
    CHECK_EQ(o.ipc_pid_count, 1);
    zn_options_fini(&o);
}

TEST(a_copy_has_its_own_of_everything)
{
    struct zn_options from, to;

    zn_options_init(&from);
    CHECK_EQ(set_int(&from, ZMQ_SNDHWM, 5), 0);
    CHECK_EQ(zn_options_set(&from, ZMQ_ROUTING_ID, "me", 2), 0);
    CHECK_EQ(zn_options_set(&from, ZMQ_SOCKS_PROXY, "host:1", 6), 0);
    CHECK_EQ(zn_options_set(&from, ZMQ_METADATA, "X-a:b", 5), 0);
    CHECK_EQ(zn_options_set(&from, ZMQ_TCP_ACCEPT_FILTER, "1.2.3.4/5", 9), 0);
    CHECK_EQ(set_int(&from, ZMQ_IPC_FILTER_GID, 9), 0);
    CHECK_EQ(zn_options_copy(&to, &from), 0);
    zn_options_fini(&from);

    CHECK_EQ(get_int(&to, ZMQ_SNDHWM), 5);
    CHECK_MEM(to.routing_id.data, "me", 2);
    CHECK_EQ(to.socks_proxy.size, 6);
    CHECK_EQ(to.metadata.count, 1);
    CHECK_MEM(to.metadata.items[0].data, "X-a:b", 5);
    CHECK_STR(to.accept_filters[0].host, "1.2.3.4");
    CHECK_EQ(to.accept_filters[0].prefix, 5);
    CHECK_EQ(to.ipc_gids[0], 9);
    zn_options_fini(&to);
}

TEST(loose_ints_take_any_room_that_is_enough)
{
    uint8_t buf[16];

    for (size_t room = 0; room <= sizeof buf; room++) {
        size_t size = room;
        memset(buf, 0xEE, sizeof buf);
        int rc = zn_option_get_int_loose(1, buf, &size);

        CHECK_EQ(rc, room < 4 ? -EINVAL : 0, "%zu", room);
        if (rc == 0)
            CHECK_EQ(size, 4);
        if (room > 4)
            CHECK_EQ(buf[room - 1], 0);
    }
    int v = 0;
    CHECK_EQ(zn_option_int(&v, 4, 1, 2, &v), -EINVAL);
    v = 2;
    CHECK_EQ(zn_option_int(&v, 4, 1, 2, &v), 0);
    CHECK_EQ(zn_option_int(NULL, 4, 1, 2, &v), -EINVAL);
    CHECK_EQ(zn_option_int(&v, 5, 1, 2, &v), -EINVAL);
}

/* Every way to run out of memory on the way, until there is none left. */
TEST(options_without_memory_stay_as_they_were)
{
    for (uint64_t n = 1;; n++) {
        struct zn_options from, to;
        int id = 9, bad = 0;

        zn_options_init(&from);
        faults_arm(ZN_FAULT_ALLOC, n);
        bad |= zn_options_set(&from, ZMQ_ROUTING_ID, "me", 2);
        bad |= zn_options_set(&from, ZMQ_SOCKS_PROXY, "host:1", 6);
        bad |= zn_options_set(&from, ZMQ_METADATA, "X-a:b", 5);
        bad |= zn_options_set(&from, ZMQ_TCP_ACCEPT_FILTER, "1.2.3.4/5", 9);
        bad |= zn_options_set(&from, ZMQ_IPC_FILTER_GID, &id, sizeof id);
        int rc = zn_options_copy(&to, &from);
        faults_disarm();

        uint64_t struck = faults_struck();
        CHECK(bad == (struck > 0 && rc == 0 ? -ENOMEM : 0), "%s", faults_site());
        if (rc == 0)
            CHECK_EQ(to.metadata.count, from.metadata.count);
        else
            CHECK_EQ(rc, -ENOMEM);
        if (rc == 0)
            zn_options_fini(&to);
        zn_options_fini(&from);
        if (struck == 0)
            break;
    }
}
