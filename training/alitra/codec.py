"""Pictures -> tokens -> pictures with a budget, as the C library does it, in batches.  For evaluation and calibration."""
import math

import torch

from .allocator import LevelRun
from .deblock import deblock
from .model import LEVELS, fixed_depth, level_price

ROUNDS = 6


def keep_best(run, price, most):
    """Of the tokens that a level would like, those above the price, but at most `most` an image: sets run.depth and
    run.r accordingly.  -> log2 gain of the cheapest token kept, B."""
    b, h, w = run.shape
    gains = run.gains.reshape(b, -1)
    ranked = gains.sort(1, descending=True)[0]
    given = run.depth.reshape(b, -1).sum(1)
    limit = torch.full((b,), -20.)
    for i in range(b):
        k = int(min(most[i], given[i]))
        limit[i] = ranked[i, k - 1] if k > 0 else 20.
        if k < given[i]:
            # Equal gains along a prefix may tie: the order of cells decides, prefix order is kept.
            order = gains[i].argsort(descending=True, stable=True)[:k]
            depth = torch.bincount(order // run.level.depth, minlength=h * w)
            run.depth[i * h * w:(i + 1) * h * w] = depth
    return limit


class Encoded:
    def __init__(self, pictures, depths, ids, price):
        self.pictures, self.depths, self.ids, self.price = pictures, depths, ids, price

    def tokens(self):
        return sum(d.sum((1, 2)) for d in self.depths)


@torch.no_grad()
def encode_at(tokenizer, allocator, planes, price, target=None, oracle=False):
    """price: B.  With a target the finest levels are cut (or go on below the price) to end at exactly that many."""
    half = planes.halve()
    pyramid, base, parent = [planes, half, half.halve()], None, None
    b = len(planes.luma)
    spent = torch.zeros(b, dtype=torch.long)
    pictures, depths, ids, limit = [], [], [], None
    for i in reversed(range(LEVELS)):
        left = pyramid[i] if base is None else pyramid[i] - base
        level = tokenizer.levels[i]
        z = level.analyse(left)
        run = LevelRun(tokenizer, allocator, i, z, parent)
        h, w = run.shape[1:]
        slack = .35 if i == 0 and target is not None else 1.
        stop = torch.log2(level_price(i, price) * slack / 4 ** i).reshape(b, 1).expand(b, h * w).reshape(-1)
        for t in range(level.depth):
            if not run.active.any():
                break
            run.predict(t)
            if oracle:      # the gain that the token has, in latents, instead of the predicted one
                q = run.tokens(t)
                g = torch.log2((((run.r ** 2).sum(1) - ((run.r - q) ** 2).sum(1)) / 16).clamp(min=1e-5))
                run.worst = torch.minimum(g, run.gains[:, t - 1] if t else torch.full_like(g, 12.))
            run.take(t, run.worst > stop)
        if target is not None:
            limit = keep_best(run, stop, (target - spent).clamp(min=0))
        total = token_sums(run, z)
        spent = spent + run.depth.reshape(b, -1).sum(1)
        out = level.synthesise(total)
        picture = out if base is None else out + base
        pictures.append(picture)
        depths.append(run.depth.reshape(b, h, w))
        ids.append(run.ids.reshape(b, h, w, -1))
        base, parent = deblock(picture, run.depth.reshape(b, h, w), i).upsample(), run
    return Encoded(pictures, depths, ids, price), limit


def token_sums(run, z):
    from .allocator import token_sum
    total = token_sum(run.level, run.ids, run.depth)
    run.r = z.reshape(total.shape) - total
    return total.reshape(z.shape)


def encode_exactly(tokenizer, allocator, planes, target, oracle=False):
    """Exactly `target` tokens for every image: the price of the coarse levels is brought to what the finest level
    pays."""
    b = len(planes.luma)
    price = torch.full((b,), 2. * (256. / target) ** 1.2)
    target = torch.full((b,), target, dtype=torch.long)
    for _ in range(ROUNDS):
        out, limit = encode_at(tokenizer, allocator, planes, price, target, oracle)
        paid = torch.exp2(limit.clamp(-10, 10))
        price = torch.sqrt(price * paid)
    return out


@torch.no_grad()
def encode_fixed(tokenizer, planes, layout):
    """layout: depth of 64-, 32-, 16-cells."""
    pictures, depths, ids, _ = tokenizer(planes, [fixed_depth(layout[2]), fixed_depth(layout[1]), fixed_depth(layout[0])])
    return Encoded(pictures, depths, ids, None)


def layouts(tokens_a_64_cell, max_depth):
    """All fixed layouts with exactly that many tokens for a 64-cell and its descendants."""
    found = []
    for k0 in range(max_depth[0] + 1):
        for k1 in range(max_depth[1] + 1):
            k2 = tokens_a_64_cell - 16 * k0 - 4 * k1
            if 1 <= k2 <= max_depth[2]:
                found.append((k2, k1, k0))
    return found
