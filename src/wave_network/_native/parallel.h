/* Threads for the duration of one call. Nothing outlives a call, so that a process may fork between
 * calls. Call without the GIL: tasks must not touch Python objects. */

#ifndef WAVE_NETWORK_PARALLEL_H
#define WAVE_NETWORK_PARALLEL_H

#include <stdint.h>

enum { MOST_THREADS = 64 };

/* Run task(context, index) once for each index below `tasks`, in any order, and wait for all.
 *
 * Up to `threads` threads take part; the calling thread is one of them, and does all the work if
 * no other can be started. Results must not depend on the number of threads: cut the work into
 * tasks by the data alone, let each write to memory of its own, and reduce in a fixed order.
 * Returns the number of threads that took part, at least 1. */
int parallel_run(int threads, int64_t tasks, void (*task)(void *context, int64_t index),
                 void *context);

/* The same threads for several runs: cheaper than one call each. */
typedef struct Team Team;

/* `worker` numbers the threads of a team from 0, for memory that a task uses for itself. */
typedef void (*TeamTask)(void *context, int64_t index, int worker);

/* Start a team of up to `threads` threads, the calling one included. It never fails: NULL is a team
 * of the calling thread alone. */
Team *team_start(int threads);

/* Count the threads of a team. */
int team_size(const Team *team);

/* As `parallel_run`, by the threads of a team; only from the thread that started it. */
void team_run(Team *team, int64_t tasks, TeamTask task, void *context);

/* End the threads of a team and wait for them. */
void team_end(Team *team);

#endif
