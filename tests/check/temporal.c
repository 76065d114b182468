/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From frame to frame: what reuse promises on generated clips, and what keeps links with little room or with loss going. */
#include <math.h>
#include <string.h>

#include "drawing.h"
#include "lifetime.h"
#include "noise.h"
#include "pause.h"
#include "reuse.h"

#define WIDTH 160
#define HEIGHT 128
#define COLUMNS (WIDTH / 16)
#define PATCHES (COLUMNS * HEIGHT / 16)
/* Grey levels by which a patch may differ that was not painted again. */
#define MOST_INEXACT .3

typedef struct
{
  AlitraModel *model;
  AlitraSettings settings;
  TestPicture *picture;
  TestStream *stream;
  GRand *random;
} Fixture;

static Fixture
begin (void)
{
  Fixture f = { test_model () };

  alitra_settings_init (&f.settings);
  f.settings.key_interval = 0;
  f.picture = test_picture_new (ALITRA_PIXEL_I420, WIDTH, HEIGHT, 0, FALSE);
  f.stream = test_stream_new (f.model, WIDTH, HEIGHT, 1);
  f.random = g_rand_new_with_seed (11);
  return f;
}

static void
end (Fixture * f)
{
  test_picture_free (f->picture);
  test_stream_free (f->stream);
  alitra_model_unref (f->model);
  g_rand_free (f->random);
}

static void
encode (Fixture * f)
{
  test_stream_frame (f->stream, f->picture, &f->settings, FALSE);
}

static gdouble
psnr (const Fixture * f)
{
  return test_picture_psnr_luma (f->picture, f->stream->shown);
}

/* ---- generated clips ---- */

static void
brighten (TestPicture * picture, gint by)
{
  for (gsize i = 0; i < WIDTH * HEIGHT; i++)
    picture->data[i] = CLAMP (picture->data[i] + by, 0, 255);
}

static gdouble
gaussian (GRand * random)
{
  return sqrt (-2 * log (g_rand_double_range (random, 1e-9, 1)))
      * cos (2 * G_PI * g_rand_double (random));
}

static void
add_noise (Fixture * f, gdouble sigma)
{
  for (gsize i = 0; i < WIDTH * HEIGHT; i++)
    f->picture->data[i] = CLAMP (f->picture->data[i]
        + (gint) lrint (sigma * gaussian (f->random)), 0, 255);
}

/* One grey level every ten frames. */
static void
draw_fade (Fixture * f, guint time)
{
  test_picture_draw_scene (f->picture, 3);
  brighten (f->picture, time / 10);
}

/* A tenth of a pixel a frame, over smooth waves. */
static void
draw_pan (Fixture * f, guint time)
{
  test_picture_fill (f->picture, 128, 120, 136);
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++)
      f->picture->data[y * WIDTH + x] =
          128 + lrint (60 * sin ((x + time * .1) * .11) * cos (y * .07)
          + 30 * sin ((x + time * .1) * .35 + y * .2));
}

static void
draw_blink (Fixture * f, guint time)
{
  test_picture_draw_scene (f->picture, 3);
  if (time / 3 % 2)
    test_picture_square (f->picture, 70, 40, 20, 250);
}

static void
draw_cut (Fixture * f, guint time)
{
  if (time / 25 % 2)
    test_picture_draw_other_scene (f->picture);
  else
    test_picture_draw_scene (f->picture, time / 25);
}

static void
draw_flash (Fixture * f, guint time)
{
  test_picture_draw_scene (f->picture, 3);
  if (time % 20 == 10)
    brighten (f->picture, 90);
}

/* Slowly brighter, quickly back. */
static void
draw_exposure (Fixture * f, guint time)
{
  test_picture_draw_scene (f->picture, 3);
  for (gsize i = 0; i < WIDTH * HEIGHT; i++)
    f->picture->data[i] = MIN (f->picture->data[i] * (1 + .01 * (time % 40)),
        255);
}

typedef struct
{
  const gchar *name;
  void (*draw) (Fixture * f, guint time);
  gdouble sigma;
  guint frames;
} TestClip;

