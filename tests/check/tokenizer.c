/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames -> packets -> frames: what the settings promise, from frame to frame. */
#include <math.h>
#include <string.h>

#include "drawing.h"
#include "tokenizerparts.h"

typedef struct
{
  AlitraModel *model;
  AlitraSettings settings;
  TestPicture *picture;
  TestStream *stream;
} Fixture;

static Fixture
begin (guint width, guint height)
{
  Fixture f = { test_model () };

  alitra_settings_init (&f.settings);
  f.picture = test_picture_new (ALITRA_PIXEL_I420, width, height, 0, FALSE);
  f.stream = test_stream_new (f.model, width, height, 1);
  return f;
}

static void
end (Fixture * f)
{
  test_picture_free (f->picture);
  test_stream_free (f->stream);
  alitra_model_unref (f->model);
}

static void
encode (Fixture * f)
{
  test_stream_frame (f->stream, f->picture, &f->settings, FALSE);
}

static void
encode_scene (Fixture * f, guint time)
{
  test_picture_draw_scene (f->picture, time);
  encode (f);
}

static AlitraCell
cell_at (const Fixture * f, guint level, guint column, guint row)
{
  AlitraCell cell;

  alitra_memory_get_cell (alitra_tokenizer_get_memory (f->stream->tokenizer),
      level, column, row, &cell);
  return cell;
}

/* Cells of a level that the picture reaches. */
static guint
columns_inside (const Fixture * f, guint level)
{
  return (f->picture->frame.width + (16 << level) - 1) / (16 << level);
}

static guint
rows_inside (const Fixture * f, guint level)
{
  return (f->picture->frame.height + (16 << level) - 1) / (16 << level);
}

/* Tokens that the cells can hold. */
static gsize
room (const Fixture * f)
{
  gsize room = 0;

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    guint depth = alitra_model_get_max_depth (f->model, l);

    if (f->settings.max_depth)
      depth = MIN (depth, f->settings.max_depth);
    room += (gsize) columns_inside (f, l) * rows_inside (f, l) * depth;
  }
  return room;
}

/* ---- gains ---- */

/* Cells with a predicted gain; none of them promised more than the price. */
static guint
check_gains (const Fixture * f)
{
  guint predicted = 0;

  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    for (guint row = 0; row < rows_inside (f, l); row++) {
      for (guint column = 0; column < columns_inside (f, l); column++) {
        gdouble gain;

        if (!alitra_tokenizer_get_gain (f->stream->tokenizer, l, column, row,
                &gain))
          continue;
        predicted++;
        g_assert_cmpfloat (gain, >, 0.);
        g_assert_cmpfloat (gain, <=, f->stream->stats.price * 1.0001);
      }
    }
  }
  return predicted;
}

/* A cell stops where the next token promises no more than it costs. */
static void
test_gains (void)
{
  Fixture f = begin (333, 217);
  gdouble gain;

  g_assert_false (alitra_tokenizer_get_gain (f.stream->tokenizer, 0, 0, 0,
          &gain));
  for (guint quality = 20; quality <= 80; quality += 30) {
    f.settings.quality = quality;
    encode_scene (&f, quality);
    g_assert_cmpuint (check_gains (&f), >, 50);
  }
  f.settings.allocation = ALITRA_ALLOCATION_UNIFORM;
  encode (&f);
  g_assert_cmpuint (check_gains (&f), ==, 0);
  end (&f);
}

/* ---- numbers of tokens ---- */

static void
test_exact (void)
{
  static const guint sizes[][2] =
      { {64, 64}, {176, 144}, {333, 217}, {20, 200} };
  static const guint targets[] = { 1, 7, 60, 333, 1500, 1000000 };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    for (guint a = 0; a <= ALITRA_ALLOCATION_COMPLEXITY; a++) {
      for (guint t = 0; t < G_N_ELEMENTS (targets); t++) {
        Fixture f = begin (sizes[s][0], sizes[s][1]);

        f.settings.allocation = a;
        f.settings.target_tokens = targets[t];
        f.settings.exact_length = TRUE;
        for (guint time = 0; time < 4; time++) {
          encode_scene (&f, 3 * time);
          g_assert_cmpuint (f.stream->stats.tokens, ==, MIN (targets[t],
                  room (&f)));
        }
        end (&f);
      }
    }
  }
}

