/* tests/models/gate.pml - platform/posix/wait.c's gates with bias, for the model checker spin.
 *
 * One thread enters and leaves, one posts work, in every order there is; each has a store
 * buffer of one store, which empties at any moment, at its own locked instructions, and at
 * the barrier that one of them has the system run on every core. Names are those of the C.
 * Checked: never are two inside, nobody sleeps for ever, no work is left lying.
 *
 * WITHOUT_NOTE, WITHOUT_SETTLING, WITHOUT_BARRIER and WITHOUT_LOOP each leave a part of
 * it out; then one of these must be found broken (./dev model). */
#ifndef TIMES
#define TIMES 5                          /* that the one enters */
#define POSTS 2
#define BIASES 2                         /* that may be given */
#endif

#define FREE 0
#define HELD 1
#define BIASED 2                         /* and four times the number */
#define NOBODY 255

short held = FREE;
bit work = 0;
byte waiters = 0, bias = 0;
bit inside = 0;
byte thread = NOBODY;
byte number = 0, rest = 0;               /* rest: a bias's number; 0: FREE */
bit biased = 0;

byte within = 0, posted = 0, done = 0, finished = 0;
byte wakes = 0;

/* ---- Store buffers. */

mtype = { NONE, TO_INSIDE, TO_HELD, TO_BIAS };
mtype buffered[2] = NONE;
short value[2];

inline flush(i)
{
    if
    :: buffered[i] == TO_INSIDE -> inside = value[i]
    :: buffered[i] == TO_HELD -> held = value[i]
    :: buffered[i] == TO_BIAS -> bias = value[i]
    :: else
    fi;
    buffered[i] = NONE;
    value[i] = 0
}

active [2] proctype buffer()
{
end:
    do
    :: atomic { buffered[_pid] != NONE -> flush(_pid) }
    od
}

#define STORE(where, what) atomic { buffered[me] == NONE -> buffered[me] = where; value[me] = what }
#define BARRIER d_step { flush(0); flush(1) }
#define INSIDE ((buffered[me] == TO_INSIDE) -> value[me] : inside)
#define BIAS ((buffered[me] == TO_BIAS) -> value[me] : bias)
#define HELD_NOW ((buffered[me] == TO_HELD) -> value[me] : held)

/* ---- Going in. */

inline count()
{
    biased = 0;
    if
    :: thread == me ->
        if                               /* whether it has been patient is left open */
        :: atomic { !work && waiters == 0 && number < BIASES -> number++; rest = number }
        :: skip
        fi
    :: thread != me && number == 0 -> thread = me
    :: else
    fi
}

inline settle(n, ok)
{
    atomic {
        flush(me);
        if
        :: held == BIASED + 4 * (n) -> held = HELD; ok = 1
        :: else -> ok = 0
        fi
    };
    if
    :: ok -> biased = 0; rest = 0
    :: else
    fi
}

inline settle_own(ok)
{
    ok = 0;
    seen = HELD_NOW;
    if
    :: seen % 4 == BIASED ->
        if
        :: thread == me ->
            if
            :: BIAS == 0 -> settle(seen / 4, ok)
            :: else
            fi
        :: else
        fi
    :: else
    fi
}

inline enter_biased(ok)
{
    ok = 0;
    if
    :: BIAS == 0
    :: else ->
        if
        :: thread != me || INSIDE != 0
        :: else ->
            STORE(TO_INSIDE, 1);
            if
            :: BIAS == 0 ->              /* zn_gate_step_back() */
                STORE(TO_INSIDE, 0);
                BARRIER;
                settle_own(ok)
            :: else -> biased = 1; ok = 1
            fi
        fi
    fi
}

inline try_held(ok)
{
    atomic {
        flush(me);
        if
        :: held == FREE -> held = HELD; ok = 1
        :: else -> ok = 0
        fi
    };
    if
    :: ok -> count()
    :: !ok && INSIDE == 0 -> settle_own(ok)
    :: else
    fi
}

inline try(ok)
{
    enter_biased(ok);
    if
    :: !ok -> try_held(ok)
    :: else
    fi
}

