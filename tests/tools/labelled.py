#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make_classifier.sh, make_generator.sh and compare_rows.py in training/, from a folder of labelled pictures to what they promise."""
import csv
import importlib.util
import itertools
import os
import subprocess
import sys
import unittest

from toolrun import SOURCE, TOOLS, ToolCase

NEEDED = ('torch', 'numpy', 'PIL')
PYTHON = os.environ.get('PYTHON', '/usr/bin/python3')      # as the scripts
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if missing and os.path.exists(PYTHON) and not os.path.samefile(PYTHON, sys.executable):
    os.execv(PYTHON, [PYTHON, *sys.argv])       # Debian's modules are Debian's Python's
if missing:
    print('training needs the Python modules %s, which are not here' % ', '.join(missing))
    sys.exit(77)

import numpy as np
from PIL import Image

MODEL = SOURCE / 'models' / 'alitra-base.safetensors'
TRAINING = SOURCE / 'training'
CLASSES = {'stripes': lambda x, y, at: (x + at) // 9 % 2, 'rings': lambda x, y, at: np.hypot(x - 64 - at, y - 60) // 11 % 2}
BUDGETS = 16, 32, 64, 128
CELLS = {128: 84, 192: 189}     # of pictures of these sides


def draw(folder, split, count):
    rng = np.random.default_rng(count)
    y, x = np.mgrid[0:120, 0:140]
    for name, shape in CLASSES.items():
        (folder / split / name).mkdir(parents=True)
        for i in range(count):
            colour = rng.integers(40, 215, 3)
            picture = colour + 30 * shape(x, y, i)[..., None] + rng.normal(0, 4, (120, 140, 3))
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / split / name / ('%02d.jpg' % i))


