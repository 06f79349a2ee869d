/* Check `parallel_run` and teams; prints what is wrong. For test_parallel.py. */

#include "parallel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS = 1000, RUNS = 2000 };

typedef struct {
    int64_t counts[TASKS];
} Counts;

static void
count_task(void *context, int64_t index)
{
    ((Counts *)context)->counts[index]++;
}

static void
count_by_worker(void *context, int64_t index, int worker)
{
    ((Counts *)context)[worker].counts[index]++;
}

static int
all_are(const Counts *counts, int64_t tasks, int64_t expected)
{
    for (int64_t i = 0; i < TASKS; i++) {
        if (counts->counts[i] != (i < tasks ? expected : 0)) {
            printf("task %d ran %d times, not %d\n", (int)i, (int)counts->counts[i], (int)expected);
            return 0;
        }
    }
    return 1;
}

static int
check_runs(int threads)
{
    const int64_t sizes[] = {0, 1, 2, 7, TASKS};
    for (int i = 0; i < 5; i++) {
        Counts counts = {0};
        parallel_run(threads, sizes[i], count_task, &counts);
        if (!all_are(&counts, sizes[i], 1)) {
            return 0;
        }
    }
    Team *team = team_start(threads);
    const int size = team_size(team);
    Counts *counts = calloc((size_t)size, sizeof(Counts));
    for (int run = 0; run < RUNS; run++) {
        team_run(team, 3 + run % 4, count_by_worker, counts);
    }
    team_end(team);
    for (int worker = 1; worker < size; worker++) {
        for (int64_t i = 0; i < TASKS; i++) {
            counts[0].counts[i] += counts[worker].counts[i];
        }
    }
    const int right = counts[0].counts[0] == RUNS && counts[0].counts[2] == RUNS
                      && counts[0].counts[5] == RUNS / 4;
    free(counts);
    return right;
}

static int
check_fork(void)
{
    const pid_t child = fork();
    if (child == 0) {
        _exit(check_runs(4) ? 0 : 1);
    }
    int status = 1;
    return waitpid(child, &status, 0) == child && status == 0;
}

int
main(void)
{
    const int threads[] = {-1, 0, 1, 2, 3, 8, 1000};
    for (int i = 0; i < 7; i++) {
        if (!check_runs(threads[i])) {
            printf("wrong with %d threads\n", threads[i]);
            return 1;
        }
    }
    if (!check_fork()) {
        puts("wrong in a forked process");
        return 1;
    }
    return 0;
}
