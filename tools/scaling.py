#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encoding time against pixels (everything moves, no reuse) and against changed patches (a still picture with a part that
changes), one thread, CPU time, medians; writes docs/scaling.csv and docs/scaling.png.

    tools/scaling.py --roundtrip build/tools/alitra-roundtrip --model models/alitra-base.safetensors CLIP
"""
import argparse
import csv
import json
import os
import statistics
import subprocess
import tempfile

import numpy as np

SIZES = ((640, 360), (960, 540), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
SHARES = (0, .05, .1, .2, .3, .4, .5, .6, .8, 1)
TOKENS = .4     # a patch


def read_frames(clip, width, height, count):
    command = ['ffmpeg', '-loglevel', 'error', '-i', clip, '-frames:v', str(count), '-vf', f'scale={width}:{height}',
               '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-']
    raw = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, width * height * 3 // 2)


def encode(options, frames, width, height, *more):
    with tempfile.NamedTemporaryFile(suffix='.yuv') as file:
        file.write(frames.tobytes())
        file.flush()
        command = [options.roundtrip, '-i', file.name, '--width', str(width), '--height', str(height), '--threads', '1',
                   '-m', options.model, *more]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    return [row for row in rows if 'encode_cpu_ns' in row]


def change_part(still, other, share, width, height):
    """The top rows of the picture, in whole patches, come from another frame."""
    rows = round(share * height / 16) * 16
    frame = still.copy()
    for start, stride, lines in ((0, width, rows), (width * height, width // 2, rows // 2),
                                 (width * height * 5 // 4, width // 2, rows // 2)):
        frame[start:start + stride * lines] = other[start:start + stride * lines]
    return frame


def measure_sizes(options):
    for width, height in SIZES:
        frames = read_frames(options.clip, width, height, options.frames)
        patches = -(-width // 16) * -(-height // 16)
        rows = encode(options, frames, width, height, '--no-reuse', '--tokens', str(int(TOKENS * patches)))[1:]
        yield {'what': 'pixels', 'x': width * height,
               'ms': statistics.median(row['encode_cpu_ns'] for row in rows) / 1e6}


def measure_changes(options, width=1280, height=720):
    still, *others = read_frames(options.clip, width, height, options.frames)
    patches = (width // 16) * (height // 16)
    for share in SHARES:
        # part and still picture take turns, so that as much changes in each frame
        frames = np.stack([still, still] + [change_part(still, others[-1], share, width, height) if i % 2 else still
                                            for i in range(1, options.frames)])
        rows = encode(options, frames, width, height, '--tokens', str(int(TOKENS * patches)))[3:]
        yield {'what': 'changed patches', 'x': statistics.median(row['active_patches'] for row in rows),
               'ms': statistics.median(row['encode_cpu_ns'] for row in rows) / 1e6}


def draw(rows, path):
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6))
    for axis, what, unit in zip(axes, ('pixels', 'changed patches'), (1e6, 1)):
        x = np.array([row['x'] for row in rows if row['what'] == what]) / unit
        y = np.array([row['ms'] for row in rows if row['what'] == what])
        slope, start = np.polyfit(x, y, 1)
        axis.plot(x, slope * x + start, color='#bbbbbb')
        axis.plot(x, y, 'o', color='#31688e')
        axis.set_ylim(bottom=0)
        axis.set_ylabel('CPU ms a frame')
        spread = 1 - ((y - slope * x - start) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        axis.set_title(f'{slope:.3g} ms x + {start:.2g} ms, R² {spread:.3f}', fontsize=10)
    axes[0].set_xlabel('megapixels, everything new')
    axes[1].set_xlabel('changed patches of 3600, 1280x720')
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('clip')
    parser.add_argument('--roundtrip', default='build/tools/alitra-roundtrip')
    parser.add_argument('--model', default='models/alitra-base.safetensors')
    parser.add_argument('--frames', type=int, default=12)
    parser.add_argument('--out', default='docs', help='folder')
    options = parser.parse_args()
    rows = [*measure_sizes(options), *measure_changes(options)]
    with open(os.path.join(options.out, 'scaling.csv'), 'w', newline='') as file:
        writer = csv.DictWriter(file, ('what', 'x', 'ms'), lineterminator='\n')
        writer.writeheader()
        writer.writerows({**row, 'x': int(row['x']), 'ms': f'{row["ms"]:.2f}'} for row in rows)
    draw(rows, os.path.join(options.out, 'scaling.png'))


if __name__ == '__main__':
    main()
