#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""alitra-view in a real window: it plays a clip, its controls do what they say, clicks describe patches, and what it
paints is not blank.  Needs Xvfb (Debian: xvfb)."""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

from toolrun import TOOLS, ToolCase

WIDTH, HEIGHT = 320, 240
CLIP = ('videotestsrc pattern=ball num-buffers=75 ! video/x-raw,width=%d,height=%d,framerate=25/1 ! theoraenc ! oggmux '
        '! filesink location=%s')


class Screen:
    """A screen that nobody sees."""

    def __init__(self):
        self.server = subprocess.Popen(['Xvfb', '-displayfd', '1', '-screen', '0', '1400x900x24', '-nolisten', 'tcp'],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.display = ':' + self.server.stdout.readline().decode().strip()

    def close(self):
        self.server.terminate()
        self.server.wait()
        self.server.stdout.close()


def pixels_of(path):
    """Width, height and rows of RGB of a PNG of 8 bits without interlace, its filters undone."""
    data, at, body = path.read_bytes(), 8, b''
    while at < len(data):
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        if kind == b'IHDR':
            width, height, depth, colour = struct.unpack('>IIBB', data[at + 8:at + 18])
        if kind == b'IDAT':
            body += data[at + 8:at + 8 + size]
        at += 12 + size
    n = {2: 3, 6: 4}[colour]
    raw, rows, above = zlib.decompress(body), [], bytes(width * n)
    for y in range(height):
        begin = y * (width * n + 1)
        row = bytearray(raw[begin + 1:begin + 1 + width * n])
        unfilter(raw[begin], row, above, n)
        rows.append([tuple(row[x * n:x * n + 3]) for x in range(width)])
        above = row
    return width, height, rows


def unfilter(kind, row, above, n):
    for i in range(len(row)):
        left, up, corner = (row[i - n] if i >= n else 0), above[i], (above[i - n] if i >= n else 0)
        if kind == 1:
            row[i] = (row[i] + left) & 255
        elif kind == 2:
            row[i] = (row[i] + up) & 255
        elif kind == 3:
            row[i] = (row[i] + (left + up) // 2) & 255
        elif kind == 4:
            guess = left + up - corner
            row[i] = (row[i] + min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                                   (abs(guess - corner), 2, corner))[2]) & 255


class View(ToolCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.screen = Screen()
        cls.addClassCleanup(cls.screen.close)
        cls.clip = Path(cls.scratch.name, 'clip.ogg')
        subprocess.run(['gst-launch-1.0', '-q', *(CLIP % (WIDTH, HEIGHT, cls.clip)).split()], check=True, timeout=60)

    def view(self, source, *lines):
        script = self.folder / 'script'
        script.write_text('\n'.join(lines) + '\n')
        done = subprocess.run([TOOLS / 'alitra-view', '--script', script, source], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=180, env=dict(os.environ, DISPLAY=self.screen.display))
        said = [json.loads(line) for line in done.stdout.decode().split('\n') if line.startswith('{')]
        return done, said

    def test_plays(self):
        picture = self.folder / 'window.png'
        done, said = self.view(self.clip, 'frames 20', 'print', 'frames 20', 'screenshot %s' % picture, 'print')
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        first, last = said
        self.assertGreaterEqual(last['frames'], first['frames'] + 20)
        self.assertGreater(last['tokens'], 0)
        self.assertGreater(last['bits'], 0)
        self.assertEqual(last['tokens'], last['kept'] + last['new'])
        self.assertEqual(last['patches'], 300)
        self.assertEqual(last['problem'], '')
        width, height, rows = pixels_of(picture)
        self.assertGreater(width * height, 800 * 500)
        # The ball is white on black: both pictures show it, and in the plot there are colours.
        halves = [[pixel for row in rows[80:height // 2] for pixel in row[begin:end]]
                  for begin, end in ((30, width // 2 - 30), (width // 2 + 30, width - 30))]
        for half in halves:
            self.assertTrue(any(min(pixel) > 200 for pixel in half))
            self.assertTrue(any(max(pixel) < 40 for pixel in half))
        lower = {pixel for row in rows[height // 2:] for pixel in row}
        for colour in (245, 143, 51), (115, 84, 166):
            self.assertTrue(any(max(abs(a - b) for a, b in zip(pixel, colour)) < 12 for pixel in lower), colour)

    def test_controls(self):
        done, said = self.view(
            self.clip, 'frames 5', 'set tokens 60', 'frames 10', 'print', 'set tokens 400', 'frames 15', 'print',
            'set quality 5', 'frames 10', 'print', 'set quality 90', 'frames 10', 'print',
            'set reuse off', 'set allocation uniform', 'frames 15', 'print', 'set overlay grid', 'set opacity 0.3',
            'frames 5', 'print')
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        few, many, low, high, uniform, last = said
        self.assertLessEqual(few['tokens'], 60)
        self.assertLessEqual(many['tokens'], 400)
        self.assertGreater(many['tokens'], few['tokens'])
        self.assertGreater(high['tokens'], low['tokens'])
        self.assertGreater(uniform['frames'], high['frames'])
        self.assertGreater(last['frames'], uniform['frames'])
        self.assertEqual({one['problem'] for one in said}, {''})

    def test_clicks(self):
        done, said = self.view(self.clip, 'frames 10', 'print', 'click 100 70', 'print', 'click 319 239', 'print',
                               'set play off', 'wait 0.5', 'click 8 8', 'print')
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn('Click on a picture', said[0]['patch'])
        for one, place in zip(said[1:], ('96, 64', '304, 224', '0, 0')):
            heading, *cells = one['patch'].split('|')
            self.assertIn('Patch at %s: density' % place, heading)
            self.assertEqual([cells[i] for i in (0, 6, 12)], ['64x64', '32x32', '16x16'])
            for row in range(3):
                depth, kept, age, gain, ids = cells[6 * row + 1:6 * row + 6]
                self.assertEqual(len(ids.split()), int(depth))
                self.assertLessEqual(int(kept), int(depth))
                self.assertGreaterEqual(int(age), 0)
                self.assertRegex(gain, r'^(-|[0-9.e+-]+)$')
            density = float(re.search(r'density ([0-9.]+)', heading).group(1))
            self.assertAlmostEqual(density, int(cells[13]) + int(cells[7]) / 4 + int(cells[1]) / 16, delta=.0051)

    def test_plays_again(self):
        """A file that is at its end begins again."""
        done, said = self.view(self.clip, 'frames 100', 'print')
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertGreaterEqual(said[0]['frames'], 100)

    def test_scene(self):
        done, said = self.view('test', 'frames 10', 'print')
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(said[0]['patches'], 40 * 23)

    def test_problems(self):
        broken = self.folder / 'broken.ogg'
        broken.write_bytes(b'nothing that could be shown ' * 100)
        for source in self.folder / 'nowhere.ogg', broken:
            done, said = self.view(source, 'problem', 'print', 'set open %s' % self.clip, 'frames 5', 'print')
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            self.assertNotEqual(said[0]['problem'], '')
            self.assertEqual((said[1]['problem'], said[1]['patches']), ('', 300))

    def test_wrong_scripts(self):
        for line in 'dance', 'set tempo 3', 'set allocation fair', 'click 1 1', 'screenshot /nowhere/at/all.png':
            done, said = self.view(self.folder, line)
            self.assertEqual(done.returncode, 1, line)


if __name__ == '__main__':
    if not shutil.which('Xvfb'):
        print('there is no Xvfb: install xvfb')
        sys.exit(77)
    unittest.main(verbosity=2)
