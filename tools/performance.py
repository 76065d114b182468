#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures speed beside other encoders and stage by stage, and writes docs/performance.json and the tables of
docs/performance.md between its marks. Best on a machine that does nothing else:

    tools/performance.py --build build --moving davis_camel.mp4 --static static_cars_topview.mp4
    tools/performance.py --tables                 the tables anew, from docs/performance.json
"""
import argparse
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
MODELS = ('alitra-base', 'alitra-fast')
BARS = ('x264enc ultrafast',)
# What is asked for, of the frame rate of x264.
MOVING = {'alitraenc alitra-base, no reuse': .18, 'alitraenc alitra-fast, no reuse': .45}
STATIC = ('alitraenc alitra-base', 'alitraenc alitra-fast')


def environment(build):
    return {**os.environ, 'OPENBLAS_NUM_THREADS': '1', 'GST_PLUGIN_PATH': str(build / 'gst'),
            'GST_REGISTRY': str(build / 'performance-registry.bin'), 'ALITRA_MODEL_PATH': str(REPOSITORY / 'models')}


def run_bench(options, heights, threads, moving, static, file):
    """alitra-bench on one pair of clips: its rows."""
    command = [options.build / 'tools/alitra-bench', '--moving', moving, '--static', static, '--sizes', heights,
               '--threads', threads, '--frames', options.frames, '--rounds', options.rounds, '--json', file]
    for model in MODELS:
        command += ['--model', REPOSITORY / 'models' / (model + '.safetensors')]
    subprocess.run([str(word) for word in command], check=True, env=environment(options.build))
    return [{**row, 'clip': Path(static if row['scene'] != 'moving' else moving).stem}
            for row in json.loads(Path(file).read_text())]


def run_frames(options, clip, width, height, folder, *more):
    """bench-frames on a raw clip, each model."""
    raw = Path(folder) / 'clip.yuv'
    subprocess.run(['ffmpeg', '-loglevel', 'error', '-y', '-i', clip, '-frames:v', str(options.frames), '-vf',
                    f'scale={width}:{height}', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', raw], check=True)
    os.sync()       # to write it to the disk takes a processor, which should be idle then
    for model in MODELS:
        out = subprocess.run([options.build / 'tests/bench/bench-frames', REPOSITORY / 'models' / (model + '.safetensors'),
                              raw, str(width), str(height), str(options.frames), *more], check=True,
                             stdout=subprocess.PIPE, text=True, env=environment(options.build)).stdout
        yield {'model': model, 'clip': Path(clip).stem, 'width': width, 'height': height, 'reuse': bool(more),
               **json.loads(out)}


def measure_beside(options, folder):
    file = Path(folder) / 'bench.json'
    first = options.moving[0]
    rows = run_bench(options, options.sizes, '1,2', first, options.static[0], file)
    for moving in options.moving[1:]:
        rows += [row for row in run_bench(options, '720', '1', moving, options.static[0], file) if row['scene'] == 'moving']
    for static in options.static[1:]:
        rows += [row for row in run_bench(options, '720', '1', first, static, file) if row['scene'] == 'static']
    return rows


def measure_frames(options, folder):
    first = options.moving[0]
    return [*run_frames(options, first, 1280, 720, folder), *run_frames(options, first, 1920, 1080, folder),
            *run_frames(options, options.static[0], 1280, 720, folder, 'reuse')]


PARTS = {'beside': measure_beside, 'frames': measure_frames}


def measure(options):
    with tempfile.TemporaryDirectory() as folder:
        return {part: PARTS[part](options, folder) for part in options.only}


def table(heads, rows):
    lines = [heads, ['---'] * len(heads), *rows]
    return '\n'.join('| %s |' % ' | '.join(line) for line in lines)


def beside_table(rows):
    """Rates and CPU time, and both against x264 of the same scene."""
    lines = []
    x264 = {}
    for row in rows:
        key = (row['height'], row['scene'], row['clip'], row['threads'])
        if row['what'] in BARS:
            x264[key] = row
        bar = x264.get(key)
        lines.append([
            '%dx%d' % (row['width'], row['height']), '%s: `%s`' % (row['scene'], row['clip']), str(row['threads']),
            row['what'], '%.1f' % row['fps'], '%.2f' % row['cpu_ms'],
            '%.2f' % (row['fps'] / bar['fps']) if bar else '', '%.2f' % (bar['cpu_ms'] / row['cpu_ms']) if bar else '',
            '%.0f %%' % (100 * row['changed']) if row['changed'] >= 0 else ''])
    return table(['size', 'scene', 'threads', '', 'frames/s', 'CPU ms', 'of x264', 'by CPU time', 'patches changed'], lines)


def pick(rows, **wanted):
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def summary_table(rows):
    """Rates at 720p with one thread: a line for each encoder and decoder, a column for each scene, the first clip of it."""
    columns = []
    for row in pick(rows, height=720, threads=1):
        if row['scene'] not in [column['scene'] for column in columns]:
            columns.append({'scene': row['scene'], 'clip': row['clip']})
    at = [{row['what']: row['fps'] for row in pick(rows, height=720, threads=1, **column)} for column in columns]
    lines = [[what] + ['%.*f (%.2f)' % (fps[what] < 100, fps[what], fps[what] / fps[BARS[0]]) for fps in at] for what in at[0]]
    return table(['frames a second (of x264 in the same scene)'] + [column['scene'] for column in columns], lines)


def bars_of_beside(rows):
    """What is wanted beside x264, each with what was measured: (bar, least or most, measured, text)."""
    for row in rows:
        bar = pick(rows, what=BARS[0], height=row['height'], scene=row['scene'], clip=row['clip'], threads=row['threads'])[0]
        ratio = row['fps'] / bar['fps']
        where = '%s, `%s`' % (row['what'], row['clip'])
        if (row['height'], row['threads'], row['scene']) == (720, 1, 'moving') and row['what'] in MOVING:
            yield 'moving, 720p, of x264: ' + where, '%.2f' % MOVING[row['what']], ratio >= MOVING[row['what']], '%.2f' % ratio
        elif (row['height'], row['threads'], row['scene']) == (720, 1, 'static') and row['what'] in STATIC:
            yield 'static, 720p, of x264: ' + where, '1.50', ratio >= 1.5, '%.2f' % ratio
        elif (row['height'], row['threads'], row['scene'], row['what']) == (1080, 2, 'moving', 'alitraenc alitra-base, no reuse'):
            yield '1080p, two threads, frames a second: ' + where, '30', row['fps'] >= 30, '%.1f' % row['fps']
        if row['height'] == 720 and row['threads'] == 1 and row['what'].startswith('alitradec'):
            encoder = pick(rows, what=row['what'].replace('alitradec', 'alitraenc'), height=720, scene=row['scene'],
                           clip=row['clip'], threads=1)[0]
            times = row['fps'] / encoder['fps']
            yield 'decoder, of the encoder: %s, %s' % (where, row['scene']), '1.00', times >= 1, '%.2f' % times


def bars_of_frames(rows):
    for row in rows:
        where = '%s, %dp, `%s`%s' % (row['model'], row['height'], row['clip'], ', reuse' if row['reuse'] else '')
        yield 'products, of sgemm: ' + where, '70 %', row['of_sgemm'] >= .7, '%.0f %%' % (100 * row['of_sgemm'])
        yield 'the rest, of the products: ' + where, '100 %', row['rest_ms'] <= row['products_ms'], '%.0f %%' % (
            100 * row['rest_ms'] / row['products_ms'])
        yield 'two threads, of one: ' + where, '1.7', row['two_threads'] >= 1.7, '%.2f' % row['two_threads']
        yield 'start to first token, ms: ' + where, '100', row['start_ms'] <= 100, '%.0f' % row['start_ms']


def bars_table(result):
    """What is missed, and how many are met."""
    bars = [*bars_of_beside(result['beside']), *bars_of_frames(result['frames'])]
    missed = [[what, wanted, measured] for what, wanted, met, measured in bars if not met]
    found = '%d of %d bars are met' % (len(bars) - len(missed), len(bars))
    if not missed:
        return found + '.'
    return found + '; these are not:\n\n' + table(['', 'wanted', 'measured'], missed)


def frames_table(rows):
    lines = [[row['model'], '%dx%d' % (row['width'], row['height']), '`%s`%s' % (row['clip'], ', reuse' if row['reuse'] else ''),
              '%.2f' % row['encode_ms'], '%.2f' % row['products_ms'], '%.2f' % row['rest_ms'],
              '%.0f %%' % (100 * row['of_sgemm']), '%.2f' % row['decode_ms'], '%.2f' % row['two_threads'],
              '%.0f' % row['load_ms'], '%.0f' % row['start_ms']] for row in rows]
    return table(['model', 'size', 'clip', 'encode, ms', 'products, ms', 'the rest, ms', 'products, of sgemm', 'decode, ms',
                  'two threads, times', 'model loads, ms', 'first token, ms'], lines)


def tables_of(result):
    return (('summary', summary_table(result['beside'])), ('bars', bars_table(result)),
            ('beside', beside_table(result['beside'])), ('frames', frames_table(result['frames'])))


def write_tables(path, result):
    text = path.read_text()
    for name, made in tables_of(result):
        mark = '<!-- %s: tools/performance.py -->' % name
        text, n = re.subn(re.escape(mark) + r'\n.*?<!-- end -->', lambda _: '%s\n\n%s\n\n<!-- end -->' % (mark, made), text,
                          flags=re.S)
        if n != 1:
            raise SystemExit('%s should have one mark "%s" with "<!-- end -->" behind it, got %d' % (path, mark, n))
    path.write_text(text)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tables', action='store_true', help='measure nothing')
    parser.add_argument('--build', type=Path)
    parser.add_argument('--moving', action='append', help='a clip in which everything moves; more at 720p')
    parser.add_argument('--static', action='append', help='a clip of a camera that stands still; more at 720p')
    parser.add_argument('--sizes', default='360,720,1080')
    parser.add_argument('--frames', type=int, default=40)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--only', nargs='*', choices=PARTS, default=list(PARTS),
                        help='measure a part again, beside what docs/performance.json holds of the other')
    parser.add_argument('--dry', action='store_true', help='print the tables, write nothing')
    options = parser.parse_args()
    if not options.tables and not (options.build and options.moving and options.static):
        parser.error('expected --build, --moving and --static, or --tables alone')
    return options


def main():
    options = parse()
    kept = REPOSITORY / 'docs/performance.json'
    result = json.loads(kept.read_text()) if options.tables or len(options.only) < len(PARTS) else {}
    if not options.tables:
        options.build = options.build.resolve()
        result.update(measure(options))
    if options.dry:
        print(*(made for _, made in tables_of(result)), sep='\n\n')
        return
    kept.write_text(json.dumps(result, indent=1) + '\n')
    write_tables(REPOSITORY / 'docs/performance.md', result)


if __name__ == '__main__':
    main()
