/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_GENERATOR_H
#define ALITRA_GENERATOR_H

#include <alitra/memory.h>
#include <alitra/model.h>
#include <alitra/packet.h>

G_BEGIN_DECLS

/**
 * ALITRA_GENERATOR_TILE:
 *
 * Side of the pictures that a generator makes, in samples; larger frames are several of them side by side.
 */
#define ALITRA_GENERATOR_TILE 128
/**
 * ALITRA_GENERATOR_MAX_SIZE:
 *
 * Width and height of the frames that a generator makes, at most.
 */
#define ALITRA_GENERATOR_MAX_SIZE 1024

/**
 * AlitraGeneration:
 * @label: number of what the picture shall show, below alitra_generator_get_count(); -1: anything
 * @seed: the same seed gives the same picture
 * @tokens: a picture of 128x128 gets about so many tokens, and never more; 0: as many as the generator can
 * @steps: in so many steps the cells of a level are drawn, at least 1; more: better pictures and more time
 * @temperature: 1: tokens are drawn as often as the generator thinks right; less: likelier ones; 0: always the likeliest
 * @guidance: how much more the picture is drawn towards @label, at twice the time; 0: not more
 * @keep: part of the cells, 0..1, that stay as they were in the frame before; the others are drawn anew to fit to them
 *
 * What a generator shall make. Fill it in with alitra_generation_init(), or ask for one with alitra_generation_new(), and
 * then change what you want: fields that a later version adds then have values that change nothing.
 *
 * Threads: a record without any lock.
 */
typedef struct
{
  gint label;
  guint64 seed;
  guint tokens;
  guint steps;
  gdouble temperature;
  gdouble guidance;
  gdouble keep;
  /*< private > */
  gpointer reserved[8];
} AlitraGeneration;

#define ALITRA_TYPE_GENERATION (alitra_generation_get_type ())
ALITRA_API GType alitra_generation_get_type (void);

/**
 * alitra_generation_init: (skip)
 * @generation: to be filled in
 *
 * Fills in the defaults: anything, seed 0, as many tokens as the generator can, 8 steps, temperature 1, no guidance,
 * nothing kept.
 */
ALITRA_API void alitra_generation_init (AlitraGeneration * generation);

/**
 * alitra_generation_new:
 *
 * Makes a record with the values of alitra_generation_init().
 *
 * Returns: (transfer full): the record; free it with alitra_generation_free()
 */
ALITRA_API AlitraGeneration *alitra_generation_new (void);

/**
 * alitra_generation_copy:
 * @generation: a record
 *
 * Copies a record.
 *
 * Returns: (transfer full): the copy; free it with alitra_generation_free()
 */
ALITRA_API AlitraGeneration *alitra_generation_copy (const AlitraGeneration * generation);

/**
 * alitra_generation_free:
 * @generation: (transfer full) (nullable): from alitra_generation_new() or alitra_generation_copy(), or %NULL
 *
 * Frees a record.
 */
ALITRA_API void alitra_generation_free (AlitraGeneration * generation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraGeneration, alitra_generation_free)

/**
 * AlitraGenerator:
 *
 * A transformer that makes frames of tokens: how deep each cell is, and which tokens it holds. Reference counted.
 *
 * Threads: one caller at a time, in any thread; only references may be taken and dropped while another thread uses it.
 */
typedef struct _AlitraGenerator AlitraGenerator;

#define ALITRA_TYPE_GENERATOR (alitra_generator_get_type ())
ALITRA_API GType alitra_generator_get_type (void);

/**
 * alitra_generator_new:
 * @path: (nullable): a .safetensors file; %NULL or "": the installed default, alitra-generate.safetensors, looked for as
 *   alitra_model_load() does
 * @model: the model whose tokens it shall make; the generator takes a reference
 * @threads: threads to share the work with, as in alitra_tokenizer_new(); frames do not depend on it
 * @error: return location for a #GError, or %NULL
 *
 * Reads a generator from a file.
 *
 * Errors: %ALITRA_ERROR_MODEL_NOT_FOUND when there is no such file or it cannot be read, %ALITRA_ERROR_MODEL_INVALID
 * when it is damaged, foreign or of another version, %ALITRA_ERROR_MODEL_MISMATCH when it was trained on the tokens of
 * another model.
 *
 * Returns: (transfer full): the generator; drop it with alitra_generator_unref(); %NULL with @error set
 */
ALITRA_API AlitraGenerator *alitra_generator_new (const gchar * path, AlitraModel * model, guint threads,
    GError ** error);

/**
 * alitra_generator_new_from_bytes: (constructor)
 * @bytes: the contents of a .safetensors file; they may be freed afterwards
 * @model: the model whose tokens it shall make; the generator takes a reference
 * @threads: threads to share the work with, as in alitra_tokenizer_new(); frames do not depend on it
 * @error: return location for a #GError, or %NULL
 *
 * Reads a generator from memory.
 *
 * Errors: %ALITRA_ERROR_MODEL_INVALID when the bytes are damaged, foreign or of another version,
 * %ALITRA_ERROR_MODEL_MISMATCH when it was trained on the tokens of another model.
 *
 * Returns: (transfer full): the generator; drop it with alitra_generator_unref(); %NULL with @error set
 */
