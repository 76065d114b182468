#!/usr/bin/env python3
"""What tokens are worth to a transformer, row by row: the same small transformer and the same training on each kind of
tokens, several seeds, one model a row and seed for all budgets:

    compare_rows.py ROOT CACHE WORK --model alitra-base.safetensors [--rows recognition uniform scaled random]
                    [--seeds 0 1 2] [--epochs 8] [--csv ../docs/recognition.csv] [--plot ../docs/recognition.png]

CACHE holds tokens of the pictures as they are, by tokenise_labelled.py --variants 1 (once for each --allocation) and tokenise_fixed.py.
Stopped, it goes on where it was; what is in the CSV already is not trained again.  Prints a table of means over the
seeds, with the worst and the best of them; with --seeds and no number only that."""
import argparse
import csv
import os

import numpy as np

import train_classifier
from tokenise_labelled import BUDGETS

TITLES = {'recognition': 'adaptive, for recognition', 'learned': 'adaptive, for the picture', 'uniform': 'uniform depth',
          'scaled': 'fixed length, scaled', 'random': 'fixed length, random'}
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


def train(a, row, seed):
    out = os.path.join(a.work, 'row-%s-%d.pt' % (row, seed))
    options = [a.root, a.cache, out, '--model', a.model, '--epochs', a.epochs, '--every', a.epochs, '--allocation', row,
               '--variants', 0, '--budgets', *BUDGETS, '--dim', 96, '--layers', 3, '--seed', seed, '--resume', '--mirror']
    return train_classifier.train(train_classifier.parser().parse_args([str(o) for o in options]))


def lines_of(a, row, seed):
    run = train(a, row, seed)
    report = run.report()
    for budget, path in sorted((k[1], v) for k, v in train_classifier.find_caches(a.cache, 'val', row, BUDGETS).items()):
        inputs = train_classifier.Cells(path, run.vectors).cells.mean()
        yield dict(zip(FIELDS, (row, seed, budget, '%.1f' % inputs, '%.3f' % report['val%d' % budget],
                                '%.4f' % report['tune%d' % budget], a.epochs)))


def present(rows):
    return [row for row in TITLES if any(r['row'] == row for r in rows)]


def table(rows):
    print('| top 1 on val | ' + ' | '.join(map(str, BUDGETS)) + ' |\n' + '|---' * (len(BUDGETS) + 1) + '|')
    for row in present(rows):
        cells = []
        for budget in BUDGETS:
            found = [float(r['top1_val']) for r in rows if r['row'] == row and int(r['tokens']) == budget]
            cells.append('%.3f (%.3f to %.3f)' % (np.mean(found), min(found), max(found)) if found else '')
        print('| ' + ' | '.join([TITLES[row], *cells]) + ' |')


def plot(rows, path):
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    pyplot.figure(figsize=(6, 4))
    for row in present(rows):
        found = [[float(r['top1_val']) for r in rows if r['row'] == row and int(r['tokens']) == b] for b in BUDGETS]
        mean = np.array([np.mean(f) for f in found])
        spread = [mean - [min(f) for f in found], [max(f) for f in found] - mean]
        pyplot.errorbar(BUDGETS, mean, spread, label=TITLES[row], capsize=3, marker='o', markersize=3)
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
    ap.add_argument('--rows', nargs='*', default=['recognition', 'uniform', 'scaled', 'random'], choices=TITLES)
    ap.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2])
    ap.add_argument('--epochs', type=int, default=8)
    ap.add_argument('--csv', default='recognition.csv')
    ap.add_argument('--plot')
    a = ap.parse_args()
    os.makedirs(a.work, exist_ok=True)
    rows = read(a.csv)
    for seed in a.seeds:
        for row in a.rows:
            if not any(r['row'] == row and int(r['seed']) == seed for r in rows):
                new = list(lines_of(a, row, seed))
                rows = read(a.csv) + new        # read again: another one may have written meanwhile
                write(a.csv, rows)
    rows = read(a.csv)
    table(rows)
    if a.plot:
        plot(rows, a.plot)


if __name__ == '__main__':
    main()
