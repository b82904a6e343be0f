/* handshake_test.c - READY, ERROR, scripts; two handshakes that talk; no memory. */
#include "tests/wire/peer.h"

#include "tests/faults.h"

enum { CODE_SIZE = 0x10000011, CODE_UNEXPECTED = 0x10000001, CODE_ERROR = 0x10000015 };

TEST(first_command_must_be_a_good_ready)
{
    static const struct {
        const char *what;
        struct zn_bytes in;
        int want;
        uint32_t error, refused;
    } cases[] = {
        { "ROUTER", BYTES(READY_ROUTER), 0, 0, 0 },
        { "in a message frame", BYTES("\0\34\5READY" TYPE_ROUTER), 0, 0, 0 },
        { "with MORE", BYTES("\5\34\5READY" TYPE_ROUTER), 0, 0, 0 },
        { "in long form", BYTES("\6\0\0\0\0\0\0\0\34\5READY" TYPE_ROUTER), 0, 0, 0 },
        { "no type", BYTES("\4\6\5READY"), 0, 0, 0 },
        { "name in other case", BYTES("\4\27\5READY\13socket-type\0\0\0\1x"), 0, 0, 0 },
        { "type in other case", BYTES("\4\34\5READY\13Socket-Type\0\0\0\6router"),
          -EPROTO, 0, 0 },
        { "unknown type", BYTES("\4\27\5READY\13Socket-Type\0\0\0\1x"), -EPROTO, 0, 0 },
        { "incompatible type", BYTES("\4\31\5READY\13Socket-Type\0\0\0\3PUB"), -EPROTO, 0,
          0 },
        { "two types, one unfit",
          BYTES("\4\57\5READY" TYPE_ROUTER "\13Socket-Type\0\0\0\3PUB"), -EPROTO, 0, 0 },
        { "trailing byte", BYTES("\4\35\5READY" TYPE_ROUTER "\0"), -EPROTO, 0, 0 },
        { "value cut", BYTES("\4\33\5READY\13Socket-Type\0\0\0\6ROUTE"), -EPROTO, 0, 0 },
        { "empty frame", BYTES("\4\0"), -EPROTO, CODE_SIZE, 0 },
        { "one byte", BYTES("\4\1\0"), -EPROTO, CODE_SIZE, 0 },
        { "name too long", BYTES("\4\2\5R"), -EPROTO, CODE_SIZE, 0 },
        { "no name", BYTES("\4\2\0R"), -EPROTO, CODE_UNEXPECTED, 0 },
        { "wrong name", BYTES("\4\6\5HELLO"), -EPROTO, CODE_UNEXPECTED, 0 },
        { "lower case", BYTES("\4\6\5ready"), -EPROTO, CODE_UNEXPECTED, 0 },
        { "data too early", BYTES("\0\5hello"), -EPROTO, CODE_SIZE, 0 },
        { "ERROR 300",
          BYTES("\4\12\5ERROR\3"
                "300"),
          -EPROTO, 0, 300 },
        { "ERROR 400",
          BYTES("\4\12\5ERROR\3"
                "400"),
          -EPROTO, 0, 400 },
        { "ERROR 500",
          BYTES("\4\12\5ERROR\3"
                "500"),
          -EPROTO, 0, 500 },
        { "ERROR 600",
          BYTES("\4\12\5ERROR\3"
                "600"),
          -EPROTO, 0, 0 },
        { "ERROR in words", BYTES("\4\13\5ERROR\4four"), -EPROTO, 0, 0 },
        { "ERROR without words", BYTES("\4\7\5ERROR\0"), -EPROTO, 0, 0 },
        { "ERROR without reason", BYTES("\4\6\5ERROR"), -EPROTO, CODE_ERROR, 0 },
        { "ERROR cut",
          BYTES("\4\11\5ERROR\3"
                "40"),
          -EPROTO, CODE_ERROR, 0 },
        { "ERROR with more",
          BYTES("\4\13\5ERROR\3"
                "4000"),
          -EPROTO, CODE_ERROR, 0 },
        { "too large for us", BYTES("\6\0\0\0\0\0\1\0\0"), -EMSGSIZE, 0, 0 },
        { "beyond 2^63", BYTES("\6\xff\0\0\0\0\1\0\0"), -EMSGSIZE, 0, 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_handshake_config config = dealer_config();
        struct zn_handshake hs;

        greet(&hs, &config);
        struct outcome o = feed_cut(&hs, cases[i].in, SIZE_MAX, 0, true);
        CHECK_EQ(o.rc < 0 ? o.rc : 0, cases[i].want, "%s", cases[i].what);
        CHECK_EQ(o.done, cases[i].want == 0, "%s", cases[i].what);
        CHECK_EQ(o.error, cases[i].error, "%s", cases[i].what);
        CHECK_EQ(o.refused, cases[i].refused, "%s", cases[i].what);
        if (cases[i].want < 0)
            CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)"x", 1), o.rc, "for good");
        zn_handshake_fini(&hs);
    }
}

