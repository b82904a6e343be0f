/* wire/upgrade.c - see upgrade.h. Lines are taken one by one; each header that matters has a
 * row in a table, the others are only looked at for their grammar. */
#include "wire/upgrade.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/sha1.h"

/* ---- Characters (RFC 7230, section 3.2.6). */

static bool is_visible(uint8_t c)
{
    return c > ' ' && c < 0x7f;
}

static bool is_token(uint8_t c)
{
    return is_visible(c) && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static bool is_in_value(uint8_t c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool all_are(struct zn_bytes text, bool (*is)(uint8_t c))
{
    for (size_t i = 0; i < text.size; i++)
        if (!is(text.data[i]))
            return false;
    return true;
}

static bool is_word(struct zn_bytes text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static bool is_word_of_any_case(struct zn_bytes text, const char *word)
{
    if (text.size != strlen(word))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (lower(text.data[i]) != lower((uint8_t)word[i]))
            return false;
    return true;
}

static struct zn_bytes trim(struct zn_bytes text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 &&
           (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Takes what is before the first c off the front of *rest, which is without it then. False:
 * there is none; then *part is all. */
static bool take_until(struct zn_bytes *rest, char c, struct zn_bytes *part)
{
    const uint8_t *at = rest->size > 0 ? memchr(rest->data, c, rest->size) : NULL;
    *part = *rest;
    if (at == NULL) {
        rest->size = 0;
        return false;
    }
    part->size = (size_t)(at - rest->data);
    rest->data = at + 1;
    rest->size -= part->size + 1;
    return true;
}

/* The next of a comma-separated list's elements that is not empty. */
static bool next_element(struct zn_bytes *list, struct zn_bytes *element)
{
    while (list->size > 0) {
        take_until(list, ',', element);
        *element = trim(*element);
        if (element->size > 0)
            return true;
    }
    return false;
}

static bool lists(struct zn_bytes list, const char *word)
{
    struct zn_bytes element;
    while (next_element(&list, &element))
        if (is_word_of_any_case(element, word))
            return true;
    return false;
}

/* The first of the list that is known, or -1. */
static int first_known(struct zn_bytes list, const char *const *known)
{
    struct zn_bytes element;
    while (next_element(&list, &element))
        for (int i = 0; known[i] != NULL; i++)
            if (is_word(element, known[i]))
                return i;
    return -1;
}

/* ---- Headers. */

/* What has been seen, of either side's text. */
struct seen {
    const char *const *known;
    int protocol;
    bool upgrade, connection, host, protocols;
    struct zn_bytes key, accept, version;
};

/* Each says whether the header may stand like that. */
static bool on_upgrade(struct seen *s, struct zn_bytes value)
{
    s->upgrade |= lists(value, "websocket");
    return true;
}

static bool on_connection(struct seen *s, struct zn_bytes value)
{
    s->connection |= lists(value, "upgrade");
    return true;
}

static bool once(struct zn_bytes *field, struct zn_bytes value)
{
    bool first = field->data == NULL;
    *field = value;
    return first && value.size > 0;
}

static bool on_key(struct seen *s, struct zn_bytes value)
{
    return once(&s->key, value);
}

static bool on_accept(struct seen *s, struct zn_bytes value)
{
    return once(&s->accept, value);
}

static bool on_version(struct seen *s, struct zn_bytes value)
{
    return once(&s->version, value) && is_word(value, "13");
}

static bool on_host(struct seen *s, struct zn_bytes value)
{
    bool first = !s->host;
    (void)value;
    s->host = true;
    return first;
}

/* A list, which may be cut into several headers. */
static bool on_offer(struct seen *s, struct zn_bytes value)
{
    if (s->protocol < 0)
        s->protocol = first_known(value, s->known);
    return true;
}

static bool on_choice(struct seen *s, struct zn_bytes value)
{
    bool first = !s->protocols;
    s->protocols = true;
    for (int i = 0; s->known[i] != NULL; i++)
        if (is_word(value, s->known[i]))
            s->protocol = i;
    return first && s->protocol >= 0;
}

/* We have asked for none. */
static bool on_extensions(struct seen *s, struct zn_bytes value)
{
    (void)s;
    return value.size == 0;
}

struct header {
    const char *name;
    bool (*see)(struct seen *s, struct zn_bytes value);
};

static const struct header of_request[] = {
    { "Upgrade", on_upgrade },
    { "Connection", on_connection },
    { "Host", on_host },
    { "Sec-WebSocket-Key", on_key },
    { "Sec-WebSocket-Version", on_version },
    { "Sec-WebSocket-Protocol", on_offer },
    { NULL, NULL },
};

static const struct header of_answer[] = {
    { "Upgrade", on_upgrade },
    { "Connection", on_connection },
    { "Sec-WebSocket-Accept", on_accept },
    { "Sec-WebSocket-Protocol", on_choice },
    { "Sec-WebSocket-Extensions", on_extensions },
    { NULL, NULL },
};

/* One line without its end; false: there is no whole one that is fair. */
static bool next_line(struct zn_bytes *text, struct zn_bytes *line)
{
    if (!take_until(text, '\n', line) || line->size == 0 ||
        line->data[line->size - 1] != '\r')
        return false;
    line->size--;
    return all_are(*line, is_in_value);
}

static bool see_header(struct zn_bytes line, const struct header *headers, struct seen *s)
{
    struct zn_bytes name, value = line;
    if (!take_until(&value, ':', &name) || name.size == 0 || !all_are(name, is_token))
        return false;
    value = trim(value);
    for (const struct header *h = headers; h->name != NULL; h++)
        if (is_word_of_any_case(name, h->name))
            return h->see(s, value);
    return true;
}

static bool see_headers(struct zn_bytes text, const struct header *headers,
                        struct seen *s)
{
    struct zn_bytes line;
    while (text.size > 0)
        if (!next_line(&text, &line) || !see_header(line, headers, s))
            return false;
    return s->upgrade && s->connection && s->protocol >= 0;
}

/* How long the text is, up to the empty line that ends it; 0, -EMSGSIZE. *head is what is
 * before that line. */
static ptrdiff_t find_end(const uint8_t *p, size_t size, struct zn_bytes *head)
{
    for (size_t i = 0; i + 4 <= ZN_MIN(size, (size_t)ZN_UPGRADE_MAX); i++)
        if (p[i] == '\r' && memcmp(p + i, "\r\n\r\n", 4) == 0) {
            *head = (struct zn_bytes){ p, i + 2 };
            return (ptrdiff_t)i + 4;
        }
    return size >= ZN_UPGRADE_MAX ? -EMSGSIZE : 0;
}

/* "GET PATH HTTP/1.1" */
static bool is_get(struct zn_bytes line)
{
    struct zn_bytes method, path;
    return take_until(&line, ' ', &method) && is_word(method, "GET") &&
           take_until(&line, ' ', &path) && path.size > 0 && all_are(path, is_visible) &&
           is_word(line, "HTTP/1.1");
}

/* Before there is a whole line: whether it can become one. Who speaks something else need
 * not wait for its end. */
static bool may_begin(const uint8_t *p, size_t size, const char *with)
{
    return memcmp(p, with, ZN_MIN(size, strlen(with))) == 0;
}

ptrdiff_t zn_upgrade_read_request(const uint8_t *p, size_t size, const char *const *known,
                                  struct zn_upgrade_request *r)
{
    struct zn_bytes head, line;
    struct seen s = { .known = known, .protocol = -1 };

    if (size > 0 && !may_begin(p, size, "GET "))
        return -EPROTO;
    ptrdiff_t length = find_end(p, size, &head);
    if (length <= 0)
        return length;
    if (!next_line(&head, &line) || !is_get(line) || !see_headers(head, of_request, &s) ||
        !zn_base64_is(s.key, 16))
        return -EPROTO;
    memcpy(r->key, s.key.data, ZN_UPGRADE_KEY);
    r->key[ZN_UPGRADE_KEY] = '\0';
    r->protocol = s.protocol;
    return length;
}

/* "HTTP/1.1 101 ..."; 0, -EPROTO, or -ECONNREFUSED for another status. */
static int judge_status(struct zn_bytes line)
{
    static const char version[] = "HTTP/1.1 ";
    size_t at = sizeof version - 1;

    if (line.size < at + 3 || memcmp(line.data, version, at) != 0 ||
        (line.size > at + 3 && line.data[at + 3] != ' '))
        return -EPROTO;
    const uint8_t *code = line.data + at;
    for (int i = 0; i < 3; i++)
        if (code[i] < '0' || code[i] > '9')
            return -EPROTO;
    return memcmp(code, "101", 3) == 0 ? 0 : -ECONNREFUSED;
}

ptrdiff_t zn_upgrade_read_answer(const uint8_t *p, size_t size, const char *const *known,
                                 const char *key, int *protocol)
{
    struct zn_bytes head, line;
    struct seen s = { .known = known, .protocol = -1 };
    char accept[ZN_UPGRADE_ACCEPT + 1];

    if (size > 0 && !may_begin(p, size, "HTTP/1.1 "))
        return -EPROTO;
    ptrdiff_t length = find_end(p, size, &head);
    if (length <= 0)
        return length;
    int rc = next_line(&head, &line) ? judge_status(line) : -EPROTO;
    if (rc < 0)
        return rc;
    zn_upgrade_accept(accept, key);
    if (!see_headers(head, of_answer, &s) || !is_word(s.accept, accept))
        return -EPROTO;
    *protocol = s.protocol;
    return length;
}

/* ---- Ours. */

void zn_upgrade_key(char key[ZN_UPGRADE_KEY + 1], const uint8_t random[16])
{
    zn_base64_encode(key, random, 16);
}

void zn_upgrade_accept(char accept[ZN_UPGRADE_ACCEPT + 1], const char *key)
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char both[ZN_UPGRADE_KEY + sizeof magic];
    uint8_t digest[ZN_SHA1_SIZE];

    memcpy(both, key, ZN_UPGRADE_KEY);
    memcpy(both + ZN_UPGRADE_KEY, magic, sizeof magic);
    zn_sha1(both, sizeof both - 1, digest);
    zn_base64_encode(accept, digest, sizeof digest);
}

bool zn_upgrade_is_path(const char *path)
{
    struct zn_bytes text = { (const uint8_t *)path, strlen(path) };
    return path[0] == '/' && all_are(text, is_visible);
}

static int checked(int length, size_t size)
{
    return length < 0 || (size_t)length >= size ? -EMSGSIZE : length;
}

int zn_upgrade_write_request(char *out, size_t size, const char *host, const char *path,
                             const char *key, const char *const *protocols)
{
    return checked(snprintf(out, size,
                            "GET %s HTTP/1.1\r\n"
                            "Host: %s\r\n"
                            "Upgrade: websocket\r\n"
                            "Connection: Upgrade\r\n"
                            "Sec-WebSocket-Key: %s\r\n"
                            "Sec-WebSocket-Protocol: %s%s%s\r\n"
                            "Sec-WebSocket-Version: 13\r\n\r\n",
                            path, host, key, protocols[0],
                            protocols[1] != NULL ? "," : "",
                            protocols[1] != NULL ? protocols[1] : ""),
                   size);
}

int zn_upgrade_write_answer(char *out, size_t size, const char *key, const char *protocol)
{
    char accept[ZN_UPGRADE_ACCEPT + 1];
    zn_upgrade_accept(accept, key);
    return checked(snprintf(out, size,
                            "HTTP/1.1 101 Switching Protocols\r\n"
                            "Upgrade: websocket\r\n"
                            "Connection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: %s\r\n"
                            "Sec-WebSocket-Protocol: %s\r\n\r\n",
                            accept, protocol),
                   size);
}
