# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example that knows no GStreamer, docs/examples/y4m-tokens.c: films to tokens and back, and what it links."""
import math
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ['ALITRA_TEST_SOURCE'])
PROGRAM = os.environ['ALITRA_TEST_Y4M']
LIBRARY = os.environ['ALITRA_TEST_LIBRARY']

# What every C program has.
SYSTEM = {'libc.so', 'libm.so', 'libgcc_s.so', 'ld-linux-x86-64.so', 'ld-linux-aarch64.so'}
# GLib's family; json-glib reads the header of the model's file, zlib (which GLib needs itself) sums its checksums.
ALLOWED = {'libglib-2.0.so', 'libgobject-2.0.so', 'libgio-2.0.so', 'libjson-glib-1.0.so', 'liborc-0.4.so', 'libz.so',
           'libopenblas.so'}


def needed(path):
    text = subprocess.run(['readelf', '--dynamic', path], check=True, capture_output=True, text=True).stdout
    names = re.findall(r'\(NEEDED\).*\[([^\]]+)\]', text)
    return {re.sub(r'\.so\..*', '.so', name) for name in names}


def film(width, height, frames):
    """A slope, and a square that moves over it."""
    planes = bytearray(b'YUV4MPEG2 W%d H%d F30000:1001 Ip A1:1 C420jpeg\n' % (width, height))
    chroma = (width + 1) // 2 * ((height + 1) // 2)
    for number in range(frames):
        luma = bytearray(40 + (x + y) * 120 // (width + height) for y in range(height) for x in range(width))
        for y in range(height // 4, height // 2):
            for x in range(4 * number, min(4 * number + 24, width)):
                luma[y * width + x] = 200
        planes += b'FRAME Xany\n' + luma + bytes([110]) * chroma + bytes([150]) * chroma
    return bytes(planes)


def frames_of(data):
    """Header, and luma of each frame."""
    head, _, rest = data.partition(b'\n')
    width, height = (int(re.search(rb' %c(\d+)' % letter, head).group(1)) for letter in b'WH')
    size = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    frames = []
    while rest:
        line, _, rest = rest.partition(b'\n')
        assert line.startswith(b'FRAME'), line
        assert len(rest) >= size
        frames.append(rest[:width * height])
        rest = rest[size:]
    return head, frames


def psnr(a, b):
    return 10 * math.log10(255**2 / max(sum((x - y)**2 for x, y in zip(a, b)) / len(a), 1e-9))


class Y4mCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_example(self, *names):
        return subprocess.run([PROGRAM, *(str(self.folder / name) for name in names)], capture_output=True, text=True,
                              timeout=60)

    def tokens_of(self, data, name='film.alitra'):
        (self.folder / 'film.y4m').write_bytes(data)
        result = self.run_example('film.y4m', name)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.folder / name

    def test_there_and_back(self):
        for width, height in ((176, 144), (99, 61), (1, 1)):
            source = film(width, height, 5)
            tokens = self.tokens_of(source)
            result = self.run_example('film.alitra', 'back.y4m')
            self.assertEqual(result.returncode, 0, result.stderr)
            head, frames = frames_of((self.folder / 'back.y4m').read_bytes())
            self.assertIn(b' F30000:1001', head)
            _, original = frames_of(source)
            self.assertEqual(len(frames), len(original))
            for a, b in zip(original, frames):
                self.assertEqual(len(a), len(b))
                self.assertGreater(psnr(a, b), 20)
            if width > 1:
                self.assertLess(tokens.stat().st_size, len(source) // 20)

    def test_bad_input(self):
        good = film(64, 48, 2)
        for name, data in (('none', None), ('nothing', b''), ('words', b'a film\n'),
                           ('other chroma', good.replace(b'C420jpeg', b'C444')),
                           ('more bits', good.replace(b'C420jpeg', b'C420p10')),
                           ('too large', good.replace(b'W64', b'W64000'))):
            (self.folder / 'bad.y4m').unlink(missing_ok=True)
            if data is not None:
                (self.folder / 'bad.y4m').write_bytes(data)
            result = self.run_example('bad.y4m', 'bad.alitra')
            self.assertEqual(result.returncode, 1, name)
            self.assertTrue(result.stderr.strip(), name)

    def test_bad_tokens(self):
        tokens = self.tokens_of(film(64, 48, 3)).read_bytes()
        for name, data in (('cut', tokens[:-3]), ('foreign', b'abc' + tokens), ('spoilt', tokens[:9] + tokens[10:])):
            (self.folder / 'bad.alitra').write_bytes(data)
            result = self.run_example('bad.alitra', 'bad.y4m')
            self.assertEqual(result.returncode, 1, name)
            self.assertIn('xpected', result.stderr, name)

    def test_is_short(self):
        lines = (SOURCE / 'docs/examples/y4m-tokens.c').read_text().splitlines()
        self.assertLess(len(lines), 100)
        self.assertLessEqual(max(map(len, lines)), 120)

    def test_links(self):
        own = needed(PROGRAM) - SYSTEM
        self.assertLessEqual(own, {'libalitra-1.0.so', 'libglib-2.0.so', 'libgobject-2.0.so'})
        self.assertIn('libalitra-1.0.so', own)
        self.assertLessEqual(needed(LIBRARY) - SYSTEM, ALLOWED)

    def test_loads_no_gstreamer(self):
        loaded = subprocess.run(['ldd', PROGRAM], check=True, capture_output=True, text=True).stdout
        self.assertIn('libalitra-1.0.so', loaded)
        self.assertNotIn('libgst', loaded)


if __name__ == '__main__':
    unittest.main()
