#!/usr/bin/env python3
"""The table of what each part gives:  ablations.py VAL WORK [--tokenizer TOK.pt] [--out OUT.csv]

Reads what ablations.sh has trained into WORK.  Rows of the tokenizer are coded by one and the same rule, a token where what
it takes off the latents' residual is above the price (of tokens that later ones build on, the best of these), without
an allocator, flat or smooth cells; rows of the allocator by the allocators on TOK.pt, as the encoder does it, and by their
predictions alone.  One price for all pictures, on both sides of
each number of tokens, and what lies between over the logarithm of tokens: the centre crops of VAL, PSNR of RGB as the
mean of the pictures and of the error over all, SSIM."""
import argparse
import csv
import math
import os

import torch

from alitra.allocator import allocator_with
from alitra.bilateral import bilateral
from alitra.codec import encode_at
from alitra.deblock import deblock
from alitra.model import LEVELS, SCALE, level_price, tokenizer_with
from alitra.pictures import Planes, centre_crops, rgb_to_ycc
from alitra.score import psnr, ssim

BUDGETS = (64, 256, 512, 1024)
TOKENIZERS = ('reference', 'two-levels', 'one-level', 'without-depth', 'without-mixing')
ALLOCATORS = ('reference', 'without-neighbours', 'without-recurrence', 'without-parent')
NEAR, ROUNDS = .03, 8       # logarithm of tokens between the two prices around a budget; tries to find them
BATCH = 16                  # pictures at a time
COLUMNS = ('part', 'row', 'steps', 'tokens', 'psnr', 'psnr_of_mean_error', 'ssim')


def measured_depth(level, z, price):
    """Tokens of each cell by what they take off the residual -> token sums, depth."""
    r, gains, prefix = z.reshape(-1, z.shape[-1]), [], [torch.zeros(z.numel() // z.shape[-1], z.shape[-1])]
    for step in level.steps:
        rest = r - step(r)[0]
        gains.append(((r ** 2).sum(1) - (rest ** 2).sum(1)) / SCALE ** 2)
        r = rest
        prefix.append(z.reshape(r.shape) - r)
    best = torch.stack(gains, 1).flip(1).cummax(1)[0].flip(1)       # a token that others build on
    depth = (best > price).long().cumprod(1).sum(1)
    return torch.stack(prefix)[depth, torch.arange(len(depth))].reshape(z.shape), depth.reshape(z.shape[:3])


def by_residual(tokenizer, levels):
    """-> function of planes and price (B) that codes by the rule above."""
    def encode(planes, price):
        half = planes.halve()
        pyramid, base, depths = [planes, half, half.halve()], None, []
        for i in reversed(range(levels)):
            left = pyramid[i] if base is None else pyramid[i] - base
            level = tokenizer.levels[i]
            total, depth = measured_depth(level, level.analyse(left), level_price(i, price[:1]).item() / 4 ** i)
            out = level.synthesise(total)
            picture = out if base is None else out + base
            depths.append(depth)
            base = deblock(picture, depth, i).upsample()
        return picture, depths
    return encode


@torch.no_grad()
def score(encode, rgb, price):
    """-> tokens a picture, PSNR as the mean of pictures and of the error over all, SSIM."""
    tokens, errors, similar = 0, [], []
    for part in rgb.split(BATCH):
        picture, depths = encode(Planes.from_ycc(rgb_to_ycc(part)), torch.full((len(part),), price))
        shown = bilateral(deblock(picture, depths[-1]), depths[-1]).to_rgb()
        tokens += sum(d.sum().item() for d in depths)
        errors.append(((shown - part) ** 2).mean((1, 2, 3)))
        similar.append(ssim(shown, part))
    errors = torch.cat(errors)
    return (tokens / len(rgb), (-10 * torch.log10(errors)).mean().item(), -10 * math.log10(errors.mean()),
            torch.cat(similar).mean().item())


def around(tried, budget):
    """Prices on both sides of a budget, the low one (more tokens) first, or None; tried: price -> score."""
    return (max((p for p in tried if tried[p][0] > budget), default=None),
            min((p for p in tried if tried[p][0] <= budget), default=None))


def logarithm(found):
    return math.log(max(found[0], 1.))


def next_price(tried, budget):
    """One to try, or None where the two around the budget are near enough."""
    low, high = around(tried, budget)
    if low is None or high is None:
        return 1. if not tried else max(tried) * 2 if high is None else min(tried) / 2
    most, least = logarithm(tried[low]), logarithm(tried[high])
    if most - least < NEAR:
        return None
    share = (most - math.log(budget)) / (most - least)
    share = min(max(share, .1), .9) if most - least > .3 else share + .01 * (1 if share < .5 else -1)
    return low * (high / low) ** share


def at_budget(encode, rgb, budget, tried):
    for _ in range(ROUNDS):
        price = next_price(tried, budget)
        if price is None:
            break
        tried[price] = score(encode, rgb, price)
    low, high = (tried[p] for p in around(tried, budget))
    share = (logarithm(low) - math.log(budget)) / (logarithm(low) - logarithm(high))
    return tuple(a + (b - a) * share for a, b in zip(low[1:], high[1:]))


def rows_of(part, name, steps, encode, rgb):
    tried, rows = {}, []
    for budget in BUDGETS:
        found = at_budget(encode, rgb, budget, tried)
        rows.append(dict(zip(COLUMNS, (part, name, steps, budget, *found))))
        print('%-10s %-20s %5d steps  %5d tokens: %.2f dB  %.2f dB of all  SSIM %.3f' % tuple(rows[-1].values()),
              flush=True)
    return rows


def steps_of(saved):
    return saved['state']['step']


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('photos')
    ap.add_argument('work')
    ap.add_argument('--tokenizer', help='that the allocators were trained on')
    ap.add_argument('--every', type=int, default=1, help='every so manieth crop only')
    ap.add_argument('--only', choices=('tokenizer', 'allocator'), help='rows of that part; OUT keeps the others that it has')
    ap.add_argument('--out')
    a = ap.parse_args()
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    rgb, rows = centre_crops(a.photos)[::a.every], []
    for name in TOKENIZERS if a.only != 'allocator' else ():
        saved = torch.load(os.path.join(a.work, name + '.pt'))
        encode = by_residual(tokenizer_with(saved['model']), saved.get('levels', LEVELS))
        rows += rows_of('tokenizer', name, steps_of(saved), encode, rgb)
    tokenizer = tokenizer_with(torch.load(a.tokenizer)['model']) if a.tokenizer else None
    for name in ALLOCATORS if tokenizer and a.only != 'tokenizer' else ():
        saved = torch.load(os.path.join(a.work, 'allocator-%s.pt' % name))
        allocator = allocator_with(saved)
        for part, measured in (('allocator', True), ('prediction', False)):
            rows += rows_of(part, name, steps_of(saved),
                            lambda planes, price: encode_at(tokenizer, allocator, planes, price, measured), rgb)
    if a.out:
        if a.only and os.path.exists(a.out):
            with open(a.out, newline='') as file:
                rows += [row for row in csv.DictReader(file) if row['part'] not in {fresh['part'] for fresh in rows}]
        with open(a.out, 'w', newline='') as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for row in rows:
                writer.writerow({k: '%.4f' % v if isinstance(v, float) else v for k, v in row.items()})


if __name__ == '__main__':
    main()