class Labelled(ToolCase):
    def setUp(self):
        super().setUp()
        self.root, self.work, self.out = self.folder / 'labelled', self.folder / 'work', self.folder / 'out.safetensors'
        draw(self.root, 'train', 15)
        draw(self.root, 'val', 5)

    def run_script(self, name, *arguments, **more):
        environment = dict(os.environ, PYTHON=sys.executable, TOKENS=str(TOOLS / 'alitra-tokens'), **more)
        python = [sys.executable] if name.endswith('.py') else []
        done = subprocess.run([*python, TRAINING / name, *map(str, arguments)], env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_classifier(self):
        self.run_script('make_classifier.sh', self.root, MODEL, self.out, self.work, EPOCHS='2', VARIANTS='3')
        program = TOOLS.parent / 'tests' / 'bench' / 'bench-classify'
        said = self.run_script('measure_classifier.py', self.root, '--model', MODEL, '--classifier', self.out, '--program', program,
                               '--budgets', 16, '--batch', 3, '--cells', 'all', 'tokens')
        self.assertEqual(said.count('\n| 128 |'), 2, said)
        self.check_start()

    def check_start(self):
        """A training that starts with a model file starts with what the file computes."""
        sys.path.insert(0, str(TRAINING))
        from alitra.classifier import Classifier, read_safetensors
        tensors, settings = read_safetensors(self.out)
        model = Classifier(labels=len(CLASSES), vectors=settings['vectors'])
        model.spread.fill_(3.)
        model.load_folded(tensors)
        for name, tensor in model.folded().items():
            np.testing.assert_allclose(tensor.numpy(), tensors[name], rtol=1e-6, err_msg=name)

    def test_rows(self):
        for allocation, size in itertools.product(('learned', 'uniform'), CELLS):
            self.run_script('tokenise_labelled.py', self.root, self.work, '--model', MODEL, '--program', TOOLS / 'alitra-tokens',
                            '--variants', 4, '--allocation', allocation, '--size', size, '--budgets', *BUDGETS)
        self.run_script('tokenise_fixed.py', self.root, self.work, '--model', MODEL)
        self.run_script('train_teacher.py', self.root, self.work, '--epochs', 1, '--variants', 0, 2, 3)
        table, options = self.folder / 'rows.csv', ('--model', MODEL, '--seeds', 0, '--epochs', 1)
        said = self.run_script('compare_rows.py', self.root, self.work, self.work, *options, '--csv', table)
        with open(table, newline='') as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 10 * len(BUDGETS), said)
        for row in rows:
            if row['row'] in ('learned', 'uniform', 'learned-192', 'uniform-192'):
                self.assertEqual(float(row['inputs']), CELLS[192 if '192' in row['row'] else 128], row)
            else:
                tokens, size = int(row['tokens']), 192 if '192' in row['row'] else 128
                if 'as many' in row['row']:
                    self.assertEqual(float(row['inputs']), min(tokens, CELLS[size]), row)
                else:
                    self.assertGreaterEqual(float(row['inputs']), min(tokens, CELLS[size]), row)
        before = table.read_bytes()
        self.run_script('compare_rows.py', self.root, self.work, self.work, *options, '--csv', table)
        self.assertEqual(table.read_bytes(), before, 'trained again')
        said = self.run_script('compare_rows.py', self.root, self.work, self.work / 'further', '--model', MODEL, '--seeds', 0,
                               '--epochs', 2, '--variants', 0, 2, '--start', self.work, '--csv', self.folder / 'further.csv')
        self.assertEqual(said.count('"epoch"'), 2, said)
        self.check_few_rows()
        with open(self.folder / 'further.csv', newline='') as file:
            self.assertEqual({row['epochs'] for row in csv.DictReader(file)}, {'3'})

    def check_few_rows(self):
        """Trained on as many inputs as tokens alone, at the size that suits their number."""
        table = self.folder / 'few.csv'
        rows = 'learned:16,32', 'learned-192:64,128', 'uniform:16,32', 'uniform-192:64,128', 'scaled', 'random'
        self.run_script('compare_rows.py', self.root, self.work, self.work / 'few', '--model', MODEL, '--seeds', 0, '--epochs', 1,
                        '--inputs', 1, '--rows', *rows, '--csv', table)
        with open(table, newline='') as file:
            found = [(row['row'].partition(',')[0], int(row['tokens']), float(row['inputs'])) for row in csv.DictReader(file)]
        wanted = [(kind + '-192' * (tokens > 32), tokens) for kind in ('learned', 'uniform') for tokens in BUDGETS]
        self.assertEqual(sorted(f[:2] for f in found), sorted(wanted + [(k, b) for k in ('random', 'scaled') for b in BUDGETS]))
        self.assertEqual({inputs for kind, tokens, inputs in found if kind != 'scaled' and inputs != tokens}, set())

    def test_cover(self):
        """Cells that stand for a picture: parts side by side, of which that with the most tokens below is always quartered, and
        in places that are left the first ones that were."""
        sys.path.insert(0, str(TRAINING))
        from alitra import cover
        rng = np.random.default_rng(1)
        for grid, most in itertools.product((8, 12), (3, 4, 5, 10, 16, 30, 31, 32, 64, 70, 100, 200)):
            tokens = [rng.integers(0, 3, (grid >> level) ** 2) for level in range(3)]
            cells, below = cover.choose(tokens, grid, most), cover.tokens_below(tokens, grid)
            self.assertEqual(len(set(cells)), len(cells))
            if most < len(tokens[2]) + 3:       # too few for quarters
                self.assertEqual(len(cells), min(most, len(tokens[2])))
                continue
            self.assertEqual(len(cells), min(most, sum(map(len, tokens))))
            order = lambda level, cell: (below[level][cell], level, -cell)
            quartered = {(level, cell) for level in (2, 1) for cell in range(len(tokens[level]))
                         if cover.children(level, cell, grid)[0] in cells or level == 2 and any(
                             cover.children(1, c, grid)[0] in cells for _, c in cover.children(level, cell, grid))}
            parts, both = set(cells) - quartered, set(cells) & quartered
            seen = np.zeros((grid, grid), int)
            for level, cell in parts:
                row, column = divmod(cell, grid >> level)
                seen[row << level:row + 1 << level, column << level:column + 1 << level] += 1
            np.testing.assert_array_equal(seen, 1)
            first = sorted(quartered, key=lambda x: order(*x), reverse=True)
            self.assertEqual(both, set(first[:len(both)]))
            whole = max((order(*x) for x in parts if x[0] > 0), default=(-1,))
            self.assertLessEqual(whole, min(order(*x) for x in quartered))

    def test_generator(self):
        self.run_script('make_generator.sh', self.root, MODEL, self.out, self.work, EPOCHS='1', VARIANTS='1')
        self.assertGreater(self.out.stat().st_size, 1 << 20)
        said = self.run_script('measure_generator.py', self.root, self.work, self.work / 'gen.pt', '--model', MODEL)
        self.assertIn('"bits"', said)


if __name__ == '__main__':
    unittest.main()
