/* core/endpoint.c - endpoints taken apart, with libzmq's leniency (its own reading of
 * ports included): what its users wrote must still work. */
#include "core/endpoint.h"

#include <errno.h>
#include <stdlib.h>

int zn_endpoint_parse(const char *text, struct zn_endpoint *ep)
{
    const char *sep = text == NULL ? NULL : strstr(text, "://");
    if (sep == NULL || sep == text || sep[3] == '\0')
        return -EINVAL;

    ep->scheme.data = (const uint8_t *)text;
    ep->scheme.size = (size_t)(sep - text);
    ep->address = sep + 3;
    return 0;
}

/* ---- tcp. */

/* Copies a host to `out`, brackets taken off. A zone means something for IPv6 only. */
static int take_host(const char *p, size_t size, char out[256], bool *bracketed)
{
    *bracketed = size >= 2 && p[0] == '[' && p[size - 1] == ']';
    if (*bracketed) {
        p++;
        size -= 2;
    }
    if (size >= 256)
        return -EINVAL;
    memcpy(out, p, size);
    out[size] = '\0';

    char *zone = strchr(out, '%');
    if (zone == NULL)
        return 0;
    if (zone[1] == '\0')
        return -EINVAL;
    if (memchr(out, ':', (size_t)(zone - out)) == NULL)
        *zone = '\0';
    return 0;
}

/* "*" and "0" are any port. Everything else goes through atoi and is cut to 16 bits, as
 * libzmq does; what becomes 0 that way was no port. */
static int take_port(const char *text, uint16_t *port, bool *any)
{
    *port = 0;
    *any = strcmp(text, "*") == 0 || strcmp(text, "0") == 0;
    if (*any)
        return 0;
    *port = (uint16_t)strtol(text, NULL, 10);
    return *port == 0 ? -EINVAL : 0;
}

static int split_at_port(const char *address, const char *end, const char **colon)
{
    *colon = NULL;
    for (const char *p = address; p < end; p++)
        if (*p == ':')
            *colon = p;
    return *colon == NULL || *colon + 1 == end ? -EINVAL : 0;
}

