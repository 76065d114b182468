#!/usr/bin/env python3
"""What a generator knows of pictures that it has not seen, in bits:

    measure_generator.py ROOT CACHE gen.pt --model alitra-base.safetensors [--allocation uniform] [--mse mse.json]

For each budget that there are tokens of val for: bits a picture for depths, for tokens, and together; and what the same
tokens take without a generator (log2 of the codes).  Cells are told level by level, coarse ones first, those of a level in an
order drawn at random; a cell tells its depth, then its tokens.  So told, a picture's bits are a sum over its cells; the
mean over all orders is estimated without bias: of each level so many cells are hidden as one of DRAWS equal strata of
1..all says, all hidden ones are told at once, and what they take is scaled to the whole level.  Prints one JSON object a budget.

uniform depths are known from the budget, so they are told for nothing."""
import argparse
import json

import numpy as np
import torch

from alitra import labelled
from alitra.classifier import TokenVectors
from alitra.flat import COARSE, FINE
from alitra.generator import COUNT, Allocations, Batch, Codes, Generator
from alitra.model import LEVELS
from train_classifier import find_caches
from train_generator import hide, level_nats

DRAWS = (8, 4, 4)   # for each level, finest first
BATCH = 50


def free_nats(batch):
    """Of each picture: flat colours are drawn evenly once it is known that one comes."""
    first = (batch.turn == 0) & (batch.target != batch.id) & (batch.level == 2)
    nats = first * float(np.log(np.prod(COARSE))) + (batch.free & (batch.level == 2)) * float(np.log(np.prod(FINE)))
    return torch.zeros(len(batch.depth)).index_add_(0, batch.picture, nats.float())


def strata(count, draws, size, rng):
    """How many cells are hidden, draw by draw: size numbers each."""
    for d in range(draws):
        low, high = 1 + count * d // draws, 1 + count * (d + 1) // draws
        yield torch.from_numpy(rng.integers(low, high, size)), (high - low) / count


@torch.no_grad()
def measure(model, cells, labels, vectors, codes, pictures, seed=0):
    """-> nats of depths, nats of tokens, one number a picture."""
    rng, depths, tokens = np.random.default_rng(seed), [], []
    for at in range(0, pictures, BATCH):
        members = range(at, min(at + BATCH, pictures))
        batch = Batch([(cells, i) for i in members], vectors, codes)
        label = torch.from_numpy(labels[list(members)].astype(np.int64))
        deep, said = torch.zeros(len(members)), free_nats(batch)
        for level in range(LEVELS):
            for hidden, share in strata(COUNT[level], DRAWS[level], len(members), rng):
                d, t = level_nats(model, batch, codes, label, hide(COUNT[level], hidden, rng), level)
                whole = share * COUNT[level] / hidden
                deep, said = deep + d.sum(1) * whole, said + t.sum(1) * whole
        depths.append(deep)
        tokens.append(said)
    return torch.cat(depths).numpy(), torch.cat(tokens).numpy()


def raw_bits(cells, codes):
    """Bits of the ids by themselves, all as likely."""
    level = np.repeat(np.arange(LEVELS)[::-1], [COUNT[i] for i in reversed(range(LEVELS))])
    return (cells.depth * np.log2(np.array(codes.count)[level])).sum(1)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('checkpoint')
    ap.add_argument('--model', required=True)
    ap.add_argument('--allocation', default='learned')
    ap.add_argument('--budgets', type=int, nargs='*', help='default: those of the training')
    ap.add_argument('--split', default='val')
    ap.add_argument('--pictures', type=int, default=1000)
    a = ap.parse_args()
    torch.set_num_threads(1)
    checkpoint = torch.load(a.checkpoint, map_location='cpu')
    model = Generator(labels=len(checkpoint['labels']), **checkpoint['settings'])
    model.load_state_dict(checkpoint['model'])
    model.eval()
    vectors, codes, labels = TokenVectors(a.model), Codes(a.model), labelled.pictures(a.root, a.split)[2]
    rng = np.random.default_rng(1)
    for (_, budget), path in find_caches(a.cache, a.split, a.allocation, a.budgets or checkpoint['budgets']).items():
        cells = Allocations(path, budget, codes)
        if a.pictures < len(cells):
            take = rng.choice(len(cells), a.pictures, replace=False)
            cells.ids, cells.depth, labels_ = cells.ids[take], cells.depth[take], labels[take]
        else:
            labels_ = labels
        deep, said = measure(model, cells, labels_, vectors, codes, len(cells))
        if a.allocation == 'uniform':
            deep = 0 * deep
        bits = (deep + said) / np.log(2)
        print(json.dumps({'allocation': a.allocation, 'tokens': budget, 'pictures': len(cells), 'bits': round(float(bits.mean()), 2),
                          'of depths': round(float(deep.mean() / np.log(2)), 2), 'of tokens': round(float(said.mean() / np.log(2)), 2),
                          'error': round(float(bits.std() / len(bits) ** .5), 2), 'raw': round(float(raw_bits(cells, codes).mean()), 2)}),
              flush=True)


if __name__ == '__main__':
    main()