/* A scene that comes to rest after much has moved: what was cut must come back. */
static void
test_exact_after_motion (void)
{
  Fixture f = begin (192, 160);

  f.settings.target_tokens = 400;
  f.settings.exact_length = TRUE;
  for (guint time = 0; time < 12; time++) {
    if (time % 4 == 3)
      test_picture_fill (f.picture, 90, 120, 130);
    else
      test_picture_draw_scene (f.picture, time < 8 ? time : 8);
    if (time == 6)
      test_picture_square (f.picture, 0, 0, 150, 200);
    encode (&f);
    g_assert_cmpuint (f.stream->stats.tokens, ==, 400);
  }
  end (&f);
}

/* Takes most of the contrast out of the luma of a picture. */
static void
calm (TestPicture * picture)
{
  const AlitraFrame *frame = &picture->frame;

  for (guint y = 0; y < frame->height; y++)
    for (guint x = 0; x < frame->width; x++) {
      guint8 *sample = frame->data[0] + (gssize) y * frame->stride[0] + x;

      *sample = 128 + (*sample - 128) / 30;
    }
}

/* The price of a first frame is far from the first guess in a calm scene: its budget is spent all the same. */
static void
test_first_frame_spends (void)
{
  Fixture f = begin (512, 512);

  f.settings.target_tokens = 1500;
  for (guint i = 0; i < 2; i++) {
    test_picture_draw_scene (f.picture, 1);
    if (i == 0)
      calm (f.picture);
    test_stream_frame (f.stream, f.picture, &f.settings, TRUE);
    g_assert_cmpuint (f.stream->stats.tokens, ==, 1500);
  }
  end (&f);
}

static void
test_target_is_kept (void)
{
  static const guint targets[] =
      { 900, 900, 300, 40, 2, 1, 700, 700, 120, 5000, 60 };

  for (guint a = 0; a <= ALITRA_ALLOCATION_COMPLEXITY; a++) {
    Fixture f = begin (200, 180);

    f.settings.allocation = a;
    for (guint i = 0; i < 3 * G_N_ELEMENTS (targets); i++) {
      f.settings.target_tokens = targets[i % G_N_ELEMENTS (targets)];
      encode_scene (&f, i < 16 ? i : 16);       /* then it stands still */
      g_assert_cmpuint (f.stream->stats.tokens, <=, f.settings.target_tokens);
    }
    end (&f);
  }
}

/* Tokens of a scene that is coded for the first time. */
static guint
tokens_at_quality (gdouble quality)
{
  Fixture f = begin (192, 160);
  guint tokens;

  f.settings.quality = quality;
  encode_scene (&f, 0);
  tokens = f.stream->stats.tokens;
  end (&f);
  return tokens;
}

/* A still scene goes on getting tokens until the budget is spent, and gives back what the price no longer pays: a kept
 * token, which costs nothing more, stays at a quarter of the price, in a still cell at a little less: a quality of 26 more. */
static void
test_static_scene_sharpens (void)
{
  Fixture f = begin (192, 160);
  guint tokens;
  gdouble before;

  f.settings.quality = 20;
  encode_scene (&f, 0);
  tokens = f.stream->stats.tokens;
  before = test_picture_psnr_luma (f.picture, f.stream->shown);
  f.settings.quality = 60;
  encode (&f);
  g_assert_false (f.stream->stats.key);
  g_assert_cmpuint (f.stream->stats.tokens, >, tokens);
  g_assert_cmpfloat (test_picture_psnr_luma (f.picture, f.stream->shown), >,
      before);
  f.settings.quality = 20;
  encode (&f);
  g_assert_cmpuint (f.stream->stats.tokens, <=, tokens_at_quality (46));
  f.settings.target_tokens = 600;
  for (guint i = 0; i < 40; i++)
    encode (&f);
  g_assert_cmpuint (f.stream->stats.tokens, >=, 570);
  end (&f);
}

