#!/usr/bin/env python3
"""What tokens are worth to a transformer, row by row.  One transformer a seed learns from the tokens of all rows, each picture
of any epoch as the tokens of one of them, so that its weights and its training are the same for each:

    compare_rows.py ROOT CACHE WORK --model alitra-base.safetensors [--rows learned uniform scaled random] [--seeds 0 1 2]
                    [--epochs 80] [--variants 0 2 3] [--start WORK] [--csv ../docs/recognition.csv]
                    [--plot ../docs/recognition.png]

CACHE holds tokens of the variants 0, 2 and 3 at all budgets, by tokenise_labelled.py --variants 4 --budgets 16 32 64 128
(once for each --allocation, and --size) and tokenise_fixed.py, and what train_teacher.py makes of these variants.  --start goes
on from another WORK.  Of adaptive and uniform tokens the transformer looks at all cells, or, on a line of its own, at no more
cells than there are tokens; with --inputs only at so many a token, in training too.
Stopped, it goes on where it was; what is in the CSV already is not trained again.  tools/readme_tables.py makes a table of it."""
import argparse
import csv
import os

import numpy as np

import train_classifier
from tokenise_labelled import BUDGETS

FEW = ', as many cells as tokens'
TITLES = {'learned': 'adaptive', 'learned-192': 'adaptive, at 192x192', 'recognition': 'adaptive, for recognition',
          'uniform': 'uniform depth', 'uniform-192': 'uniform depth, at 192x192',
          'scaled': 'fixed length, scaled', 'random': 'fixed length, random'}
# With --inputs pictures may have another size at other budgets: a line goes on in the other's row.
KINDS = {'learned': 'adaptive', 'uniform': 'uniform depth', 'scaled': 'fixed length, scaled', 'random': 'fixed length, random'}
FIXED = 'scaled', 'random'       # each token is an input
NAME = 'rows-%d.pt'
FIELDS = ('row', 'seed', 'tokens', 'inputs', 'top1_val', 'top1_tune', 'epochs')


def suffix(most):
    """Of a row whose transformer looks at so many cells a token at most; 0: at all."""
    return '' if not most else FEW if most == 1 else ', %g cells a token' % most


def kind(row):
    """learned-192, as many cells as tokens -> learned"""
    return row.partition(',')[0].partition('-')[0]


def read(path):
    if not os.path.exists(path):
        return []
    with open(path, newline='') as f:
        return list(csv.DictReader(f))


def write(path, rows):
    with open(path, 'w', newline='') as f:
        writer = csv.DictWriter(f, FIELDS, lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)


def train(a, seed):
    name = NAME % seed
    options = [a.root, a.cache, os.path.join(a.work, name), '--model', a.model, '--epochs', a.epochs, '--every', a.epochs,
               '--allocation', *a.rows, '--teacher', a.cache, '--variants', *a.variants, '--budgets', *BUDGETS, '--seed', seed,
               '--resume', '--mirror', *(['--inputs', a.inputs] if a.inputs else ['--some']), '--rate', a.rate, '--mean', .999, '--skip', .05, '--hard', .2]
    options += ['--start', os.path.join(a.start, name)] if a.start else []
    return train_classifier.train(train_classifier.parser().parse_args([str(o) for o in options]))


def count_inputs(cells, most):
    """Of a picture, in the mean; most: a token, or 0."""
    if not most:
        return cells.cells.mean()
    which = np.arange(min(len(cells.tokens), train_classifier.SAMPLE))
    inputs = cells.inputs(which)
    return np.mean([len(inputs.some(i, n)) for i, n in enumerate(train_classifier.most_of(cells, which, most))])


def lines_of(a, seed):
    run = train(a, seed)
    report, epochs = run.reported or run.report(), run.before + run.epoch
    for (row, split, budget, most), right in sorted(report.items()):
        cells = train_classifier.Cells(train_classifier.find_caches(a.cache, 'val', row, [budget])[0, budget], run.vectors)
        inputs = count_inputs(cells, most)
        if split == 'val' and not (most and row in FIXED):
            yield dict(zip(FIELDS, (row + suffix(most), seed, budget, '%.1f' % inputs, '%.3f' % right,
                                    '%.4f' % report[row, 'tune', budget, most], epochs)))


def plot(rows, path, kinds):
    """kinds: rows of one kind, at whatever sizes, are one line."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    pyplot.figure(figsize=(6, 4))
    for name, title in (KINDS if kinds else TITLES).items():
        found = [[float(r['top1_val']) for r in rows if int(r['tokens']) == b and name == (kind(r['row']) if kinds else r['row'])]
                 for b in BUDGETS]
        if not all(found):
            continue
        mean = np.array([np.mean(f) for f in found])
        spread = [mean - [min(f) for f in found], [max(f) for f in found] - mean]
        pyplot.errorbar(BUDGETS, mean, spread, label=title, capsize=3, marker='o', markersize=3)
    pyplot.xscale('log', base=2)
    pyplot.xticks(BUDGETS, BUDGETS)
    pyplot.xlabel('tokens a picture')
    pyplot.ylabel('top 1 on val')
    pyplot.legend()
    pyplot.grid(alpha=.3)
    pyplot.tight_layout()
    pyplot.savefig(path, dpi=100)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('work')
    ap.add_argument('--model', required=True, help='the weights that the tokens were made with')
    ap.add_argument('--rows', nargs='*', default=['learned', 'learned-192', 'uniform', 'uniform-192', 'scaled', 'random'],
                    help='learned:16,32: only at these budgets')
    ap.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2])
    ap.add_argument('--epochs', type=int, default=80)
    ap.add_argument('--rate', type=float, default=1.2e-3)
    ap.add_argument('--variants', type=int, nargs='*', default=[0, 2, 3])
    ap.add_argument('--inputs', type=float, default=0, help='only rows with so many cells a token at most, trained on these alone')
    ap.add_argument('--start', help='a folder WORK whose transformers to go on from')
    ap.add_argument('--csv', default='recognition.csv')
    ap.add_argument('--plot')
    a = ap.parse_args()
    os.makedirs(a.work, exist_ok=True)
    rows = read(a.csv)
    for seed in a.seeds:
        if not any(int(r['seed']) == seed for r in rows):
            new = list(lines_of(a, seed))
            rows = read(a.csv) + new        # read again: another one may have written meanwhile
            write(a.csv, rows)
    if a.plot:
        plot(read(a.csv), a.plot, bool(a.inputs))


if __name__ == '__main__':
    main()
