# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library from Python: what comes over the border, and the example docs/examples/picture_tokens.py."""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from pythons import find_python

SOURCE = Path(os.environ['ALITRA_TEST_SOURCE'])
PYTHON = find_python('gi', 'numpy')


def environment():
    library = str(Path(os.environ['ALITRA_TEST_LIBRARY']).parent)
    return dict(os.environ, GI_TYPELIB_PATH=os.environ['ALITRA_TEST_TYPELIB'],
                LD_LIBRARY_PATH=os.pathsep.join([library, os.environ.get('LD_LIBRARY_PATH', '')]).rstrip(os.pathsep))


def run(*arguments):
    return subprocess.run([PYTHON, *map(str, arguments)], capture_output=True, text=True, env=environment(), timeout=100)


class BindingsCase(unittest.TestCase):
    def test_calls(self):
        result = run(SOURCE / 'tests/embedding/calls.py')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('\nOK', result.stderr)

    def test_example(self):
        example = SOURCE / 'docs/examples/picture_tokens.py'
        with tempfile.TemporaryDirectory() as folder:
            source, back = Path(folder) / 'in.ppm', Path(folder) / 'out.ppm'
            width, height = 75, 50
            source.write_bytes(b'P6\n%d %d\n255\n' % (width, height) + bytes(
                value for y in range(height) for x in range(width) for value in (3 * x, 4 * y, 128)))
            few, many = (run(example, source, back, '--quality=%d' % quality) for quality in (20, 90))
            for result in (few, many):
                self.assertEqual(result.returncode, 0, result.stderr)
            numbers = [re.fullmatch(r'75x50: (\d+) tokens, (\d+) \+ (\d+) \+ (\d+) of cells of 64, 32 and 16 pixels, '
                                    r'(\d+) bits, PSNR ([\d.]+) dB\n', result.stdout) for result in (few, many)]
            self.assertTrue(all(numbers), (few.stdout, many.stdout))
            for found in numbers:
                self.assertEqual(int(found.group(1)), sum(int(found.group(i)) for i in (2, 3, 4)))
            self.assertGreater(int(numbers[1].group(1)), int(numbers[0].group(1)))
            self.assertGreater(float(numbers[1].group(6)), float(numbers[0].group(6)))
            self.assertGreater(float(numbers[1].group(6)), 25)
            self.assertEqual(len(back.read_bytes()), len(source.read_bytes()))
        self.assertEqual(run(example).returncode, 0)
        self.assertNotEqual(run(example, '/nowhere/at/all.ppm').returncode, 0)


if __name__ == '__main__':
    if not PYTHON:
        print('No Python with python3-gi and NumPy', file=sys.stderr)
        sys.exit(77)
    unittest.main()
