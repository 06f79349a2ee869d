/* Threads by pthreads or Win32. Idle threads spin for some microseconds, then sleep. */

#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "parallel.h"

#include <stdlib.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <process.h>

typedef HANDLE Thread;
typedef SRWLOCK Lock;
typedef CONDITION_VARIABLE Signal;
#define WORKER_RESULT unsigned __stdcall
#define new_lock InitializeSRWLock
#define lock AcquireSRWLockExclusive
#define unlock ReleaseSRWLockExclusive
#define free_lock(held) ((void)(held))
#define new_signal InitializeConditionVariable
#define wait_for(signal, held) SleepConditionVariableSRW(signal, held, INFINITE, 0)
#define wake_all WakeAllConditionVariable
#define free_signal(signal) ((void)(signal))
#define relax YieldProcessor

static int64_t
add(volatile int64_t *number, int64_t more)
{
    return InterlockedExchangeAdd64((volatile LONG64 *)number, more);
}

static int64_t
load(volatile int64_t *number)
{
    return InterlockedExchangeAdd64((volatile LONG64 *)number, 0);
}

static void
store(volatile int64_t *number, int64_t value)
{
    InterlockedExchange64((volatile LONG64 *)number, value);
}

static int
replace(volatile int64_t *number, int64_t value, int64_t by)
{
    return InterlockedCompareExchange64((volatile LONG64 *)number, by, value) == value;
}
#else
#include <pthread.h>
#include <signal.h>

typedef pthread_t Thread;
typedef pthread_mutex_t Lock;
typedef pthread_cond_t Signal;
#define WORKER_RESULT void *
#define new_lock(held) pthread_mutex_init(held, NULL)
#define lock pthread_mutex_lock
#define unlock pthread_mutex_unlock
#define free_lock pthread_mutex_destroy
#define new_signal(signal) pthread_cond_init(signal, NULL)
#define wait_for pthread_cond_wait
#define wake_all pthread_cond_broadcast
#define free_signal pthread_cond_destroy

static int64_t
add(volatile int64_t *number, int64_t more)
{
    return __atomic_fetch_add(number, more, __ATOMIC_ACQ_REL);
}

static int64_t
load(volatile int64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_ACQUIRE);
}

static void
store(volatile int64_t *number, int64_t value)
{
    __atomic_store_n(number, value, __ATOMIC_RELEASE);
}

static int
replace(volatile int64_t *number, int64_t value, int64_t by)
{
    return __atomic_compare_exchange_n(number, &value, by, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
#endif

enum { SPINS = 1000, STACK = 1 << 20 };

typedef struct {
    struct Team *team;
    int number; /* 0 is the calling thread */
    Thread thread;
} Worker;

struct Team {
    Lock lock;
    Signal begun, done;
    volatile int64_t run; /* number of the latest run; -1: the end */
    /* Tasks of this run that nobody has taken, and above them its number, so that a thread that is
     * late for one run cannot take a task of the next one twice. */
    volatile int64_t left;
    volatile int64_t finished;
    int64_t tasks;
    TeamTask task;
    void *context;
    int size;
    Worker workers[MOST_THREADS];
};

enum { RUN_SHIFT = 32 };
#define LEFT_MASK INT64_C(0xFFFFFFFF)

static void
take_tasks(Team *team, int worker)
{
    for (int64_t left = load(&team->left); (left & LEFT_MASK) > 0; left = load(&team->left)) {
        if (!replace(&team->left, left, left - 1)) {
            continue;
        }
        const int64_t tasks = team->tasks; /* the run cannot end before this task has */
        team->task(team->context, tasks - (left & LEFT_MASK), worker);
        if (add(&team->finished, 1) == tasks - 1) {
            lock(&team->lock);
            wake_all(&team->done);
            unlock(&team->lock);
        }
    }
}

/* Wait until the number is `value` or, with `other`, is not. It spins first: waking a thread that
 * sleeps costs more than most waits. */
static void
wait_until(Team *team, volatile int64_t *number, int64_t value, int other, Signal *changed)
{
    for (int spin = 0; spin < SPINS; spin++) {
        if ((load(number) == value) != other) {
            return;
        }
        relax();
    }
    lock(&team->lock);
    while ((load(number) == value) == other) {
        wait_for(changed, &team->lock);
    }
    unlock(&team->lock);
}

static WORKER_RESULT
work(void *argument)
{
    const Worker *worker = argument;
    Team *team = worker->team;
    for (int64_t run = load(&team->run); run >= 0; run = load(&team->run)) {
        take_tasks(team, worker->number);
        wait_until(team, &team->run, run, 1, &team->begun);
    }
    return 0;
}

/* Start one more thread; returns 0 if there cannot be more. */
static int
start_thread(Team *team)
{
    Worker *worker = &team->workers[team->size];
    *worker = (Worker){.team = team, .number = team->size};
#ifdef _WIN32
    worker->thread = (HANDLE)_beginthreadex(NULL, STACK, work, worker, 0, NULL);
    return worker->thread != 0;
#else
    pthread_attr_t attributes;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    pthread_attr_setstacksize(&attributes, STACK);
    sigfillset(&all); /* signals are for Python's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&worker->thread, &attributes, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
#endif
}

static void
join_thread(Thread thread)
{
#ifdef _WIN32
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
#else
    pthread_join(thread, NULL);
#endif
}

Team *
team_start(int threads)
{
    Team *team = threads > 1 ? calloc(1, sizeof(Team)) : NULL;
    if (team == NULL) {
        return NULL;
    }
    new_lock(&team->lock);
    new_signal(&team->begun);
    new_signal(&team->done);
    threads = threads < MOST_THREADS ? threads : MOST_THREADS;
    for (team->size = 1; team->size < threads && start_thread(team);) {
        team->size++;
    }
    return team;
}

int
team_size(const Team *team)
{
    return team == NULL ? 1 : team->size;
}

void
team_run(Team *team, int64_t tasks, TeamTask task, void *context)
{
    if (team_size(team) == 1 || tasks < 2 || tasks > INT32_MAX) {
        for (int64_t index = 0; index < tasks; index++) {
            task(context, index, 0);
        }
        return;
    }
    team->tasks = tasks;
    team->task = task;
    team->context = context;
    store(&team->finished, 0);
    lock(&team->lock);
    const int64_t run = load(&team->run) + 1;
    store(&team->left, (run & INT32_MAX) << RUN_SHIFT | tasks);
    store(&team->run, run);
    wake_all(&team->begun);
    unlock(&team->lock);
    take_tasks(team, 0);
    wait_until(team, &team->finished, tasks, 0, &team->done);
}

void
team_end(Team *team)
{
    if (team == NULL) {
        return;
    }
    lock(&team->lock);
    store(&team->run, -1);
    wake_all(&team->begun);
    unlock(&team->lock);
    for (int i = 1; i < team->size; i++) {
        join_thread(team->workers[i].thread);
    }
    free_signal(&team->begun);
    free_signal(&team->done);
    free_lock(&team->lock);
    free(team);
}

typedef struct {
    void (*task)(void *context, int64_t index);
    void *context;
} PlainTask;

static void
run_plain(void *context, int64_t index, int worker)
{
    const PlainTask *plain = context;
    (void)worker;
    plain->task(plain->context, index);
}

int
parallel_run(int threads, int64_t tasks, void (*task)(void *context, int64_t index), void *context)
{
    PlainTask plain = {task, context};
    Team *team = team_start(threads < tasks ? threads : (int)tasks);
    const int size = team_size(team);
    team_run(team, tasks, run_plain, &plain);
    team_end(team);
    return size;
}
