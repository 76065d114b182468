#!/usr/bin/env python3
"""What tokens are worth to a transformer, row by row.  One transformer a seed learns from the tokens of all rows, each picture
of any epoch as the tokens of one of them, so that its weights and its training are the same for each:

    compare_rows.py ROOT CACHE WORK --model alitra-base.safetensors [--rows learned uniform scaled random] [--seeds 0 1 2]
                    [--epochs 80] [--variants 0 2 3] [--start WORK] [--csv ../docs/recognition.csv]
                    [--plot ../docs/recognition.png]

CACHE holds tokens of the variants 0, 2 and 3 at all budgets, by tokenise_labelled.py --variants 4 --budgets 16 32 64 128
(once for each --allocation, and --size) and tokenise_fixed.py, and what train_teacher.py makes of these variants.  --start goes
on from another WORK.  Of adaptive and uniform tokens the transformer looks at all cells, or, on a line of its own, at no more
cells than there are tokens; with --few only at these, in training too.
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
# With --few pictures may have another size at other budgets: a line goes on in the other's row.
TITLES_OF_FEW = {'learned' + FEW: 'adaptive', 'learned-192' + FEW: 'adaptive', 'uniform' + FEW: 'uniform depth',
                 'uniform-192' + FEW: 'uniform depth', 'scaled': 'fixed length, scaled', 'random': 'fixed length, random'}
FIXED = 'scaled', 'random'       # each token is an input
NAME = 'rows-%d.pt'
FIELDS = ('row', 'seed', 'tokens', 'inputs', 'top1_val', 'top1_tune', 'epochs')


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
               '--resume', '--mirror', '--few' if a.few else '--some', '--rate', a.rate, '--mean', .999, '--skip', .05, '--hard', .2]
    options += ['--start', os.path.join(a.start, name)] if a.start else []
    return train_classifier.train(train_classifier.parser().parse_args([str(o) for o in options]))


def count_inputs(cells, few):
    """Of a picture, in the mean."""
    if not few:
        return cells.cells.mean()
    which = np.arange(min(len(cells.tokens), train_classifier.SAMPLE))
    inputs = cells.inputs(which)
    return np.mean([len(inputs.some(i, cells.tokens[i])) for i in which])


def lines_of(a, seed):
    run = train(a, seed)
    report, epochs = run.reported or run.report(), run.before + run.epoch
    for (row, split, budget, few), right in sorted(report.items()):
        cells = train_classifier.Cells(train_classifier.find_caches(a.cache, 'val', row, [budget])[0, budget], run.vectors)
        inputs = count_inputs(cells, few)
        if split == 'val' and not (few and row in FIXED):
            yield dict(zip(FIELDS, (row + FEW * few, seed, budget, '%.1f' % inputs, '%.3f' % right,
                                    '%.4f' % report[row, 'tune', budget, few], epochs)))


def plot(rows, titles, path):
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    pyplot.figure(figsize=(6, 4))
    for title in dict.fromkeys(titles.values()):
        found = [[float(r['top1_val']) for r in rows if titles.get(r['row']) == title and int(r['tokens']) == b] for b in BUDGETS]
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
    ap.add_argument('--few', action='store_true', help='only rows with as many cells as tokens, trained on these alone')
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
        plot(read(a.csv), TITLES_OF_FEW if a.few else TITLES, a.plot)


if __name__ == '__main__':
    main()
