#!/usr/bin/env python3
"""The C library's classifier on the validation pictures: how often it is right, and how long it takes.

    measure_classifier.py ROOT --model alitra-base.safetensors --classifier alitra-classify.safetensors
                          [--size 128] [--budgets 16 32 64 128] [--pictures 1000] [--batch 1 16] [--cells all tokens 2.5]
                          [--out docs/recognition-time.csv [--append]]

Prints a table by tokens: right (top 1), cells that hold tokens, milliseconds to make the tokens and to classify them
(medians of processor time for a picture, one thread).  --pictures: the first so many
of each class in turn; --size: they are scaled to it."""
import argparse
import csv
import subprocess
import sys

import numpy as np

from alitra import labelled

FIELDS = ('size', 'allocation', 'batch', 'looked_at', 'tokens', 'pictures', 'top1', 'cells', 'tokens_ms', 'classify_ms')


def measure(a, raw, labels, allocation, batch, looked_at):
    command = [a.program, a.model, a.classifier, str(a.size), str(a.size), allocation, ','.join(map(str, a.budgets)), str(batch), looked_at]
    out = subprocess.run(command, input=raw.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    rows = np.array([line.split() for line in out.decode().splitlines()], int).reshape(len(a.budgets), len(labels), 5)
    for r in rows:
        if len(set(r[:, 1])) != 1:
            sys.exit('expected the same number of tokens for all pictures, got %s' % sorted(set(r[:, 1])))
        yield dict(zip(FIELDS, (a.size, allocation, batch, looked_at, r[0, 1], len(labels), '%.3f' % (r[:, 0] == labels).mean(),
                                '%.1f' % r[:, 2].mean(), '%.3f' % (np.median(r[:, 3]) / 1e3),
                                '%.3f' % (np.median(r[:, 4]) / 1e3))))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('--model', required=True)
    ap.add_argument('--classifier', required=True)
    ap.add_argument('--program', default='build/tests/bench/bench-classify')
    ap.add_argument('--size', type=int, default=labelled.SIZE)
    ap.add_argument('--budgets', type=int, nargs='*', default=[16, 32, 64, 128])
    ap.add_argument('--pictures', type=int, default=1000)
    ap.add_argument('--batch', type=int, nargs='*', default=[1], help='pictures that the transformer looks at together')
    ap.add_argument('--allocations', nargs='*', default=['learned'], help='learned, recognition or uniform')
    ap.add_argument('--cells', nargs='*', default=['all'], help='all, tokens: no more than there are tokens, or a number: so many a token')
    ap.add_argument('--out')
    ap.add_argument('--append', action='store_true', help='beside what OUT holds')
    a = ap.parse_args()
    _, paths, labels = labelled.pictures(a.root, 'val')
    place = np.concatenate([np.arange(n) for n in np.bincount(labels)])      # of each picture in its class
    chosen = np.argsort(place, kind='stable')[:a.pictures]
    labels = labels[chosen]
    raw = np.stack([labelled.scaled(labelled.variant(paths[i], 0, i), a.size) for i in chosen])
    rows = [row for allocation in a.allocations for batch in a.batch for cells in a.cells
            for row in measure(a, raw, labels, allocation, batch, cells)]
    print('| ' + ' | '.join(FIELDS) + ' |\n' + '|---' * len(FIELDS) + '|')
    for row in rows:
        print('| ' + ' | '.join(str(row[f]) for f in FIELDS) + ' |')
    if a.out:
        with open(a.out, 'a' if a.append else 'w', newline='') as f:
            writer = csv.DictWriter(f, FIELDS, lineterminator='\n')
            if not a.append:
                writer.writeheader()
            writer.writerows(rows)


if __name__ == '__main__':
    main()