/* Cells of the finest level that were not looked at; none of them was likely to pay for a token at this price. */
static guint
check_idle_cells (const AlitraTokenizer * tokenizer, gdouble price)
{
  const Level *level = tokenizer->level;
  const gfloat stop = alitra_tokenizer_stop_of (tokenizer, 0, price);
  guint idle = 0;

  for (guint i = 0; i < cells_of (level); i++) {
    if (!level->loop.idle[i])
      continue;
    g_assert_cmpuint (level->loop.depth[i], ==, 0);
    g_assert_cmpfloat (level->looks[i].before / 2, <,
        alitra_token_loop_least (stop, level->loop.boost[i]));
    idle++;
  }
  return idle;
}

/* With a budget the finest level does not look at cells in which too little is left; where they stand still, it does so once
 * the price has fallen, and with other settings at once. */
static void
test_idle_cells_wake (void)
{
  Fixture f = begin (256, 160);
  guint most = 0, idle = 0;

  f.settings.target_tokens = 150;
  for (guint i = 0; i < 30; i++) {
    const gdouble price = f.stream->tokenizer->price;

    test_picture_draw_scene (f.picture, 3);
    for (guint y = 0; y < 160; y++)     /* what is costly goes, row by row */
      for (guint x = 128; x < 256; x++)
        f.picture->data[y * 256 + x] = y < 8 * i ? 128
            : 38 + (x * 7919 + y * 104729) % 181;
    encode (&f);
    if (i > 1)
      idle = check_idle_cells (f.stream->tokenizer, price);
    most = MAX (most, idle);
  }
  g_test_message ("%u idle cells at most, %u in the end", most, idle);
  g_assert_cmpuint (most, >, 0);
  f.settings.target_tokens = 0;
  encode (&f);
  g_assert_cmpuint (check_idle_cells (f.stream->tokenizer, 1.), ==, 0);
  end (&f);
}

static void
test_quality (void)
{
  for (guint scene = 0; scene < 3; scene++) {
    guint last = 0;
    gdouble first_psnr = 0, psnr = 0;

    for (gdouble quality = 0; quality <= 100; quality += 10) {
      Fixture f = begin (208, 176);

      f.settings.quality = quality;
      if (scene == 2)
        test_picture_draw_other_scene (f.picture);
      else
        test_picture_draw_scene (f.picture, 11 * scene);
      encode (&f);
      g_test_message ("scene %u quality %g: %u tokens", scene, quality,
          f.stream->stats.tokens);
      g_assert_cmpuint (f.stream->stats.tokens, >=, last);
      last = f.stream->stats.tokens;
      psnr = test_picture_psnr_luma (f.picture, f.stream->shown);
      if (quality == 0)
        first_psnr = psnr;
      end (&f);
    }
    g_assert_cmpfloat (psnr, >, first_psnr + 3);
  }
}

/* ---- allocation ---- */

static void
assert_uniform (const Fixture * f)
{
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const guint depth = cell_at (f, l, 0, 0).depth;

    for (guint y = 0; y < rows_inside (f, l); y++) {
      for (guint x = 0; x < columns_inside (f, l); x++)
        g_assert_cmpuint (cell_at (f, l, x, y).depth, ==, depth);
    }
  }
}

static void
test_uniform (void)
{
  Fixture f = begin (256, 192);

  f.settings.allocation = ALITRA_ALLOCATION_UNIFORM;
  for (guint i = 0; i < 18; i++) {
    f.settings.target_tokens = i % 6 == 5 ? 0 : 100 + 300 * (i % 5);
    encode_scene (&f, MIN (i, 9));
    assert_uniform (&f);
  }
  g_assert_cmpuint (f.stream->stats.tokens, >, 0);
  end (&f);
}

