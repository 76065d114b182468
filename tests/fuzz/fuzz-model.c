/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <alitra/alitra.h>
#include <string.h>

/* A libFuzzer target: a model file from anywhere. One that loads must tokenise a small picture, or say why not, and
 * what it made must read again. */

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

#define WIDTH 40
#define HEIGHT 70

/* g_assert is off in some builds, a fuzzer needs it always. */
static void
demand (gboolean holds, const gchar * what)
{
  if (!holds)
    g_error ("%s", what);
}

static void
make_frame (guint8 samples[WIDTH * HEIGHT * 3 / 2], AlitraFrame * frame)
{
  for (guint i = 0; i < WIDTH * HEIGHT * 3 / 2; i++)
    samples[i] = i * i >> 4;
  *frame = (AlitraFrame) {
    ALITRA_PIXEL_I420, TRUE, WIDTH, HEIGHT, {
    samples, samples + WIDTH * HEIGHT, samples + WIDTH * HEIGHT * 5 / 4}
    , {
    WIDTH, WIDTH / 2, WIDTH / 2}
  };
}

static void
use_model (AlitraModel * model)
{
  const AlitraStreamInfo info = { WIDTH, HEIGHT, 25, 1, 1, 1, {1, 2, 2, 2} };
  g_autoptr (AlitraTokenizer) tokenizer =
      alitra_tokenizer_new (model, &info, 1, NULL);
  g_autoptr (AlitraDetokenizer) detokenizer = NULL;
  g_autoptr (GByteArray) packet = NULL;
  guint8 samples[WIDTH * HEIGHT * 3 / 2];
  AlitraSettings settings;
  AlitraFrame frame;

  if (!tokenizer)
    return;
  detokenizer = alitra_detokenizer_new (model, 1);
  packet = g_byte_array_new ();
  alitra_settings_init (&settings);
  for (guint i = 0; i < 2; i++) {
    make_frame (samples, &frame);
    settings.target_tokens = 40 * i;
    demand (alitra_tokenizer_encode (tokenizer, &frame, &settings, FALSE, 0,
            packet, NULL, NULL), "a model that loads cannot tokenise");
    demand (alitra_detokenizer_decode (detokenizer, packet->data, packet->len,
            NULL),
        "a packet cannot be read by the model that it was made with");
    demand (alitra_detokenizer_render (detokenizer, 0, &frame, NULL),
        "a memory cannot be shown");
  }
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (AlitraModel) model = alitra_model_load_bytes (bytes, &error);

  demand ((model == NULL) == (error != NULL),
      "a model that cannot be loaded has no error, or one that can has one");
  if (model)
    use_model (model);
  return 0;
}
