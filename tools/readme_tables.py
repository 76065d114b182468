#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the tables of README.md, models/README.md and docs/*.md from docs/*.csv and docs/performance.json."""
import csv
import json
import re

from roundtrip import REPOSITORY

CLIPS = ('static_table_cups', 'static_pedestrians_vtest', 'static_webcam_sign_learn', 'moving_dashcam', 'outdoor_dog',
         'davis_camel', 'screen_text_scroll', 'talkinghead_foreman_cif')


def read(name):
    if not (REPOSITORY / 'docs' / name).exists():
        print('docs/%s is not there: its rows are left out' % name)
        return []
    with open(REPOSITORY / 'docs' / name, newline='') as file:
        return list(csv.DictReader(file))


def table(heads, rows):
    lines = [heads, ['---'] * len(heads), *rows]
    return '\n'.join('| %s |' % ' | '.join(line) for line in lines)


ALLOCATIONS = ('learned', 'uniform', 'complexity', 'thumbnail')


def stills_lines(name, note=''):
    rows = read(name)
    by = {(row['tokens'], row['allocation']): row for row in rows}
    lines = []
    for tokens in dict.fromkeys(row['tokens'] for row in rows):
        some = [by[tokens, allocation] for allocation in ALLOCATIONS]
        learned = some[0]
        lines.append([tokens + note, *('%.2f dB, %.0f bits' % (float(row['psnr']), float(row['bits'])) for row in some),
                      '%.2f' % float(learned['ssim']), '%.2f' % float(learned['edge_ratio'])])
    return lines


def stills():
    return table(['tokens', *ALLOCATIONS, 'SSIM, learned', 'edge ratio, learned'],
                 stills_lines('stills.csv') + stills_lines('stills-fast.csv', ', alitra-fast'))


def card(name):
    """The columns that the card of a model shows."""
    by = {(row['tokens'], row['allocation']): row for row in read(name)}
    lines = []
    for tokens in dict.fromkeys(tokens for tokens, _ in by):
        learned, uniform, rule = (by[tokens, allocation] for allocation in ALLOCATIONS[:3])
        lines.append([tokens, '%.2f dB, SSIM %s' % (float(learned['psnr']), ('%.3f' % float(learned['ssim'])).lstrip('0')),
                      *('%.2f dB' % float(row['psnr']) for row in (uniform, rule)),
                      '%.2f' % float(learned['edge_ratio']), '%.0f' % float(learned['bits'])])
    return table(['tokens', 'learned', 'best fixed layout', 'in proportion to energy', 'edge ratio', 'bits, all counted'], lines)