static const TestClip clips[] = {
  {"slow-fade", draw_fade, 0, 210}, {"slow-pan", draw_pan, 0, 120},
  {"blinking-light", draw_blink, 0, 60}, {"cut", draw_cut, 0, 80},
  {"flash", draw_flash, 0, 60}, {"auto-exposure", draw_exposure, 0, 90},
  {"fade-noise-2", draw_fade, 2, 140}, {"fade-noise-5", draw_fade, 5, 200},
  {"fade-noise-10", draw_fade, 10, 140}
};

static gdouble
patch_error (const TestPicture * a, const TestPicture * b, guint patch)
{
  const guint8 *p = a->data + patch / COLUMNS * 16 * WIDTH
      + patch % COLUMNS * 16;
  const guint8 *q = b->data + (p - a->data);
  guint sum = 0;

  for (guint y = 0; y < 16; y++)
    for (guint x = 0; x < 16; x++)
      sum += ABS (p[y * WIDTH + x] - q[y * WIDTH + x]);
  return sum / 256.;
}

/* New tokens of a cell that changes often cost more (src/lifetime.c), by this much quality at most. */
#define TOLL 8.

/* How far a patch may be worse than one that is tokenised now: the threshold once for the source, which may differ by so
 * much from what was last tokenised; once for what coarser cells say, likewise; and twice for kept prefixes, which may add
 * twice the threshold.  Noise is a change of its own below this size. */
static gdouble
bound_of (const Fixture * f, gdouble sigma)
{
  return 4 * f->settings.reuse_threshold + .5 * sigma;
}

static void
test_clip (gconstpointer data)
{
  const TestClip *clip = data;
  Fixture f = begin ();
  gdouble worst = 0;

  for (guint time = 0; time < clip->frames; time++) {
    AlitraSettings dear = f.settings;
    TestStream *fresh;

    clip->draw (&f, time);
    add_noise (&f, clip->sigma);
    encode (&f);
    if (time % 10 > 1 && time % 10 != 9)
      continue;
    fresh = test_stream_new (f.model, WIDTH, HEIGHT, 1);
    dear.quality -= TOLL;
    test_stream_frame (fresh, f.picture, &dear, FALSE);
    for (guint p = 0; p < PATCHES; p++)
      worst = MAX (worst, patch_error (f.picture, f.stream->shown, p)
          - patch_error (f.picture, fresh->shown, p));
    test_stream_free (fresh);
  }
  g_test_message
      ("%s: a patch is up to %.1f grey levels worse than one that is tokenised now, bound %.1f",
      clip->name, worst, bound_of (&f, clip->sigma));
  g_assert_cmpfloat (worst, <=, bound_of (&f, clip->sigma));
  end (&f);
}

/* ---- noise ---- */

/* Noise alone changes next to nothing, and its size is known. */
static void
test_noise (void)
{
  static const gdouble sigmas[] = { 0, 2, 5, 10 };

  for (guint s = 0; s < G_N_ELEMENTS (sigmas); s++) {
    Fixture f = begin ();
    guint active = 0, fresh = 0;

    for (guint time = 0; time < 30; time++) {
      test_picture_draw_scene (f.picture, 3);
      add_noise (&f, sigmas[s]);
      encode (&f);
      if (time >= 10) {
        active += f.stream->stats.active_patches;
        fresh += f.stream->stats.new_tokens;
      }
    }
    g_test_message
        ("sigma %g: estimated %.1f, %.2f %% of the patches active, %.2f %% of the tokens new",
        sigmas[s], f.stream->stats.noise, active * 100. / (20 * PATCHES),
        fresh * 100. / (20 * f.stream->stats.tokens));
    g_assert_cmpfloat (f.stream->stats.noise, >=, .7 * sigmas[s]);
    g_assert_cmpfloat (f.stream->stats.noise, <=, 1.3 * sigmas[s] + .1);
    g_assert_cmpuint (active, <, 20 * PATCHES / 20);
    g_assert_cmpuint (fresh, <, 20 * f.stream->stats.tokens / 20);
    end (&f);
  }
}