TEST(commands_count_against_the_message_limit)
{
    struct zn_handshake_config config = dealer_config();
    struct zn_handshake hs;

    config.max_size = 28;                /* a READY with only its type */
    greet(&hs, &config);
    CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)"\4\34\5READY" TYPE_ROUTER, 30), 30);
    CHECK(hs.done);
    zn_handshake_fini(&hs);

    config.max_size = 27;
    greet(&hs, &config);
    CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)"\4\34", 2), -EMSGSIZE);
    zn_handshake_fini(&hs);
}

TEST(memory_grows_only_with_bytes_that_came)
{
    struct zn_handshake_config config = dealer_config();
    struct zn_handshake hs;

    greet(&hs, &config);
    CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)"\6\0\0\0\0\0\0\xf0\0\5READY", 15),
             15);
    CHECK(!hs.done);
    CHECK(hs.in.cap <= 128, "%zu", hs.in.cap);
    zn_handshake_fini(&hs);
}

TEST(properties_are_told_and_the_first_of_each_kept)
{
    static const char ready[] =
        "\4\114\5READY\3X-a\0\0\0\1x\10Identity\0\0\0\2id" TYPE_DEALER
        "\3X-a\0\0\0\1y\10Identity\0\0\0\2no";
    struct zn_handshake_config config = dealer_config();
    struct zn_handshake hs;

    greet(&hs, &config);
    CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)ready, sizeof(ready) - 1),
             sizeof(ready) - 1);
    CHECK(hs.done);
    CHECK_EQ(hs.peer_type, DEALER);
    CHECK_EQ(hs.peer_property_count, 3);
    CHECK_MEM(hs.peer_properties[0].name.data, "X-a", 3);
    CHECK_MEM(hs.peer_properties[0].value.data, "x", 1);
    CHECK_EQ(hs.peer_id.size, 2);
    CHECK_MEM(hs.peer_id.data, "id", 2);
    zn_handshake_fini(&hs);
}

TEST(init_refuses_what_it_could_not_say)
{
    static const uint8_t name[256];
    static const struct {
        const char *what;
        int type;
        size_t name_size;
        int want;
    } cases[] = {
        { "good", DEALER, 255, 0 },
        { "no type", -1, 1, -EINVAL },
        { "type too high", 21, 1, -EINVAL },
        { "no name", DEALER, 0, -EINVAL },
        { "name too long", DEALER, 256, -EINVAL },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_property property = { { name, cases[i].name_size }, { name, 1 } };
        struct zn_handshake_config config = dealer_config();
        struct zn_handshake hs;

        config.socket_type = cases[i].type;
        config.properties = &property;
        config.property_count = 1;
        CHECK_EQ(zn_handshake_init(&hs, &config), cases[i].want, "%s", cases[i].what);
        if (cases[i].want == 0)
            zn_handshake_fini(&hs);
    }
}