static void
test_complexity (void)
{
  Fixture f = begin (256, 128);
  guint busy = 0, calm = 0;

  f.settings.allocation = ALITRA_ALLOCATION_COMPLEXITY;
  f.settings.target_tokens = 300;
  test_picture_draw_scene (f.picture, 40);
  for (guint y = 0; y < 128; y++)
    memset (f.picture->frame.data[0] + y * 256 + 128, 127 + y % 2, 128);
  for (guint y = 0; y < 64; y++) {
    memset (f.picture->frame.data[1] + y * 128 + 64, 128, 64);
    memset (f.picture->frame.data[2] + y * 128 + 64, 128, 64);
  }
  encode (&f);
  for (guint y = 0; y < rows_inside (&f, 0); y++) {
    for (guint x = 0; x < 8; x++) {
      for (guint l = 0; l < ALITRA_LEVELS; l++) {
        busy += cell_at (&f, l, x >> l, y >> l).depth;
        calm += cell_at (&f, l, (8 + x) >> l, y >> l).depth;
      }
    }
  }
  g_test_message ("%u tokens on the busy side, %u on the calm one", busy, calm);
  g_assert_cmpuint (busy, >, 4 * calm);
  end (&f);
}

static guint
count_cells (const Fixture * f)
{
  guint cells = 0;

  for (guint l = 0; l < ALITRA_LEVELS; l++)
    for (guint y = 0; y < rows_inside (f, l); y++)
      for (guint x = 0; x < columns_inside (f, l); x++)
        cells += cell_at (f, l, x, y).depth > 0;
  return cells;
}

/* For recognition as many tokens stand in more cells, in a first frame as in those that follow. */
static void
test_recognition (void)
{
  Fixture f = begin (256, 192);

  f.settings.target_tokens = 160;
  f.settings.exact_length = TRUE;
  for (guint time = 0; time < 8; time++) {
    guint cells[2];

    for (guint turn = 0; turn < 2; turn++) {
      f.settings.objective =
          turn ? ALITRA_OBJECTIVE_RECOGNITION : ALITRA_OBJECTIVE_PICTURE;
      encode_scene (&f, 2 * time + turn);
      g_assert_cmpuint (f.stream->stats.tokens, ==, 160);
      cells[turn] = count_cells (&f);
    }
    g_test_message ("%u cells for the picture, %u for recognition", cells[0],
        cells[1]);
    g_assert_cmpuint (cells[1], >, cells[0] * 9 / 8);
  }
  /* Kept tokens too follow the price of deep ones. */
  for (guint time = 16; time < 24; time++) {
    encode_scene (&f, time);
    g_assert_cmpuint (f.stream->stats.tokens, ==, 160);
    g_assert_cmpuint (count_cells (&f), >, 125);
  }
  end (&f);
}

static void
test_max_depth (void)
{
  static const guint depths[] = { 3, 1, 2, 0, 1, 32 };

  for (guint a = 0; a <= ALITRA_ALLOCATION_COMPLEXITY; a++) {
    Fixture f = begin (150, 130);

    f.settings.allocation = a;
    f.settings.quality = 80;
    for (guint i = 0; i < 2 * G_N_ELEMENTS (depths); i++) {
      f.settings.max_depth = depths[i % G_N_ELEMENTS (depths)];
      encode_scene (&f, MIN (i, 6));
      for (guint l = 0; l < ALITRA_LEVELS; l++) {
        const guint most =
            f.settings.max_depth ? f.settings.max_depth : ALITRA_MAX_DEPTH;

        for (guint y = 0; y < rows_inside (&f, l); y++) {
          for (guint x = 0; x < columns_inside (&f, l); x++)
            g_assert_cmpuint (cell_at (&f, l, x, y).depth, <=, most);
        }
      }
    }
    end (&f);
  }
}

/* Any settings after any others. */
static void
test_settings_change (void)
{
  GRand *random = g_rand_new_with_seed (7);
  Fixture f = begin (170, 150);
  guint time = 0;

  for (guint i = 0; i < 60; i++) {
    AlitraSettings *s = &f.settings;

    s->allocation = g_rand_int_range (random, 0, 3);
    s->objective = g_rand_int_range (random, 0, 2);
    s->target_tokens =
        g_rand_boolean (random) ? g_rand_int_range (random, 1, 1200) : 0;
    s->exact_length = g_rand_boolean (random);
    s->quality = g_rand_int_range (random, 0, 90);
    s->max_depth = g_rand_int_range (random, 0, 14);
    s->temporal_reuse = g_rand_int_range (random, 0, 4) > 0;
    s->reuse_threshold = g_rand_double_range (random, 0, 6);
    s->key_interval = g_rand_int_range (random, 0, 40);
    time += g_rand_int_range (random, 0, 2);
    encode_scene (&f, time);
    if (s->target_tokens)
      g_assert_cmpuint (f.stream->stats.tokens, <=, s->target_tokens);
  }
  g_rand_free (random);
  end (&f);
}

