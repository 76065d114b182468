#!/usr/bin/env python3
"""Caches of tokens (tokenise_labelled.py) -> a transformer that names what is in the picture:

    train_classifier.py ROOT CACHE cls.pt --model alitra-base.safetensors --epochs 60 [--start other.pt]

Stopped, it goes on at the last epoch when it is called again (--resume).  New variants that appear in CACHE are used
from the next epoch on.  Every tenth training picture is kept for tuning, unless --all; val is only reported.

With --teacher, what a network that sees the pixels makes of each variant (train_teacher.py) is learned beside the labels.
--also adds the caches of another model's tokens; val and the tuning pictures are read with the first one's."""
import argparse
import glob
import json
import os
import re
import time

import numpy as np
import torch
import torch.nn.functional as F

from alitra import cover, labelled
from alitra.classifier import MAX_DEPTH, Classifier, TokenVectors, read_safetensors
from alitra.labelled import soft_name
from alitra.model import LEVELS

CELL = 16       # side of a cell of the finest level
SAMPLE = 500    # pictures that stand for all


class Inputs:
    """What the transformer is given of some pictures."""

    def __init__(self, looks, level, depth, place, counts, grid=None):
        """looks: what the inputs look like; level, depth, place of each; counts: of each picture, its inputs; grid: they
        are all cells of grids with so many on a side of the finest level"""
        self.looks, self.level, self.depth, self.place, self.grid = looks, level, depth, place, grid
        self.start = np.append(0, np.cumsum(counts))                         # of each picture, its first input

    def some(self, picture, most=None):
        """Numbers of the inputs that stand for a picture; most: there may be no more."""
        first, last = self.start[picture:picture + 2]
        if most is None or most >= last - first:
            return np.arange(first, last)
        if self.grid is None:
            return np.arange(first, first + most)
        begin = np.cumsum([first] + [(self.grid >> level) ** 2 for level in range(LEVELS)])
        tokens = [self.depth[begin[level]:begin[level + 1]].astype(np.int64) for level in range(LEVELS)]
        return np.array([begin[level] + cell for level, cell in cover.choose(tokens, self.grid, most)])


class Cells:
    """One cache file: the tokens of pictures.  What cells look like is put together when it is asked for, since that
    takes thirty times the memory."""

    def __init__(self, path, vectors, number=0):
        self.number, self.vectors = number, vectors                          # number: of the variant
        with np.load(path) as f:
            self.columns = {k: f[k] for k in f}
        columns, self.tokens = self.columns, self.columns['counts'].astype(np.int64)     # of each picture
        self.rows = torch.from_numpy(vectors.row(columns['level'], columns['depth'], columns['id']).astype(np.int64))
        self.start = np.append(0, np.cumsum(self.tokens))
        self.patches = 'x' in columns                                        # of tokenise_fixed.py: each token is an input
        if not self.patches:
            self.grid = int(columns['size']) // CELL
        self.cells = self.tokens if self.patches else np.full(
            len(self.tokens), sum((self.grid >> level) ** 2 for level in range(LEVELS)))     # inputs of each picture

    def inputs(self, which):
        """which: numbers of pictures -> Inputs"""
        counts = self.tokens[which]
        first = np.append(0, np.cumsum(counts)[:-1])
        tokens = np.repeat(self.start[which] - first, counts) + np.arange(counts.sum())
        return (self.of_patches if self.patches else self.of_cells)(tokens, counts)

    def of_patches(self, tokens, counts):
        c = self.columns
        return Inputs(self.vectors.table[self.rows[torch.from_numpy(tokens)]].half(), c['level'][tokens],
                      np.ones(len(tokens), np.uint8), np.stack([c['x'][tokens], c['y'][tokens]], 1), counts)

    def of_cells(self, tokens, counts):
        """All cells of the pictures."""
        grid, n, size = self.grid, len(counts), self.vectors.size
        picture, rows = np.repeat(np.arange(n), counts), self.rows[torch.from_numpy(tokens)]
        level_of, row, column = (self.columns[k][tokens] for k in ('level', 'row', 'column'))
        sums, depths = [], []
        for level in range(LEVELS):
            side, of = grid >> level, np.flatnonzero(level_of == level)
            at = (picture[of] * side + (row[of] >> level)) * side + (column[of] >> level)
            sums.append(torch.zeros(n * side * side, size).index_add_(
                0, torch.from_numpy(at), self.vectors.table[rows[torch.from_numpy(of)]]).view(n, side, side, -1))
            depths.append(np.bincount(at, minlength=n * side * side).reshape(n, -1))
        looks, order = self.vectors.looks(sums), range(LEVELS)
        depth = np.minimum(np.concatenate(depths, 1), MAX_DEPTH - 1)
        level = np.tile(np.concatenate([np.full((grid >> i) ** 2, i) for i in order]), (n, 1))
        middle = np.concatenate([(np.indices((grid >> i, grid >> i))[::-1].reshape(2, -1).T + .5) / (grid >> i) for i in order])
        return Inputs(torch.cat([x.flatten(1, 2) for x in looks], 1).flatten(0, 1).half(), level.ravel(), depth.ravel(),
                      np.tile(middle.astype(np.float32), (n, 1)), np.full(n, level.shape[1]), grid)


