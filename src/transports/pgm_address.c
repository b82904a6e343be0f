/* transports/pgm_address.c - see pgm_address.h. */
#include "platform/platform.h"

#ifdef ZN_HAVE_PGM

#include <pgm/pgm.h>

#include "core/endpoint.h"
#include "transports/pgm_address.h"

enum { GROUPS_MAX = 20 };                /* that one socket may join */

static bool is_numeric(const char *text)
{
    struct zn_addr a;
    return zn_addr_numeric(&a, text, 0) == 0;
}

/* "10.1.0.0/16": the interface that is in there. */
static bool is_network(const char *text)
{
    char host[64];
    const char *slash = strchr(text, '/');
    size_t n = slash == NULL ? sizeof host : (size_t)(slash - text);
    if (n >= sizeof host || strlen(slash + 1) - 1 > 2 ||
        strspn(slash + 1, "0123456789") != strlen(slash + 1))
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    return is_numeric(host);
}

/* A name becomes its address. */
static int find_interface(struct zn_multicast_name *n)
{
    struct zn_addr a;
    if (n->interface[0] == '\0' || is_numeric(n->interface) || is_network(n->interface))
        return 0;
    bool ipv6 = strchr(n->group, ':') != NULL;
    int rc = zn_addr_interface(&a, n->interface, ipv6, 0);
    if (rc < 0)
        return rc == -ENODEV ? -EINVAL : rc;
    rc = zn_addr_host_text(&a, n->interface, sizeof n->interface);
    return rc < 0 ? -EINVAL : 0;
}

static bool are_groups(const char *p)
{
    int commas = 0, semicolons = 0;
    for (;;) {
        char one[64];
        size_t n = strcspn(p, ",;");
        if (n >= sizeof one)
            return false;
        memcpy(one, p, n);
        one[n] = '\0';
        if (!is_numeric(one))
            return false;
        if (p[n] == '\0')
            return true;
        commas += p[n] == ',';
        semicolons += p[n] == ';';
        if (commas >= GROUPS_MAX || semicolons > 1 || (semicolons == 1 && p[n] == ','))
            return false;
        p += n + 1;
    }
}

int zn_pgm_find(const char *address, struct pgm_addrinfo_t **out, uint16_t *port)
{
    struct zn_multicast_name n;
    char network[sizeof n.interface + sizeof n.group + 1];
    int rc = zn_pgm_parse(address, &n);
    if (rc == 0 && n.group[0] != '\0' && !are_groups(n.group))
        rc = -EINVAL;
    if (rc == 0)
        rc = find_interface(&n);
    if (rc < 0)
        return rc;
    size_t at = strlen(n.interface);
    memcpy(network, n.interface, at);
    network[at++] = ';';
    memcpy(network + at, n.group, strlen(n.group) + 1);
    if (n.group[0] == '\0')
        network[at - 1] = '\0';
    *port = n.port;
    return pgm_getaddrinfo(network, NULL, out, NULL) ? 0 : -EINVAL;
}

#endif
