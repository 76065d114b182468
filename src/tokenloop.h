/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_SRC_TOKENLOOP_H
#define ALITRA_SRC_TOKENLOOP_H

#include "allocator.h"
#include "picture.h"
#include "quantizer.h"

G_BEGIN_DECLS

/* What the receiver holds of a level, and what tokens cost. */
typedef struct
{
  const guint8 *depth;
  const guint16 *tokens;        /* per cell, max_depth */
  gfloat stop;                  /* log2 gain at which a new token is worth its price */
  gfloat slack;                 /* energy that kept tokens alone may leave over beyond what a new search would */
  gfloat bonus;                 /* log2: so much less a held token may gain, where a cell chooses what it keeps */
} AlitraHeldTokens;

/* The recurrent loop of one level: step by step, cells that are worth another token get it.  Its arrays keep what they
 * hold from frame to frame: cells that are not begun again go on where they stopped when the price falls, and give back
 * what the price no longer pays. */
typedef struct
{
  guint level, cells, max_depth;
  gfloat *latents;              /* per cell, model->dim: filled in by the caller before alitra_token_loop_begin() */
  guint8 *depth;                /* tokens that are paid for; may be cut by the caller once the loop has ended */
  guint16 *ids;                 /* per cell, max_depth */
  gfloat *gains;                /* per cell, max_depth: log2 gain of each token, never rising along the prefix */
  gfloat *value;                /* per cell, max_depth: what each token took off, half of `boost` counted in */
  gfloat *boost;                /* per cell: log2 by which its gains count more, set by the caller */
  gfloat held_bonus;            /* log2 by which tokens that the receiver holds count for more, set by the caller */
  gfloat *toll;                 /* per cell: log2 by which new tokens cost more in this frame, set by the caller */
  gfloat deeper;                /* log2 by which each further token of a cell costs more, set by the caller */
  gboolean sparing;             /* cells in which too little is left for their next token are not asked: what they would say
                                 * is not heard by those around, set by the caller */
  guint8 *closed;               /* per cell: its tokens are not the loop's */
  guint8 *idle;                 /* per cell: so little is left of it that it has no latents and is not asked; what is left
                                 * is in `whole` then.  Both set by the caller before alitra_token_loop_begin() */
  gfloat *whole;                /* per cell: energy of `residual` */
  /*< private > */
  guint8 *kept;                 /* per cell: tokens that the receiver holds already */
  gfloat *profile;              /* per cell, max_depth + 1: energy left behind each of the tokens when they were found */
  guint8 *searched;             /* per cell: tokens that `profile` knows */
  gfloat *left;                 /* scratch, likewise: as the cell is now, behind each of the tokens that it holds */
  guint8 *reach;                /* per cell: tokens that were found; what follows them is `residual` */
  guint8 *settled;              /* per cell: the depth that the allocator tells the children */
  guint n;                      /* cells that are not closed, in rising order */
  guint32 *list;
  AlitraModel *model;
  AlitraAllocator *allocator;
  AlitraWorkers *workers;
  AlitraQuantizer *quantizer;
  gfloat *residual;             /* per cell, model->dim */
  gfloat *sums;                 /* per cell, model->dim: scratch */
  gfloat *head, *seen;          /* per cell, before its first token, as alitra_quantizer_look() says */
  gfloat *start, *last, *worst; /* per cell */
  guint8 *known;                /* per cell: 1 + the step that `worst` is a prediction for */
  guint n_open;                 /* scratch: cells of the list that the run is not done with */
  guint32 *open;
  guint32 *some;                /* scratch: a part of the list */
  guint16 *found;               /* scratch: ids of the part */
  gfloat *taken;                /* scratch: gains of the part */
  gfloat *kept_price;           /* scratch: per cell: what a kept token has to be worth, as energy */
  AlitraCellEnergies energies;  /* scratch */
} AlitraTokenLoop;

void alitra_token_loop_init (AlitraTokenLoop * loop, AlitraModel * model, guint level, AlitraGrid grid,
    AlitraAllocator * allocator, AlitraWorkers * workers);
void alitra_token_loop_clear (AlitraTokenLoop * loop);

/* Starts again for the cells of `mask`.  held: NULL: no tokens yet, and the allocator forgets them; else they keep the
 * longest prefix of what the receiver holds that is still worth it, and the allocator's state. */
void alitra_token_loop_begin (AlitraTokenLoop * loop, const guint8 * mask, const AlitraHeldTokens * held);

/* Cells of `mask` that were begun while they were idle have latents now. */
void alitra_token_loop_wake (AlitraTokenLoop * loop, const guint8 * mask);

/* Energy that the tokens which a cell has just kept leave over; of a cell that kept none, of all of it. */
gfloat alitra_token_loop_get_left (const AlitraTokenLoop * loop, guint cell);

/* Gives a cell `n` tokens that were found elsewhere: the loop leaves it alone until it is begun again. */
void alitra_token_loop_close (AlitraTokenLoop * loop, guint cell, guint n, const guint16 * ids, const gfloat * gains);

/* Gives tokens to all cells while the predicted gain is above `stop` (log2) and a cell holds fewer than `most`.  Tokens
 * that the receiver holds stay while their worth is above `kept_stop`.  May be called again with a lower stop: cells go
 * on where they stood. */
void alitra_token_loop_run (AlitraTokenLoop * loop, gfloat stop, gfloat kept_stop, guint most);

/* Gives each cell as many tokens as `want` says, whatever they gain: for the controls. */
void alitra_token_loop_run_to (AlitraTokenLoop * loop, const guint8 * want);

/* The energy that a token has to take off to gain more than `stop` (log2), in a cell that counts for so much more. */
gfloat alitra_token_loop_least (gfloat stop, gfloat boost);

/* So much energy is left of a cell that its next token may gain more than `stop`.  One in twenty that are bought takes off more of
 * it than this believes, for little more than its price: docs/performance.md. */
gboolean alitra_token_loop_may_gain (gfloat stop, gfloat boost, gfloat left);

/* Energy of each cell before its first token, when it was last begun. */
const gfloat *alitra_token_loop_get_start (const AlitraTokenLoop * loop);

/* What a token counts for: its gain, and a bonus if the receiver holds it. */
gfloat alitra_token_loop_worth (const AlitraTokenLoop * loop, guint cell, guint t);

/* Predicted log2 gain of the token that would follow those that the cell holds, its toll taken off. FALSE: none was
 * predicted. */
gboolean alitra_token_loop_get_next (const AlitraTokenLoop * loop, guint cell, gfloat * gain);

/* The loop has ended and depths are final: lets the allocator tell the children. */
void alitra_token_loop_settle (AlitraTokenLoop * loop);

/* The frame has ended: the receiver holds these tokens. */
void alitra_token_loop_keep (AlitraTokenLoop * loop);

G_END_DECLS

#endif