def look_up(members):
    """(Cells, index) each -> (Inputs, index in them) each"""
    which = {}
    for cells, i in members:
        which.setdefault(cells, []).append(i)
    inputs = {cells: cells.inputs(np.array(numbers)) for cells, numbers in which.items()}
    seen = dict.fromkeys(which, -1)
    for cells, _ in members:
        seen[cells] += 1
        yield inputs[cells], seen[cells]


class Batch:
    """Cells of some pictures, padded to the longest."""

    def __init__(self, members, size, rng=None, drop=0., mix=0., most=None):
        """members: (Cells, index) each; size: numbers of a vector; most: inputs of each."""
        parts = [[(inputs, inputs.some(i, most and most[k]))] for k, (inputs, i) in enumerate(look_up(members))]
        self.weight = np.ones((len(parts), 2), np.float32) * (1, 0)
        self.partner = np.arange(len(parts))
        if mix:
            parts = self.mixed(parts, rng, mix)
        if drop:
            parts = [self.dropped(p, rng, drop) for p in parts]
        n, longest = len(parts), max(sum(len(at) for _, at in p) for p in parts)
        level, depth = np.zeros((n, longest), np.int64), np.zeros((n, longest), np.int64)
        place, mask = np.zeros((n, longest, 2), np.float32), np.zeros((n, longest), bool)
        looks = torch.zeros(n, longest, size, dtype=torch.half)
        for b, pieces in enumerate(parts):
            k = 0
            for inputs, at in pieces:
                span = slice(k, k + len(at))
                level[b, span], place[b, span], depth[b, span] = inputs.level[at], inputs.place[at], inputs.depth[at]
                looks[b, span] = inputs.looks[torch.from_numpy(at)]
                mask[b, span] = True
                k += len(at)
        self.looks, self.mask, self.level = looks.float(), torch.from_numpy(mask), torch.from_numpy(level)
        self.depth, self.place = torch.from_numpy(depth), torch.from_numpy(place)

    def inputs(self):
        return self.looks, self.level, self.place, self.depth, self.mask

    def mirror(self, matrix, which):
        """Some of the pictures the other way round; matrix: what a look becomes."""
        which = torch.from_numpy(np.flatnonzero(which))
        self.place[which, :, 0] = 1 - self.place[which, :, 0]
        self.looks[which] = self.looks[which] @ matrix.T

    @staticmethod
    def dropped(pieces, rng, drop):
        part = drop * rng.random()
        kept = [(inputs, at[rng.random(len(at)) >= part]) for inputs, at in pieces]
        return kept if sum(len(at) for _, at in kept) else pieces

    def mixed(self, parts, rng, mix):
        """Quarters of one picture next to quarters of another (where the grid is odd, some cells reach over the middle)."""
        out, other = list(parts), rng.permutation(len(parts))
        quarter = lambda inputs, at: (inputs.place[at, 0] > .5) + 2 * (inputs.place[at, 1] > .5)
        for b in np.flatnonzero(rng.random(len(parts)) < mix):
            quarters = rng.permutation(4)[:rng.integers(1, 3)]
            (inputs, at), (inputs2, at2) = parts[b][0], parts[other[b]][0]
            pieces = [(inputs, at[~np.isin(quarter(inputs, at), quarters)]),
                      (inputs2, at2[np.isin(quarter(inputs2, at2), quarters)])]
            if sum(len(a) for _, a in pieces):
                out[b], self.partner[b] = pieces, other[b]
                self.weight[b] = 1 - len(quarters) / 4, len(quarters) / 4
        return out