TEST(socket_types_have_the_names_of_the_rfcs)
{
    static const char *const names[] = {
        "PAIR",  "PUB",  "SUB",    "REQ",     "REP",    "DEALER", "ROUTER",
        "PULL",  "PUSH", "XPUB",   "XSUB",    "STREAM", "SERVER", "CLIENT",
        "RADIO", "DISH", "GATHER", "SCATTER", "DGRAM",  "PEER",   "CHANNEL",
    };

    for (size_t i = 0; i < ZN_COUNT(names); i++) {
        struct zn_bytes name = { (const uint8_t *)names[i], strlen(names[i]) };
        CHECK_STR(zn_socket_type_name((int)i), names[i]);
        CHECK_EQ(zn_socket_type_of(name), i);
        name.size--;
        CHECK(zn_socket_type_of(name) != (int)i);
    }
    CHECK(zn_socket_type_name(-1) == NULL);
    CHECK(zn_socket_type_name(ZN_COUNT(names)) == NULL);
}

/* ---- Two of ours. */

TEST(two_handshakes_understand_each_other_in_every_cut)
{
    static const struct zn_property extra[] = { { BYTES("X-key"), BYTES("value") } };
    static uint8_t long_id[250];

    for (size_t piece_a = 1; piece_a < 66; piece_a++) {
        for (size_t piece_b = 1; piece_b < 66; piece_b += 3) {
            struct zn_handshake_config dealer = dealer_config(), router = dealer_config();
            struct zn_handshake a, b;

            router.socket_type = ROUTER;
            router.routing_id = (struct zn_bytes){ long_id, sizeof(long_id) };
            dealer.properties = extra;
            dealer.property_count = 1;
            CHECK_EQ(zn_handshake_init(&a, &dealer), 0);
            CHECK_EQ(zn_handshake_init(&b, &router), 0);
            converse_to_the_end(&a, &b, piece_a, piece_b);

            CHECK_EQ(a.version, ZN_ZMTP_3_1);
            CHECK_EQ(b.version, ZN_ZMTP_3_1);
            CHECK_EQ(a.peer_type, ROUTER);
            CHECK_EQ(b.peer_type, DEALER);
            CHECK(zn_bytes_equal(a.peer_id, router.routing_id));
            CHECK(zn_bytes_equal(b.peer_id, dealer.routing_id));
            CHECK_EQ(b.peer_property_count, 3);
            CHECK(zn_bytes_equal(b.peer_properties[2].value, extra[0].value));
            zn_handshake_fini(&a);
            zn_handshake_fini(&b);
        }
    }
}

/* ---- Asking. */

static struct zn_handshake_config asking_config(void)
{
    struct zn_handshake_config config = dealer_config();
    config.asks = true;
    return config;
}

TEST(nothing_is_said_or_read_while_the_answer_is_awaited)
{
    struct zn_handshake_config config = asking_config();
    struct zn_handshake hs;

    greet(&hs, &config);
    CHECK(hs.waits);
    CHECK_STR(hs.credentials.mechanism, "NULL");
    CHECK_EQ(hs.credentials.count, 0);
    CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)READY_ROUTER, 43), 43);
    expect_silence(&hs);
    CHECK(hs.waits && !hs.done);
    CHECK_EQ(zn_handshake_answer(&hs, 200), 0);
    CHECK(!hs.waits && hs.done);
    CHECK_EQ(hs.peer_type, ROUTER);
    CHECK_EQ(zn_handshake_rest(&hs).size, 0);
    CHECK_MEM(zn_handshake_output(&hs).data, "\4\53\5READY", 8);
    CHECK_EQ(zn_handshake_answer(&hs, 200), -EINVAL);
    zn_handshake_fini(&hs);
}

