/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers.h"

/* More threads than this only wait for memory. */
#define MOST_THREADS 64
/* Looks at what others do before a thread goes to sleep, some tens of microseconds: the next piece of work mostly comes
 * sooner than a sleeping thread could be woken. */
#define LOOKS 1500

typedef struct
{
  AlitraWorkers *workers;
  guint number;
  GThread *thread;
} Worker;

struct _AlitraWorkers
{
  Worker *worker;               /* number 0 is the caller, without a thread */
  guint threads;
  GMutex mutex;
  GCond open_cond, done_cond;
  guint looks;                  /* LOOKS, or 0 where there are more threads than processors */
  /* changed under the mutex; round and busy are also looked at without */
  gint round;                   /* counts pieces of work */
  gint busy;                    /* workers that joined, the caller not counted */
  gboolean open;                /* workers may still join the round */
  guint asleep;                 /* workers that wait for open_cond */
  gboolean waiting;             /* the caller waits for done_cond */
  gboolean quit;
  /* constant while a round is open or anyone is busy */
  AlitraPiece piece;
  gpointer data;
  guint count;
  guint next;                   /* atomic: first piece that nobody took */
};

static void
do_pieces (AlitraWorkers * workers, guint number)
{
  guint i;

  while ((i =
          (guint) g_atomic_int_add ((gint *) & workers->next,
              1)) < workers->count)
    workers->piece (workers->data, i, number);
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

/* Called without the mutex: until `number` is another one than `from`, or for a while. */
static void
watch (const AlitraWorkers * workers, const gint * number, gint from)
{
  for (guint i = 0; i < workers->looks && g_atomic_int_get (number) == from;
      i++)
    rest ();
}

/* Under the mutex: waits for a round that was not seen yet; FALSE: there will be none. */
static gboolean
wait_for_round (AlitraWorkers * workers, gint seen)
{
  gboolean watched = FALSE;

  while (!workers->quit && !(workers->open && workers->round != seen)) {
    if (!watched) {
      const gint round = workers->round;

      g_mutex_unlock (&workers->mutex);
      watch (workers, &workers->round, round);
      g_mutex_lock (&workers->mutex);
      watched = workers->round == round;
      continue;
    }
    workers->asleep++;
    g_cond_wait (&workers->open_cond, &workers->mutex);
    workers->asleep--;
    watched = FALSE;
  }
  return !workers->quit;
}

static gpointer
work (gpointer data)
{
  Worker *self = data;
  AlitraWorkers *workers = self->workers;
  gint seen = 0;

  g_mutex_lock (&workers->mutex);
  while (wait_for_round (workers, seen)) {
    seen = workers->round;
    g_atomic_int_inc (&workers->busy);
    g_mutex_unlock (&workers->mutex);
    do_pieces (workers, self->number);
    g_mutex_lock (&workers->mutex);
    if (g_atomic_int_dec_and_test (&workers->busy) && workers->waiting)
      g_cond_signal (&workers->done_cond);
  }
  g_mutex_unlock (&workers->mutex);
  return NULL;
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
  g_mutex_lock (&workers->mutex);
  workers->quit = TRUE;
  g_cond_broadcast (&workers->open_cond);
  g_mutex_unlock (&workers->mutex);
  for (guint i = 1; i < workers->threads; i++)
    g_thread_join (workers->worker[i].thread);
  g_mutex_clear (&workers->mutex);
  g_cond_clear (&workers->open_cond);
  g_cond_clear (&workers->done_cond);
  g_free (workers->worker);
  g_free (workers);
}

guint
alitra_workers_get_threads (const AlitraWorkers * workers)
{
  return workers->threads;
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
  g_mutex_lock (&workers->mutex);
  workers->piece = piece;
  workers->data = data;
  workers->count = count;
  g_atomic_int_set ((gint *) & workers->next, 0);
  g_atomic_int_inc (&workers->round);
  workers->open = TRUE;
  if (workers->asleep > 0)
    g_cond_broadcast (&workers->open_cond);
  g_mutex_unlock (&workers->mutex);

  do_pieces (workers, 0);

  /* who did not wake up in time is not waited for */
  g_mutex_lock (&workers->mutex);
  workers->open = FALSE;
  while (workers->busy > 0) {
    const gint busy = workers->busy;

    g_mutex_unlock (&workers->mutex);
    watch (workers, &workers->busy, busy);
    g_mutex_lock (&workers->mutex);
    if (workers->busy != busy)
      continue;
    workers->waiting = TRUE;
    g_cond_wait (&workers->done_cond, &workers->mutex);
    workers->waiting = FALSE;
  }
  g_mutex_unlock (&workers->mutex);
}
