#!/usr/bin/env python3
"""Labelled pictures -> caches of fixed-length tokens, the rivals of tokenise_labelled.py's:

    tokenise_fixed.py ROOT CACHE --model alitra-base.safetensors [--variants 0 2 3]

scaled: the picture is scaled to as many 16x16 patches as there may be tokens (one more where that is no rectangle near
a square), and each patch gets the token that the coarsest level's first codebook has for it.
random: the same with twice as many patches, of which as many as there may be tokens are drawn at random.
The codebook is the coarsest level's, since it is the one that describes whole pictures and not what is left of them."""
import argparse

import numpy as np
import torch
from PIL import Image

from alitra import labelled
from alitra.classifier import read_safetensors
from alitra.model import LEVELS
from alitra.pictures import Planes, rgb_to_ycc, to_cells
from tokenise_labelled import BUDGETS

# Columns and rows of patches for a number of tokens.  Where two sides that differ by one at most do not multiply to
# it, more: never to the harm of these rows.
GRIDS = {16: (4, 4), 24: (5, 5), 32: (6, 6), 48: (7, 7), 64: (8, 8), 96: (10, 10), 128: (12, 11)}
RANDOM_GRIDS = {16: (6, 6), 24: (7, 7), 32: (8, 8), 48: (10, 10), 64: (12, 11), 96: (14, 14), 128: (16, 16)}
LEVEL = LEVELS - 1
SEARCH = 1024   # patches that are looked up at a time


class Patches:
    """One token for each patch of a picture."""

    def __init__(self, path):
        tensors, settings = read_safetensors(path)
        step = 'levels.%d.steps.0.' % LEVEL
        self.embed = torch.from_numpy(tensors['levels.%d.embed.weight' % LEVEL]) * settings['scale']
        self.into, self.codes = torch.from_numpy(tensors[step + 'into']), torch.from_numpy(tensors[step + 'codes'])

    def __call__(self, pictures, grid):
        size = (16 * grid[0], 16 * grid[1])
        scaled = np.stack([np.asarray(Image.fromarray(p).resize(size, Image.BICUBIC)) for p in pictures])
        rgb = torch.from_numpy(scaled).permute(0, 3, 1, 2).float() / 255
        narrow = to_cells(Planes.from_ycc(rgb_to_ycc(rgb))).flatten(0, 2) @ self.embed.T @ self.into.T
        half = .5 * (self.codes ** 2).sum(1)
        ids = torch.cat([(rows @ self.codes.T - half).argmax(1) for rows in narrow.split(SEARCH)])
        return ids.reshape(len(pictures), -1).numpy().astype(np.uint16)


def choose(count, grid, number, index):
    return np.sort(np.random.default_rng((number, index, 1)).permutation(grid[0] * grid[1])[:count])


def columns_of(ids, grid, kept):
    """ids: pictures, patches; kept: for each picture which of them -> counts and columns of a cache."""
    counts = np.array([len(k) for k in kept], np.uint16)
    at = np.concatenate(kept)
    id_ = np.concatenate([row[k] for row, k in zip(ids, kept)])
    zero = np.zeros(len(at), np.uint8)
    return {'counts': counts, 'id': id_, 'level': zero + LEVEL, 'depth': zero, 'column': zero, 'row': zero,
            'x': ((at % grid[0] + .5) / grid[0]).astype(np.float32), 'y': ((at // grid[0] + .5) / grid[1]).astype(np.float32)}


def tokenise(patches, root, split, number, budgets, folder, part=100):
    paths = labelled.pictures(root, split)[1]
    grids = {'scaled': GRIDS, 'random': RANDOM_GRIDS}
    jobs = [(b, kind) for b in budgets for kind in grids
            if not labelled.cache_name(folder, split, number, b, kind).exists()]
    ids = {job: [] for job in jobs}
    for start in range(0, len(paths) if jobs else 0, part):
        pictures = [labelled.variant(p, number, start + i) for i, p in enumerate(paths[start:start + part])]
        for budget, kind in jobs:
            ids[budget, kind].append(patches(pictures, grids[kind][budget]))
    for budget, kind in jobs:
        grid = grids[kind][budget]
        whole = np.concatenate(ids[budget, kind])
        kept = [np.arange(whole.shape[1]) if kind == 'scaled' else choose(budget, grid, number, i) for i in range(len(whole))]
        with open(labelled.cache_name(folder, split, number, budget, kind), 'wb') as f:
            np.savez(f, **columns_of(whole, grid, kept))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('--model', required=True)
    ap.add_argument('--variants', type=int, nargs='*', default=(0, 2, 3))
    a = ap.parse_args()
    torch.set_num_threads(1)
    patches = Patches(a.model)
    tokenise(patches, a.root, 'val', 0, BUDGETS, a.cache)
    for number in a.variants:
        tokenise(patches, a.root, 'train', number, BUDGETS, a.cache)
        print('variant %d' % number, flush=True)


if __name__ == '__main__':
    main()