/* A change that is as large as the threshold promises is seen in noise, too. */
static void
test_change_in_noise (void)
{
  static const gdouble sigmas[] = { 0, 2, 5, 10 };

  for (guint s = 0; s < G_N_ELEMENTS (sigmas); s++) {
    Fixture f = begin ();
    const gint change = ceil (MAX (f.settings.reuse_threshold,
            .36 * sigmas[s]) + .4 * sigmas[s]) + 1;

    for (guint time = 0; time < 20; time++) {
      test_picture_draw_scene (f.picture, 3);
      if (time >= 12)
        for (guint y = 32; y < 96; y++)
          for (guint x = 32; x < 96; x++)
            f.picture->data[y * WIDTH + x] =
                MIN (f.picture->data[y * WIDTH + x] + change, 255);
      add_noise (&f, sigmas[s]);
      encode (&f);
      if (time == 12)
        g_assert_cmpuint (f.stream->stats.active_patches, >=, 12);
    }
    end (&f);
  }
}

/* Motion is not noise. */
static void
test_motion_is_no_noise (void)
{
  Fixture f = begin ();

  for (guint time = 0; time < 20; time++) {
    draw_pan (&f, 30 * time);
    encode (&f);
  }
  g_test_message ("noise of a pan: %.2f", f.stream->stats.noise);
  g_assert_cmpfloat (f.stream->stats.noise, <, 1.5);
  end (&f);
}

/* ---- formats ---- */

static void
test_formats (void)
{
  for (guint format = ALITRA_PIXEL_I420; format <= ALITRA_PIXEL_BGRX; format++) {
    g_autoptr (AlitraModel) model = test_model ();
    TestPicture *picture = test_picture_new (format, 77, 45, 3, format % 2);
    TestStream *stream = test_stream_new (model, 77, 45, 1);
    AlitraSettings settings;

    alitra_settings_init (&settings);
    for (gsize i = 0; i < picture->size; i++)
      picture->data[i] = 90 + i % 11;
    for (guint time = 0; time < 4; time++) {
      test_stream_frame (stream, picture, &settings, FALSE);
      g_assert_cmpuint (stream->stats.active_patches, ==,
          time ? 0 : stream->stats.patches);
    }
    /* the last bytes: luma or chroma of the lower right, whatever the format */
    for (gint y = 30; y < 44; y++) {
      const guint plane = format == ALITRA_PIXEL_GRAY8
          || format >= ALITRA_PIXEL_YUY2 ? 0 : 1;
      guint8 *row = picture->frame.data[plane]
          + (plane ? y / 2 : y) * picture->frame.stride[plane];

      memset (row + 16, 160, 16);
    }
    test_stream_frame (stream, picture, &settings, FALSE);
    g_assert_false (stream->stats.key);
    g_assert_cmpuint (stream->stats.active_patches, >, 0);
    test_stream_frame (stream, picture, &settings, FALSE);
    g_assert_cmpuint (stream->stats.active_patches, ==, 0);
    test_picture_free (picture);
    test_stream_free (stream);
  }
}

/* ---- links with little room ---- */

/* A still scene under half a token a patch a frame becomes as good as without a limit. */
static void
test_sharpening (void)
{
  Fixture f = begin (), free = begin ();
  gdouble first = 0;

  f.settings.max_new_tokens = PATCHES / 2;
  for (guint time = 0; time < 31; time++) {
    test_picture_draw_scene (f.picture, 3);
    test_picture_draw_scene (free.picture, 3);
    encode (&f);
    encode (&free);
    g_assert_cmpuint (f.stream->stats.new_tokens, <=, PATCHES / 2);
    if (time == 0)
      first = psnr (&f);
  }
  g_test_message ("%.2f dB, %.2f dB after 30 frames, %.2f dB without limit",
      first, psnr (&f), psnr (&free));
  g_assert_cmpfloat (psnr (&f), >=, first + 2);
  g_assert_cmpfloat (psnr (&f), >=, psnr (&free) - .3);
  g_assert_cmpuint (f.stream->stats.new_tokens, ==, 0);
  end (&f);
  end (&free);
}

