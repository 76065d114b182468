#!/usr/bin/env python3
"""Labelled pictures -> caches of tokens, for train_classifier.py:

    tokenise_labelled.py ROOT CACHE --model alitra-base.safetensors [--program alitra-tokens] [--variants 10] [--size 192]

ROOT holds train/CLASS/*.jpg and val/CLASS/*.jpg.  What is there already is not made again.  --size scales the pictures of
128x128 first: their cells are then smaller parts of them."""
import argparse
import subprocess

from alitra import labelled

BUDGETS = (16, 32, 64, 128)
# Budgets of the variants in turn: a crop is seen at one or two of them.
ROUND = ((64, 16), (32, 128), (64,), (48, 24), (64, 32), (96, 16), (64,), (128, 32))


def budgets_of(number):
    return BUDGETS if number < 2 else ROUND[(number - 2) % len(ROUND)]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('--model', required=True)
    ap.add_argument('--program', default='alitra-tokens')
    ap.add_argument('--variants', type=int, default=10)
    ap.add_argument('--size', type=int, default=labelled.SIZE, help='sides that pictures are scaled to first')
    ap.add_argument('--allocation', default='learned', choices=('learned', 'recognition', 'uniform', 'complexity'),
                    help='recognition: learned, with the objective recognition')
    ap.add_argument('--budgets', type=int, nargs='*', help='of each variant (of crops only one or two, in turn)')
    a = ap.parse_args()
    try:
        subprocess.run([a.program, '--help'], stdout=subprocess.DEVNULL, check=True)
    except OSError as problem:
        raise SystemExit('%s cannot be run (%s): build it and name it with --program' % (a.program, problem.strerror))
    labelled.tokenise(a.program, a.model, a.root, 'val', 0, BUDGETS, a.allocation, a.cache, a.size)
    # Crops first: a training that runs meanwhile takes what is there.
    for number in (0, *range(2, a.variants), 1)[:a.variants]:
        budgets = a.budgets or budgets_of(number)
        labelled.tokenise(a.program, a.model, a.root, 'train', number, budgets, a.allocation, a.cache, a.size)
        print('variant %d: %s tokens' % (number, ', '.join(map(str, budgets))), flush=True)


if __name__ == '__main__':
    main()
