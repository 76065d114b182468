#!/usr/bin/env python3
"""Learns how likely the codes of a model file are, for the entropy coder, and writes the file anew with these tables:

    train_ids.py PHOTOS MODEL.safetensors OUT.safetensors [--work FOLDER] [--tokens PROGRAM]

Crops of the photographs become tokens at several budgets, with the program alitra-tokens and MODEL.  For each step of each
level: the class of a code (CLASSES equal parts of its vocabulary, similar codes lie together) by logistic regression on the
classes of the tokens at the left, above and before it, rounded to eighths of an octave; within a class each code by how
often it comes.  Every tenth crop is kept to say what that saves.  docs/token-stream.md says what the tables mean."""
import argparse
import json
import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import torch

from alitra.cluster import CLASSES
from alitra.labelled import parse
from alitra.pictures import Crops, load_photos
from export import save

NONE, UNKNOWN, KNOWN = CLASSES, CLASSES + 1, CLASSES + 2
NEAR = 3                    # left, above, before
LEVELS, SIDE = 3, 256
BUDGETS = (100, 256, 512, 1024)
HIDE = .1                   # part of the tokens near by that are taken for unknown, as most are between frames
RIDGE = 2.                  # of all numbers of a row, in tokens
PRIOR = 2.                  # tokens that each code is taken to have come besides those that did
MOST_WEIGHT = 255
FEWEST = 200                # tokens of a step to learn from


def read(path):
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        data = file.read()
    metadata = header.pop('__metadata__')
    tensors = {}
    for name, t in header.items():
        begin, end = t['data_offsets']
        kind = {'F16': '<f2', 'F32': '<f4'}[t['dtype']]
        tensors[name] = np.frombuffer(data[begin:end], kind).reshape(t['shape'])
    return tensors, metadata


def tokens_of(crops, program, model, work):
    """-> for each budget id, level, depth, column, row and picture of all tokens."""
    path = Path(work) / 'ids.tok'
    if not path.exists() or path.stat().st_mtime < Path(model).stat().st_mtime:
        command = [program, '--width=%d' % SIDE, '--height=%d' % SIDE, '--model=%s' % model, '--output=%s.tmp' % path,
                   '--tokens=' + ','.join(map(str, BUDGETS))]
        subprocess.run(command, input=crops.tobytes(), check=True)
        os.replace('%s.tmp' % path, path)
    for counts, columns in parse(np.fromfile(path, np.uint8), len(crops), len(BUDGETS)):
        yield dict(columns, picture=np.repeat(np.arange(len(crops)), counts))


def grids_of(tokens, pictures, depth, codes):
    """-> for each level: ids, pictures x rows x columns x steps; -1: no token, or none that is learned."""
    grids = []
    for level in range(LEVELS):
        side = SIDE >> (4 + level)
        grid = np.full((pictures, side, side, depth[level]), -1)
        which = (tokens['level'] == level) & (tokens['id'] < codes[level])
        place = (tokens[n][which].astype(int) for n in ('picture', 'row', 'column', 'depth'))
        picture, row, column, step = place
        grid[picture, row >> level, column >> level, step] = tokens['id'][which]
        grids.append(grid)
    return grids


