#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""training/make.sh from a folder of pictures to a model file that the library can use, stopped and called again on the way."""
import csv
import importlib.util
import os
import signal
import subprocess
import sys
import time
import unittest

from toolrun import SOURCE, TOOLS, ToolCase, run

NEEDED = ('torch', 'numpy', 'PIL', 'scipy')
PYTHON = os.environ.get('PYTHON', '/usr/bin/python3')      # as make.sh
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if missing and os.path.exists(PYTHON) and not os.path.samefile(PYTHON, sys.executable):
    os.execv(PYTHON, [PYTHON, *sys.argv])       # Debian's modules are Debian's Python's
if missing:
    print('training needs the Python modules %s, which are not here' % ', '.join(missing))
    sys.exit(77)

import numpy as np
from PIL import Image

STEPS, STOPPED_AFTER, PATIENCE = 12, 2, 300


def draw_photographs(folder):
    """Eight pictures with slopes, edges and grain."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:160, 0:200]
    for i in range(8):
        picture = np.stack([128 + 90 * np.sin(x / (9. + 4 * i) + c) * np.cos(y / (14. + 3 * c + i)) for c in range(3)], -1)
        picture[40 + 5 * i:90, 30:90 + 9 * i] = rng.integers(0, 255, 3)
        picture += rng.normal(0, 6, picture.shape)
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / ('%d.png' % i))


class Training(ToolCase):
    def start(self):
        environment = dict(
            os.environ, MODEL='tiny', PYTHON=sys.executable, MPLBACKEND='Agg',
            TOKENIZER_OPTIONS='--steps %d --every 1 --batch 2 --size 128 --start-crops 8 --start-samples 1000' % STEPS,
            ALLOCATOR_OPTIONS='--steps 20 --batch 2 --fine 1', CALIBRATE_OPTIONS='--pictures 2',
            TOKENS=str(TOOLS / 'alitra-tokens'), IDS_OPTIONS='--crops 4')
        return subprocess.Popen(
            [SOURCE / 'training' / 'make.sh', self.photos, self.model, self.work], env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def steps(self):
        try:
            with open(self.work / 'tok.csv', newline='') as file:
                return [int(float(row['step'])) for row in csv.DictReader(file) if row['step']]
        except FileNotFoundError:
            return []

    def stop(self, process):
        """As Ctrl-C in a terminal: the whole group of processes is told."""
        deadline = time.monotonic() + PATIENCE
        while len(self.steps()) < STOPPED_AFTER and process.poll() is None and time.monotonic() < deadline:
            time.sleep(.02)
        self.assertIsNone(process.poll(), 'ended before it could be stopped')
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[0]
        self.assertNotEqual(process.returncode, 0)
        return said

    def test_stopped_and_called_again(self):
        self.photos, self.work = self.folder / 'photos', self.folder / 'work'
        self.model = self.folder / 'mine.safetensors'
        self.photos.mkdir()
        draw_photographs(self.photos)
        said = self.stop(self.start())
        done = self.steps()
        self.assertIn('stopped after step', said)
        self.assertLess(done[-1], STEPS)
        self.assertFalse(self.model.exists())
        closed_form = (self.work / 'tok.pt.start').stat().st_mtime_ns

        again = self.start()
        said = again.communicate(timeout=PATIENCE)[0]
        self.assertEqual(again.returncode, 0, said)
        self.assertEqual(self.steps(), list(range(1, STEPS + 1)), 'a step was left out or done twice')
        self.assertEqual((self.work / 'tok.pt.start').stat().st_mtime_ns, closed_form, 'the start was made anew')
        self.assertTrue((self.work / 'alloc.csv').exists())
        if importlib.util.find_spec('matplotlib'):
            for name in ('tok.png', 'alloc.png'):
                with Image.open(self.work / name) as plot:
                    self.assertGreater(plot.size[0], 100)

        self.assertIn(b'levels.0.steps.0.classes', self.model.read_bytes(), 'no table of likely ids')
        told = run('alitra-check', '--seconds', '0.2', '--model', self.model)
        self.assertIn('tiny', told.stdout.decode() + told.stderr.decode())
        used = run('alitra-roundtrip', '--width', 64, '--height', 64, '--model', self.model, '--format=I420',
                   stdin=bytes(64 * 64 * 3 // 2))
        self.assertEqual(used.returncode, 0, used.stderr.decode())


if __name__ == '__main__':
    unittest.main()
