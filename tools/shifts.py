#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Would tokens that move with the picture, by whole cells, be kept more often?

A token describes a cell where it is, so tokens could only move by whole cells: by multiples of 16, 32 or 64 pixels. Counts
the patches that changed since the frame before, and those of them that a shift of their 16-cell would have kept: an upper
bound, since the parents would have to shift as well, and shifts would have to be sent. Needs numpy and ffmpeg."""
import argparse
from pathlib import Path

import numpy as np

from clipreader import Clip
from roundtrip import DATA, give_up, split_i420

PATCH = 16
THRESHOLD = 2.5                 # mean absolute difference up to which a patch is kept
REACH = 4                       # patches in each direction


def differences(now, before, dx, dy):
    """Mean absolute difference of each patch and the one of the frame before that lies dx, dy patches away; infinite
    beyond the border."""
    rows, columns = now.shape[0] // PATCH, now.shape[1] // PATCH
    result = np.full((rows, columns), np.inf, np.float32)
    top, bottom, left, right = max(0, -dy), min(rows, rows - dy), max(0, -dx), min(columns, columns - dx)
    a = now[top * PATCH:bottom * PATCH, left * PATCH:right * PATCH]
    b = before[(top + dy) * PATCH:(bottom + dy) * PATCH, (left + dx) * PATCH:(right + dx) * PATCH]
    d = np.abs(a - b).reshape(bottom - top, PATCH, right - left, PATCH).mean((1, 3))
    result[top:bottom, left:right] = d
    return result


def measure(clip):
    """Shares of all patches: changed; changed and found elsewhere; changed and found at the one shift that is best for
    the whole frame."""
    luma = split_i420(clip.bytes, clip.width, clip.height)[0].astype(np.float32)
    changed = found = together = total = 0
    for before, now in zip(luma, luma[1:]):
        here = differences(now, before, 0, 0) > THRESHOLD
        best = np.zeros_like(here)
        most = 0
        for dy in range(-REACH, REACH + 1):
            for dx in range(-REACH, REACH + 1):
                if (dx, dy) != (0, 0):
                    match = here & (differences(now, before, dx, dy) <= THRESHOLD)
                    best |= match
                    most = max(most, int(match.sum()))
        total += here.size
        changed += int(here.sum())
        found += int(best.sum())
        together += most
    return changed / total, found / total, together / total


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('clips', nargs='*', help='files; default: all of --folder')
    parser.add_argument('--folder', default=str(DATA / 'clips'), help='default: %(default)s')
    parser.add_argument('--frames', type=int, default=10, help='of each clip, from its start; default: %(default)s')
    options = parser.parse_args()
    files = [Path(name) for name in options.clips] or sorted(Path(options.folder).glob('*.mp4'))
    if not files or options.frames < 2:
        give_up('expected clips (.mp4) in %s and at least 2 frames' % options.folder)
    print('| clip | changed patches | of them kept by a shift of their own | by one shift of the frame |')
    print('|---|---|---|---|')
    for path in files:
        changed, found, together = measure(Clip(path, options.frames))
        share = 100 / changed if changed else 0.
        print('| %s | %.1f %% | %.1f %% | %.1f %% |' % (path.stem, 100 * changed, share * found, share * together),
              flush=True)


if __name__ == '__main__':
    main()
