/* core/options.c - setting and getting what option_table.c has rows for. */
#include "core/options.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

#include "base/alloc.h"
#include "base/wipe.h"
#include "base/z85.h"
#include "core/pattern.h"
#include "platform/platform.h"

static void *field(const struct zn_options *o, const struct zn_option *row)
{
    return (char *)(uintptr_t)o + row->offset;
}

/* ---- Means, for options elsewhere too. */

int zn_option_int(const void *value, size_t size, int lo, int hi, int *out)
{
    int v;

    if (value == NULL || size != sizeof v)
        return -EINVAL;
    memcpy(&v, value, sizeof v);
    if (v < lo || v > hi)
        return -EINVAL;
    *out = v;
    return 0;
}

int zn_option_shared_int(const void *value, size_t size, int lo, int hi, _Atomic int *out)
{
    int v;
    int rc = zn_option_int(value, size, lo, hi, &v);
    if (rc == 0)
        atomic_store_explicit(out, v, memory_order_relaxed);
    return rc;
}

static int get_exactly(const void *v, size_t v_size, void *value, size_t *size)
{
    if (value == NULL || *size != v_size)
        return -EINVAL;
    memcpy(value, v, v_size);
    return 0;
}

int zn_option_get_int(int v, void *value, size_t *size)
{
    return get_exactly(&v, sizeof v, value, size);
}

int zn_option_get_int_loose(int v, void *value, size_t *size)
{
    if (value == NULL || *size < sizeof v)
        return -EINVAL;
    memset(value, 0, *size);
    memcpy(value, &v, sizeof v);
    *size = sizeof v;
    return 0;
}

/* Clears the room that is left: there are programs that read a blob as text. */
static int get_bytes(const void *data, size_t length, size_t nul, void *value,
                     size_t *size)
{
    if (*size < length + nul || (value == NULL && *size > 0))
        return -EINVAL;
    if (length > 0)
        memcpy(value, data, length);
    if (*size > length)
        memset((char *)value + length, 0, *size - length);
    *size = length + nul;
    return 0;
}

int zn_option_get_text(const char *text, void *value, size_t *size)
{
    return get_bytes(text, strlen(text), 1, value, size);
}

int zn_option_get_blob(const struct zn_blob *b, void *value, size_t *size)
{
    return get_bytes(b->data, b->size, 0, value, size);
}

int zn_blob_set(struct zn_blob *b, const void *data, size_t size)
{
    uint8_t *copy = NULL;

    if (size > 0) {
        copy = zn_alloc(size + 1);
        if (copy == NULL)
            return -ENOMEM;
        memcpy(copy, data, size);
        copy[size] = '\0';
    }
    zn_blob_fini(b);
    b->data = copy;
    b->size = size;
    return 0;
}

/* It may be a password. */
void zn_blob_fini(struct zn_blob *b)
{
    if (b->data != NULL)
        zn_wipe(b->data, b->size);
    zn_free(b->data);
    *b = (struct zn_blob){ 0 };
}

/* ---- Repeatable options: a pointer and, right behind it, a count. */

struct array {
    void *items;
    size_t count;
};

#define IS_ARRAY(items, count)                                                          \
    _Static_assert(offsetof(struct zn_options, count) ==                    \
                       offsetof(struct zn_options, items) + sizeof(void *), \
                   "its count follows")
IS_ARRAY(accept_filters, accept_filter_count);
IS_ARRAY(ipc_pids, ipc_pid_count);
IS_ARRAY(ipc_uids, ipc_uid_count);
IS_ARRAY(ipc_gids, ipc_gid_count);
IS_ARRAY(metadata.items, metadata.count);

static struct array array_of(const struct zn_options *o, const struct zn_option *row)
{
    struct array a;
    memcpy(&a, field(o, row), sizeof a); /* by bytes: the items' types differ */
    return a;
}

static void set_array(struct zn_options *o, const struct zn_option *row, struct array a)
{
    memcpy(field(o, row), &a, sizeof a);
}

static int append(struct zn_options *o, const struct zn_option *row, const void *item,
                  size_t item_size)
{
    struct array a = array_of(o, row);
    char *items = zn_realloc(a.items, (a.count + 1) * item_size);
    if (items == NULL)
        return -ENOMEM;

    memcpy(items + a.count * item_size, item, item_size);
    a.items = items;
    a.count++;
    set_array(o, row, a);
    return 0;
}

