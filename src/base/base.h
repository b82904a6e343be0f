/* base/base.h - the few words every file speaks: sizes, byte order, attributes.
 *
 * Pure: no allocation, no state, nothing of the system. */
#ifndef ZN_BASE_BASE_H
#define ZN_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ZN_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ZN_CONTAINER(ptr, type, member) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define ZN_MIN(a, b) ((a) < (b) ? (a) : (b))
#define ZN_MAX(a, b) ((a) > (b) ? (a) : (b))

#if defined(__GNUC__)
#define ZN_LIKELY(x) __builtin_expect(!!(x), 1)
#define ZN_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* A way that is seldom taken: it stays a call, and what leads to it counts as unlikely. */
#define ZN_SELDOM __attribute__((cold, noinline))
/* A part of the way of every message: it costs no call. */
#define ZN_ALWAYS inline __attribute__((always_inline))
/* These bytes will be read soon. */
#define ZN_PREFETCH(p) __builtin_prefetch(p)
#if defined(__x86_64__)                  /* or gcc fetches it to read */
#define ZN_PREFETCH_TO_WRITE(p) \
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)(p)))
#else
#define ZN_PREFETCH_TO_WRITE(p) __builtin_prefetch((p), 1)
#endif
#define ZN_MUST_USE __attribute__((warn_unused_result))
#define ZN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define ZN_LIKELY(x) (x)
#define ZN_UNLIKELY(x) (x)
#define ZN_SELDOM
#define ZN_ALWAYS inline
#define ZN_PREFETCH(p) ((void)(p))
#define ZN_PREFETCH_TO_WRITE(p) ((void)(p))
#define ZN_MUST_USE
#define ZN_PRINTF(fmt, args)
#endif

#define ZN_CACHE_LINE 64

/* The number of the lowest bit of word, which has one. */
static inline uint32_t zn_lowest_bit(uint64_t word)
{
#if defined(__GNUC__)
    return (uint32_t)__builtin_ctzll(word);
#else
    uint32_t n = 0;
    while (!(word >> n & 1))
        n++;
    return n;
#endif
}

/* memcpy() for what is mostly small: a few moves, and no call. */
static inline void zn_copy(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (ZN_LIKELY(n >= 16 && n <= 32)) {
        memcpy(d, s, 16);
        memcpy(d + n - 16, s + n - 16, 16);
    } else if (n >= 8 && n < 16) {
        memcpy(d, s, 8);
        memcpy(d + n - 8, s + n - 8, 8);
    } else if (n > 0) {
        memcpy(d, s, n);
    }
}

/* A run of bytes that somebody else owns. */
struct zn_bytes {
    const uint8_t *data;
    size_t size;
};

static inline bool zn_bytes_equal(struct zn_bytes a, struct zn_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* A named value, as in ZMTP's metadata. */
struct zn_property {
    struct zn_bytes name, value;
};

/* Big-endian integers at any alignment. */
static inline uint16_t zn_get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t zn_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t zn_get_u64(const uint8_t *p)
{
    return (uint64_t)zn_get_u32(p) << 32 | zn_get_u32(p + 4);
}

static inline void zn_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void zn_put_u32(uint8_t *p, uint32_t v)
{
    zn_put_u16(p, (uint16_t)(v >> 16));
    zn_put_u16(p + 2, (uint16_t)v);
}

static inline void zn_put_u64(uint8_t *p, uint64_t v)
{
    zn_put_u32(p, (uint32_t)(v >> 32));
    zn_put_u32(p + 4, (uint32_t)v);
}

#endif