def codecs():
    """The points of each coder: bits a pixel, PSNR, SSIM."""
    rows, lines = read('codecs.csv'), []
    for codec in dict.fromkeys(row['codec'] for row in rows):
        some = [row for row in rows if row['codec'] == codec]
        lines.append([codec, *('%s: %.2f dB, %.3f' % (row['bpp'][:5], float(row['psnr']), float(row['ssim']))
                               for row in (some[0], some[len(some) // 2], some[-1]))])
    return table(['coder', 'lowest bits a pixel: PSNR, SSIM', 'middle', 'highest'], lines)


def clip_cells(number):
    return ['%.1f dB' % number['psnr_y'], '%.2f' % number['edge_ratio'], '%.1f k' % (number['bits_a_frame'] / 1000),
            '%.0f %%' % (100 * number['kept_share']), '%.0f / %.0f ms' % (number['encode_ms'], number['decode_ms'])]


def clips():
    rows, lines = read('clips.csv'), []
    models = list(dict.fromkeys(row['model'] for row in rows))
    for row in rows:
        if row['clip'] in CLIPS and row['model'] == models[0]:
            number = numbers(row)
            lines.append([row['clip'], '%dx%d' % (number['width'], number['height']), row['tokens_a_patch'],
                          *clip_cells(number)])
    for model in models:
        for rate in dict.fromkeys(row['tokens_a_patch'] for row in rows):
            some = [numbers(row) for row in rows if (row['model'], row['tokens_a_patch']) == (model, rate)]
            lines.append(['all %d, mean, %s' % (len(some), model), '', rate, *clip_cells(mean_of(some))])
    return table(['clip', 'size', 'tokens a patch', 'PSNR-Y', 'edge ratio', 'bits a frame', 'kept', 'encode / decode'],
                 lines)


def numbers(row):
    return {name: float(value) for name, value in row.items() if name not in ('clip', 'group', 'model')}


def mean_of(some):
    return {name: sum(number[name] for number in some) / len(some) for name in some[0]}


def temporal_cells(number):
    return ['%.0f' % number['tokens'], '%.0f' % number['new'], '%.0f %%' % (100 * number['new'] / number['tokens']),
            '%.1f / %.1f' % (number['bits'] / 1000, number['bits_without'] / 1000),
            '%.1f / %.1f ms' % (number['ms'], number['ms_without']),
            '%.2f / %.2f dB' % (number['psnr_y'], number['psnr_y_without']),
            '%.2f / %.2f' % (number['flicker'], number['flicker_without'])]


TEMPORAL_HEADS = ['tokens', 'new', 'share', 'kbit, with / without', 'time', 'PSNR-Y', 'flicker']


def temporal():
    return table(['clip', *TEMPORAL_HEADS],
                 [[row['clip'], *temporal_cells(numbers(row))] for row in read('temporal.csv')])


def temporal_groups():
    """Means of the clips of each kind of camera."""
    lines = []
    for name, note in (('temporal.csv', ''), ('temporal-fast.csv', ', alitra-fast')):
        rows = read(name)
        for group in ('static', 'hand-held', 'moving'):
            some = [numbers(row) for row in rows if row['group'] == group]
            if some:
                lines.append(['%s (%d)%s' % (group, len(some), note), *temporal_cells(mean_of(some))])
    return table(['camera (clips)', *TEMPORAL_HEADS], lines)


ROWS = {'adaptive, at 192x192': ('learned-192',), 'adaptive, at 128x128': ('learned',),
        'uniform depth, at 128x128': ('uniform',), 'uniform depth, at 192x192': ('uniform-192',),
        'fixed length, scaled': ('scaled',), 'fixed length, random': ('random',)}
# At some budgets pictures are larger.
ROWS_OF_FEW = {'adaptive': ('learned', 'learned-192'), 'uniform depth': ('uniform', 'uniform-192'),
               'fixed length, scaled': ('scaled',), 'fixed length, random': ('random',)}


SPEED = (('moving', 'alitraenc alitra-base, no reuse'), ('moving', 'alitradec alitra-base, no reuse'), ('moving', 'alitraenc alitra-fast, no reuse'),
         ('static', 'alitraenc alitra-base'), ('static', 'alitradec alitra-base'), ('static', 'alitraenc alitra-fast'))


def speed():
    """Of the clips that were measured at all sizes."""
    rows = json.loads((REPOSITORY / 'docs' / 'performance.json').read_text())['beside']
    fps = {}
    for row in rows:
        fps.setdefault((row['scene'], row['what'], row['height'], row['threads']), row['fps'])
    at = [(height, threads) for height in (720, 1080) for threads in (1, 2)]
    lines = [['%s, %s' % key, *('%.0f (%.2f)' % (fps[(*key, *a)], fps[(*key, *a)] / fps[(key[0], 'x264enc ultrafast', *a)]) for a in at)]
             for key in SPEED]
    return table(['', *('%dp, %s' % (height, 'one core' if threads == 1 else 'two cores') for height, threads in at)], lines)


def mean_and_range(values):
    return '%.3f (%.3f to %.3f)' % (sum(values) / len(values), min(values), max(values))


def recognition(name, titles):
    """Means of the seeds, with the worst and the best."""
    rows = read(name)
    budgets, lines = sorted({int(row['tokens']) for row in rows}), []
    for title, kinds in titles.items():
        by = [[float(r['top1_val']) for r in rows if r['row'].partition(',')[0] in kinds and int(r['tokens']) == tokens]
              for tokens in budgets]
        if all(by):
            lines.append([title, *map(mean_and_range, by)])
    return table(['top 1 on val', *('%d tokens' % tokens for tokens in budgets)], lines)


ABLATION_NAMES = {
    'reference': 'all parts', 'two-levels': 'two levels, 32 and 16', 'one-level': 'one level, 16',
    'without-depth': 'not trained for every depth', 'without-mixing': 'no mixing blocks',
    'without-neighbours': 'no neighbours', 'without-recurrence': 'no recurrence', 'without-parent': 'no parent'}


def ablations(part):
    rows, lines = [row for row in read('ablations.csv') if row['part'] == part], []
    budgets = list(dict.fromkeys(row['tokens'] for row in rows))
    by = {(row['row'], row['tokens']): row for row in rows}
    for name in dict.fromkeys(row['row'] for row in rows):
        some = [by[name, tokens] for tokens in budgets]
        lines.append([ABLATION_NAMES[name], *('%.2f / %.2f dB, %s' % (
            float(row['psnr']), float(row['psnr_of_mean_error']), ('%.3f' % float(row['ssim'])).lstrip('0'))
            for row in some)])
    return table([part, *('%s tokens' % tokens for tokens in budgets)], lines)


def fill(path, made):
    text = path.read_text()
    for name, made in made:
        text, count = re.subn('<!-- %s -->.*<!-- /%s -->' % (name, name),
                              lambda _: '<!-- %s -->\n%s\n<!-- /%s -->' % (name, made, name), text, flags=re.S)
        if count != 1:
            raise SystemExit('expected one place <!-- %s --> in %s, found %d' % (name, path, count))
    path.write_text(text)


def main():
    docs = REPOSITORY / 'docs'
    every, few = recognition('recognition.csv', ROWS), recognition('recognition-few.csv', ROWS_OF_FEW)
    fill(REPOSITORY / 'README.md', [('stills', stills()), ('clips', clips()), ('speed', speed()), ('temporal', temporal_groups()),
                                      ('recognition', every)])
    fill(docs / 'recognition.md', [('recognition', every), ('recognition-few', few)])
    fill(docs / 'temporal.md', [('temporal', temporal())])
    fill(docs / 'model.md', [('ablations-' + part, ablations(part)) for part in ('tokenizer', 'allocator', 'prediction')]
         + [('codecs', codecs())])
    fill(REPOSITORY / 'models' / 'README.md', [('base', card('stills.csv')), ('fast', card('stills-fast.csv'))])


if __name__ == '__main__':
    main()