/* The limit of new tokens holds whatever happens. */
static void
test_limit (void)
{
  static const guint limits[] = { 30, 200, 1, 7, 90 };
  Fixture f = begin ();

  for (guint time = 0; time < 60; time++) {
    f.settings.max_new_tokens = limits[time / 3 % G_N_ELEMENTS (limits)];
    f.settings.target_tokens = time / 7 % 3 == 2 ? 150 : 0;
    f.settings.refresh_interval = time / 20 ? 3 : 0;
    f.settings.key_interval = 11;
    if (time == 40)
      test_picture_draw_other_scene (f.picture);
    else
      test_picture_draw_scene (f.picture, time / 2);
    encode (&f);
    g_assert_cmpuint (f.stream->stats.new_tokens, <=,
        f.settings.max_new_tokens);
  }
  end (&f);
}

/* Rings that grow in the left half, beside something that stands still. */
static void
draw_rings (Fixture * f, guint time)
{
  test_picture_draw_scene (f->picture, 3);
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH / 2; x++)
      f->picture->data[y * WIDTH + x] = 128
          + lrint (80 * sin (hypot (x - 40., y - 60.) * .5 - time * .3));
}

static gdouble
error_of_rings (const Fixture * f)
{
  gdouble sum = 0;

  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH / 2; x++) {
      const gint d = f->picture->data[y * WIDTH + x]
          - f->stream->shown->data[y * WIDTH + x];

      sum += d * d;
    }
  return sum / (WIDTH / 2 * HEIGHT);
}

/* What always changes keeps its share of a budget: tokens must not gather bit by bit in what stands still. */
static void
test_share (void)
{
  gdouble error[2] = { 0, 0 };

  for (guint reuse = 0; reuse < 2; reuse++) {
    Fixture f = begin ();

    f.settings.target_tokens = PATCHES;
    f.settings.temporal_reuse = reuse;
    for (guint t = 0; t < 40; t++) {
      draw_rings (&f, t);
      encode (&f);
      if (t >= 30)
        error[reuse] += error_of_rings (&f);
    }
    end (&f);
  }
  g_test_message ("without reuse %.0f, with it %.0f", error[0] / 10,
      error[1] / 10);
  g_assert_cmpfloat (error[1], <, 1.25 * error[0]);
}

/* ---- links with loss ---- */

/* Each cell is sent whole within the interval, and nothing changes by that. */
static void
test_refresh (void)
{
  static const guint intervals[] = { 1, 2, 5, 9 };

  for (guint i = 0; i < G_N_ELEMENTS (intervals); i++) {
    Fixture f = begin ();
    guint sent = 0, tokens;
    guint32 before;

    test_picture_draw_scene (f.picture, 3);
    for (guint time = 0; time < 20; time++)
      encode (&f);
    tokens = f.stream->stats.tokens;
    before = alitra_memory_get_checksum (alitra_tokenizer_get_memory
        (f.stream->tokenizer));
    f.settings.refresh_interval = intervals[i];
    for (guint time = 0; time < intervals[i]; time++) {
      encode (&f);
      g_assert_false (f.stream->stats.key);
      sent += f.stream->stats.new_tokens;
    }
    g_assert_cmpuint (sent, ==, tokens);
    g_assert_cmphex (alitra_memory_get_checksum (alitra_tokenizer_get_memory
            (f.stream->tokenizer)), ==, before);
    end (&f);
  }
}

/* A receiver that lost packets is whole again after the interval, without a key packet. */
static void
test_heals (void)
{
  Fixture f = begin ();
  g_autoptr (AlitraDetokenizer) lossy = alitra_detokenizer_new (f.model, 1);
  guint agree = 0;

  f.settings.refresh_interval = 4;
  for (guint time = 0; time < 24; time++) {
    test_picture_draw_scene (f.picture, time / 2);
    encode (&f);
    if (time >= 6 && time < 9)
      continue;
    alitra_detokenizer_decode (lossy, f.stream->packet->data,
        f.stream->packet->len, NULL);
    if (time >= 9 + 4) {
      g_assert_cmphex (alitra_memory_get_checksum
          (alitra_detokenizer_get_memory (lossy)), ==,
          alitra_memory_get_checksum (alitra_tokenizer_get_memory
              (f.stream->tokenizer)));
      agree++;
    }
  }
  g_assert_cmpuint (agree, >, 0);
  end (&f);
}

