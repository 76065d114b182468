#!/usr/bin/env python3
"""The C library's classifier on the validation pictures: how often it is right, and how long it takes.

    measure_classifier.py ROOT --model alitra-base.safetensors --classifier alitra-classify.safetensors
                          [--program build/tests/bench/bench-classify] [--out docs/recognition-time.csv]

Prints a table by tokens: right (top 1), cells that hold tokens, milliseconds to make the tokens and to classify them
(medians, one thread)."""
import argparse
import csv
import subprocess
import sys

import numpy as np

from alitra import labelled

BUDGETS = (8, 16, 32, 64, 128, 256)
FIELDS = ('allocation', 'tokens', 'pictures', 'top1', 'cells', 'tokens_ms', 'classify_ms')


def measure(a, raw, labels, allocation):
    command = [a.program, a.model, a.classifier, str(labelled.SIZE), str(labelled.SIZE), allocation,
               ','.join(map(str, BUDGETS))]
    out = subprocess.run(command, input=raw.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    rows = np.array([line.split() for line in out.decode().splitlines()], int).reshape(len(BUDGETS), len(labels), 5)
    for r in rows:
        if len(set(r[:, 1])) != 1:
            sys.exit('expected the same number of tokens for all pictures, got %s' % sorted(set(r[:, 1])))
        yield dict(zip(FIELDS, (allocation, r[0, 1], len(labels), '%.3f' % (r[:, 0] == labels).mean(),
                                '%.1f' % r[:, 2].mean(), '%.3f' % (np.median(r[:, 3]) / 1e3),
                                '%.3f' % (np.median(r[:, 4]) / 1e3))))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('--model', required=True)
    ap.add_argument('--classifier', required=True)
    ap.add_argument('--program', default='build/tests/bench/bench-classify')
    ap.add_argument('--allocations', nargs='*', default=['learned'])
    ap.add_argument('--out')
    a = ap.parse_args()
    _, paths, labels = labelled.pictures(a.root, 'val')
    raw = np.stack([labelled.variant(p, 0, i) for i, p in enumerate(paths)])
    rows = [row for allocation in a.allocations for row in measure(a, raw, labels, allocation)]
    print('| ' + ' | '.join(FIELDS) + ' |\n' + '|---' * len(FIELDS) + '|')
    for row in rows:
        print('| ' + ' | '.join(str(row[f]) for f in FIELDS) + ' |')
    if a.out:
        with open(a.out, 'w', newline='') as f:
            writer = csv.DictWriter(f, FIELDS, lineterminator='\n')
            writer.writeheader()
            writer.writerows(rows)


if __name__ == '__main__':
    main()
