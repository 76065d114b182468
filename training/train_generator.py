#!/usr/bin/env python3
"""Caches of tokens (tokenise_labelled.py) -> a transformer that makes pictures out of tokens:

    train_generator.py ROOT CACHE gen.pt --model alitra-base.safetensors --epochs 6 [--allocation uniform] [--seed 1]

Stopped, it goes on at the last epoch when it is called again with --resume.  Pictures of all budgets are mixed; which one
a picture is of, and how many tokens are left, are inputs."""
import argparse
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from alitra import labelled
from alitra.classifier import TokenVectors
from alitra.generator import COUNT, START, Allocations, Batch, Codes, Generator, budget_numbers
from alitra.model import LEVELS
from train_classifier import average, find_caches

ANY = .1            # part of the pictures without their label: the model learns "any" from them
MOST_WEIGHT = 4.    # of a cell in training, when nearly all the others are known
PART = (.5, 1., 1.)  # of the pictures of a batch that each level learns from: the finest takes most of the time


def hide(count, hidden, rng):
    """Which cells of a level are unknown: so many of each picture, drawn at random.  hidden: B -> B,count."""
    order = torch.from_numpy(rng.random((len(hidden), count))).argsort(1).argsort(1)
    return order < hidden[:, None]


def known(batch, unknown, level):
    """What the transformer sees: cells down to `level`, those of `level` without the unknown ones."""
    n = START[level] + COUNT[level]
    seen = torch.ones(len(unknown), n, dtype=torch.bool)
    seen[:, START[level]:] = ~unknown
    depth = torch.where(seen, batch.depth[:, :n], torch.tensor(-1))
    left = batch.budget - depth.clamp(min=0).sum(1)
    return batch.sums[:, :n] * seen[..., None], depth, budget_numbers(batch.budget, left)


def level_nats(model, batch, codes, label, unknown, level):
    """-> for each picture and cell of the level: nats of its depth, nats of its tokens; 0 where the cell is known."""
    cells = slice(START[level], START[level] + COUNT[level])
    sums, depth, numbers = known(batch, unknown, level)
    said = model.look(sums, depth, label, numbers, level)[:, cells]
    depths = F.cross_entropy(model.depth_scores(said, level).float().transpose(1, 2), batch.depth[:, cells], reduction='none') * unknown
    mine = (batch.level == level) & ~batch.free
    place = batch.cell - START[level]
    mine[mine.clone()] = unknown[batch.picture[mine], place[mine]]
    at = mine.nonzero()[:, 0]
    question = model.questions(said[batch.picture[at], place[at]], batch.held[at], batch.turn[at], batch.whole[at], level)
    tokens = torch.zeros_like(depths)
    for turn in batch.turn[at].unique().tolist():
        one = batch.turn[at] == turn
        k = at[one]
        scores = model.scores(question[one], codes.vectors[level][turn], level, turn, batch.special[k])
        nats = F.cross_entropy(scores.float(), batch.target[k], reduction='none')
        tokens = tokens.index_put((batch.picture[k], place[k]), nats, accumulate=True)
    return depths, tokens


