/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TOKENIZER_H
#define ALITRA_TOKENIZER_H

#include <alitra/memory.h>
#include <alitra/model.h>
#include <alitra/packet.h>

G_BEGIN_DECLS

/**
 * AlitraAllocation:
 * @ALITRA_ALLOCATION_LEARNED: the recurrent module decides
 * @ALITRA_ALLOCATION_UNIFORM: the same depth for every cell of a level, with the split between the levels that is best
 *   on average for that number of tokens (control)
 * @ALITRA_ALLOCATION_COMPLEXITY: in proportion to the energy that the cell's level has to describe (control)
 *
 * Who decides how many tokens a cell gets.
 */
typedef enum
{
  ALITRA_ALLOCATION_LEARNED,
  ALITRA_ALLOCATION_UNIFORM,
  ALITRA_ALLOCATION_COMPLEXITY
} AlitraAllocation;

/**
 * AlitraObjective:
 * @ALITRA_OBJECTIVE_PICTURE: the picture that is rebuilt, as people see it
 * @ALITRA_OBJECTIVE_RECOGNITION: what a transformer makes of the tokens: more cells hold some, few hold many; rebuilt
 *   pictures are worse
 *
 * What tokens should help. It matters to %ALITRA_ALLOCATION_LEARNED only.
 */
typedef enum
{
  ALITRA_OBJECTIVE_PICTURE,
  ALITRA_OBJECTIVE_RECOGNITION
} AlitraObjective;

/**
 * AlitraSettings:
 * @target_tokens: tokens that each frame's memory may hold; 0: @quality decides
 * @quality: 0..100, used when @target_tokens is 0: the price of a token falls by half every 10
 * @exact_length: with @target_tokens: spend exactly that many, even where they help little
 * @max_depth: tokens a cell may hold at most; 0: as many as the model can
 * @allocation: who decides
 * @temporal_reuse: unchanged cells keep their tokens
 * @reuse_threshold: mean absolute difference, in grey levels of 0..255, up to which a patch counts as unchanged
 *   against what was last tokenised
 * @key_interval: frames from key frame to key frame at most; 0: only the first
 * @refresh_interval: frames within which every cell is sent anew without needing what was sent before (rolling intra
 *   refresh, for links with loss); packets stay delta packets; 0: off
 * @max_new_tokens: tokens that this packet may bring; what is left undone follows in later frames; key packets too are
 *   held to it; 0: no limit
 * @hold: %TRUE: do not look at the frame: everything is kept, the packet says just that and is tiny. For when there is
 *   no time for more. Ignored when the packet must be a key packet
 * @scalable: coarse cells get tokens whatever the price is, and every packet has all layers, so that packets that are cut
 *   are nearly as good as ones encoded with so many tokens; whole packets are up to 0.3 dB worse for it, small ones larger
 * @objective: what tokens should help
 *
 * Settings of a tokenizer; they may change between any two frames. Fill them in with alitra_settings_init(), or ask
 * for them with alitra_settings_new(), and then change what you want: fields that a later version adds then have
 * values that change nothing, and a program need not be compiled again.
 *
 * Threads: a record without any lock.
 */
typedef struct
{
  guint target_tokens;
  gdouble quality;
  gboolean exact_length;
  guint max_depth;
  AlitraAllocation allocation;
  gboolean temporal_reuse;
  gdouble reuse_threshold;
  guint key_interval;
  guint refresh_interval;
  guint max_new_tokens;
  gboolean hold;
  gboolean scalable;
  AlitraObjective objective;
  /*< private > */
  gpointer reserved[24];
} AlitraSettings;

#define ALITRA_TYPE_SETTINGS (alitra_settings_get_type ())
ALITRA_API GType alitra_settings_get_type (void);

/**
 * alitra_settings_init: (skip)
 * @settings: to be filled in
 *
 * Fills in the defaults: quality 50, learned allocation, reuse of what did not change, a key frame every 250 frames.
 */
ALITRA_API void alitra_settings_init (AlitraSettings * settings);

/**
 * alitra_settings_new:
 *
 * Makes settings with the values of alitra_settings_init().
 *
 * Returns: (transfer full): the settings; free them with alitra_settings_free()
 */
ALITRA_API AlitraSettings *alitra_settings_new (void);

