/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers.h"

/* More threads than this only wait for memory. */
#define MOST_THREADS 64
/* Looks at what others do before a thread goes to sleep, up to a hundred microseconds: the next piece of work mostly comes
 * sooner than a sleeping thread could be woken. */
#define LOOKS 4000
/* Parts of many small things for each thread. */
#define PARTS 2
/* Tiles of a product for each thread at most, rows that a tile should have, and of which it has a multiple. */
#define TILES 4
#define LEAST_TILE 24
#define ROWS 4

typedef struct
{
  AlitraWorkers *workers;
  guint number;
  GThread *thread;
} Worker;

/* A part of the pieces of a round, those that one thread begins with; on a cache line of its own. */
typedef struct
{
  guint next;                   /* atomic: first piece that nobody took */
  guint end;                    /* constant while a round is open or anyone is at work */
  guint8 apart[120];
} Range;

/* Rounds are opened, joined, left and closed by atomic numbers alone, since there are hundreds in a frame; the mutex is for
 * those who sleep.  Who joins says so in `busy` before he looks whether the round is open, and who closes it looks at `busy`
 * after he has closed it: so one of the two always sees the other. */
struct _AlitraWorkers
{
  Worker *worker;               /* number 0 is the caller, without a thread */
  guint threads;
  guint looks;                  /* LOOKS, or 0 where there are more threads than processors */
  /* atomic */
  gint round;                   /* counts pieces of work */
  gint open;                    /* workers may join the round */
  gint busy;                    /* workers that joined, or try to; the caller not counted */
  gint asleep;                  /* workers that wait for open_cond; changed under the mutex */
  gint waiting;                 /* the caller waits for done_cond; changed under the mutex */
  gint quit;
  GMutex mutex;
  GCond open_cond, done_cond;
  /* constant while a round is open or anyone is at work */
  AlitraPiece piece;
  gpointer data;
  Range *range;                 /* for each thread */
};

/* Each thread begins with a range of its own, the same part of the picture in every round, since that is in its cache; then it
 * helps the others. */
static void
do_pieces (AlitraWorkers * workers, guint number)
{
  guint i, piece;

  for (i = 0; i < workers->threads; i++) {
    Range *range = &workers->range[(number + i) % workers->threads];

    while ((piece = (guint) g_atomic_int_add ((gint *) & range->next,
                1)) < range->end)
      workers->piece (workers->data, piece, number);
  }
}

static void
deal_pieces (AlitraWorkers * workers, guint count)
{
  const guint64 threads = workers->threads;
  guint i;

  for (i = 0; i < threads; i++) {
    g_atomic_int_set ((gint *) & workers->range[i].next, i * count / threads);
    workers->range[i].end = (i + 1) * count / threads;
  }
}

static inline void
rest (void)
{
#if defined (__x86_64__) || defined (__i386__)
  __builtin_ia32_pause ();
#elif defined (__aarch64__)
  __asm__ volatile ("yield");
#endif
}

/* Until `number` is another one than `from`, or for a while. */
static void
watch (const AlitraWorkers * workers, const gint * number, gint from)
{
  for (guint i = 0; i < workers->looks && g_atomic_int_get (number) == from;
      i++)
    rest ();
}

/* Until there is another round than the one that was seen. */
static gint
wait_for_round (AlitraWorkers * workers, gint seen)
{
  gint round;

  watch (workers, &workers->round, seen);
  round = g_atomic_int_get (&workers->round);
  if (round != seen)
    return round;
  g_mutex_lock (&workers->mutex);
  g_atomic_int_inc (&workers->asleep);
  while ((round = g_atomic_int_get (&workers->round)) == seen)
    g_cond_wait (&workers->open_cond, &workers->mutex);
  g_atomic_int_add (&workers->asleep, -1);
  g_mutex_unlock (&workers->mutex);
  return round;
}

static void
leave_round (AlitraWorkers * workers)
{
  if (!g_atomic_int_dec_and_test (&workers->busy)
      || !g_atomic_int_get (&workers->waiting))
    return;
  g_mutex_lock (&workers->mutex);
  g_cond_signal (&workers->done_cond);
  g_mutex_unlock (&workers->mutex);
}

static gpointer
work (gpointer data)
{
  Worker *self = data;
  AlitraWorkers *workers = self->workers;
  gint seen = 0;

  while (TRUE) {
    seen = wait_for_round (workers, seen);
    if (g_atomic_int_get (&workers->quit))
      return NULL;
    g_atomic_int_inc (&workers->busy);
    if (g_atomic_int_get (&workers->open))
      do_pieces (workers, self->number);
    leave_round (workers);
  }
}