inline take_back(ok)
{
    ok = 0;
    do
    :: n = BIAS;
        if :: n == 0 || thread == me -> break :: else fi;
        atomic {
            flush(me);
            if :: bias == n -> bias = 0; taken = 1 :: else -> taken = 0 fi
        };
        if :: !taken -> break :: else fi;
#ifndef WITHOUT_NOTE
        atomic { flush(me); work = 1 };
#endif
#ifndef WITHOUT_BARRIER
        BARRIER;
#endif
        if :: INSIDE != 0 -> break :: else fi;
        settle(n, ok);
        if :: ok -> break :: else fi;
#ifdef WITHOUT_LOOP
        break;
#endif
        try(ok);
        if :: ok -> break :: else fi
    od
}

inline wait_for_change()
{
    seen = held;
    if
    :: seen != FREE && !(seen % 4 == BIASED && bias != 0) ->
        atomic {
            flush(me);
            if :: held == seen -> slept = wakes :: else -> slept = NOBODY fi
        };
        if
        :: slept == NOBODY
        :: else -> wakes != slept
        fi
    :: else
    fi
}

inline enter()
{
    try(in);
    if
    :: !in ->
        atomic { flush(me); waiters++ };
        BARRIER;
        do
        :: try(in);
            if :: in -> break :: else fi;
            take_back(in);
            if :: in -> break :: else fi;
            wait_for_change()
        od;
        atomic { flush(me); waiters-- }
    :: else
    fi;
    within++;
    assert(within == 1)
}

/* ---- Leaving. */

inline stand_aside()
{
    if
    :: biased -> STORE(TO_INSIDE, 0)
    :: else ->
        n = rest;
        if
        :: n != 0 -> STORE(TO_BIAS, number); STORE(TO_HELD, BIASED + 4 * n)
        :: else -> STORE(TO_HELD, FREE)
        fi
    fi
}

inline take_work(was)
{
    atomic { flush(me); was = work; work = 0 };
#ifndef WITHOUT_SETTLING
    if
    :: biased ->
        settle_own(taken);
        if
        :: taken -> STORE(TO_INSIDE, 0); BARRIER
        :: else
        fi
    :: else
    fi
#endif
}

inline leave_slow(again)
{
    again = 0;
    do
    :: settle_own(in);
        atomic { flush(me); noted = work; waited = waiters > 0 };
        if
        :: !in && noted -> try(in)
        :: else
        fi;
        if
        :: !in ->
            if :: waited -> wakes++ :: else fi;
            break
        :: else
        fi;
        take_work(again);
        if :: again -> break :: else fi;
        stand_aside();
        BARRIER
    od
}

inline leave_once(again)
{
    within--;
    stand_aside();
    if
    :: work || waiters > 0 -> leave_slow(again)
    :: else -> again = 0
    fi
}

inline leave()
{
    leave_once(more);
    do
    :: more ->
        within++;
        assert(within == 1);
        done = posted;
        leave_once(more)
    :: else -> break
    od
}

/* ---- Posting. */

inline post()
{
    posted++;
    try(in);
    if
    :: !in ->
        atomic { flush(me); noted = work; work = 1 };
        if
        :: noted
        :: else ->
            BARRIER;
            try(in);
            if :: !in -> take_back(in) :: else fi;
            if :: in -> take_work(more) :: else fi
        fi
    :: else
    fi;
    if
    :: in ->
        within++;
        assert(within == 1);
        done = posted;
        leave()
    :: else
    fi
}

/* ---- The threads. */

#define LOCALS short seen; byte n, taken, slept, in, noted, waited, more, i

active proctype entering()
{
    byte me = 0;
    LOCALS;
    do
    :: i < TIMES -> enter(); leave(); i++
    :: else -> break
    od;
    finished++
}

active proctype posting()
{
    byte me = 1;
    LOCALS;
    do
    :: i < POSTS -> post(); i++
    :: else -> break
    od;
    finished++
}

active proctype end()
{
    byte me = 0;
    finished == 2;
    BARRIER;
    assert(done == posted && within == 0)
}
