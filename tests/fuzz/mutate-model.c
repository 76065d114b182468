/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

/* Drives the fuzz target of the model reader without a fuzzer: a sound file, its only argument, damaged in ways drawn
 * from a fixed seed. */

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

#define ROUNDS 1500

/* What JSON of a header may be damaged with. */
static const char *const words[] =
    { "{", "}", "[", "]", ",", "\"", "\\u0000", "-1", "1e999",
  "18446744073709551616",
  "null", "F64", "__metadata__", "\377"
};

static void
damage_header (GByteArray * bytes, gsize header, GRand * random)
{
  const char *word = words[g_rand_int_range (random, 0, G_N_ELEMENTS (words))];
  const gsize at = g_rand_int_range (random, 8, header);

  memcpy (bytes->data + at, word, MIN (strlen (word), bytes->len - at));
}

static void
damage (GByteArray * bytes, gsize header, GRand * random)
{
  gsize at = g_rand_int_range (random, 0,
      g_rand_boolean (random) ? header : bytes->len);

  switch (g_rand_int_range (random, 0, 5)) {
    case 0:
      bytes->data[at] ^= 1 << g_rand_int_range (random, 0, 8);
      break;
    case 1:
      bytes->data[at] = g_rand_int_range (random, 0, 256);
      break;
    case 2:
      bytes->data[g_rand_int_range (random, 0, 8)] =
          g_rand_int_range (random, 0, 256);
      break;
    case 3:
      damage_header (bytes, header, random);
      break;
    case 4:
      if (g_rand_int_range (random, 0, 10) == 0)
        g_byte_array_set_size (bytes, MAX (at, header + 1));
      break;
  }
}

int
main (int argc, char **argv)
{
  GRand *random = g_rand_new_with_seed (31);
  GByteArray *bytes = g_byte_array_new ();
  g_autofree char *data = NULL;
  gsize size, header;

  if (argc != 2 || !g_file_get_contents (argv[1], &data, &size, NULL)
      || size < 16) {
    g_printerr ("Expected a model file as the only argument\n");
    return 1;
  }
  header =
      8 + ((guint8) data[0] | (guint8) data[1] << 8 | (guint8) data[2] << 16);
  if (header >= size) {
    g_printerr ("Expected a whole model file, got a header of %" G_GSIZE_FORMAT
        " bytes in a file of %" G_GSIZE_FORMAT "\n", header, size);
    return 1;
  }
  LLVMFuzzerTestOneInput ((guint8 *) data, size);
  for (guint i = 0; i < ROUNDS; i++) {
    g_byte_array_set_size (bytes, 0);
    g_byte_array_append (bytes, (guint8 *) data, size);
    for (guint times = g_rand_int_range (random, 1, 6); times > 0; times--)
      damage (bytes, header, random);
    LLVMFuzzerTestOneInput (bytes->data, bytes->len);
  }
  g_byte_array_unref (bytes);
  g_rand_free (random);
  return 0;
}
