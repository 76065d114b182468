#!/usr/bin/env python3
"""Caches of tokens (tokenise_labelled.py) -> a transformer that names what is in the picture:

    train_classifier.py ROOT CACHE cls.pt --model alitra-base.safetensors --epochs 60 [--start other.pt]

Stopped, it goes on at the last epoch when it is called again (--resume).  New variants that appear in CACHE are used
from the next epoch on.  Every tenth training picture is kept for tuning, unless --all; val is only reported."""
import argparse
import glob
import json
import os
import re
import time

import numpy as np
import torch
import torch.nn.functional as F

from alitra import labelled
from alitra.classifier import Classifier, TokenVectors
from alitra.model import LEVELS

GRID = labelled.SIZE // 16


class Cells:
    """One cache file: for each picture its cells, for each cell its tokens."""

    def __init__(self, path, vectors):
        with np.load(path) as f:
            counts, level, depth = f['counts'].astype(np.int64), f['level'], f['depth']
            column, row, id_ = f['column'], f['row'], f['id']
            middle = np.stack([f['x'], f['y']], 1) if 'x' in f else None     # of patches that are no cells
        self.rows = vectors.row(level, depth, id_).astype(np.int32)
        first = depth == 0
        picture = np.repeat(np.arange(len(counts)), counts)
        self.cell_start = np.append(np.flatnonzero(first), len(self.rows))   # of each cell, its first token
        self.cells = np.bincount(picture[first], minlength=len(counts))
        self.start = np.append(0, np.cumsum(self.cells))                     # of each picture, its first cell
        self.level = level[first]
        side = (1 << self.level.astype(np.int64)) / 2
        self.place = np.stack([column[first] + side, row[first] + side], 1).astype(np.float32) / GRID
        if middle is not None:
            self.place = middle


class Batch:
    """Cells of some pictures, padded to the longest."""

    def __init__(self, members, vectors, rng=None, drop=0., mix=0.):
        """members: (Cells, index) each."""
        parts = []
        for cells, i in members:
            at = np.arange(cells.start[i], cells.start[i + 1])
            parts.append((cells, at))
        self.weight = np.ones((len(parts), 2), np.float32) * (1, 0)
        self.partner = np.arange(len(parts))
        if rng is not None:
            if drop:
                parts = [self.dropped(c, at, rng, drop) for c, at in parts]
            if mix:
                parts = self.mixed(parts, rng, mix)
            else:
                parts = [[p] for p in parts]
        else:
            parts = [[p] for p in parts]
        longest = max(sum(len(at) for _, at in p) for p in parts)
        n = len(parts)
        level, depth = np.zeros((n, longest), np.int64), np.ones((n, longest), np.int64)
        place, mask = np.zeros((n, longest, 2), np.float32), np.zeros((n, longest), bool)
        tokens, offsets, total = [], [], 0
        for b, pieces in enumerate(parts):
            k = 0
            for cells, at in pieces:
                span = slice(k, k + len(at))
                begin, end = cells.cell_start[at], cells.cell_start[at + 1]
                level[b, span], place[b, span], depth[b, span] = cells.level[at], cells.place[at], end - begin
                mask[b, span] = True
                for s, e in zip(begin, end):
                    tokens.append(cells.rows[s:e])
                    offsets.append(total)
                    total += e - s
                k += len(at)
        rows = torch.from_numpy(np.concatenate(tokens).astype(np.int64))
        sums = F.embedding_bag(rows, vectors.table, torch.tensor(offsets), mode='sum')
        self.mask = torch.from_numpy(mask)
        self.sums = torch.zeros(n, longest, vectors.size)
        self.sums[self.mask] = sums
        self.level, self.depth = torch.from_numpy(level), torch.from_numpy(depth)
        self.place = torch.from_numpy(place)

    def inputs(self):
        return self.sums, self.level, self.place, self.depth, self.mask

    @staticmethod
    def dropped(cells, at, rng, drop):
        keep = rng.random(len(at)) >= drop * rng.random()
        if not keep.any():
            keep[rng.integers(len(at))] = True
        return cells, at[keep]

    def mixed(self, parts, rng, mix):
        """Quarters of one picture next to quarters of another: cells never reach over the middle."""
        out, other = [], rng.permutation(len(parts))
        for b, (cells, at) in enumerate(parts):
            if rng.random() >= mix:
                out.append([(cells, at)])
                continue
            quarters = rng.permutation(4)[:rng.integers(1, 3)]
            cells2, at2 = parts[other[b]]
            quarter = lambda c, a: (c.place[a, 0] > .5) + 2 * (c.place[a, 1] > .5)
            pieces = [(cells, at[~np.isin(quarter(cells, at), quarters)]),
                      (cells2, at2[np.isin(quarter(cells2, at2), quarters)])]
            if not sum(len(a) for _, a in pieces):
                out.append([(cells, at)])
                continue
            out.append(pieces)
            self.partner[b], self.weight[b] = other[b], (1 - len(quarters) / 4, len(quarters) / 4)
        return out