def find_caches(folder, split, allocation, budgets):
    """-> {(variant, budget): path}"""
    out = {}
    for path in sorted(glob.glob(os.path.join(folder, '%s-*-%s.npz' % (split, allocation)))):
        number, budget = map(int, re.search(r'-(\d+)-(\d+)-', os.path.basename(path)).groups())
        if not budgets or budget in budgets:
            out[number, budget] = path
    return out


def find_all(folder, split, allocations, budgets):
    """allocations: learned, or learned:16,32 for some budgets only -> {(allocation, variant, budget): path}"""
    out = {}
    for allocation in allocations:
        kind, _, only = allocation.partition(':')
        some = [int(b) for b in only.split(',')] if only else budgets
        out.update({(kind, *key): path for key, path in find_caches(folder, split, kind, some).items()})
    return out


def spread(cells):
    """Root mean square of each number of what cells look like, in some pictures."""
    out = (cells.inputs(np.arange(min(len(cells.tokens), SAMPLE))).looks.float() ** 2).mean(0).sqrt().clamp(min=1e-3)
    return out + .1 * out.max()


def most_of(cells, indices, inputs):
    """How many inputs pictures may have that may have so many a token."""
    return (inputs * cells.tokens[indices]).astype(int)


def evaluate(model, cells, indices, labels, inputs=0):
    """Part of the pictures that get their own label first.  inputs: with so many a token at most; 0: all."""
    model.eval()
    order, right = indices[np.argsort(cells.cells[indices])], 0
    with torch.no_grad():
        for at in range(0, len(order), 128):
            members = order[at:at + 128]
            most = most_of(cells, members, inputs).tolist() if inputs else None
            out = model(*Batch([(cells, i) for i in members], cells.vectors.size, most=most).inputs())
            right += (out.argmax(1).numpy() == labels[members]).sum()
    return float(right / len(order))


def epoch_batches(caches, indices, size, rng, inputs=0):
    """Each picture once, of a variant and budget drawn at random; pictures of like length together.  inputs: so many a token
    at most."""
    length = lambda m: min(m[0].cells[m[1]], most_of(m[0], m[1], inputs) if inputs else np.inf)
    which = rng.integers(len(caches), size=len(indices))
    members = [(caches[w], i) for w, i in zip(which, rng.permutation(indices))]
    for at in range(0, len(members), 16 * size):
        group = sorted(members[at:at + 16 * size], key=length)
        for b in rng.permutation(range(0, len(group), size)):
            if len(group[b:b + size]) > 1:
                yield group[b:b + size]


def some(members, rng):
    """How many inputs each picture may have: from as many as it has tokens to all."""
    tokens = np.array([cells.tokens[i] for cells, i in members])
    every = np.array([cells.cells[i] for cells, i in members])
    return np.maximum(tokens, (every * rng.random(len(members)) ** 1.5).astype(int)).tolist()


def average(mean, model, decay):
    with torch.no_grad():
        to, what = list(mean.parameters()), list(model.parameters())
        torch._foreach_mul_(to, decay)
        torch._foreach_add_(to, what, alpha=1 - decay)


