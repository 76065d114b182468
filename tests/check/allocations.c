/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Once a stream runs, a frame allocates nothing: counts every call of malloc() and its kin, of all threads. */
#include <alitra/generator.h>
#include <errno.h>

#include "drawing.h"
#include "goldentransformer.h"

static gint counting, count;

static void
note (void)
{
  if (__atomic_load_n (&counting, __ATOMIC_RELAXED))
    __atomic_add_fetch (&count, 1, __ATOMIC_RELAXED);
}

/* glibc's own, so that nothing has to be looked up while memory is asked for. */
extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *old, size_t size);
extern void *__libc_memalign (size_t alignment, size_t size);

void *
malloc (size_t size)
{
  note ();
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  note ();
  return __libc_calloc (n, size);
}

void *
realloc (void *old, size_t size)
{
  note ();
  return __libc_realloc (old, size);
}

void *memalign (size_t alignment, size_t size);

void *
memalign (size_t alignment, size_t size)
{
  note ();
  return __libc_memalign (alignment, size);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  note ();
  return __libc_memalign (alignment, size);
}

int
posix_memalign (void **to, size_t alignment, size_t size)
{
  note ();
  *to = __libc_memalign (alignment, size);
  return *to ? 0 : ENOMEM;
}

#define SCENES 5

typedef struct
{
  AlitraTokenizer *tokenizer;
  AlitraDetokenizer *detokenizer;
  GByteArray *packet;
  TestPicture *scene[SCENES], *shown;
} Run;

static void
one_frame (Run * run, guint i, const AlitraSettings * settings)
{
  AlitraFrameStats stats;

  if (!alitra_tokenizer_encode (run->tokenizer, &run->scene[i % SCENES]->frame,
          settings, i % SCENES == 0, 40 * i, run->packet, &stats, NULL)
      || !alitra_detokenizer_decode (run->detokenizer, run->packet->data,
          run->packet->len, NULL)
      || !alitra_detokenizer_render (run->detokenizer, 0, &run->shown->frame,
          NULL))
    g_error ("frame %u failed", i);
}

static void
check (guint threads, guint target, AlitraAllocation allocation)
{
  const AlitraStreamInfo info = { 333, 217, 25, 1, 1, 1, {1, 2, 2, 2} };
  g_autoptr (AlitraModel) model = test_model ();
  AlitraSettings settings;
  Run run = { 0 };

  alitra_settings_init (&settings);
  settings.target_tokens = target;
  settings.allocation = allocation;
  run.tokenizer = alitra_tokenizer_new (model, &info, threads, NULL);
  run.detokenizer = alitra_detokenizer_new (model, threads);
  run.packet = g_byte_array_new ();
  run.shown = test_picture_new (ALITRA_PIXEL_I420, 333, 217, 0, FALSE);
  for (guint i = 0; i < SCENES; i++) {
    run.scene[i] = test_picture_new (ALITRA_PIXEL_I420, 333, 217, 0, FALSE);
    test_picture_draw_scene (run.scene[i], 2 * i);
  }
  for (guint i = 0; i < 4 * SCENES; i++)
    one_frame (&run, i, &settings);
  __atomic_store_n (&count, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&counting, 1, __ATOMIC_RELAXED);
  for (guint i = 4 * SCENES; i < 6 * SCENES; i++)
    one_frame (&run, i, &settings);
  __atomic_store_n (&counting, 0, __ATOMIC_RELAXED);
  g_assert_cmpint (count, ==, 0);
  alitra_tokenizer_free (run.tokenizer);
  alitra_detokenizer_free (run.detokenizer);
  g_byte_array_unref (run.packet);
  test_picture_free (run.shown);
  for (guint i = 0; i < SCENES; i++)
    test_picture_free (run.scene[i]);
}

static void
test_counts (void)
{
  __atomic_store_n (&count, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&counting, 1, __ATOMIC_RELAXED);
  g_free (g_malloc (100));
  g_free (g_malloc0 (100));
  __atomic_store_n (&counting, 0, __ATOMIC_RELAXED);
  g_assert_cmpint (count, ==, 2);
}

