/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A frame touches some ten thousand pages of 4 KB.  The first one waits for the system to give them one by one, which costs
 * more than what is written into them, and each later one for the processor to find them again.  So arrays lie one behind
 * the other in slabs that are made of large pages, where the system has such. */
#define _GNU_SOURCE             /* madvise */
#include "floats.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#define ALIGNMENT 64
#define PAGE 4096
#define LARGE_PAGE (2 << 20)
/* Room is reserved, and costs nothing before it is touched. */
#define SLAB (32 << 20)
/* Arrays below that are the heap's; those above half a slab have one of their own. */
#define SMALL (32 << 10)

/* So large that arrays behind it are aligned. */
typedef union
{
  struct
  {
    gsize size, used;
    guint arrays;
  };
  guint8 room[ALIGNMENT];
} Slab;

/* In front of each array. */
typedef union
{
  struct
  {
    Slab *slab;                 /* NULL: the array is the heap's */
    gpointer room;              /* then what the heap gave */
    gsize size;
  };
  guint8 room_of_header[ALIGNMENT];
} Header;

G_STATIC_ASSERT (sizeof (Slab) == ALIGNMENT && sizeof (Header) == ALIGNMENT);

#if defined (MADV_HUGEPAGE) && !defined (__SANITIZE_ADDRESS__)
#define HAVE_SLABS
#endif

static guint8 *
new_on_heap (gsize size)
{
  guint8 *room = g_malloc0 (size + sizeof (Header) + ALIGNMENT);
  Header *header = (Header *) (((guintptr) room + ALIGNMENT - 1)
      & ~(guintptr) (ALIGNMENT - 1));

  header->room = room;
  return (guint8 *) (header + 1);
}

#ifdef HAVE_SLABS
/* One slab is filled at a time. */
static GMutex mutex;
static Slab *filling;

/* Begins where a large page does; NULL: the system has no room. */
static Slab *
slab_new (gsize size)
{
  const gsize reserved = size + LARGE_PAGE;
  guint8 *room = mmap (NULL, reserved, PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  gsize before;
  Slab *slab;

  if (room == MAP_FAILED)
    return NULL;
  before = -(guintptr) room & (LARGE_PAGE - 1);
  if (before > 0)
    munmap (room, before);
  munmap (room + before + size, reserved - before - size);
  slab = (Slab *) (room + before);
  madvise (slab, size, MADV_HUGEPAGE);
  slab->size = size;
  slab->used = sizeof (Slab);
  return slab;
}

/* The slab in which there is room for so much. */
static Slab *
slab_for (gsize size)
{
  if (size > SLAB / 2)
    return slab_new ((size + sizeof (Slab) + PAGE - 1)
        & ~(gsize) (PAGE - 1));
  if (!filling || filling->size - filling->used < size)
    filling = slab_new (SLAB);
  return filling;
}

static guint8 *
new_in_slab (gsize size)
{
  Header *header = NULL;
  Slab *slab;

  g_mutex_lock (&mutex);
  slab = slab_for (size + sizeof (Header));
  if (slab) {
    header = (Header *) ((guint8 *) slab + slab->used);
    header->slab = slab;
    header->size = size;
    slab->used += size + sizeof (Header);
    slab->arrays++;
  }
  g_mutex_unlock (&mutex);
  return header ? (guint8 *) (header + 1) : new_on_heap (size);
}

/* What lies in an array's pages goes back to the system at once, its place with the last array of the slab. */
static void
free_in_slab (Header * header)
{
  Slab *slab = header->slab;
  const guintptr first = ((guintptr) (header + 1) + PAGE - 1)
      & ~(guintptr) (PAGE - 1);
  const guintptr end = ((guintptr) (header + 1) + header->size)
      & ~(guintptr) (PAGE - 1);

  g_mutex_lock (&mutex);
  if (--slab->arrays > 0) {
    if (end > first)
      madvise ((gpointer) first, end - first, MADV_DONTNEED);
  } else {
    if (filling == slab)
      filling = NULL;
    munmap (slab, slab->size);
  }
  g_mutex_unlock (&mutex);
}
#endif

guint8 *
alitra_bytes_new (gsize count)
{
  const gsize size = (MAX (count, 1) + ALIGNMENT - 1)
      & ~(gsize) (ALIGNMENT - 1);

#ifdef HAVE_SLABS
  if (size >= SMALL)
    return new_in_slab (size);
#endif
  return new_on_heap (size);
}

void
alitra_bytes_free (guint8 * bytes)
{
  Header *header;

  if (!bytes)
    return;
  header = (Header *) bytes - 1;
#ifdef HAVE_SLABS
  if (header->slab) {
    free_in_slab (header);
    return;
  }
#endif
  g_free (header->room);
}

float *
alitra_floats_new (gsize count)
{
  return (float *) alitra_bytes_new (count * sizeof (float));
}

float *
alitra_floats_new_sparse (gsize count)
{
  return (float *) new_on_heap (MAX (count, 1) * sizeof (float));
}

void
alitra_floats_free (float *floats)
{
  alitra_bytes_free ((guint8 *) floats);
}