/* Mean difference of the luma of a patch of two pictures of one size, in grey levels; the largest of all patches. */
static gdouble
worst_patch (const TestPicture * a, const TestPicture * b)
{
  const guint width = a->frame.width, height = a->frame.height;
  gdouble worst = 0.;

  for (guint y = 0; y + 16 <= height; y += 16)
    for (guint x = 0; x + 16 <= width; x += 16) {
      guint sum = 0;

      for (guint i = 0; i < 256; i++) {
        const gsize at = (gsize) (y + i / 16) * width + x + i % 16;

        sum += ABS (a->data[at] - b->data[at]);
      }
      worst = MAX (worst, sum / 256.);
    }
  return worst;
}

static void
decode_all (AlitraDetokenizer * detokenizer, const GPtrArray * packets)
{
  for (guint i = 0; i < packets->len; i++) {
    gsize size;
    gconstpointer data = g_bytes_get_data (packets->pdata[i], &size);

    g_assert_true (alitra_detokenizer_decode (detokenizer, data, size, NULL));
  }
}

static void
draw_busy_scene (Fixture * f, guint time)
{
  test_picture_draw_scene (f->picture, time / 2);
  test_picture_square (f->picture, 13 * time % 60, 21, 9 + time % 12,
      20 * time % 256);
}

/* At a key frame it does not matter what a receiver showed before. */
static void
check_begins_anew (Fixture * f)
{
  g_autoptr (AlitraDetokenizer) late = alitra_detokenizer_new (f->model, 1);
  const TestPicture *shown = f->stream->shown;
  TestPicture *whole = test_picture_new (ALITRA_PIXEL_I420, shown->frame.width,
      shown->frame.height, 0, FALSE);

  test_stream_frame (f->stream, f->picture, &f->settings, TRUE);
  g_assert_true (alitra_detokenizer_decode (late, f->stream->packet->data,
          f->stream->packet->len, NULL));
  g_assert_true (alitra_detokenizer_render (late, 0, &whole->frame, NULL));
  g_assert_cmpmem (whole->data, whole->size, shown->data, shown->size);
  test_picture_free (whole);
}

/* A receiver paints what changed only; one that paints all at once shows the same bytes if both are exact, also where a
 * picture was shown in another format in between, and almost the same if they are not. */
static void
check_painted_in_parts (gboolean exact, guint frames)
{
  Fixture f = begin ();
  const TestPicture *shown = f.stream->shown;
  TestPicture *whole = test_picture_new (ALITRA_PIXEL_I420, shown->frame.width,
      shown->frame.height, 0, FALSE);
  TestPicture *grey = test_picture_new (ALITRA_PIXEL_GRAY8, shown->frame.width,
      shown->frame.height, 0, FALSE);
  g_autoptr (GPtrArray) packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  guint others = 0;

  alitra_detokenizer_set_exact (f.stream->detokenizer, exact);
  for (guint time = 0; time < frames; time++) {
    g_autoptr (AlitraDetokenizer) late = alitra_detokenizer_new (f.model, 1);

    draw_busy_scene (&f, time);
    if (time % 5 == 3)
      g_assert_true (alitra_detokenizer_render (f.stream->detokenizer, 0,
              &grey->frame, NULL));
    encode (&f);
    g_ptr_array_add (packets, g_bytes_new (f.stream->packet->data,
            f.stream->packet->len));
    decode_all (late, packets);
    alitra_detokenizer_set_exact (late, exact);
    g_assert_true (alitra_detokenizer_render (late, 0, &whole->frame, NULL));
    if (exact)
      g_assert_cmpmem (whole->data, whole->size, shown->data, shown->size);
    else
      g_assert_cmpfloat (worst_patch (whole, shown), <=, MOST_INEXACT);
    others += memcmp (whole->data, shown->data, shown->size) != 0;
  }
  /* what is faster is not the same, and becomes it when that is asked for */
  g_assert_cmpint (others > 0, ==, !exact);
  alitra_detokenizer_set_exact (f.stream->detokenizer, TRUE);
  g_assert_true (alitra_detokenizer_render (f.stream->detokenizer, 0,
          &shown->frame, NULL));
  g_assert_cmpmem (whole->data, whole->size, shown->data, shown->size);
  alitra_detokenizer_set_exact (f.stream->detokenizer, exact);
  for (guint time = 0; time < 12; time++) {
    draw_busy_scene (&f, time);
    encode (&f);
  }
  check_begins_anew (&f);
  test_picture_free (whole);
  test_picture_free (grey);
  end (&f);
}