ALITRA_API AlitraGenerator *alitra_generator_new_from_bytes (GBytes * bytes, AlitraModel * model, guint threads,
    GError ** error);

/**
 * alitra_generator_ref:
 * @generator: a generator
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @generator; drop it with alitra_generator_unref()
 */
ALITRA_API AlitraGenerator *alitra_generator_ref (AlitraGenerator * generator);

/**
 * alitra_generator_unref:
 * @generator: (transfer full) (nullable): a generator, or %NULL
 *
 * Drops a reference; the last one frees the generator.
 */
ALITRA_API void alitra_generator_unref (AlitraGenerator * generator);

/**
 * alitra_generator_get_id:
 * @generator: a generator
 *
 * Asks how the generator is called.
 *
 * Returns: (transfer none): the name in its file, and in hexadecimal the first 32 bits of the SHA-256 of the whole file
 */
ALITRA_API const gchar *alitra_generator_get_id (AlitraGenerator * generator);

/**
 * alitra_generator_get_count:
 * @generator: a generator
 *
 * Asks how many things it knows.
 *
 * Returns: the number of labels
 */
ALITRA_API guint alitra_generator_get_count (AlitraGenerator * generator);

/**
 * alitra_generator_get_label:
 * @generator: a generator
 * @index: below alitra_generator_get_count()
 *
 * Asks what it calls a thing.
 *
 * Returns: (transfer none): the label
 */
ALITRA_API const gchar *alitra_generator_get_label (AlitraGenerator * generator, guint index);

/**
 * alitra_generator_find_label:
 * @generator: a generator
 * @label: a word, upper or lower case
 *
 * Looks a label up.
 *
 * Returns: its number, or -1
 */
ALITRA_API gint alitra_generator_find_label (AlitraGenerator * generator, const gchar * label);

/**
 * alitra_generator_get_tokens:
 * @generator: a generator
 * @least: (out) (optional): the fewest
 * @most: (out) (optional): the most
 *
 * Asks how many tokens a picture of 128x128 may get.
 */
ALITRA_API void alitra_generator_get_tokens (AlitraGenerator * generator, guint * least, guint * most);

/**
 * alitra_generator_set_stream:
 * @generator: a generator
 * @info: what the stream is; it is copied. Width and height must be multiples of %ALITRA_GENERATOR_TILE up to
 *   %ALITRA_GENERATOR_MAX_SIZE; each tile is a picture of its own
 * @error: return location for a #GError, or %NULL
 *
 * Begins a stream: the next frame is a key frame and number 0.
 *
 * Errors: %ALITRA_ERROR_ARGUMENT for a size, a frame rate or an aspect ratio that the library cannot handle.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
ALITRA_API gboolean alitra_generator_set_stream (AlitraGenerator * generator, const AlitraStreamInfo * info,
    GError ** error);

/**
 * alitra_generator_run: (skip)
 * @generator: a generator whose stream is set
 * @generation: what to make
 * @pts: time of the frame in nanoseconds, or %ALITRA_PACKET_NO_PTS
 * @packet: a byte array that is emptied and then filled with one packet
 * @error: return location for a #GError, or %NULL
 *
 * Makes the next frame. It is a key frame, unless @generation keeps cells of the frame before.
 *
 * Errors: %ALITRA_ERROR_ARGUMENT for a record with numbers out of range, %ALITRA_ERROR_MODEL_INVALID if the weights are
 * such that the numbers overflow; the next frame is a key frame then.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
ALITRA_API gboolean alitra_generator_run (AlitraGenerator * generator, const AlitraGeneration * generation,
    guint64 pts, GByteArray * packet, GError ** error);

/**
 * alitra_generator_run_bytes: (rename-to alitra_generator_run)
 * @generator: a generator whose stream is set
 * @generation: what to make
 * @pts: time of the frame in nanoseconds, or %ALITRA_PACKET_NO_PTS
 * @error: return location for a #GError, or %NULL
 *
 * As alitra_generator_run(), for languages other than C.
 *
 * Errors: %ALITRA_ERROR_ARGUMENT for a record with numbers out of range, %ALITRA_ERROR_MODEL_INVALID if the weights are
 * such that the numbers overflow; the next frame is a key frame then.
 *
 * Returns: (transfer full): one packet; %NULL with @error set
 */
ALITRA_API GBytes *alitra_generator_run_bytes (AlitraGenerator * generator, const AlitraGeneration * generation,
    guint64 pts, GError ** error);

/**
 * alitra_generator_get_memory: (skip)
 * @generator: a generator
 *
 * Asks for the tokens of the last frame.
 *
 * Returns: (transfer none) (nullable): the memory, valid and unchanged until the next frame; %NULL before a stream is set
 */
ALITRA_API const AlitraMemory *alitra_generator_get_memory (AlitraGenerator * generator);

/**
 * alitra_generator_dup_memory: (rename-to alitra_generator_get_memory)
 * @generator: a generator
 *
 * Copies the tokens of the last frame: alitra_generator_get_memory() for languages other than C.
 *
 * Returns: (transfer full) (nullable): a copy of the memory, to be freed with alitra_memory_free(); %NULL before a stream
 *   is set
 */
ALITRA_API AlitraMemory *alitra_generator_dup_memory (AlitraGenerator * generator);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlitraGenerator, alitra_generator_unref)

G_END_DECLS

#endif