static void
assert_refused (Fixture * f)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (alitra_tokenizer_encode (f->stream->tokenizer,
          &f->picture->frame, &f->settings, FALSE, 0, f->stream->packet, NULL,
          &error));
  g_assert_error (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT);
  alitra_settings_init (&f->settings);
}

static void
test_bad_settings (void)
{
  Fixture f = begin (32, 32);

  f.settings.quality = NAN;
  assert_refused (&f);
  f.settings.reuse_threshold = NAN;
  assert_refused (&f);
  f.settings.allocation = 17;
  assert_refused (&f);
  f.settings.objective = 2;
  assert_refused (&f);
  f.settings.quality = 1e30;
  f.settings.reuse_threshold = -5;
  encode (&f);
  end (&f);
}

/* ---- from frame to frame ---- */

static void
test_keys (void)
{
  Fixture f = begin (128, 96);

  f.settings.key_interval = 5;
  for (guint i = 0; i < 12; i++) {
    encode_scene (&f, i / 4);
    g_assert_cmpint (f.stream->stats.key, ==, i % 5 == 0);
  }
  f.settings.key_interval = 0;
  for (guint i = 0; i < 8; i++) {
    encode_scene (&f, 2);
    g_assert_false (f.stream->stats.key);
  }
  test_stream_frame (f.stream, f.picture, &f.settings, TRUE);
  g_assert_true (f.stream->stats.key);
  encode (&f);
  g_assert_false (f.stream->stats.key);
  test_picture_draw_other_scene (f.picture);
  encode (&f);
  g_assert_true (f.stream->stats.key);
  encode (&f);
  g_assert_false (f.stream->stats.key);
  end (&f);
}

static void
test_static_scene (void)
{
  Fixture f = begin (333, 217);
  g_autofree guint8 *first = NULL;
  guint tokens;

  encode_scene (&f, 5);
  first = g_memdup2 (f.stream->shown->data, f.stream->shown->size);
  tokens = f.stream->stats.tokens;
  for (guint i = 0; i < 8; i++) {
    encode (&f);
    g_assert_cmpuint (f.stream->stats.new_tokens, ==, 0);
    g_assert_cmpuint (f.stream->stats.tokens, ==, tokens);
    g_assert_cmpuint (f.stream->stats.active_patches, ==, 0);
    g_assert_cmpmem (first, f.stream->shown->size, f.stream->shown->data,
        f.stream->shown->size);
  }
  end (&f);
}

/* Without reuse everything is looked at again, and comes out the same. */
static void
test_no_reuse (void)
{
  Fixture f = begin (160, 120);
  guint tokens;

  f.settings.temporal_reuse = FALSE;
  encode_scene (&f, 5);
  tokens = f.stream->stats.tokens;
  encode (&f);
  g_assert_cmpuint (f.stream->stats.active_patches, ==,
      f.stream->stats.patches);
  g_assert_cmpuint (f.stream->stats.tokens, ==, tokens);
  end (&f);
}

/* With noise below the threshold a budget keeps almost all of its tokens. */
static void
test_budget_keeps (void)
{
  Fixture f = begin (256, 192);
  GRand *random = g_rand_new_with_seed (3);
  guint fresh = 0;

  f.settings.target_tokens = 500;
  for (guint i = 0; i < 20; i++) {
    test_picture_draw_scene (f.picture, 4);
    for (gsize k = 0; k < 256 * 192; k++)
      f.picture->data[k] =
          CLAMP (f.picture->data[k] + g_rand_int_range (random, -1, 2), 0, 255);
    encode (&f);
    if (i >= 10)
      fresh += f.stream->stats.new_tokens;
  }
  g_test_message ("%u new tokens in ten frames", fresh);
  g_assert_cmpuint (fresh, <, 10 * 500 / 20);
  g_rand_free (random);
  end (&f);
}