static void
test_painted_in_parts (void)
{
  check_painted_in_parts (TRUE, 12);
}

static void
test_painted_almost (void)
{
  check_painted_in_parts (FALSE, 60);
}

/* ---- cut streams ---- */

static guint
count_new (const AlitraMemory * memory)
{
  guint fresh = 0, columns, rows;
  AlitraCell cell;

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    alitra_memory_get_grid (memory, l, &columns, &rows);
    for (guint i = 0; i < columns * rows; i++) {
      alitra_memory_get_cell (memory, l, i % columns, i / columns, &cell);
      fresh += cell.depth - cell.kept;
    }
  }
  return fresh;
}

/* Tokens of the first layers never build on one of a later layer: a receiver of them has a place for all that it is sent. */
static void
test_cut (void)
{
  Fixture f = begin ();
  AlitraDetokenizer *cut[3];
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  AlitraPacketLayout layout;
  guint fewer = 0;

  f.settings.scalable = TRUE;
  f.settings.quality = 70.;
  for (guint k = 0; k < G_N_ELEMENTS (cut); k++)
    cut[k] = alitra_detokenizer_new (f.model, 1);
  for (guint time = 0; time < 20; time++) {
    draw_pan (&f, time * 8);
    encode (&f);
    for (guint k = 0; k < G_N_ELEMENTS (cut); k++) {
      GError *error = NULL;
      guint sent = 0;

      g_assert_true (alitra_packet_trim (f.stream->packet->data,
              f.stream->packet->len, k + 1, packet, NULL));
      g_assert_true (alitra_detokenizer_decode (cut[k], packet->data,
              packet->len, &error));
      g_assert_no_error (error);
      g_assert_cmpint (alitra_packet_read_layout (packet->data, packet->len,
              &layout), ==, ALITRA_PACKET_OK);
      for (guint i = 0; i < layout.info.layers; i++)
        sent += layout.tokens[i];
      g_assert_cmpuint (count_new (alitra_detokenizer_get_memory (cut[k])), ==,
          sent);
      fewer += time > 0 && sent > 0 && sent < f.stream->stats.new_tokens;
    }
  }
  g_assert_cmpuint (fewer, >, 20);
  for (guint k = 0; k < G_N_ELEMENTS (cut); k++)
    alitra_detokenizer_free (cut[k]);
  end (&f);
}

/* ---- prefixes ---- */

static void
test_prefix (void)
{
  static const gfloat profile[] = { 10, 5, 3, 2 };
  static const gfloat as_before[] = { 10, 5, 3, 2 };
  static const gfloat other[] = { 10, 14, 15, 17 };
  static const gfloat partly[] = { 10, 5, 3, 9 };
  static const gfloat drifted[] = { 10, 6, 4.2, 3.5 };
  static const gfloat far[] = { 10, 8, 6.5, 5 };
  static const gfloat good[] = { 10, 2, .3, .2 };
  const AlitraReuseCosts costs = { .5f, .1f, 4.f };

  g_assert_cmpuint (alitra_reuse_choose (as_before, 3, 8.f, profile, 3, &costs),
      ==, 3);
  g_assert_cmpuint (alitra_reuse_choose (other, 3, 8.f, profile, 3, &costs), ==,
      0);
  g_assert_cmpuint (alitra_reuse_choose (partly, 3, 8.f, profile, 3, &costs),
      ==, 2);
  g_assert_cmpuint (alitra_reuse_choose (drifted, 3, 8.f, profile, 3, &costs),
      ==, 3);
  g_assert_cmpuint (alitra_reuse_choose (drifted, 0, 8.f, profile, 3, &costs),
      ==, 0);
  /* what codes describe well is cheap to tell anew */
  g_assert_cmpuint (alitra_reuse_choose (far, 3, 10.f, good, 3, &costs), ==, 0);
  g_assert_cmpuint (alitra_reuse_choose (far, 3, 2.f, profile, 3, &costs), ==,
      3);
}

