#!/usr/bin/env python3
"""The table of compare_generators.py -> tables of docs/generation.md, on standard output, and its plot:

    report_generation.py ../docs/generation.csv [--plot ../docs/generation.png]"""
import argparse
import csv
import statistics

ROWS = (('psnr', 'PSNR of the rebuilt pictures, luma, dB', '%.2f'),
        ('normalbits', '**bits of the picture**: tokens, and samples by squared error', '%.0f'),
        ('laplacebits', 'the same, samples by absolute error', '%.0f'),
        ('localbits', 'the same, by absolute error for how busy the place is', '%.0f'),
        ('tokenbits', 'of them bits of the tokens', '%.0f'), ('depthbits', 'of these for depths', '%.0f'),
        ('rawbits', 'bits of the ids alone, all as likely', '%.0f'),
        ('rebuiltfd', 'Fréchet distance, rebuilt pictures', '%.1f'), ('fd', '**Fréchet distance**, generated pictures', '%.1f'))
NAMES = {'learned': 'adaptive', 'uniform': 'uniform'}
COLOURS = {'learned': '#31688e', 'uniform': '#c8442c'}


def read(path):
    """-> {(allocation, tokens): {column: values of the seeds}}"""
    out = {}
    with open(path) as f:
        for row in csv.DictReader(f):
            cell = out.setdefault((row['allocation'], int(row['tokens'])), {})
            for key, value in row.items():
                if key != 'allocation':
                    cell.setdefault(key, []).append(float(value))
    return out


def said(values, form):
    """Mean, and the spread of the seeds where there is one."""
    text = form % statistics.mean(values)
    if max(values) > min(values):
        text += ' ± ' + form % statistics.stdev(values)
    return text


def table(cells):
    keys = sorted(cells, key=lambda k: (k[1], k[0]))
    yield '| | ' + ' | '.join('%s, %d tokens' % (NAMES[a], t) for a, t in keys) + ' |'
    yield '|---' * (len(keys) + 1) + '|'
    yield '| seeds | ' + ' | '.join('%d' % len(cells[k]['seed']) for k in keys) + ' |'
    for column, words, form in ROWS:
        yield '| %s | ' % words + ' | '.join(said(cells[k][column], form) for k in keys) + ' |'


def draw(cells, path):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plot

    figure, axes = plot.subplots(1, 5, figsize=(18, 3.6))
    for axis, column, title in zip(axes, ('normalbits', 'laplacebits', 'localbits', 'fd', 'tokenbits'), (
            'bits of the picture,\nsamples by squared error', 'the same,\nby absolute error', 'the same, by absolute error\nfor how busy the place is',
            'Fréchet distance\nof generated pictures', 'bits of the tokens alone,\nagainst the PSNR of what they hold')):
        for allocation, colour in COLOURS.items():
            keys = sorted(k for k in cells if k[0] == allocation)
            at = [statistics.mean(cells[k]['psnr']) if column == 'tokenbits' else k[1] for k in keys]
            mean = [statistics.mean(cells[k][column]) for k in keys]
            spread = [statistics.stdev(cells[k][column]) if len(cells[k][column]) > 1 else 0 for k in keys]
            axis.errorbar(at, mean, spread, color=colour, marker='o', capsize=3, linewidth=1.2, label=NAMES[allocation])
        axis.set_title(title, fontsize=10)
        axis.set_xlabel('PSNR of the rebuilt pictures, dB' if column == 'tokenbits' else 'tokens of a picture')
        axis.grid(color='#dddddd', linewidth=.6)
        axis.set_axisbelow(True)
        axis.spines[['top', 'right']].set_visible(False)
    axes[0].legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('table')
    ap.add_argument('--plot')
    a = ap.parse_args()
    cells = read(a.table)
    print('\n'.join(table(cells)))
    print('\nFréchet distance of real val pictures: %.2f' % next(iter(cells.values()))['realfd'][0])
    if a.plot:
        draw(cells, a.plot)


if __name__ == '__main__':
    main()