/* In every cut: what comes behind READY is traffic, whoever kept it meanwhile. */
TEST(traffic_that_was_kept_is_handed_back)
{
    static const char in[] = GREETING_3("\3", "\1") READY_ROUTER TRAFFIC TRAFFIC;
    enum { SIZE = sizeof(in) - 1, SHAKE = SIZE - 6 };

    for (size_t answered = 64; answered <= SIZE; answered++) {
        struct zn_handshake_config config = asking_config();
        struct zn_handshake hs;

        CHECK_EQ(zn_handshake_init(&hs, &config), 0);
        CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)in, answered), answered);
        CHECK_EQ(zn_handshake_answer(&hs, 200), 0);
        CHECK_EQ(hs.done, answered >= SHAKE);
        struct zn_bytes rest = zn_handshake_rest(&hs);
        CHECK_EQ(rest.size, answered > SHAKE ? answered - SHAKE : 0);
        if (rest.size > 0)
            CHECK_MEM(rest.data, in + SHAKE, rest.size);
        ptrdiff_t used =
            zn_handshake_feed(&hs, (const uint8_t *)in + answered, SIZE - answered);
        CHECK_EQ(used, answered < SHAKE ? SHAKE - answered : 0);
        CHECK(hs.done);
        zn_handshake_fini(&hs);
    }
}

TEST(only_so_much_is_kept)
{
    static const uint8_t much[ZN_HANDSHAKE_MAX];
    struct zn_handshake_config config = asking_config();
    struct zn_handshake hs;

    greet(&hs, &config);
    CHECK_EQ(zn_handshake_feed(&hs, much, sizeof(much)), sizeof(much));
    CHECK_EQ(zn_handshake_feed(&hs, much, 1), -EMSGSIZE);
    CHECK_EQ(zn_handshake_answer(&hs, 200), -EMSGSIZE);
    zn_handshake_fini(&hs);
}

TEST(what_was_kept_may_be_wrong)
{
    struct zn_handshake_config config = asking_config();
    struct zn_handshake hs;

    greet(&hs, &config);
    CHECK_EQ(say(&hs, (const uint8_t *)"\5HELLO", 6), 0);
    CHECK_EQ(zn_handshake_answer(&hs, 200), -EPROTO);
    CHECK_EQ(hs.error, CODE_UNEXPECTED);
    CHECK(!hs.done);
    zn_handshake_fini(&hs);
}

TEST(a_refusal_is_told_or_not)
{
    static const struct {
        int status;
        struct zn_bytes said;
    } cases[] = {
        { 400, BYTES("\4\12\5ERROR\3"
                     "400") },
        { 500, BYTES("\4\12\5ERROR\3"
                     "500") },
        { 300, BYTES("") },
        { 0, BYTES("") },
        { 201, BYTES("") },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_handshake_config config = asking_config();
        struct zn_handshake hs;

        greet(&hs, &config);
        CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)READY_ROUTER, 43), 43);
        CHECK_EQ(zn_handshake_answer(&hs, cases[i].status), 0, "%d", cases[i].status);
        CHECK_EQ(hs.failure, -EACCES);
        CHECK(!hs.done && !hs.waits);
        CHECK(zn_bytes_equal(zn_handshake_output(&hs), cases[i].said));
        CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)"x", 1), -EACCES);
        CHECK_EQ(hs.error, 0, "in NULL both may still be speaking");
        CHECK_EQ(zn_handshake_answer(&hs, 200), -EACCES);
        zn_handshake_fini(&hs);
    }
}

TEST(who_does_not_wait_is_not_answered)
{
    struct zn_handshake_config config = dealer_config();
    struct zn_handshake hs;

    greet(&hs, &config);
    CHECK_EQ(zn_handshake_answer(&hs, 200), -EINVAL);
    CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)READY_ROUTER, 43), 43);
    CHECK(hs.done);
    zn_handshake_fini(&hs);
}

/* ---- Roles. */

/* A mechanism with roles, as PLAIN will be: what a new one costs. */
static int put_password(struct zn_handshake *hs)
{
    return zn_handshake_put(hs, "secret", 6);
}

static int get_password(struct zn_handshake *hs, const struct zn_command *cmd)
{
    (void)hs;
    return cmd->data.size == 6 ? 0 : -EPROTO;
}

static int put_nothing(struct zn_handshake *hs)
{
    (void)hs;
    return 0;
}