static void clear_array(struct zn_options *o, const struct zn_option *row)
{
    struct array a = array_of(o, row);

    if (row->kind == ZN_OPTION_PROPERTY)
        for (size_t i = 0; i < a.count; i++)
            zn_blob_fini((struct zn_blob *)a.items + i);
    zn_free(a.items);
    set_array(o, row, (struct array){ 0 });
}

/* ---- Setters. */

enum { CURVE_KEY = 32, CURVE_TEXT = 40 };

typedef int(setter)(struct zn_options *o, const struct zn_option *row, const void *value,
                    size_t size);

static int set_int(struct zn_options *o, const struct zn_option *row, const void *value,
                   size_t size)
{
    return zn_option_int(value, size, row->lo, row->hi, field(o, row));
}

static int set_flag(struct zn_options *o, const struct zn_option *row, const void *value,
                    size_t size)
{
    int v;
    int rc = zn_option_int(value, size, row->lo, row->hi, &v);
    if (rc == 0)
        *(int *)field(o, row) = v != 0;
    return rc;
}

static int set_inverse(struct zn_options *o, const struct zn_option *row,
                       const void *value, size_t size)
{
    int v;
    int rc = zn_option_int(value, size, row->lo, row->hi, &v);
    if (rc == 0)
        *(int *)field(o, row) = !v;
    return rc;
}

static int set_tenths(struct zn_options *o, const struct zn_option *row,
                      const void *value, size_t size)
{
    int v;
    int rc = zn_option_int(value, size, row->lo, row->hi, &v);
    if (rc == 0)
        *(int *)field(o, row) = v / 100;
    return rc;
}

static int set_64(struct zn_options *o, const struct zn_option *row, const void *value,
                  size_t size)
{
    if (value == NULL || size != sizeof(uint64_t))
        return -EINVAL;
    memcpy(field(o, row), value, sizeof(uint64_t));
    return 0;
}

static int set_bytes(struct zn_options *o, const struct zn_option *row, const void *value,
                     size_t size)
{
    if (size < (size_t)row->lo || size > (size_t)row->hi || (value == NULL && size > 0))
        return -EINVAL;
    return zn_blob_set(field(o, row), value, size);
}

static int set_login(struct zn_options *o, const struct zn_option *row, const void *value,
                     size_t size)
{
    if (value == NULL && size == 0)
        return 0;                        /* see choose() */
    return set_bytes(o, row, value, size);
}

static int set_key(struct zn_options *o, const struct zn_option *row, const void *value,
                   size_t size)
{
    uint8_t key[CURVE_KEY];
    char text[CURVE_TEXT + 1];
    int rc = 0;

    if (value == NULL)
        return -EINVAL;
    if (size == CURVE_KEY) {
        memcpy(key, value, sizeof key);
    } else if (size == CURVE_TEXT || size == CURVE_TEXT + 1) {
        text[CURVE_TEXT] = '\0';
        memcpy(text, value, size);
        /* What is shorter would be decoded as far as it goes. */
        bool whole = memchr(text, '\0', sizeof text) == text + CURVE_TEXT;
        rc = whole ? zn_z85_decode(key, text) : -EINVAL;
        zn_wipe(text, sizeof text);
    } else {
        rc = -EINVAL;
    }
    if (rc == 0)
        memcpy(field(o, row), key, sizeof key);
    zn_wipe(key, sizeof key);
    return rc;
}

static int set_name(struct zn_options *o, const struct zn_option *row, const void *value,
                    size_t size)
{
    if (value == NULL && size == 0)
        return zn_blob_set(field(o, row), NULL, 0);
    return set_bytes(o, row, value, size);
}

/* libzmq takes whatever has four bytes for an int, which this never is. */
static int set_property(struct zn_options *o, const struct zn_option *row,
                        const void *value, size_t size)
{
    const char *text = value, *colon;
    struct zn_blob item = { 0 };

    if (text == NULL || size <= 4)
        return -EINVAL;
    colon = memchr(text, ':', size);
    if (colon == NULL || colon - text > 255 || colon == text + size - 1 ||
        memcmp(text, "X-", 2) != 0)
        return -EINVAL;

    int rc = zn_blob_set(&item, text, size);
    if (rc == 0)
        rc = append(o, row, &item, sizeof item);
    if (rc < 0)
        zn_blob_fini(&item);
    return rc;
}