static void
test_gains (void)
{
  static const gfloat energy[] = { 16, 12, 4, 4.5f, 3.5f };
  gfloat gains[4];

  alitra_reuse_gains (energy, 4, -16.f, gains);
  for (guint t = 0; t < 3; t++)
    g_assert_cmpfloat (gains[t], >=, gains[t + 1]);
  g_assert_cmpfloat_with_epsilon (gains[0], log2 (6), 1e-4);
  g_assert_cmpfloat_with_epsilon (gains[1], log2 (6), 1e-4);
  g_assert_cmpfloat_with_epsilon (gains[3], log2 (.25), 1e-4);
}

/* ---- coarse cells and what tokens cost ---- */

/* What is new in one patch is said by finer cells: the cells of 64 pixels keep what they said, and so do all but few of 32. */
static void
test_small_change (void)
{
  Fixture f = begin ();
  const AlitraMemory *memory;
  guint columns, rows;
  AlitraCell cell;

  test_picture_draw_scene (f.picture, 3);
  for (guint time = 0; time < 3; time++)
    encode (&f);
  test_picture_square (f.picture, 70, 40, 14, 250);
  encode (&f);
  g_assert_cmpuint (f.stream->stats.new_tokens, >, 0);
  memory = alitra_tokenizer_get_memory (f.stream->tokenizer);
  alitra_memory_get_grid (memory, 2, &columns, &rows);
  for (guint i = 0; i < columns * rows; i++) {
    alitra_memory_get_cell (memory, 2, i % columns, i / columns, &cell);
    g_assert_cmpuint (cell.kept, ==, cell.depth);
    g_assert_cmpuint (cell.held, ==, cell.depth);
  }
  end (&f);
}

/* What stands still among what moves gets cheaper and what moves dearer, never at coarse levels the first; where all moves
 * nothing changes. */
static void
test_tolls (void)
{
  enum
  { CELLS = 8, FRAMES = 40 };
  const guint8 inside[CELLS] = { 1, 1, 1, 1, 1, 1, 1, 1 };
  const guint8 one[CELLS] = { 1 };
  gfloat toll[CELLS];

  for (guint finest = 0; finest < 2; finest++) {
    AlitraLifetime lifetime;
    gfloat before = 1.f;

    alitra_lifetime_init (&lifetime, CELLS);
    alitra_lifetime_reset (&lifetime);
    for (guint time = 0; time < FRAMES; time++) {
      alitra_lifetime_follow (&lifetime, inside, inside, finest, toll);
      for (guint i = 0; i < CELLS; i++)
        g_assert_cmpfloat_with_epsilon (toll[i], 0.f, 1e-4);
    }
    for (guint time = 0; time < FRAMES; time++) {
      alitra_lifetime_follow (&lifetime, one, inside, finest, toll);
      g_assert_cmpfloat (toll[0], >, 0.f);
      for (guint i = 1; i < CELLS; i++)
        g_assert_cmpfloat (toll[i], <=, MAX (before, 0.f));
      before = toll[1];
    }
    if (finest)
      g_assert_cmpfloat (toll[1], <, -.5f);
    else
      g_assert_cmpfloat (toll[1], ==, 0.f);
    alitra_lifetime_clear (&lifetime);
  }
}