static gdouble
patch_error (const TestPicture * a, const TestPicture * b, guint column,
    guint row)
{
  const guint width = a->frame.width, right = MIN (16 * column + 16, width);
  const guint bottom = MIN (16 * row + 16, a->frame.height);
  guint sum = 0;

  for (guint y = 16 * row; y < bottom; y++) {
    for (guint x = 16 * column; x < right; x++)
      sum += ABS (a->data[y * width + x] - b->data[y * width + x]);
  }
  return sum / (gdouble) ((bottom - 16 * row) * (right - 16 * column));
}

/* A fade too slow to see from frame to frame: pictures stay as near as those of a stream that begins now, at the quality
 * that tokens of cells that often change have at worst (src/lifetime.c). */
static void
test_slow_fade (void)
{
  Fixture f = begin (160, 128);
  AlitraSettings dear = f.settings;
  gdouble worst = 0;

  f.settings.key_interval = 0;
  for (guint i = 0; i < 300; i++) {
    test_picture_draw_scene (f.picture, 3);
    for (gsize k = 0; k < 160 * 128; k++)
      f.picture->data[k] = MIN (f.picture->data[k] + i / 10, 255);
    encode (&f);
    if (i % 10 == 9) {
      TestStream *fresh = test_stream_new (f.model, 160, 128, 1);

      dear.quality = f.settings.quality - 8;
      test_stream_frame (fresh, f.picture, &dear, FALSE);
      for (guint p = 0; p < 80; p++) {
        gdouble d = patch_error (f.picture, f.stream->shown, p % 10, p / 10)
            - patch_error (f.picture, fresh->shown, p % 10, p / 10);

        worst = MAX (worst, d);
      }
      test_stream_free (fresh);
    }
  }
  g_test_message ("a patch is up to %.1f grey levels worse than fresh", worst);
  /* the threshold holds for the frame and for what coarser levels say of it, at each level */
  g_assert_cmpfloat (worst, <=, 4 * f.settings.reuse_threshold);
  end (&f);
}

/* Nobody looks at a frame that is held: a tiny packet, whatever the picture.  Afterwards all is as if it had not come. */
static void
test_hold (void)
{
  Fixture f = begin (320, 240), other = begin (320, 240);

  f.settings.hold = TRUE;
  encode_scene (&f, 0);
  g_assert_true (f.stream->stats.key);  /* there is nothing to keep yet */
  encode_scene (&other, 0);
  for (guint i = 0; i < 3; i++) {
    test_picture_draw_other_scene (f.picture);
    encode (&f);
    g_assert_cmpuint (f.stream->stats.new_tokens, ==, 0);
    g_assert_cmpuint (f.stream->stats.active_patches, ==, 0);
    g_assert_cmpuint (f.stream->stats.kept_patches, ==, 300);
    g_assert_cmpuint (f.stream->packet->len, <=, 41);
  }
  f.settings.hold = FALSE;
  encode_scene (&f, 2);
  encode_scene (&other, 2);
  g_assert_cmpuint (alitra_memory_get_checksum (alitra_tokenizer_get_memory
          (f.stream->tokenizer)), ==,
      alitra_memory_get_checksum (alitra_tokenizer_get_memory
          (other.stream->tokenizer)));
  f.settings.hold = TRUE;
  test_stream_frame (f.stream, f.picture, &f.settings, TRUE);
  g_assert_true (f.stream->stats.key);
  f.settings.key_interval = 1;
  encode_scene (&f, 3);
  g_assert_true (f.stream->stats.key);
  end (&f);
  end (&other);
}

/* What changes in one place takes no tokens away elsewhere; it may leave room for more. */
static void
test_local_change (void)
{
  Fixture f = begin (704, 448);
  guint changed = 0;

  encode_scene (&f, 2);
  encode (&f);
  test_picture_square (f.picture, 352, 224, 24, 250);
  encode (&f);
  for (guint l = 0; l < ALITRA_LEVELS; l++) {
    const gint size = 16 << l;

    for (guint y = 0; y < rows_inside (&f, l); y++) {
      for (guint x = 0; x < columns_inside (&f, l); x++) {
        const AlitraCell cell = cell_at (&f, l, x, y);
        const gboolean far = (gint) (x * size + size) < 352 - 128
            || (gint) (x * size) > 376 + 128
            || (gint) (y * size + size) < 224 - 128
            || (gint) (y * size) > 248 + 128;

        changed += cell.kept < cell.held;
        if (far)
          g_assert_cmpuint (cell.kept, ==, cell.held);
      }
    }
  }
  g_test_message ("%u cells changed", changed);
  g_assert_cmpuint (changed, >, 0);
  end (&f);
}