static int get_nothing(struct zn_handshake *hs, const struct zn_command *cmd)
{
    (void)hs;
    return cmd->data.size == 0 ? 0 : -EPROTO;
}

static int get_metadata(struct zn_handshake *hs, const struct zn_command *cmd)
{
    return zn_handshake_take_metadata(hs, cmd->data);
}

static const struct zn_turn client[] = {
    { "HELLO", .send = put_password },
    { "WELCOME", .recv = get_nothing },
    { "INITIATE", .send = zn_handshake_put_metadata },
    { "READY", .recv = get_metadata },
    { .name = NULL },
};

static const struct zn_turn server[] = {
    { "HELLO", .recv = get_password },
    { "WELCOME", .send = put_nothing },
    { "INITIATE", .recv = get_metadata },
    { "READY", .send = zn_handshake_put_metadata },
    { .name = NULL },
};

static const struct zn_mechanism toy = { .name = "TOY",
                                         .client = client,
                                         .server = server };

TEST(scripts_with_roles_are_played_in_turn_in_every_cut)
{
    for (size_t piece = 1; piece < 110; piece++) {
        struct zn_handshake_config config = dealer_config();
        struct zn_handshake a, b;

        config.mechanism = &toy;
        CHECK_EQ(zn_handshake_init(&a, &config), 0);
        config.as_server = true;
        CHECK_EQ(zn_handshake_init(&b, &config), 0);
        converse_to_the_end(&a, &b, piece, 110 - piece);
        CHECK_EQ(a.peer_type, DEALER);
        CHECK_EQ(b.peer_type, DEALER);
        CHECK_MEM(b.peer_id.data, "me", 2);
        zn_handshake_fini(&a);
        zn_handshake_fini(&b);
    }
}

/* RFC 26: a client says no ERROR to a server. */
TEST(a_client_does_not_refuse_a_server)
{
    struct zn_handshake_config config = dealer_config();
    struct zn_handshake hs;

    config.mechanism = &toy;
    config.as_server = true;
    greet(&hs, &config);
    CHECK_EQ(say(&hs,
                 (const uint8_t *)"\5ERROR\3"
                                  "400",
                 10),
             -EPROTO);
    CHECK_EQ(hs.error, CODE_UNEXPECTED);
    CHECK_EQ(hs.peer_refused, 0);
    zn_handshake_fini(&hs);
}

TEST(two_clients_find_out)
{
    static const char in[] =
        SIGNATURE "\3\1TOY\0" ZEROS_16 ZEROS_16 ZEROS_16 "\4\14\5HELLOsecret";
    struct zn_handshake_config config = dealer_config();
    struct zn_handshake hs;

    config.mechanism = &toy;
    CHECK_EQ(zn_handshake_init(&hs, &config), 0);
    CHECK_EQ(zn_handshake_feed(&hs, (const uint8_t *)in, sizeof(in) - 1), -EPROTO);
    CHECK_EQ(hs.error, CODE_UNEXPECTED);
    zn_handshake_fini(&hs);
}

/* ---- No memory. */

TEST(handshake_without_memory_fails_cleanly_wherever_it_strikes)
{
    static const char in[] = GREETING_3("\3", "\1") READY_ROUTER;
    struct zn_handshake_config config = dealer_config();

    for (uint64_t nth = 1;; nth++) {
        struct zn_handshake hs;
        ptrdiff_t rc;

        faults_arm(ZN_FAULT_ALLOC, nth);
        rc = zn_handshake_init(&hs, &config);
        if (rc == 0) {
            rc = zn_handshake_feed(&hs, (const uint8_t *)in, sizeof(in) - 1);
            faults_disarm();
            zn_handshake_fini(&hs);
        }
        faults_disarm();
        if (faults_struck() == 0) {
            CHECK_EQ(rc, sizeof(in) - 1);
            CHECK(nth > 3, "it does ask for memory");
            break;
        }
        CHECK_EQ(rc, -ENOMEM, "the %llu.", (unsigned long long)nth);
    }
}