int zn_tcp_parse_bind(const char *address, struct zn_tcp_name *name)
{
    const char *semicolon = strrchr(address, ';'), *colon;

    *name = (struct zn_tcp_name){ 0 };
    if (semicolon != NULL)
        address = semicolon + 1;         /* a source means nothing here */

    int rc = split_at_port(address, address + strlen(address), &colon);
    if (rc == 0)
        rc = take_host(address, (size_t)(colon - address), name->host, &name->bracketed);
    if (rc == 0)
        rc = take_port(colon + 1, &name->port, &name->any_port);
    name->any_host = strcmp(name->host, "*") == 0;
    return rc;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* All that zmq_connect() itself says about an address: its characters, and that a digit
 * follows the last colon. */
static bool looks_right(const char *address)
{
    if (!is_alnum(address[0]) && address[0] != '[' && address[0] != ':')
        return false;
    for (const char *p = address; *p != '\0'; p++)
        if (!is_alnum(*p) && strchr(".-:%;[]_*", *p) == NULL)
            return false;

    const char *colon = strrchr(address, ':');
    return colon != NULL && is_digit(colon[1]);
}

/* The part before ';': an address or interface of ours, its port often "*". */
static bool take_source(const char *p, const char *end, struct zn_tcp_name *name)
{
    char port[16];
    const char *colon;
    bool ignored;

    if (split_at_port(p, end, &colon) < 0 || (size_t)(end - colon) > sizeof port)
        return false;
    memcpy(port, colon + 1, (size_t)(end - colon - 1));
    port[end - colon - 1] = '\0';

    name->has_source = true;
    if (take_host(p, (size_t)(colon - p), name->source_host, &ignored) < 0 ||
        take_port(port, &name->source_port, &ignored) < 0)
        return false;
    name->source_any_host = strcmp(name->source_host, "*") == 0;
    return true;
}

/* As take_port(), but "0" and numbers that do not fit can never be reached. */
static bool take_peer_port(const char *text, uint16_t *port)
{
    char *end;
    long value = strtol(text, &end, 10);

    *port = (uint16_t)value;
    return *end == '\0' && value > 0 && value <= UINT16_MAX;
}

int zn_tcp_parse_connect(const char *address, struct zn_tcp_name *name, bool *can_connect)
{
    *name = (struct zn_tcp_name){ 0 };
    *can_connect = true;
    if (!looks_right(address))
        return -EINVAL;

    const char *semicolon = strrchr(address, ';'), *colon;
    if (semicolon != NULL) {
        *can_connect = take_source(address, semicolon, name);
        address = semicolon + 1;
    }
    if (split_at_port(address, address + strlen(address), &colon) < 0 ||
        take_host(address, (size_t)(colon - address), name->host, &name->bracketed) < 0 ||
        name->host[0] == '\0' || !take_peer_port(colon + 1, &name->port))
        *can_connect = false;
    name->any_host = strcmp(name->host, "*") == 0;
    return 0;
}

/* ---- vsock and TIPC. */

/* A decimal number at *p, which is moved past it; false: there is none, or it is larger. */
static bool take_number(const char **p, uint32_t most, uint32_t *out)
{
    uint64_t value = 0;
    const char *at = *p;
    while (is_digit(*at) && value <= most)
        value = value * 10 + (uint64_t)(*at++ - '0');
    if (at == *p || value > most)
        return false;
    *out = (uint32_t)value;
    *p = at;
    return true;
}

/* "*" and "-1" are any; what follows is left at *p. */
static bool take_vsock_number(const char **p, uint32_t *out)
{
    size_t any = **p == '*' ? 1 : strncmp(*p, "-1", 2) == 0 ? 2 : 0;
    *p += any;
    *out = UINT32_MAX;
    return any > 0 || take_number(p, UINT32_MAX - 1, out);
}

int zn_vsock_parse(const char *address, bool bind, struct zn_vsock_name *name)
{
    *name = (struct zn_vsock_name){ 0 };
    if (strchr(address, ':') == NULL)
        return -EINVAL;
    if (*address == '@') {
        name->local = true;
        address++;
    } else if (!take_vsock_number(&address, &name->cid)) {
        return -ENODEV;
    }
    if (*address != ':')
        return -ENODEV;
    address++;
    if (!take_vsock_number(&address, &name->port) || *address != '\0')
        return -EINVAL;
    bool any = name->cid == UINT32_MAX || name->port == UINT32_MAX;
    return any && !bind ? -EINVAL : 0;
}

static void skip_spaces(const char **p)
{
    while (**p == ' ')
        ++*p;
}

static bool take_char(const char **p, char c)
{
    skip_spaces(p);
    if (**p != c)
        return false;
    ++*p;
    return true;
}

/* "Z.C.N", of 8, 12 and 12 bits. */
static bool take_node(const char **p, uint32_t *node)
{
    uint32_t zone, cluster, number;
    if (!take_number(p, 0xff, &zone) || !take_char(p, '.') ||
        !take_number(p, 0xfff, &cluster) || !take_char(p, '.') ||
        !take_number(p, 0xfff, &number))
        return false;
    *node = zone << 24 | cluster << 12 | number;
    return true;
}

static bool take_field(const char **p, uint32_t *out)
{
    skip_spaces(p);
    return take_number(p, UINT32_MAX, out);
}

/* What follows "{": libzmq wants no space before a comma, but takes one behind it. */
static int take_service(const char *p, bool bind, struct zn_tipc_name *name)
{
    name->service = true;
    if (!take_field(&p, &name->type) || !take_char(&p, ',') ||
        !take_field(&p, &name->lower))
        return -EINVAL;
    if (bind)
        name->third = name->lower;
    bool third = take_char(&p, ',');
    if ((third && !take_field(&p, &name->third)) || !take_char(&p, '}'))
        return -EINVAL;
    if (!bind && !third && take_char(&p, '@') && !take_node(&p, &name->third))
        return -EINVAL;
    if (*p != '\0' || (bind && name->third < name->lower))
        return -EINVAL;
    return 0;
}

int zn_tipc_parse(const char *address, bool bind, struct zn_tipc_name *name)
{
    const char *p = address;
    *name = (struct zn_tipc_name){ 0 };
    if (take_char(&p, '{'))
        return take_service(p, bind, name);
    name->any = bind && strcmp(address, "<*>") == 0;
    if (name->any)
        return 0;
    bool is_socket = take_char(&p, '<') && take_node(&p, &name->node) &&
                     take_char(&p, ':') && take_field(&p, &name->ref) &&
                     take_char(&p, '>') && *p == '\0';
    return is_socket && !bind ? 0 : -EINVAL;
}

/* ---- udp. */

int zn_udp_parse(const char *address, bool bind, struct zn_udp_name *name)
{
    const char *semicolon = strchr(address, ';'), *colon;
    bool ignored, any_port = false;

    *name = (struct zn_udp_name){ 0 };
    if (semicolon != NULL) {
        if (semicolon == address ||
            take_host(address, (size_t)(semicolon - address), name->interface, &ignored))
            return -EINVAL;
        address = semicolon + 1;
    }
    if (split_at_port(address, address + strlen(address), &colon) < 0 ||
        take_host(address, (size_t)(colon - address), name->host, &ignored) < 0 ||
        name->host[0] == '\0')
        return -EINVAL;
    if (bind)
        any_port = strcmp(colon + 1, "*") == 0 || strcmp(colon + 1, "0") == 0;
    if (!any_port && (!is_digit(colon[1]) || !take_peer_port(colon + 1, &name->port)))
        return -EINVAL;
    name->any_host = strcmp(name->host, "*") == 0;
    return 0;
}

/* ---- pgm, epgm, norm. */

static bool copy_part(const char *p, const char *end, char *out, size_t size)
{
    size_t n = (size_t)(end - p);
    if (n >= size)
        return false;
    memcpy(out, p, n);
    out[n] = '\0';
    return true;
}

/* Everything up to the port; *end is the colon in front of it. */
static int take_end(const char *address, struct zn_multicast_name *name, const char **end)
{
    *name = (struct zn_multicast_name){ 0 };
    if (split_at_port(address, address + strlen(address), end) < 0 ||
        !is_digit((*end)[1]) || !take_peer_port(*end + 1, &name->port))
        return -EINVAL;
    return 0;
}

/* Part of an IPv4 address from 224.0.0.0 on, or an IPv6 one that begins with ff. */
static bool is_group(const char *p, const char *end)
{
    if (end - p > 2 && (p[0] == 'f' || p[0] == 'F') && (p[1] == 'f' || p[1] == 'F'))
        return memchr(p, ':', (size_t)(end - p)) != NULL;
    long first = strtol(p, NULL, 10);
    return first >= 224 && first < 240 && memchr(p, '.', (size_t)(end - p)) != NULL;
}

int zn_pgm_parse(const char *address, struct zn_multicast_name *name)
{
    const char *end;
    int rc = take_end(address, name, &end);
    if (rc < 0)
        return rc;
    const char *semicolon = memchr(address, ';', (size_t)(end - address));
    const char *interface_end = semicolon, *group = end;
    if (semicolon != NULL)
        group = semicolon + 1;
    else
        interface_end = group = is_group(address, end) ? address : end;
    if (!copy_part(address, interface_end, name->interface, sizeof name->interface) ||
        !copy_part(group, end, name->group, sizeof name->group))
        return -EINVAL;
    return 0;
}

static int take_id(const char *p, const char *end, uint32_t *id)
{
    char *stop;
    unsigned long long value = strtoull(p, &stop, 10);
    if (!is_digit(*p) || stop != end || value == 0 || value >= UINT32_MAX)
        return -EINVAL;
    *id = (uint32_t)value;
    return 0;
}

int zn_norm_parse(const char *address, struct zn_multicast_name *name)
{
    const char *end;
    int rc = take_end(address, name, &end);
    const char *comma = rc < 0 ? NULL : memchr(address, ',', (size_t)(end - address));
    if (comma != NULL) {
        rc = take_id(address, comma, &name->id);
        address = comma + 1;
    }
    if (rc < 0)
        return rc;
    const char *semicolon = memchr(address, ';', (size_t)(end - address));
    bool bracketed;
    if (semicolon != NULL) {
        if (!copy_part(address, semicolon, name->interface, sizeof name->interface))
            return -EINVAL;
        address = semicolon + 1;
    }
    rc = take_host(address, (size_t)(end - address), name->group, &bracketed);
    return rc == 0 && name->group[0] == '\0' ? -EINVAL : rc;
}