/* What stands behind the slash. An IPv4 filter of a dual-stack socket, mapped or not, may also
 * count its bits as those of ::ffff:a.b.c.d, which is how libzmq reads all of them; up to 32
 * they are taken for what was surely meant. */
static int take_prefix(const char *text, bool v4, bool ipv6, int *prefix)
{
    char *end;
    long bits = strtol(text, &end, 10);
    long max = ipv6 ? 128 : 32;

    if (end == text || bits < 0 || bits > max || (bits == 0 && strcmp(text, "0") != 0))
        return -EINVAL;
    if (v4 && bits > 32)
        bits = ZN_MAX(bits - 96, 0);
    *prefix = (int)bits;
    return 0;
}

static int set_filter(struct zn_options *o, const struct zn_option *row,
                      const void *value, size_t size)
{
    char text[256] = "", *host = text;
    struct zn_accept_filter filter = { .prefix = -1 };
    struct zn_addr addr;

    if (value == NULL && size == 0) {
        clear_array(o, row);
        return 0;
    }
    if (value == NULL || size == 0 || size > (size_t)row->hi)
        return -EINVAL;
    memcpy(text, value, size);

    char *slash = strrchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    size_t length = strlen(host);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        host++;
    }
    if (strlen(host) >= sizeof filter.host || zn_addr_numeric(&addr, host, 0) < 0)
        return -EINVAL;
    bool v4 = zn_addr_unmap_v4(&addr);
    if (!v4 && !o->ipv6)
        return -EINVAL;
    if (slash != NULL && take_prefix(slash + 1, v4, o->ipv6, &filter.prefix) < 0)
        return -EINVAL;

    memcpy(filter.host, host, strlen(host) + 1);
    return append(o, row, &filter, sizeof filter);
}

static int set_ids(struct zn_options *o, const struct zn_option *row, const void *value,
                   size_t size)
{
    if (value == NULL && size == 0) {
        clear_array(o, row);
        return 0;
    }
    if (value == NULL || size != sizeof(int))
        return -EINVAL;
    return append(o, row, value, sizeof(int));
}

static setter *const setters[ZN_OPTION_KINDS] = {
    [ZN_OPTION_INT] = set_int,
    [ZN_OPTION_FLAG] = set_flag,
    [ZN_OPTION_INVERSE] = set_inverse,
    [ZN_OPTION_TENTHS] = set_tenths,
    [ZN_OPTION_SIDE] = set_int,
    [ZN_OPTION_I64] = set_64,
    [ZN_OPTION_U64] = set_64,
    [ZN_OPTION_TEXT] = set_bytes,
    [ZN_OPTION_NAME] = set_name,
    [ZN_OPTION_LOGIN] = set_login,
    [ZN_OPTION_BLOB] = set_bytes,
    [ZN_OPTION_KEY] = set_key,
    [ZN_OPTION_PROPERTY] = set_property,
    [ZN_OPTION_FILTER] = set_filter,
    [ZN_OPTION_IDS] = set_ids,
};

/* ---- The options of a socket. */

static bool is_blob(const struct zn_option *row)
{
    return row->kind == ZN_OPTION_TEXT || row->kind == ZN_OPTION_NAME ||
           row->kind == ZN_OPTION_LOGIN || row->kind == ZN_OPTION_BLOB;
}

static bool is_array(const struct zn_option *row)
{
    return row->kind == ZN_OPTION_PROPERTY || row->kind == ZN_OPTION_FILTER ||
           row->kind == ZN_OPTION_IDS;
}

/* Whether there is nothing but numbers in it, as with most. */
static bool is_plain(const struct zn_options *o)
{
    enum { FIRST = offsetof(struct zn_options, curve_publickey) };
    static const uint8_t nothing[sizeof *o - FIRST];

    return memcmp((const uint8_t *)o + FIRST, nothing, sizeof nothing) == 0;
}

void zn_options_fini(struct zn_options *o)
{
    if (is_plain(o))
        return;
    for (size_t i = 0; i < zn_option_rows; i++) {
        const struct zn_option *row = &zn_option_table[i];

        if (row->name == NULL)
            continue;
        if (is_blob(row))
            zn_blob_fini(field(o, row));
        else if (is_array(row))
            clear_array(o, row);
        else if (row->kind == ZN_OPTION_KEY)
            zn_wipe(field(o, row), CURVE_KEY);
    }
}

