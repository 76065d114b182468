#!/usr/bin/env python3
"""How far the allocator is from the best allocation:  greedy.py PHOTOS TOKENIZER.pt ALLOCATOR.pt [--crops N]

The greedy search tries the next token of every cell in the picture itself and gives it where the squared error around
the cell really falls by more than the price, until no cell wants one: level by level, with one price for all pictures.
A plain rule stands beside it: tokens while the residual of the cell has more energy than a threshold.  All code the same
pictures without what surrounds the allocator (flat and smooth cells, masking), so that only the choice differs.  Prints
tokens a picture and PSNR of the error over all pictures."""
import argparse
import math
import os

import torch

from alitra.allocator import allocator_with
from alitra.codec import encode_at
from alitra.deblock import deblock
from alitra.model import LEVELS, SCALE, level_price, tokenizer_with
from alitra.pictures import Crops, Planes, centre_crops, load_photos, rgb_to_ycc
from alitra.score import psnr
from train_allocator import around

STRIDE = 3      # cells tried together: what a cell paints and mixes reaches its neighbours


class GreedyLevel:
    """Token sums of one level while tokens are tried and given."""

    def __init__(self, level, left):
        self.level, self.left = level, left
        z = level.analyse(left)
        self.shape = z.shape
        self.r = z.reshape(-1, z.shape[-1])
        self.total = torch.zeros_like(self.r)
        self.depth = torch.zeros(len(self.r), dtype=torch.long)
        self.open = torch.ones(len(self.r), dtype=torch.bool)
        self.error = self.energy(self.total)

    def energy(self, total):
        return (self.left - self.level.synthesise(total.reshape(self.shape))).energy()

    def next_tokens(self):
        q = torch.zeros_like(self.r)
        for t, step in enumerate(self.level.steps):
            i = (self.open & (self.depth == t)).nonzero()[:, 0]
            if len(i):
                q[i] = step(self.r[i])[0]
        return q

    def sweep(self, price):
        """Tries every open cell once, a sparse set at a time -> tokens given."""
        b, h, w = self.shape[:3]
        q, given = self.next_tokens(), 0
        for k in range(STRIDE ** 2):
            mask = torch.zeros(b, h, w, dtype=torch.bool)
            mask[:, k // STRIDE::STRIDE, k % STRIDE::STRIDE] = True
            mask = mask.reshape(-1) & self.open & (self.depth < self.level.depth)
            if not mask.any():
                continue
            fall = around(self.error - self.energy(self.total + q * mask[:, None])).reshape(-1)
            keep = mask & (fall > price)
            self.open &= keep | ~mask
            if keep.any():
                self.total = self.total + q * keep[:, None]
                self.r = self.r - q * keep[:, None]
                self.depth += keep
                self.error = self.energy(self.total)
                given += int(keep.sum())
        self.open &= self.depth < self.level.depth
        return given


    def run(self, price):
        while self.open.any() and self.sweep(price):
            pass


class ThresholdLevel:
    """Tokens while the residual of a cell has more energy than four prices: a token takes off about a quarter."""

    def __init__(self, level, left):
        self.level, z = level, level.analyse(left)
        self.shape = z.shape
        self.r = z.reshape(-1, z.shape[-1])
        self.total = torch.zeros_like(self.r)
        self.depth = torch.zeros(len(self.r), dtype=torch.long)

    def run(self, price):
        for step in self.level.steps:
            i = ((self.r ** 2).sum(1) / SCALE ** 2 > 4 * price).nonzero()[:, 0]
            if not len(i):
                break
            q = step(self.r[i])[0]
            self.total[i] += q
            self.r[i] -= q
            self.depth[i] += 1


@torch.no_grad()
def encode_by(rule, tokenizer, planes, price):
    """-> picture, depths coarse first."""
    half = planes.halve()
    pyramid, base, depths = [planes, half, half.halve()], None, []
    for i in reversed(range(LEVELS)):
        left = pyramid[i] if base is None else pyramid[i] - base
        run = rule(tokenizer.levels[i], left)
        run.run(level_price(i, torch.tensor(price)).item() / 4 ** i)
        out = run.level.synthesise(run.total.reshape(run.shape))
        picture = out if base is None else out + base
        depths.append(run.depth.reshape(run.shape[:3]))
        base = deblock(picture, depths[-1], i).upsample()
    return picture, depths


def score(picture, depths, rgb):
    error = ((picture.to_rgb() - rgb) ** 2).mean()
    return sum(d.sum().item() for d in depths) / len(rgb), -10 * math.log10(error)


def at_tokens(points, tokens):
    """dB at a number of tokens, between the two points around it, over the logarithm of tokens."""
    points = sorted(points)
    for (t0, d0), (t1, d1) in zip(points, points[1:]):
        if t0 <= tokens <= t1:
            return d0 + (d1 - d0) * math.log(tokens / t0) / math.log(t1 / t0)
    return float('nan')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('photos')
    ap.add_argument('tokenizer')
    ap.add_argument('allocator')
    ap.add_argument('--crops', type=int, default=0, help='random crops; default: the centre of each photograph')
    ap.add_argument('--prices', default='.25,.5,1,2')
    a = ap.parse_args()
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    tokenizer, allocator = tokenizer_with(torch.load(a.tokenizer)['model']), allocator_with(torch.load(a.allocator))
    if a.crops:
        rgb = Crops(load_photos(a.photos, 512), 256, 11).batch(a.crops)
    else:
        rgb = centre_crops(a.photos)
    planes = Planes.from_ycc(rgb_to_ycc(rgb))
    found = {'learned': [], 'greedy': [], 'threshold': []}
    for price in (float(p) for p in a.prices.split(',')):
        with torch.no_grad():
            learned = encode_at(tokenizer, allocator, planes, torch.full((len(rgb),), price))
        for name, (picture, depths) in (('learned', learned),
                                        ('greedy', encode_by(GreedyLevel, tokenizer, planes, price)),
                                        ('threshold', encode_by(ThresholdLevel, tokenizer, planes, price))):
            found[name].append(score(picture, depths, rgb))
            print('price %6.3f  %-8s %7.1f tokens  %.3f dB   %s' % ((price, name) + found[name][-1] + (
                ' '.join('%.1f(max %d)' % (d.sum().item() / len(rgb), (d == d.max()).sum()) for d in depths),)), flush=True)
    for tokens in (128, 256, 512, 1024):
        learned, greedy, threshold = (at_tokens(found[name], tokens) for name in found)
        print('%5d tokens: learned %.2f dB, greedy %.2f dB (%.2f behind), threshold %.2f dB (%.2f ahead)' % (
            tokens, learned, greedy, greedy - learned, threshold, learned - threshold))


if __name__ == '__main__':
    main()