def find_caches(folder, split, allocation, budgets):
    out = {}
    for path in sorted(glob.glob(os.path.join(folder, '%s-*-%s.npz' % (split, allocation)))):
        number, budget = map(int, re.search(r'-(\d+)-(\d+)-', os.path.basename(path)).groups())
        if not budgets or budget in budgets:
            out[number, budget] = path
    return out


def spreads(cells, vectors):
    """Root mean square of each number of the cells' vectors, level by level."""
    sums = F.embedding_bag(torch.from_numpy(cells.rows.astype(np.int64)), vectors.table,
                           torch.from_numpy(cells.cell_start[:-1]), mode='sum')
    level, out = torch.from_numpy(cells.level), torch.ones(LEVELS, vectors.size)
    for i in range(LEVELS):
        if (level == i).any():
            out[i] = (sums[level == i] ** 2).mean(0).sqrt()
    return out.clamp(min=1e-3) + .1 * out.max(1, keepdim=True).values


def evaluate(model, cells, indices, labels, vectors):
    """Part of the pictures that get their own label first."""
    model.eval()
    order, right = indices[np.argsort(cells.cells[indices])], 0
    with torch.no_grad():
        for at in range(0, len(order), 128):
            members = order[at:at + 128]
            out = model(*Batch([(cells, i) for i in members], vectors).inputs())
            right += (out.argmax(1).numpy() == labels[members]).sum()
    return float(right / len(order))


def epoch_batches(caches, indices, size, rng):
    """Each picture once, of a variant and budget drawn at random; pictures of like length together."""
    which = rng.integers(len(caches), size=len(indices))
    members = [(caches[w], i) for w, i in zip(which, rng.permutation(indices))]
    for at in range(0, len(members), 16 * size):
        group = sorted(members[at:at + 16 * size], key=lambda m: m[0].cells[m[1]])
        for b in rng.permutation(range(0, len(group), size)):
            if len(group[b:b + size]) > 1:
                yield group[b:b + size]


def average(mean, model, decay):
    for a, b in zip(mean.state_dict().values(), model.state_dict().values()):
        a.mul_(decay).add_(b, alpha=1 - decay) if a.is_floating_point() else a.copy_(b)


