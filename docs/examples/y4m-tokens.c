/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A film to tokens and back, without GStreamer:  y4m-tokens FILM.y4m FILM.alitra, y4m-tokens FILM.alitra FILM.y4m
 *
 *   cc y4m-tokens.c $(pkg-config --cflags --libs alitra-1.0) -o y4m-tokens */
#include <alitra/alitra.h>
#include <stdio.h>

/* Frames from alitra_frame_new() have no gaps, as those of Y4M: the bytes of one. */
static gsize
frame_size (guint width, guint height)
{
  return width * height + (width + 1) / 2 * ((height + 1) / 2) * 2;
}

static gboolean
encode (FILE * in, FILE * out, AlitraModel * model, GError ** error)
{
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  g_autoptr (AlitraTokenizer) tokenizer = NULL;
  g_autoptr (AlitraFrame) frame = NULL;
  AlitraStreamInfo info;
  gchar line[256] = "";

  alitra_stream_info_init (&info, 0, 0);
  if (!fgets (line, sizeof line, in) || !g_strrstr (line, " C420")
      || g_strrstr (line, "p1") || sscanf (line, "YUV4MPEG2 W%u H%u F%u:%u",
          &info.width, &info.height, &info.fps_n, &info.fps_d) != 4) {
    g_set_error_literal (error, ALITRA_ERROR, ALITRA_ERROR_ARGUMENT,
        "Expected a Y4M film of 4:2:0, 8 bits: ffmpeg -pix_fmt yuv420p");
    return FALSE;
  }
  frame = alitra_frame_new (ALITRA_PIXEL_I420, FALSE, info.width, info.height,
      error);
  if (!frame || !(tokenizer = alitra_tokenizer_new (model, &info, 0, error)))
    return FALSE;
  while (fgets (line, sizeof line, in) && g_str_has_prefix (line, "FRAME")
      && fread (frame->data[0], frame_size (info.width, info.height), 1, in)) {
    if (!alitra_tokenizer_encode (tokenizer, frame, NULL, FALSE,
            ALITRA_PACKET_NO_PTS, packet, NULL, error))
      return FALSE;
    fwrite (packet->data, packet->len, 1, out);
  }
  return TRUE;
}

static gboolean
decode (FILE * in, FILE * out, AlitraModel * model, GError ** error)
{
  g_autoptr (AlitraDetokenizer) detokenizer = alitra_detokenizer_new (model, 0);
  g_autoptr (AlitraFrame) frame = NULL;
  g_autoptr (GMappedFile) file =
      g_mapped_file_new_from_fd (fileno (in), FALSE, error);
  const guint8 *data = file ? (guint8 *) g_mapped_file_get_contents (file) : 0;
  gsize size = file ? g_mapped_file_get_length (file) : 0;

  while (size > 0) {
    AlitraPacketInfo packet = { 0 };
    const AlitraStreamInfo *info = &packet.stream;

    /* Packets say how long they are; the decoder finds out what is damaged. */
    alitra_packet_read_info (data, size, &packet);
    packet.size = packet.size ? MIN (packet.size, size) : size;
    if (!alitra_detokenizer_decode (detokenizer, data, packet.size, error))
      return FALSE;
    if (!frame) {               /* the first packet says what the stream is */
      fprintf (out, "YUV4MPEG2 W%u H%u F%u:%u C420\n", info->width,
          info->height, MAX (info->fps_n, 1), info->fps_d);
      frame = alitra_frame_new (ALITRA_PIXEL_I420, FALSE, info->width,
          info->height, error);
    }
    if (!frame || !alitra_detokenizer_render (detokenizer, 0, frame, error))
      return FALSE;
    fputs ("FRAME\n", out);
    fwrite (frame->data[0], frame_size (frame->width, frame->height), 1, out);
    data += packet.size, size -= packet.size;
  }
  return file != NULL;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AlitraModel) model = alitra_model_load (NULL, &error);
  FILE *in = argc == 3 ? fopen (argv[1], "rb") : NULL;
  FILE *out = in ? fopen (argv[2], "wb") : NULL;
  gboolean fine = FALSE;

  if (!out)
    g_printerr ("y4m-tokens FILM.y4m FILM.alitra, or the other way round\n");
  else if (model)
    fine = (g_str_has_suffix (argv[2], ".y4m") ? decode : encode) (in, out,
        model, &error);
  if (error)
    g_printerr ("%s\n", error->message);
  return !fine || fclose (out) != 0;
}
