/* wire/metadata.h - property lists, as READY and INITIATE carry them and ZAP answers
 * with them (RFC 23): name length (1 byte), name, value length (4 bytes), value.
 *
 * Pure, no allocation: what is parsed points into the list. */
#ifndef ZN_WIRE_METADATA_H
#define ZN_WIRE_METADATA_H

#include "base/base.h"

/* A list of more is refused, so that looking for duplicates stays cheap. */
enum { ZN_METADATA_MAX = 1024 };

/* Takes one property off the front of list; -EPROTO if it is cut short. */
int zn_property_get(struct zn_bytes *list, struct zn_property *property);

/* Bytes that a property takes, name of at most 255; and it, written. Its end. */
size_t zn_property_size(const struct zn_property *property);
uint8_t *zn_property_put(uint8_t *out, const struct zn_property *property);

/* How many properties the list has, duplicates included. -EPROTO: it is cut short,
 * has trailing bytes or too many. */
int zn_metadata_count(struct zn_bytes list);

/* Fills out, which holds as many as were counted. Of properties with the same name
 * the first is kept. How many were. */
size_t zn_metadata_parse(struct zn_bytes list, struct zn_property *out);

/* The value, or NULL. Names are compared exactly (RFC 23 would fold case; libzmq does
 * not). */
const struct zn_bytes *zn_metadata_find(const struct zn_property *properties,
                                        size_t count, struct zn_bytes name);

#endif