/**
 * alitra_settings_copy:
 * @settings: settings
 *
 * Copies settings.
 *
 * Returns: (transfer full): the copy; free it with alitra_settings_free()
 */
ALITRA_API AlitraSettings *alitra_settings_copy (const AlitraSettings * settings);

/**
 * alitra_settings_free:
 * @settings: (transfer full) (nullable): from alitra_settings_new() or alitra_settings_copy(), or %NULL
 *
 * Frees settings.
 */
ALITRA_API void alitra_settings_free (AlitraSettings * settings);

/**
 * AlitraFrameStats:
 * @key: the packet needs no memory
 * @tokens: tokens that the memory holds after the frame, all levels
 * @kept_tokens: of them, from earlier frames
 * @new_tokens: of them, brought by this packet
 * @bits: size of the packet, side information and header included
 * @patches: 16-cells of the picture
 * @active_patches: of them, those that changed and were analysed
 * @level_tokens: @tokens by level, 16-cells first
 * @price: distortion (squared error of samples 0..1, summed) that a token had to take off to be bought
 * @noise: standard deviation of the noise of the source, in grey levels, as estimated so far
 * @kept_patches: of @patches, those in state %ALITRA_PATCH_KEPT after the frame
 * @sharpened_patches: of @patches, those in state %ALITRA_PATCH_SHARPENED
 * @fresh_patches: of @patches, those in state %ALITRA_PATCH_FRESH
 *
 * What alitra_tokenizer_encode() did with a frame.
 */
typedef struct
{
  gboolean key;
  guint tokens, kept_tokens, new_tokens;
  guint64 bits;
  guint patches, active_patches;
  guint level_tokens[ALITRA_LEVELS];
  gdouble price;
  gdouble noise;
  guint kept_patches, sharpened_patches, fresh_patches;
  /*< private > */
  gpointer reserved[14];
} AlitraFrameStats;

#define ALITRA_TYPE_FRAME_STATS (alitra_frame_stats_get_type ())
ALITRA_API GType alitra_frame_stats_get_type (void);

/**
 * AlitraTokenizer:
 *
 * Turns frames of one stream into packets. Reference counted.
 *
 * Threads: one caller at a time, in any thread; only references may be taken and dropped while another thread uses it.
 */
typedef struct _AlitraTokenizer AlitraTokenizer;

#define ALITRA_TYPE_TOKENIZER (alitra_tokenizer_get_type ())
ALITRA_API GType alitra_tokenizer_get_type (void);

/**
 * alitra_tokenizer_new:
 * @model: weights; the tokenizer takes a reference
 * @info: what the stream is; it is copied
 * @threads: threads to share the work with, the caller's included; 1: the caller's alone; 0: as many as the machine has
 *   cores
 * @error: return location for a #GError, or %NULL
 *
 * Makes a tokenizer, whose first packet will be a key packet. Packets do not depend on @threads.
 *
 * Errors: %ALITRA_ERROR_ARGUMENT for a size, a frame rate or an aspect ratio that the library cannot handle,
 * %ALITRA_ERROR_MODEL_INVALID for a model that can only make pictures.
 *
 * Returns: (transfer full): the tokenizer; drop it with alitra_tokenizer_unref(); %NULL with @error set
 */
ALITRA_API AlitraTokenizer *alitra_tokenizer_new (AlitraModel * model, const AlitraStreamInfo * info, guint threads,
    GError ** error);

/**
 * alitra_tokenizer_ref:
 * @tokenizer: a tokenizer
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @tokenizer; drop it with alitra_tokenizer_unref()
 */
ALITRA_API AlitraTokenizer *alitra_tokenizer_ref (AlitraTokenizer * tokenizer);

/**
 * alitra_tokenizer_unref:
 * @tokenizer: (transfer full) (nullable): a tokenizer, or %NULL
 *
 * Drops a reference; the last one frees the tokenizer.
 */
ALITRA_API void alitra_tokenizer_unref (AlitraTokenizer * tokenizer);

/**
 * alitra_tokenizer_free: (skip)
 * @tokenizer: (transfer full) (nullable): a tokenizer, or %NULL
 *
 * Does what alitra_tokenizer_unref() does, for those who hold the only reference.
 */
ALITRA_API void alitra_tokenizer_free (AlitraTokenizer * tokenizer);