static void
open_round (AlitraWorkers * workers)
{
  g_atomic_int_inc (&workers->round);
  if (g_atomic_int_get (&workers->asleep) == 0)
    return;
  g_mutex_lock (&workers->mutex);
  g_cond_broadcast (&workers->open_cond);
  g_mutex_unlock (&workers->mutex);
}

AlitraWorkers *
alitra_workers_new (guint threads)
{
  AlitraWorkers *workers = g_new0 (AlitraWorkers, 1);

  if (threads == 0)
    threads = g_get_num_processors ();
  threads = CLAMP (threads, 1, MOST_THREADS);
  workers->looks = threads <= g_get_num_processors ()? LOOKS : 0;
  g_mutex_init (&workers->mutex);
  g_cond_init (&workers->open_cond);
  g_cond_init (&workers->done_cond);
  workers->worker = g_new0 (Worker, threads);
  workers->range = g_new0 (Range, threads);
  for (workers->threads = 1; workers->threads < threads; workers->threads++) {
    Worker *worker = &workers->worker[workers->threads];

    worker->workers = workers;
    worker->number = workers->threads;
    worker->thread = g_thread_try_new ("alitra-worker", work, worker, NULL);
    if (!worker->thread)
      break;
  }
  return workers;
}

void
alitra_workers_free (AlitraWorkers * workers)
{
  if (!workers)
    return;
  g_atomic_int_set (&workers->quit, TRUE);
  open_round (workers);
  for (guint i = 1; i < workers->threads; i++)
    g_thread_join (workers->worker[i].thread);
  g_mutex_clear (&workers->mutex);
  g_cond_clear (&workers->open_cond);
  g_cond_clear (&workers->done_cond);
  g_free (workers->worker);
  g_free (workers->range);
  g_free (workers);
}

guint
alitra_workers_get_threads (const AlitraWorkers * workers)
{
  return workers->threads;
}

/* Until nobody is at work. */
static void
wait_for_all (AlitraWorkers * workers)
{
  gint busy;

  while ((busy = g_atomic_int_get (&workers->busy)) > 0) {
    watch (workers, &workers->busy, busy);
    if (g_atomic_int_get (&workers->busy) != busy)
      continue;
    g_mutex_lock (&workers->mutex);
    g_atomic_int_set (&workers->waiting, TRUE);
    while (g_atomic_int_get (&workers->busy) > 0)
      g_cond_wait (&workers->done_cond, &workers->mutex);
    g_atomic_int_set (&workers->waiting, FALSE);
    g_mutex_unlock (&workers->mutex);
  }
}

void
alitra_workers_run (AlitraWorkers * workers, guint count, AlitraPiece piece,
    gpointer data)
{
  if (workers->threads == 1 || count <= 1) {
    for (guint i = 0; i < count; i++)
      piece (data, i, 0);
    return;
  }
  workers->piece = piece;
  workers->data = data;
  deal_pieces (workers, count);
  g_atomic_int_set (&workers->open, TRUE);
  open_round (workers);

  do_pieces (workers, 0);

  /* who did not wake up in time is not waited for */
  g_atomic_int_set (&workers->open, FALSE);
  wait_for_all (workers);
}

guint
alitra_workers_get_tile (const AlitraWorkers * workers, guint count, guint most)
{
  const guint threads = workers->threads;
  guint parts, rows;

  if (threads == 1)
    return most;
  /* as many parts for each thread */
  parts = threads * CLAMP (count / (threads * LEAST_TILE), 1, TILES);
  rows = (count + parts - 1) / parts;
  return CLAMP ((rows + ROWS - 1) / ROWS * ROWS, ROWS, most);
}

typedef struct
{
  AlitraShare part;
  gpointer data;
  guint count, size;
} Shared;

static void
do_part (gpointer data, guint piece, guint worker)
{
  const Shared *shared = data;
  const guint first = piece * shared->size;

  shared->part (shared->data, first, MIN (first + shared->size, shared->count));
}

void
alitra_workers_share (AlitraWorkers * workers, guint count, guint least,
    AlitraShare part, gpointer data)
{
  Shared shared = { part, data, count, count };

  if (workers->threads > 1)
    shared.size = MAX (count / (PARTS * workers->threads) + 1, least);
  if (count <= shared.size) {
    if (count > 0)
      part (data, 0, count);
    return;
  }
  alitra_workers_run (workers, (count + shared.size - 1) / shared.size,
      do_part, &shared);
}