/* ---- the same bytes, the same bits ---- */

/* Adds what a receiver makes of the packet without its last layers. */
static void
digest_trimmed (GChecksum * sum, Fixture * f, AlitraDetokenizer * receiver,
    guint layers)
{
  TestPicture *shown =
      test_picture_new (ALITRA_PIXEL_I420, f->picture->frame.width,
      f->picture->frame.height, 0, FALSE);
  g_autoptr (GByteArray) trimmed = g_byte_array_new ();
  GError *error = NULL;

  alitra_packet_trim (f->stream->packet->data, f->stream->packet->len, layers,
      trimmed, &error);
  g_assert_no_error (error);
  alitra_detokenizer_decode (receiver, trimmed->data, trimmed->len, &error);
  g_assert_no_error (error);
  alitra_detokenizer_render (receiver, 0, &shown->frame, &error);
  g_assert_no_error (error);
  g_checksum_update (sum, trimmed->data, trimmed->len);
  g_checksum_update (sum, shown->data, shown->size);
  test_picture_free (shown);
}

/* Digest of the packets and pictures, whole and trimmed, of a stream that uses all of the settings. */
static char *
digest_of (guint threads)
{
  Fixture f = begin (333, 217);
  g_autoptr (AlitraDetokenizer) receiver =
      alitra_detokenizer_new (f.model, threads);
  GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);
  char *digest;

  test_stream_free (f.stream);
  f.stream = test_stream_new (f.model, 333, 217, threads);
  for (guint i = 0; i < 40; i++) {
    f.settings.allocation =
        i / 2 % 6 == 4 ? ALITRA_ALLOCATION_UNIFORM : i / 2 % 6 ==
        5 ? ALITRA_ALLOCATION_COMPLEXITY : ALITRA_ALLOCATION_LEARNED;
    f.settings.objective = i % 7 < 2 ? ALITRA_OBJECTIVE_RECOGNITION :
        ALITRA_OBJECTIVE_PICTURE;
    f.settings.target_tokens = i % 24 < 12 ? 0 : 300 + 50 * i;
    f.settings.exact_length = i % 8 > 4;
    f.settings.temporal_reuse = i / 4 % 4 != 3;
    f.settings.reuse_threshold = i < 20 ? 2.5 : 6;
    f.settings.key_interval = i < 20 ? 250 : 9;
    f.settings.refresh_interval = i < 24 ? 0 : 8;
    f.settings.max_new_tokens = i < 32 ? 0 : 200;
    f.settings.max_depth = i % 10 == 9 ? 2 : 0;
    f.settings.hold = i == 30;
    encode_scene (&f, i / 2);
    g_checksum_update (sum, f.stream->packet->data, f.stream->packet->len);
    g_checksum_update (sum, f.stream->shown->data, f.stream->shown->size);
    digest_trimmed (sum, &f, receiver, 1 + i % 3);
  }
  digest = g_strdup (g_checksum_get_string (sum));
  g_checksum_free (sum);
  end (&f);
  return digest;
}