/**
 * alitra_tokenizer_encode: (skip)
 * @tokenizer: a tokenizer
 * @frame: picture of the size of the stream; it is only looked at during the call
 * @settings: (nullable): how to encode this frame; %NULL: as alitra_settings_init() says
 * @force_key: make a key packet
 * @pts: time in nanoseconds that the packet carries, or %ALITRA_PACKET_NO_PTS
 * @packet: a byte array of the caller, emptied, then filled with the packet; reuse it to avoid allocations
 * @stats: (out caller-allocates) (optional): what was done
 * @error: return location for a #GError, or %NULL
 *
 * One frame in, one packet out.
 *
 * Errors: %ALITRA_ERROR_ARGUMENT for a frame of another size than the stream's, of an unknown format or without planes,
 * and for settings that are no numbers. The tokenizer is as it was before then, and @packet is left alone.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
ALITRA_API gboolean alitra_tokenizer_encode (AlitraTokenizer * tokenizer, const AlitraFrame * frame,
    const AlitraSettings * settings, gboolean force_key, guint64 pts, GByteArray * packet, AlitraFrameStats * stats,
    GError ** error);

/**
 * alitra_tokenizer_encode_bytes: (rename-to alitra_tokenizer_encode)
 * @tokenizer: a tokenizer
 * @frame: picture of the size of the stream; it is only looked at during the call
 * @settings: (nullable): how to encode this frame; %NULL: as alitra_settings_init() says
 * @force_key: make a key packet
 * @pts: time in nanoseconds that the packet carries, or %ALITRA_PACKET_NO_PTS
 * @stats: (out caller-allocates) (optional): what was done
 * @error: return location for a #GError, or %NULL
 *
 * As alitra_tokenizer_encode(), for languages other than C. In C it allocates a packet for every frame.
 *
 * Errors: %ALITRA_ERROR_ARGUMENT for a frame of another size than the stream's, of an unknown format or without planes,
 * and for settings that are no numbers. The tokenizer is as it was before then.
 *
 * Returns: (transfer full): the packet; %NULL with @error set
 */
ALITRA_API GBytes *alitra_tokenizer_encode_bytes (AlitraTokenizer * tokenizer, const AlitraFrame * frame,
    const AlitraSettings * settings, gboolean force_key, guint64 pts, AlitraFrameStats * stats, GError ** error);

/**
 * alitra_tokenizer_get_memory: (skip)
 * @tokenizer: a tokenizer
 *
 * Asks for the tokens that a receiver of all packets so far holds, to draw or to export.
 *
 * Returns: (transfer none): the memory after the last packet, valid and unchanged until the next one
 */
ALITRA_API const AlitraMemory *alitra_tokenizer_get_memory (AlitraTokenizer * tokenizer);

/**
 * alitra_tokenizer_get_gain:
 * @tokenizer: a tokenizer
 * @level: 0..%ALITRA_LEVELS-1, 0: the finest
 * @column: of the cell, as in alitra_memory_get_cell()
 * @row: of the cell, as in alitra_memory_get_cell()
 * @gain: (out): what one more token of the cell would take off the distortion, in the unit of the price of
 *   #AlitraFrameStats: squared error of samples 0..1, summed, errors in calm cells, and in those that stand still while
 *   others move, counted more. Predicted when the
 *   cell was last looked at
 *
 * Why a cell holds so many tokens and not more: with @AlitraSettings.quality it gets tokens until this is not above the
 * price.
 *
 * Returns: %FALSE if nothing is predicted: the cell is full, plain (a flat colour or the smooth token) or outside the
 *   picture, or the allocation is not %ALITRA_ALLOCATION_LEARNED
 */
ALITRA_API gboolean alitra_tokenizer_get_gain (AlitraTokenizer * tokenizer, guint level, guint column, guint row,
    gdouble * gain);

/**
 * alitra_tokenizer_dup_memory: (rename-to alitra_tokenizer_get_memory)
 * @tokenizer: a tokenizer
 *
 * Copies the tokens that a receiver of all packets so far holds: alitra_tokenizer_get_memory() for languages other
 * than C.
 *
 * Returns: (transfer full): a copy of the memory after the last packet, to be freed with alitra_memory_free()
 */
ALITRA_API AlitraMemory *alitra_tokenizer_dup_memory (AlitraTokenizer * tokenizer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraSettings, alitra_settings_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraTokenizer, alitra_tokenizer_unref)

G_END_DECLS

#endif
