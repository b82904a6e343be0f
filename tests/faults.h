/* tests/faults.h - makes the nth allocation or system call of the library fail.
 *
 *     faults_arm(ZN_FAULT_ALLOC, n);
 *     do_the_thing();
 *     faults_disarm();
 *     if (!faults_struck())
 *         break;                        // it makes fewer than n
 *
 * Process-wide, for all threads; off until armed. */
#ifndef ZN_TESTS_FAULTS_H
#define ZN_TESTS_FAULTS_H

#include "platform/platform.h"

/* Counts calls of that kind from 1 again; the nth fails, once. n == 0: only count. */
void faults_arm(enum zn_fault_kind kind, uint64_t n);
/* The same, but the nth fails and every later one too. */
void faults_arm_from(enum zn_fault_kind kind, uint64_t n);
/* Nothing fails any more. The counts stay readable until the next arming. */
void faults_disarm(void);

/* Calls of that kind since it was armed, until disarmed. */
uint64_t faults_count(enum zn_fault_kind kind);
/* How many failed since the last arming, and the site of the last of them (or ""). */
uint64_t faults_struck(void);
const char *faults_site(void);

#endif