class Run:
    def __init__(self, a):
        self.options, self.vectors, self.codes = a, TokenVectors(a.model), Codes(a.model)
        self.names, _, self.labels = labelled.pictures(a.root, 'train')
        self.val_labels = labelled.pictures(a.root, 'val')[2]
        c = self.codes
        torch.manual_seed(a.seed)
        shape = dict(depth=c.depth, codes=c.count, narrow=c.narrow, vectors=self.vectors.size, dim=a.dim, heads=a.heads, layers=a.layers,
                     hidden=4 * a.dim, labels=len(self.names))
        self.model, self.mean = Generator(**shape), Generator(**shape)
        found = self.caches('train')
        self.sets, self.plain = list(found.values()), [s for (variant, _), s in found.items() if variant == 0]
        if a.plain and not self.plain:
            raise SystemExit('no pictures as they are in %s, for --plain: run tokenise_labelled.py' % a.cache)
        self.start()
        if a.start:
            self.model.load_state_dict(torch.load(a.start, map_location='cpu')['model'])
        self.mean.load_state_dict(self.model.state_dict())
        matrices = [p for name, p in self.model.named_parameters() if p.ndim > 1 and name.endswith('weight')]
        rest = [p for name, p in self.model.named_parameters() if not (p.ndim > 1 and name.endswith('weight'))]
        self.optimizer = torch.optim.AdamW([{'params': matrices, 'weight_decay': .02}, {'params': rest, 'weight_decay': 0.}],
                                           betas=(.9, .98))
        self.epoch = 0

    def caches(self, split):
        found = find_caches(self.options.cache, split, self.options.allocation, self.options.budgets)
        if not found:
            raise SystemExit('no caches of %s in %s: run tokenise_labelled.py' % (split, self.options.cache))
        return {key: Allocations(path, key[1], self.codes) for key, path in found.items()}

    def start(self):
        """How large vectors are; how often each token and each depth is."""
        m, c = self.model, self.codes
        counts = [[torch.ones(c.count[i]) for _ in range(c.depth[i])] for i in range(LEVELS)]
        energy, tokens = torch.zeros(LEVELS, self.vectors.size), torch.zeros(LEVELS)
        rng = np.random.default_rng(0)
        for a in self.sets:
            b = Batch([(a, i) for i in rng.choice(len(a), min(len(a), 2000), replace=False)], self.vectors, c)
            for i in range(LEVELS):
                sums = b.sums[:, START[i]:START[i] + COUNT[i]].reshape(-1, self.vectors.size)
                sums = sums[b.depth[:, START[i]:START[i] + COUNT[i]].reshape(-1) > 0]
                energy[i] += (sums ** 2).sum(0)
                tokens[i] += len(sums)
                for t in range(c.depth[i]):
                    ids = b.target[(b.level == i) & (b.turn == t)]
                    counts[i][t] += torch.bincount(ids, minlength=c.count[i] + 1)[:c.count[i]]
        spread = (energy / tokens.clamp(min=1)[:, None]).sqrt().clamp(min=1e-3)
        with torch.no_grad():
            m.spread.copy_(spread + .1 * spread.max(1, keepdim=True).values)
            for i in range(LEVELS):
                for t in range(c.depth[i]):
                    m.own[i][t] = torch.log(counts[i][t] / counts[i][t].mean())

    def save(self):
        state = {'model': self.mean.state_dict(), 'raw': self.model.state_dict(), 'optimizer': self.optimizer.state_dict(),
                 'epoch': self.epoch, 'settings': self.model.settings, 'labels': self.names, 'budgets': sorted({a.budget for a in self.sets})}
        torch.save(state, self.options.out + '.tmp')
        os.replace(self.options.out + '.tmp', self.options.out)

    def resume(self):
        state = torch.load(self.options.out, map_location='cpu')
        self.mean.load_state_dict(state['model'])
        self.model.load_state_dict(state['raw'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.epoch = state['epoch']

    def rate(self, part):
        warm = .03
        return self.options.rate * (part / warm if part < warm else .02 + .98 * .5 * (1 + np.cos(np.pi * (part - warm) / (1 - warm))))

    def step(self, draws, rng):
        labels = torch.from_numpy(self.labels[[i for _, i in draws]].astype(np.int64))
        labels[torch.from_numpy(rng.random(len(labels)) < ANY)] = len(self.names)
        loss, whole = 0., Batch(draws, self.vectors, self.codes)
        with torch.autocast('cpu', dtype=torch.bfloat16):
            for level in range(LEVELS):
                part = int(PART[level] * len(draws))
                batch = whole if part == len(draws) else Batch(draws[:part], self.vectors, self.codes)
                label = labels[:part]
                hidden = torch.from_numpy(rng.integers(1, COUNT[level] + 1, part))
                unknown = hide(COUNT[level], hidden, rng)
                depths, tokens = level_nats(self.model, batch, self.codes, label, unknown, level)
                weight = (COUNT[level] / hidden).clamp(max=MOST_WEIGHT)
                loss = loss + ((depths + tokens).sum(1) * weight).mean()
        loss = loss / whole.budget.float().mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.)
        self.optimizer.step()
        self.steps = getattr(self, 'steps', 0) + 1
        average(self.mean, self.model, min(.998, 1 - 10 / (10 + self.steps + 1000 * self.epoch)))
        return loss.item()

    def one_epoch(self):
        a, rng = self.options, np.random.default_rng((self.options.seed, self.epoch))
        sets = self.plain if self.epoch >= a.epochs - a.plain else self.sets
        members = [(sets[w], i) for w, i in zip(rng.integers(len(sets), size=len(self.labels)), rng.permutation(len(self.labels)))]
        batches, losses, start = len(members) // a.batch, [], time.time()
        for k in range(batches):
            for group in self.optimizer.param_groups:
                group['lr'] = self.rate((self.epoch + k / batches) / a.epochs)
            losses.append(self.step(members[k * a.batch:(k + 1) * a.batch], rng))
            if a.verbose and k % 20 == 19:
                print(k + 1, round(float(np.mean(losses[-20:])), 4), round((time.time() - start) / (k + 1), 3), flush=True)
        self.epoch += 1
        return float(np.mean(losses))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('out')
    ap.add_argument('--model', required=True, help='the weights that the tokens were made with')
    ap.add_argument('--epochs', type=int, default=20)
    ap.add_argument('--plain', type=int, default=0, help='in so many epochs at the end only pictures as they are, no crops')
    ap.add_argument('--allocation', default='learned')
    ap.add_argument('--budgets', type=int, nargs='*', default=(), help='only these; default: all that there are')
    ap.add_argument('--dim', type=int, default=128)
    ap.add_argument('--heads', type=int, default=4)
    ap.add_argument('--layers', type=int, default=3)
    ap.add_argument('--batch', type=int, default=64)
    ap.add_argument('--rate', type=float, default=2e-3)
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--start', help='begin with the weights of this checkpoint')
    ap.add_argument('--resume', action='store_true')
    ap.add_argument('--verbose', action='store_true')
    a = ap.parse_args()
    torch.set_num_threads(1)
    run = Run(a)
    if a.resume and os.path.exists(a.out):
        run.resume()
    while run.epoch < a.epochs:
        start = time.time()
        loss = run.one_epoch()
        run.save()
        print(json.dumps({'epoch': run.epoch, 'nats a token': round(loss, 4), 'caches': len(run.sets),
                          'seconds': round(time.time() - start, 1)}), flush=True)


if __name__ == '__main__':
    main()
