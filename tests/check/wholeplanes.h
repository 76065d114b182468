/* libalitra: adaptive-length video tokens
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ALITRA_TESTS_WHOLEPLANES_H
#define ALITRA_TESTS_WHOLEPLANES_H

/* Whole pictures at once, where the library works row by row. */

#include "analysis.h"
#include "planes.h"

/* The samples of one cell: the way back of alitra_planes_get_cell(). */
void test_planes_set_cell (AlitraPlanes * planes, guint column, guint row, const float *samples);

/* to: half the size of `from`; only cells where `mask` is not zero are written; NULL: all. */
void test_planes_halve (AlitraPlanes * to, const AlitraPlanes * from, const guint8 * mask);
void test_planes_subtract (AlitraPlanes * from, const AlitraPlanes * what);

/* active, latents: as in alitra_analysis_begin(). */
void test_analysis_run (AlitraAnalysis * analysis, const AlitraPlanes * planes, const guint8 * active,
    float *latents);

#endif