static void
test_frames (gconstpointer data)
{
  const guint threads = GPOINTER_TO_UINT (data);

  check (threads, 0, ALITRA_ALLOCATION_LEARNED);
  check (threads, 500, ALITRA_ALLOCATION_LEARNED);
  check (threads, 500, ALITRA_ALLOCATION_UNIFORM);
  check (threads, 500, ALITRA_ALLOCATION_COMPLEXITY);
}

/* A transformer over the tokens of frames, in batches of one and two. */
static void
test_classifier (void)
{
  const AlitraStreamInfo info = { 333, 217, 25, 1, 1, 1, {1, 2, 2, 2} };
  g_autofree gchar *file = test_golden_path ("allocator.safetensors");
  g_autoptr (AlitraModel) model = alitra_model_load (file, NULL);
  g_autoptr (GBytes) bytes = test_golden_transformer ();
  g_autoptr (AlitraTransformer) transformer =
      alitra_transformer_load_bytes (bytes, NULL);
  g_autoptr (AlitraClassifier) classifier = alitra_classifier_new (transformer,
      model, 2, NULL);
  g_autoptr (AlitraTokenizer) tokenizer = alitra_tokenizer_new (model, &info,
      1, NULL);
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  TestPicture *scene = test_picture_new (ALITRA_PIXEL_I420, 333, 217, 0, FALSE);
  const AlitraMemory *memories[2];
  AlitraSettings settings;
  gfloat scores[2 * 7];

  alitra_settings_init (&settings);
  test_picture_draw_scene (scene, 0);
  g_assert_true (alitra_tokenizer_encode (tokenizer, &scene->frame, &settings,
          TRUE, 0, packet, NULL, NULL));
  memories[0] = memories[1] = alitra_tokenizer_get_memory (tokenizer);
  for (guint i = 0; i < 4; i++) {
    g_assert_true (alitra_classifier_run (classifier, memories, 2, 0, scores,
            NULL));
    __atomic_store_n (&count, 0, __ATOMIC_RELAXED);
    __atomic_store_n (&counting, 1, __ATOMIC_RELAXED);
    alitra_classifier_run (classifier, memories, 1 + i % 2, i < 2 ? 0 : 30,
        scores, NULL);
    __atomic_store_n (&counting, 0, __ATOMIC_RELAXED);
    g_assert_cmpint (count, ==, 0);
  }
  test_picture_free (scene);
}

/* Frames that are made out of nothing. The first few find out how long packets get. */
static void
test_generator (void)
{
  const AlitraStreamInfo info = { 256, 128, 25, 1, 1, 1, {1, 2, 2, 2} };
  g_autofree gchar *file = test_golden_path ("allocator.safetensors");
  g_autoptr (AlitraModel) model = alitra_model_load (file, NULL);
  g_autoptr (GBytes) bytes = test_golden_bound ("generator.safetensors");
  g_autoptr (AlitraGenerator) generator =
      alitra_generator_new_from_bytes (bytes, model, 2, NULL);
  g_autoptr (GByteArray) packet = g_byte_array_sized_new (65536);
  AlitraGeneration generation;

  alitra_generation_init (&generation);
  generation.label = 1;
  g_assert_true (alitra_generator_set_stream (generator, &info, NULL));
  for (guint i = 0; i < 12; i++) {
    generation.seed = i;
    generation.guidance = i % 2;
    generation.keep = i % 3 == 2 ? .5 : 0;
    if (i == 8)
      __atomic_store_n (&count, 0, __ATOMIC_RELAXED);
    __atomic_store_n (&counting, i >= 8, __ATOMIC_RELAXED);
    alitra_generator_run (generator, &generation, i, packet, NULL);
    __atomic_store_n (&counting, 0, __ATOMIC_RELAXED);
    g_assert_cmpint (i < 8 ? 0 : count, ==, 0);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/allocations/are-counted", test_counts);
  g_test_add_data_func ("/allocations/one-thread", GUINT_TO_POINTER (1),
      test_frames);
  g_test_add_data_func ("/allocations/two-threads", GUINT_TO_POINTER (2),
      test_frames);
  g_test_add_func ("/allocations/classifier", test_classifier);
  g_test_add_func ("/allocations/generator", test_generator);
  return g_test_run ();
}