def examples(grid, level, step, codes):
    """-> for each token: classes near by, id, picture."""
    width = -(-codes // CLASSES)
    classes = np.where(grid >= 0, grid // width, NONE)
    own = classes[..., step]
    left, above = np.full_like(own, UNKNOWN), np.full_like(own, UNKNOWN)
    left[:, :, 1:], above[:, 1:] = own[:, :, :-1], own[:, :-1]
    above[:, ::4 >> level] = UNKNOWN         # another slice
    before = classes[..., step - 1] if step else np.full_like(own, UNKNOWN)
    here = grid[..., step] >= 0
    return np.stack([left[here], above[here], before[here], grid[..., step][here], np.nonzero(here)[0]], 1)


def rounded(table):
    """Natural logarithms -> eighths of an octave, each row around its middle."""
    table = 8 * table / np.log(2)
    return (table - (table.max(-1, keepdims=True) + table.min(-1, keepdims=True)) / 2).round().clip(-128, 127)


def fit_classes(rows, width, rng):
    """Logistic regression -> 1 + NEAR * KNOWN rows of CLASSES numbers."""
    x, y = torch.from_numpy(rows[:, :NEAR]), torch.from_numpy(rows[:, 3] // width)
    x = x + torch.arange(NEAR) * KNOWN
    unknown = torch.arange(NEAR) * KNOWN + UNKNOWN
    count = torch.bincount(y, minlength=CLASSES).float() + 1
    base = torch.log(count / count.sum()).requires_grad_()
    table = torch.zeros(NEAR * KNOWN, CLASSES, requires_grad=True)
    opt = torch.optim.Adam([base, table], betas=(.9, .98))
    n, batch = len(x), 2048
    steps = int(np.clip(6 * n // batch, 100, 600))
    for i in range(steps):
        for g in opt.param_groups:
            g['lr'] = .03 * (1 - i / steps) + 5e-4
        which = torch.from_numpy(rng.integers(0, n, batch))
        seen = torch.where(torch.rand(batch, NEAR) < HIDE, unknown, x[which])
        loss = torch.nn.functional.cross_entropy(base + table[seen].sum(1), y[which]) + RIDGE / n * (table ** 2).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
    return rounded(torch.cat([base[None], table]).detach().numpy())


def fit_weights(ids, codes):
    """Whole numbers 1..MOST_WEIGHT in proportion to how often each code comes, class by class."""
    width = -(-codes // CLASSES)
    count = np.bincount(ids, minlength=codes) + PRIOR
    weights = np.ones(codes)
    for first in range(0, codes, width):
        part = count[first:first + width]
        weights[first:first + width] = (part * min(8., MOST_WEIGHT / part.max() * PRIOR) / PRIOR).round().clip(1, MOST_WEIGHT)
    return weights


def bits_of(rows, table, weights, codes):
    """Bits that the ids take, on average."""
    width = -(-codes // CLASSES)
    y = rows[:, 3] // width
    logits = table[0] + sum(table[1 + n * KNOWN + rows[:, n]] for n in range(NEAR))
    logits = logits[:, :-(-codes // width)]
    share = np.maximum(np.floor(2048 * 2 ** ((logits - logits.max(1, keepdims=True)) / 8) + .5), 1)
    of_class = np.add.reduceat(weights, np.arange(0, codes, width))
    p = share[np.arange(len(y)), y] / share.sum(1) * weights[rows[:, 3]] / of_class[y]
    return -np.log2(p).mean()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('photos')
    ap.add_argument('model')
    ap.add_argument('out')
    ap.add_argument('--crops', type=int, default=1439)
    ap.add_argument('--work', default='.', help='folder where the tokens are kept')
    ap.add_argument('--tokens', default=str(Path(__file__).resolve().parent.parent / 'build/tools/alitra-tokens'))
    a = ap.parse_args()
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    tensors, metadata = read(a.model)
    settings = json.loads(metadata['alitra'])
    depth, codes = settings['depth'], settings['codes']
    photos = load_photos(a.photos, 512)
    crops = (Crops(photos, SIDE, 3).batch(a.crops).permute(0, 2, 3, 1) * 255).round().byte().numpy()
    budgets = [grids_of(t, len(crops), depth, codes) for t in tokens_of(crops, a.tokens, a.model, a.work)]
    spent = np.zeros(2)
    for level in reversed(range(LEVELS)):
        for step in range(depth[level]):
            rows = np.concatenate([examples(grids[level], level, step, codes[level]) for grids in budgets])
            if len(rows) < FEWEST:
                print('level %d, step %2d: %6d tokens: too few' % (level, step, len(rows)))
                continue
            kept = rows[:, 4] % 10 == 0
            width = -(-codes[level] // CLASSES)
            table = fit_classes(rows[~kept], width, rng)
            weights = fit_weights(rows[~kept, 3], codes[level])
            bits = bits_of(rows[kept], table, weights, codes[level]) if kept.any() else np.log2(codes[level])
            print('level %d, step %2d: %6d tokens, %.2f bits of %.0f' % (level, step, len(rows), bits, np.log2(codes[level])),
                  flush=True)
            spent += np.array([bits, np.log2(codes[level])]) * kept.sum()
            if bits >= np.log2(codes[level]):   # too few to learn from
                table, weights = np.zeros_like(table), np.ones(codes[level])
            prefix = 'levels.%d.steps.%d.' % (level, step)
            tensors[prefix + 'classes'], tensors[prefix + 'weights'] = table.astype(np.float16), weights.astype(np.float16)
    if spent[1]:
        print('all ids: %.3f of the bits of equal codes' % (spent[0] / spent[1]))
    save(a.out, tensors, metadata)


if __name__ == '__main__':
    main()