class Run:
    def __init__(self, a):
        self.options, self.vectors = a, TokenVectors(a.model)
        self.sources = [(a.cache, self.vectors)] + [(folder, TokenVectors(model)) for folder, model in a.also]
        names, _, self.labels = labelled.pictures(a.root, 'train')
        self.val_labels = labelled.pictures(a.root, 'val')[2]
        tune = labelled.is_tune(len(self.labels))
        self.train = np.arange(len(self.labels)) if a.all else np.flatnonzero(~tune)
        self.tune = np.flatnonzero(tune)
        self.loaded, self.taught = {}, {}
        torch.manual_seed(a.seed)
        shape = dict(vectors=self.vectors.size, dim=a.dim, heads=a.heads, layers=a.layers, hidden=4 * a.dim, labels=len(names))
        self.model, self.mean = Classifier(**shape), Classifier(**shape)
        self.model.spread.copy_(spread(self.caches('train')[0]))
        self.before = 0         # epochs that other runs trained it for
        if a.start and a.start.endswith('.safetensors'):
            self.model.load_folded(read_safetensors(a.start)[0])
        elif a.start:
            state = torch.load(a.start, map_location='cpu')
            self.model.load_state_dict(state['model'])
            self.before = state.get('before', 0) + state['epoch']
        self.mean.load_state_dict(self.model.state_dict())
        self.mean.requires_grad_(False)
        decay = [p for p in self.model.parameters() if p.ndim > 1]
        rest = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW([{'params': decay, 'weight_decay': .05}, {'params': rest, 'weight_decay': 0.}],
                                           betas=(.9, .99))
        self.epoch, self.steps, self.names = 0, 0, names
        self.reported = None    # the last report

    def caches(self, split):
        """Those of the first folder first."""
        a, out = self.options, []
        for folder, vectors in self.sources:
            found = find_all(folder, split, a.allocation, a.budgets)
            if split == 'train' and a.variants:
                found = {k: v for k, v in found.items() if k[1] in a.variants}
            if split == 'train' and a.teacher:
                found = {k: v for k, v in found.items() if soft_name(a.teacher, k[1]).exists()}
            for (_, number, _), path in found.items():
                if path not in self.loaded:
                    self.loaded[path] = Cells(path, vectors, number)
                out.append(self.loaded[path])
        if not out:
            raise SystemExit('no caches of %s in %s: run tokenise_labelled.py' % (split, a.cache))
        return out

    def targets(self, members):
        """What each picture should be taken for."""
        label = torch.from_numpy(self.labels[[i for _, i in members]])
        hard = F.one_hot(label, len(self.names)) * .9 + .1 / len(self.names)
        if not self.options.teacher:
            return hard
        for number in {cells.number for cells, _ in members} - set(self.taught):
            self.taught[number] = torch.from_numpy(np.load(soft_name(self.options.teacher, number))).softmax(1)
        soft = torch.stack([self.taught[cells.number][i] for cells, i in members])
        return self.options.hard * hard + (1 - self.options.hard) * soft

    def save(self):
        state = {'model': self.mean.state_dict(), 'raw': self.model.state_dict(), 'optimizer': self.optimizer.state_dict(),
                 'epoch': self.epoch, 'before': self.before, 'steps': self.steps, 'settings': self.model.settings, 'labels': self.names}
        torch.save(state, self.options.out + '.tmp')
        os.replace(self.options.out + '.tmp', self.options.out)

    def resume(self):
        state = torch.load(self.options.out, map_location='cpu')
        self.mean.load_state_dict(state['model'])
        self.model.load_state_dict(state['raw'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.epoch, self.steps, self.before = state['epoch'], state['steps'], state.get('before', self.before)

    def rate(self, part):
        """Up over the first part of the run, then down along a cosine; part: 0..1 of the run."""
        warm = .05
        return self.options.rate * (part / warm if part < warm else .5 * (1 + np.cos(np.pi * (part - warm) / (1 - warm))))

    def step(self, members, rng):
        a = self.options
        if a.inputs:
            most = [int(most_of(cells, i, a.inputs)) for cells, i in members]
        else:
            most = some(members, rng) if a.some and rng.random() < .5 else None
        batch, target = Batch(members, self.vectors.size, rng, a.drop, a.mix, most), self.targets(members)
        if a.mirror:
            batch.mirror(self.vectors.mirror, rng.random(len(members)) < .5)
        with torch.autocast('cpu', dtype=torch.bfloat16):
            out = self.model(*batch.inputs(), skip=a.skip)
        logs = F.log_softmax(out.float(), 1)
        weight = torch.from_numpy(batch.weight)
        target = target * weight[:, :1] + target[batch.partner] * weight[:, 1:]
        loss = -(target * logs).sum(1).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.)
        self.optimizer.step()
        self.steps += 1
        average(self.mean, self.model, min(a.mean, self.steps / (self.steps + 9)))
        return loss.item()

    def one_epoch(self):
        a, rng = self.options, np.random.default_rng((self.options.seed, self.epoch))
        caches, losses = self.caches('train'), []
        batches = list(epoch_batches(caches, self.train, a.batch, rng, a.inputs))
        self.model.train()
        for k, members in enumerate(batches):
            for group in self.optimizer.param_groups:
                group['lr'] = self.rate((self.epoch + k / len(batches)) / a.epochs)
            losses.append(self.step(members, rng))
        self.epoch += 1
        return float(np.mean(losses)), len(caches)

    def report(self):
        """-> {(allocation, 'val' or 'tune', budget, inputs a token or 0 for all): part that is right}"""
        a, out = self.options, {}
        of_cells = (a.inputs,) if a.inputs else (0, 1) if a.some else (0,)
        for split, which, labels in (('val', np.arange(len(self.val_labels)), self.val_labels), ('train', self.tune, self.labels)):
            for (allocation, number, budget), path in find_all(a.cache, split, a.allocation, a.budgets).items():
                if number == 0 and not (split == 'train' and a.all):
                    cells = self.loaded.get(path) or Cells(path, self.vectors)
                    for inputs in (0,) if cells.patches else of_cells:
                        out[allocation, 'val' if split == 'val' else 'tune', budget, inputs] = evaluate(
                            self.mean, cells, which, labels, inputs)
        return out


def parser():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('out')
    ap.add_argument('--model', required=True, help='the weights that the tokens were made with')
    ap.add_argument('--epochs', type=int, default=60)
    ap.add_argument('--allocation', nargs='+', default=['learned'], help='caches of these kinds, all alike; learned:16,32: only of these budgets')
    ap.add_argument('--budgets', type=int, nargs='*', default=(), help='only these; default: all that there are')
    ap.add_argument('--variants', type=int, nargs='*', default=(), help='only these; default: all that there are')
    ap.add_argument('--dim', type=int, default=128)
    ap.add_argument('--heads', type=int, default=4)
    ap.add_argument('--layers', type=int, default=4)
    ap.add_argument('--batch', type=int, default=64)
    ap.add_argument('--rate', type=float, default=1e-3)
    ap.add_argument('--drop', type=float, default=.3, help='at most this part of the cells is left out')
    ap.add_argument('--some', action='store_true', help='half of the batches: pictures with fewer inputs, no less than tokens')
    ap.add_argument('--inputs', type=float, default=0, help='all pictures with so many inputs a token at most; default: with all')
    ap.add_argument('--mix', type=float, default=.3, help='part of the pictures that get quarters of another')
    ap.add_argument('--skip', type=float, default=.1, help='part of the last block that is skipped')
    ap.add_argument('--mean', type=float, default=.998, help='what the mean of the weights keeps of itself in a step')
    ap.add_argument('--mirror', action='store_true', help='half of the pictures are mirrored')
    ap.add_argument('--teacher', help='folder with what train_teacher.py makes of the variants')
    ap.add_argument('--hard', type=float, default=.3, help='weight of the labels beside the teacher')
    ap.add_argument('--also', nargs=2, action='append', default=[], metavar=('CACHE', 'MODEL'))
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--all', action='store_true', help='train on the pictures for tuning too')
    ap.add_argument('--start', help='begin with the weights of this checkpoint or model file')
    ap.add_argument('--resume', action='store_true')
    ap.add_argument('--every', type=int, default=5, help='epochs between reports')
    return ap


def train(a):
    """Goes on to the last epoch -> the run, with the mean of the weights in `mean`."""
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
            run.reported = run.report()
            line.update({'%s %s %d%s' % (*k[:3], ', %g inputs a token' % k[3] if k[3] else ''): round(v, 4)
                         for k, v in run.reported.items()})
        print(json.dumps(line), flush=True)
    return run


if __name__ == '__main__':
    train(parser().parse_args())