class Run:
    def __init__(self, a):
        self.options, self.vectors = a, TokenVectors(a.model)
        names, _, self.labels = labelled.pictures(a.root, 'train')
        self.val_labels = labelled.pictures(a.root, 'val')[2]
        tune = labelled.is_tune(len(self.labels))
        self.train = np.arange(len(self.labels)) if a.all else np.flatnonzero(~tune)
        self.tune = np.flatnonzero(tune)
        self.loaded = {}
        torch.manual_seed(a.seed)
        shape = dict(vectors=self.vectors.size, dim=a.dim, heads=a.heads, layers=a.layers, hidden=4 * a.dim, labels=len(names))
        self.model, self.mean = Classifier(**shape), Classifier(**shape)
        self.model.spread.copy_(spreads(self.caches('train')[0], self.vectors))
        if a.start:
            state = torch.load(a.start, map_location='cpu')['model']
            state['spread'] = self.model.spread
            self.model.load_state_dict(state)
        self.mean.load_state_dict(self.model.state_dict())
        decay = [p for p in self.model.parameters() if p.ndim > 1]
        rest = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW([{'params': decay, 'weight_decay': .05}, {'params': rest, 'weight_decay': 0.}],
                                           betas=(.9, .99))
        self.epoch, self.names = 0, names

    def caches(self, split):
        a = self.options
        found = find_caches(a.cache, split, a.allocation, a.budgets)
        if split == 'train' and a.variants:
            found = {k: v for k, v in found.items() if k[0] in a.variants}
        for key, path in found.items():
            if path not in self.loaded:
                self.loaded[path] = Cells(path, self.vectors)
        if not found:
            raise SystemExit('no caches of %s in %s: run tokenise_labelled.py' % (split, a.cache))
        return [self.loaded[path] for path in found.values()]

    def save(self):
        state = {'model': self.mean.state_dict(), 'raw': self.model.state_dict(), 'optimizer': self.optimizer.state_dict(),
                 'epoch': self.epoch, 'settings': self.model.settings, 'labels': self.names}
        torch.save(state, self.options.out + '.tmp')
        os.replace(self.options.out + '.tmp', self.options.out)

    def resume(self):
        state = torch.load(self.options.out, map_location='cpu')
        self.mean.load_state_dict(state['model'])
        self.model.load_state_dict(state['raw'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.epoch = state['epoch']

    def rate(self, part):
        """Up over the first part of the run, then down along a cosine; part: 0..1 of the run."""
        warm = .05
        return self.options.rate * (part / warm if part < warm else .5 * (1 + np.cos(np.pi * (part - warm) / (1 - warm))))

    def step(self, members, rng):
        a = self.options
        batch = Batch(members, self.vectors, rng, a.drop, a.mix)
        label = torch.from_numpy(self.labels[[i for _, i in members]])
        with torch.autocast('cpu', dtype=torch.bfloat16):
            out = self.model(*batch.inputs(), skip=a.skip)
        logs = F.log_softmax(out.float(), 1)
        weight = torch.from_numpy(batch.weight)
        target = F.one_hot(label, logs.shape[1]) * weight[:, :1] + F.one_hot(label[batch.partner], logs.shape[1]) * weight[:, 1:]
        target = target * .9 + .1 / logs.shape[1]
        loss = -(target * logs).sum(1).mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.)
        self.optimizer.step()
        average(self.mean, self.model, .998 if self.epoch > 2 else .98)
        return loss.item()

    def one_epoch(self):
        a, rng = self.options, np.random.default_rng((self.options.seed, self.epoch))
        caches, losses = self.caches('train'), []
        batches = list(epoch_batches(caches, self.train, a.batch, rng))
        self.model.train()
        for k, members in enumerate(batches):
            for group in self.optimizer.param_groups:
                group['lr'] = self.rate((self.epoch + k / len(batches)) / a.epochs)
            losses.append(self.step(members, rng))
        self.epoch += 1
        return float(np.mean(losses)), len(caches)

    def report(self):
        found = find_caches(self.options.cache, 'train', self.options.allocation, self.options.budgets)
        out = {}
        for (number, budget), path in find_caches(self.options.cache, 'val', self.options.allocation, ()).items():
            out['val%d' % budget] = evaluate(self.mean, Cells(path, self.vectors), np.arange(len(self.val_labels)),
                                             self.val_labels, self.vectors)
        for budget in (16, 32, 64, 128):
            if (0, budget) in found and not self.options.all:
                out['tune%d' % budget] = evaluate(self.mean, self.loaded[found[0, budget]], self.tune, self.labels, self.vectors)
        return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('out')
    ap.add_argument('--model', required=True, help='the weights that the tokens were made with')
    ap.add_argument('--epochs', type=int, default=60)
    ap.add_argument('--allocation', default='learned')
    ap.add_argument('--budgets', type=int, nargs='*', default=(), help='only these; default: all that there are')
    ap.add_argument('--variants', type=int, nargs='*', default=(), help='only these; default: all that there are')
    ap.add_argument('--dim', type=int, default=128)
    ap.add_argument('--heads', type=int, default=4)
    ap.add_argument('--layers', type=int, default=4)
    ap.add_argument('--batch', type=int, default=64)
    ap.add_argument('--rate', type=float, default=1e-3)
    ap.add_argument('--drop', type=float, default=.3, help='at most this part of the cells is left out')
    ap.add_argument('--mix', type=float, default=.3, help='part of the pictures that get quarters of another')
    ap.add_argument('--skip', type=float, default=.1, help='part of the last block that is skipped')
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--all', action='store_true', help='train on the pictures for tuning too')
    ap.add_argument('--start', help='begin with the weights of this checkpoint')
    ap.add_argument('--resume', action='store_true')
    ap.add_argument('--every', type=int, default=5, help='epochs between reports')
    a = ap.parse_args()
    torch.set_num_threads(1)
    run = Run(a)
    if a.resume and os.path.exists(a.out):
        run.resume()
    while run.epoch < a.epochs:
        start = time.time()
        loss, caches = run.one_epoch()
        run.save()
        line = {'epoch': run.epoch, 'loss': round(loss, 4), 'caches': caches, 'seconds': round(time.time() - start, 1)}
        if run.epoch % a.every == 0 or run.epoch == a.epochs:
            line.update({k: round(v, 4) for k, v in run.report().items()})
        print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