/* Where all moves it does not pay to look for what could be kept; a new scene gets another try, a still one at once. */
static void
test_pause (void)
{
  AlitraPause pause;
  guint frames = 0;

  alitra_pause_reset (&pause);
  for (guint time = 0; time < 40; time++)
    alitra_pause_follow (&pause, 60, 100);
  g_assert_cmpuint (pause.left, ==, 0);
  for (guint time = 0; time < 10; time++)
    alitra_pause_follow (&pause, 100, 100);
  g_assert_cmpuint (pause.left, >, 0);
  for (; pause.left > 0; frames++)
    alitra_pause_pass (&pause, TRUE);
  g_assert_cmpuint (frames, >, 10);
  alitra_pause_follow (&pause, 100, 100);
  g_assert_cmpuint (pause.left, ==, frames);
  alitra_pause_pass (&pause, FALSE);
  g_assert_cmpuint (pause.left, ==, 0);
  alitra_pause_follow (&pause, 100, 100);
  alitra_pause_reset (&pause);
  g_assert_cmpuint (pause.left, ==, 0);
  alitra_pause_follow (&pause, 0, 0);
  g_assert_cmpuint (pause.left, ==, 0);
}

static void
draw_waves (Fixture * f, guint time)
{
  for (gsize i = 0; i < WIDTH * HEIGHT; i++)
    f->picture->data[i] = 128 + lrint (50 * sin ((i % WIDTH + 7. * time) * .21)
        * cos ((i / WIDTH) * .17 + 2. * time));
}

/* A picture that moves as a whole costs what it costs without reuse, and most of its frames are told as if there were no
 * others; soon after it stops it is kept again. */
static void
test_motion_stops (void)
{
  enum
  { MOVING = 40 };
  guint tokens[2] = { 0 }, alone = 0;

  for (guint reuse = 0; reuse < 2; reuse++) {
    Fixture f = begin ();
    const AlitraFrameStats *stats = &f.stream->stats;

    f.settings.temporal_reuse = reuse;
    for (guint time = 0; time < MOVING; time++) {
      draw_waves (&f, time);
      encode (&f);
      tokens[reuse] += stats->new_tokens;
      alone += reuse && stats->kept_tokens == 0;
    }
    for (guint time = 0; reuse && time < 3; time++)
      encode (&f);
    g_assert_true (!reuse || stats->kept_tokens > stats->tokens / 2);
    end (&f);
  }
  g_test_message
      ("%u new tokens without reuse, %u with it, %u of %d frames alone",
      tokens[0], tokens[1], alone, MOVING);
  g_assert_cmpfloat (tokens[1], <=, 1.02 * tokens[0]);
  g_assert_cmpuint (alone, >, MOVING / 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (clips); i++) {
    g_autofree gchar *path = g_strconcat ("/temporal/clip/", clips[i].name,
        NULL);

    g_test_add_data_func (path, &clips[i], test_clip);
  }
  g_test_add_func ("/temporal/noise", test_noise);
  g_test_add_func ("/temporal/change-in-noise", test_change_in_noise);
  g_test_add_func ("/temporal/motion-is-no-noise", test_motion_is_no_noise);
  g_test_add_func ("/temporal/formats", test_formats);
  g_test_add_func ("/temporal/sharpening", test_sharpening);
  g_test_add_func ("/temporal/limit", test_limit);
  g_test_add_func ("/temporal/share", test_share);
  g_test_add_func ("/temporal/refresh", test_refresh);
  g_test_add_func ("/temporal/heals", test_heals);
  g_test_add_func ("/temporal/painted-in-parts", test_painted_in_parts);
  g_test_add_func ("/temporal/painted-almost", test_painted_almost);
  g_test_add_func ("/temporal/cut", test_cut);
  g_test_add_func ("/temporal/prefix", test_prefix);
  g_test_add_func ("/temporal/gains", test_gains);
  g_test_add_func ("/temporal/small-change", test_small_change);
  g_test_add_func ("/temporal/tolls", test_tolls);
  g_test_add_func ("/temporal/pause", test_pause);
  g_test_add_func ("/temporal/motion-stops", test_motion_stops);
  return g_test_run ();
}