static int copy_array(struct zn_options *to, const struct zn_options *from,
                      const struct zn_option *row)
{
    struct array a = array_of(from, row);
    size_t item_size =
        row->kind == ZN_OPTION_FILTER ? sizeof(struct zn_accept_filter) : sizeof(int);
    int rc = 0;

    for (size_t i = 0; i < a.count && rc == 0; i++) {
        if (row->kind == ZN_OPTION_PROPERTY) {
            const struct zn_blob *b = (const struct zn_blob *)a.items + i;
            rc = set_property(to, row, b->data, b->size);
        } else {
            rc = append(to, row, (const char *)a.items + i * item_size, item_size);
        }
    }
    return rc;
}

int zn_options_copy(struct zn_options *to, const struct zn_options *from)
{
    int rc = 0;

    *to = *from;
    if (is_plain(from))
        return 0;
    for (size_t i = 0; i < zn_option_rows; i++) {
        const struct zn_option *row = &zn_option_table[i];

        if (row->name == NULL)
            continue;
        if (is_blob(row))
            *(struct zn_blob *)field(to, row) = (struct zn_blob){ 0 };
        else if (is_array(row))
            set_array(to, row, (struct array){ 0 });
    }
    for (size_t i = 0; i < zn_option_rows && rc == 0; i++) {
        const struct zn_option *row = &zn_option_table[i];

        if (row->name == NULL)
            continue;
        if (is_blob(row)) {
            const struct zn_blob *b = field(from, row);
            rc = zn_blob_set(field(to, row), b->data, b->size);
        } else if (is_array(row)) {
            rc = copy_array(to, from, row);
        }
    }
    if (rc < 0)
        zn_options_fini(to);
    return rc;
}

/* The last security option that is set says which mechanism there is, and whose side. */
static void choose(struct zn_options *o, const struct zn_option *row, const void *value)
{
    bool none = row->kind == ZN_OPTION_LOGIN && value == NULL;

    if (row->kind == ZN_OPTION_SIDE && !o->as_server)
        none = row->mechanism != ZMQ_GSSAPI;
    o->mechanism = none ? ZMQ_NULL : row->mechanism;
    if (row->as_client && !none)
        o->as_server = 0;
}

int zn_options_set(struct zn_options *o, int option, const void *value, size_t size)
{
    const struct zn_option *row = zn_option_find(option);

    if (row == NULL || !(row->access & ZN_OPTION_SET))
        return -EINVAL;
    int rc = setters[row->kind](o, row, value, size);
    if (rc == 0 && row->mechanism != ZMQ_NULL)
        choose(o, row, value);
    return rc;
}

static int get_key(const uint8_t *key, void *value, size_t *size)
{
    if (value != NULL && *size == CURVE_TEXT + 1)
        return zn_z85_encode(value, key, CURVE_KEY);
    return get_exactly(key, CURVE_KEY, value, size);
}

int zn_options_get(const struct zn_options *o, int option, void *value, size_t *size)
{
    const struct zn_option *row = zn_option_find(option);

    if (row == NULL || !(row->access & ZN_OPTION_GET) || size == NULL)
        return -EINVAL;

    const void *at = field(o, row);
    const struct zn_blob *blob = at;
    switch ((enum zn_option_kind)row->kind) {
    case ZN_OPTION_INT:
    case ZN_OPTION_FLAG:
        return zn_option_get_int(*(const int *)at, value, size);
    case ZN_OPTION_INVERSE:
        return zn_option_get_int(!*(const int *)at, value, size);
    case ZN_OPTION_SIDE:
        return zn_option_get_int(o->as_server && o->mechanism == row->mechanism, value,
                                 size);
    case ZN_OPTION_TENTHS:
        return zn_option_get_int(*(const int *)at * 100, value, size);
    case ZN_OPTION_I64:
    case ZN_OPTION_U64:
        return get_exactly(at, sizeof(uint64_t), value, size);
    case ZN_OPTION_KEY:
        return get_key(at, value, size);
    case ZN_OPTION_TEXT:
    case ZN_OPTION_NAME:
    case ZN_OPTION_LOGIN:
        return get_bytes(blob->data, blob->size, 1, value, size);
    case ZN_OPTION_BLOB:
        return get_bytes(blob->data, blob->size, 0, value, size);
    default:
        return -EINVAL;
    }
}