static void
test_same_bytes (void)
{
  g_autofree char *one = digest_of (1);

  if (g_test_subprocess ()) {
    g_print ("%s\n", one);
    return;
  }
  for (guint threads = 2; threads <= 4; threads += 2) {
    g_autofree char *many = digest_of (threads);

    g_assert_cmpstr (many, ==, one);
  }
  /* another process, with the pixel loops that ORC compiles if they were plain C here, and the other way round */
  if (g_strcmp0 (g_getenv ("ORC_CODE"), "backup") == 0)
    g_unsetenv ("ORC_CODE");
  else
    g_setenv ("ORC_CODE", "backup", TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  {
    g_autofree char *pattern = g_strconcat ("*", one, "*", NULL);

    g_test_trap_assert_stdout (pattern);
  }
}

/* Painting only what changed gives what painting everything gives, also when pictures are left out or coarser. */
static void
test_incremental (void)
{
  Fixture f = begin (333, 217);
  g_autoptr (GPtrArray) packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (AlitraDetokenizer) lazy = alitra_detokenizer_new (f.model, 1);
  TestPicture *a = test_picture_new (ALITRA_PIXEL_I420, 333, 217, 0, FALSE);
  TestPicture *b = test_picture_new (ALITRA_PIXEL_I420, 333, 217, 0, FALSE);

  f.settings.key_interval = 7;
  alitra_detokenizer_set_exact (f.stream->detokenizer, TRUE);
  alitra_detokenizer_set_exact (lazy, TRUE);
  for (guint i = 0; i < 16; i++) {
    g_autoptr (AlitraDetokenizer) fresh = alitra_detokenizer_new (f.model, 1);

    alitra_detokenizer_set_exact (fresh, TRUE);
    if (i == 9)
      test_picture_fill (f.picture, 70, 100, 150);
    else
      test_picture_draw_scene (f.picture, i / 2);
    f.settings.target_tokens = i < 8 ? 0 : 40 * i;
    encode (&f);
    g_ptr_array_add (packets, g_bytes_new (f.stream->packet->data,
            f.stream->packet->len));
    for (guint k = 0; k <= i; k++) {
      gsize size;
      const guint8 *data = g_bytes_get_data (packets->pdata[k], &size);

      g_assert_true (alitra_detokenizer_decode (fresh, data, size, NULL));
    }
    g_assert_true (alitra_detokenizer_render (fresh, 0, &a->frame, NULL));
    g_assert_cmpmem (a->data, a->size, f.stream->shown->data, a->size);
    g_assert_true (alitra_detokenizer_decode (lazy, f.stream->packet->data,
            f.stream->packet->len, NULL));
    if (i % 3 == 0)
      continue;
    g_assert_true (alitra_detokenizer_render (lazy, i % 4, &a->frame, NULL));
    g_assert_true (alitra_detokenizer_render (fresh, i % 4, &b->frame, NULL));
    g_assert_cmpmem (a->data, a->size, b->data, b->size);
  }
  test_picture_free (a);
  test_picture_free (b);
  end (&f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tokenizer/exact", test_exact);
  g_test_add_func ("/tokenizer/exact-after-motion", test_exact_after_motion);
  g_test_add_func ("/tokenizer/first-frame-spends", test_first_frame_spends);
  g_test_add_func ("/tokenizer/target-is-kept", test_target_is_kept);
  g_test_add_func ("/tokenizer/idle-cells-wake", test_idle_cells_wake);
  g_test_add_func ("/tokenizer/static-scene-sharpens",
      test_static_scene_sharpens);
  g_test_add_func ("/tokenizer/quality", test_quality);
  g_test_add_func ("/tokenizer/uniform", test_uniform);
  g_test_add_func ("/tokenizer/complexity", test_complexity);
  g_test_add_func ("/tokenizer/recognition", test_recognition);
  g_test_add_func ("/tokenizer/max-depth", test_max_depth);
  g_test_add_func ("/tokenizer/settings-change", test_settings_change);
  g_test_add_func ("/tokenizer/bad-settings", test_bad_settings);
  g_test_add_func ("/tokenizer/keys", test_keys);
  g_test_add_func ("/tokenizer/static-scene", test_static_scene);
  g_test_add_func ("/tokenizer/no-reuse", test_no_reuse);
  g_test_add_func ("/tokenizer/budget-keeps", test_budget_keeps);
  g_test_add_func ("/tokenizer/slow-fade", test_slow_fade);
  g_test_add_func ("/tokenizer/gains", test_gains);
  g_test_add_func ("/tokenizer/hold", test_hold);
  g_test_add_func ("/tokenizer/local-change", test_local_change);
  g_test_add_func ("/tokenizer/same-bytes", test_same_bytes);
  g_test_add_func ("/tokenizer/incremental", test_incremental);
  return g_test_run ();
}
