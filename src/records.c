/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Records of plain numbers: their defaults, and their types for languages other than C. */
#include <alitra/detokenizer.h>
#include <alitra/generator.h>
#include <alitra/packet.h>
#include <alitra/tokenizer.h>

#include <string.h>

#define DEFINE_RECORD(Name, name)                                     \
  static gpointer                                                     \
  name##_dup (gpointer record)                                        \
  {                                                                   \
    return g_memdup2 (record, sizeof (Name));                         \
  }                                                                   \
  G_DEFINE_BOXED_TYPE (Name, name, name##_dup, g_free)

/* *INDENT-OFF* */
DEFINE_RECORD (AlitraFrameStats, alitra_frame_stats)
DEFINE_RECORD (AlitraLoss, alitra_loss)
DEFINE_RECORD (AlitraPacketInfo, alitra_packet_info)
DEFINE_RECORD (AlitraPacketLayout, alitra_packet_layout)
G_DEFINE_BOXED_TYPE (AlitraGeneration, alitra_generation, alitra_generation_copy, alitra_generation_free)
G_DEFINE_BOXED_TYPE (AlitraSettings, alitra_settings, alitra_settings_copy, alitra_settings_free)
G_DEFINE_BOXED_TYPE (AlitraStreamInfo, alitra_stream_info, alitra_stream_info_copy, alitra_stream_info_free)
/* *INDENT-ON* */

void
alitra_stream_info_init (AlitraStreamInfo * info, guint width, guint height)
{
  g_return_if_fail (info);

  *info = (AlitraStreamInfo) {
    width, height, 0, 1, 1, 1, {
    0, 2, 2, 2}
  };
}

AlitraStreamInfo *
alitra_stream_info_new (guint width, guint height)
{
  AlitraStreamInfo *info = g_new (AlitraStreamInfo, 1);

  alitra_stream_info_init (info, width, height);
  return info;
}

void
alitra_stream_info_set_colour (AlitraStreamInfo * info, guint8 range,
    guint8 matrix, guint8 transfer, guint8 primaries)
{
  g_return_if_fail (info);

  info->colour[0] = range;
  info->colour[1] = matrix;
  info->colour[2] = transfer;
  info->colour[3] = primaries;
}

AlitraStreamInfo *
alitra_stream_info_copy (const AlitraStreamInfo * info)
{
  g_return_val_if_fail (info, NULL);
  return g_memdup2 (info, sizeof *info);
}

void
alitra_stream_info_free (AlitraStreamInfo * info)
{
  g_free (info);
}

void
alitra_settings_init (AlitraSettings * settings)
{
  g_return_if_fail (settings);

  memset (settings, 0, sizeof (*settings));
  settings->quality = 50.;
  settings->temporal_reuse = TRUE;
  settings->reuse_threshold = 2.5;
  settings->key_interval = 250;
}

AlitraSettings *
alitra_settings_new (void)
{
  AlitraSettings *settings = g_new (AlitraSettings, 1);

  alitra_settings_init (settings);
  return settings;
}

AlitraSettings *
alitra_settings_copy (const AlitraSettings * settings)
{
  g_return_val_if_fail (settings, NULL);
  return g_memdup2 (settings, sizeof *settings);
}

void
alitra_settings_free (AlitraSettings * settings)
{
  g_free (settings);
}

void
alitra_generation_init (AlitraGeneration * generation)
{
  g_return_if_fail (generation);

  memset (generation, 0, sizeof (*generation));
  generation->label = -1;
  generation->steps = 8;
  generation->temperature = 1.;
}

AlitraGeneration *
alitra_generation_new (void)
{
  AlitraGeneration *generation = g_new (AlitraGeneration, 1);

  alitra_generation_init (generation);
  return generation;
}

AlitraGeneration *
alitra_generation_copy (const AlitraGeneration * generation)
{
  g_return_val_if_fail (generation, NULL);
  return g_memdup2 (generation, sizeof *generation);
}

void
alitra_generation_free (AlitraGeneration * generation)
{
  g_free (generation);
}
