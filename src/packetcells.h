/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_PACKETCELLS_H
#define ALITRA_SRC_PACKETCELLS_H

#include "rangecoder.h"
#include "vocabulary.h"

G_BEGIN_DECLS

/* What the payload of a packet says of one level. */
typedef struct
{
  guint columns, rows, max_depth;
  guint8 *changed;
  guint8 *keep;                 /* of changed cells */
  guint8 *reached;              /* depth of changed cells so far */
  guint16 *tokens;              /* columns * rows * max_depth; those from keep to reached are meant */
  const guint8 *target;         /* writing: depth of each cell at the end of the layer */
} AlitraPacketGrid;

/* Where contexts differ: the first layer with tokens of a level expects other counts in key than in delta packets. */
typedef enum
{
  ALITRA_PACKET_LAYER_KEY,
  ALITRA_PACKET_LAYER_DELTA,
  ALITRA_PACKET_LAYER_FURTHER
} AlitraPacketLayerMode;

/* Places in a cell that its next token may have: see more_context(). */
#define ALITRA_PACKET_MORE 8

/* The symbols of chunks (section 3 of docs/token-stream.md). One walk over the cells serves writing and reading, so
 * that the two cannot come to differ. */
typedef struct
{
  AlitraVocabulary vocabulary;
  AlitraPacketGrid grid[ALITRA_LEVELS];
  gboolean reading;
  AlitraRangeEncoder encoder;
  AlitraRangeDecoder decoder;
  guint tokens;                 /* that the chunk brought */

  AlitraContext changed[ALITRA_LEVELS][3][2];
  AlitraContext keep[ALITRA_LEVELS][4][3];
  AlitraContext more[ALITRA_PACKET_MORE][5][4]; /* of the level that is being walked, and its mode */
  AlitraPacketLayerMode mode;   /* of that level */
  AlitraContext more_flat;
  AlitraContext flat[2];
  AlitraContext smooth[3];      /* of the level that is being walked */
} AlitraPacketCells;

/* What a layer brings to each slice. */
typedef struct
{
  gboolean map;                 /* what the cells of all levels keep */
  guint levels;                 /* bit l: tokens of level l */
  AlitraPacketLayerMode mode[ALITRA_LEVELS];    /* of the levels that it has */
} AlitraPacketLayer;

void alitra_packet_cells_write (AlitraPacketCells * cells, guint slice, const AlitraPacketLayer * layer,
    GByteArray * out);
/* FALSE: the bytes are not those of a chunk. */
gboolean alitra_packet_cells_read (AlitraPacketCells * cells, guint slice, const AlitraPacketLayer * layer,
    const guint8 * data, gsize size);

G_END_DECLS

#endif
