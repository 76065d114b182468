# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives the program alitra-roundtrip: raw frames in, rebuilt frames and what was spent on each out."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = REPOSITORY.parent / 'shared' / 'data'
FAST = str(REPOSITORY / 'models' / 'alitra-fast.safetensors')


def give_up(message):
    sys.exit('%s: %s' % (Path(sys.argv[0]).name, message))


def output_folder(name):
    """For argparse: made at once, so that nothing is measured in vain."""
    Path(name).mkdir(parents=True, exist_ok=True)
    return name


def add_options(parser):
    parser.add_argument('--roundtrip', metavar='PROGRAM',
                        help='the program alitra-roundtrip; default: the newest one built here, or the installed one')
    parser.add_argument('--model', metavar='FILE', help='weights; default: models/ of the repository')


def find_program(options):
    if options.roundtrip:
        return options.roundtrip
    built = sorted(REPOSITORY.glob('build*/tools/alitra-roundtrip'), key=lambda path: path.stat().st_mtime)
    program = str(built[-1]) if built else shutil.which('alitra-roundtrip')
    if not program:
        give_up('alitra-roundtrip is not built. Build it with "meson setup build && ninja -C build", '
                'or name it with --roundtrip')
    return program


def environment(options):
    env = dict(os.environ)
    if not options.model:
        env.setdefault('ALITRA_MODEL_PATH', str(REPOSITORY / 'models'))
    return env


def i420_size(width, height):
    return width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)


def split_i420(bytes_, width, height):
    """Frames of I420 -> luma, Cb and Cr of all of them."""
    cw, ch = (width + 1) // 2, (height + 1) // 2
    frames = np.frombuffer(bytes_, np.uint8).reshape(-1, i420_size(width, height))
    luma, cb, cr = np.split(frames, [width * height, width * height + cw * ch], 1)
    return (luma.reshape(-1, height, width), cb.reshape(-1, ch, cw), cr.reshape(-1, ch, cw))


class Trip:
    """What came of some frames: `frames` (a dict each, as alitra-roundtrip prints them), `rebuilt` (bytes of I420) and,
    if it was asked for, `density` (frames of height x width x BGRA)."""

    def __init__(self, options, source, width, height, *arguments, density=False):
        with tempfile.TemporaryDirectory() as folder:
            outputs = {'--output': Path(folder) / 'rebuilt'}
            if density:
                outputs['--density-out'] = Path(folder) / 'density'
            command = [find_program(options), '--width=%d' % width, '--height=%d' % height, *arguments]
            command += ['%s=%s' % item for item in outputs.items()]
            if options.model:
                command.append('--model=' + options.model)
            done = subprocess.run(command, input=source, capture_output=True, env=environment(options))
            if done.returncode:
                give_up('%s failed: %s' % (command[0], done.stderr.decode().strip()))
            self.frames = [json.loads(line) for line in done.stdout.splitlines()]
            self.rebuilt = outputs['--output'].read_bytes()
            if density:
                self.density = np.frombuffer(outputs['--density-out'].read_bytes(), np.uint8).reshape(
                    -1, height, width, 4)

    def mean(self, name):
        return float(np.mean([frame[name] for frame in self.frames]))
