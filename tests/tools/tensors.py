#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What alitratensor writes, byte for byte, against golden files that a second reader makes of the same packets: the packets
are read by tests/check/read_tokens.py, and the tensors packed from docs/tensors.md alone."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / 'tests/check'))
import read_tokens  # noqa: E402

MODEL = Path(os.environ['ALITRA_TEST_MODEL'])
FLAT_COARSE, FLAT_FINE, SMOOTH = 24 * 20 * 20, 9 * 11 * 11, 1
# name, number of the type in a flexible header, format of struct, numbers a row
TENSORS = (('id', 0, 'i', 1), ('mask', 5, 'B', 1), ('level', 5, 'B', 1), ('position', 2, 'h', 3), ('depth', 5, 'B', 1),
           ('age', 0, 'i', 1))
MOST_DIMENSIONS = 16
WIDTH, HEIGHT, FRAMES = 200, 136, 9


def launch(*words):
    subprocess.run(['gst-launch-1.0', '-q', *' '.join(words).split()], check=True, timeout=120)


def codes_of(model):
    """Codes of each level, from the settings in the file."""
    with open(model, 'rb') as file:
        length = struct.unpack('<Q', file.read(8))[0]
        return json.loads(json.loads(file.read(length))['__metadata__']['alitra'])['codes']


class Ages:
    """How long ago the tokens of each cell last changed."""

    def __init__(self):
        self.tokens, self.age = {}, {}

    def follow(self, stream, key):
        for level in (2, 1, 0):
            for row, cells in enumerate(stream.memory[level]):
                for column, cell in enumerate(cells):
                    place, now = (level, row, column), list(cell.tokens)
                    same = not key and self.tokens.get(place, []) == now
                    self.age[place] = self.age.get(place, 0) + 1 if same else 0
                    self.tokens[place] = now


def rows_of(stream, ages):
    """A dictionary for each token, in the order of the document."""
    for level in (2, 1, 0):
        for row, cells in enumerate(stream.memory[level]):
            for column, cell in enumerate(cells):
                for depth, token in enumerate(cell.tokens):
                    yield {'id': (token,), 'mask': (1,), 'level': (level,), 'depth': (depth,),
                           'position': (column << level, row << level, 1 << level), 'age': (ages.age[level, row, column],)}


def header(kind, dimensions):
    padded = [*dimensions, *[0] * (MOST_DIMENSIONS - len(dimensions))]
    return struct.pack('=32I', 0xFEEDCCED, 0xDE001000, kind, *padded, 1, 4, *[0] * 11)


def pack(rows, room, flexible):
    """The memories of a buffer, one after another; room: rows of the tensors."""
    out = b''
    for name, kind, letter, numbers in TENSORS:
        values = [value for row in rows for value in row[name]] + [0] * (numbers * (room - len(rows)))
        dimensions = [room] if numbers == 1 else [numbers, room]
        out += (header(kind, dimensions) if flexible else b'') + struct.pack('=%d%s' % (len(values), letter), *values)
    return out + (header(0, [1]) if flexible else b'') + struct.pack('=i', len(rows))


def golden(path, room):
    """room: rows of the static tensors; None: flexible ones.  -> bytes for each packet of the file."""
    data, at = path.read_bytes(), 0
    stream, ages = read_tokens.Stream(
        codes_of(MODEL), FLAT_COARSE, FLAT_FINE, SMOOTH, read_tokens.read_tables(MODEL)), Ages()
    while at < len(data):
        packet = read_tokens.Header(data, at)
        stream.read(packet)
        at = packet.at
        ages.follow(stream, packet.key)
        rows = list(rows_of(stream, ages))
        yield pack(rows[:room], max(len(rows), 1) if room is None else room, room is None)


class Tensors(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)
        launch('videotestsrc pattern=ball num-buffers=%d ! video/x-raw,width=%d,height=%d ! alitraenc quality=60 key-int-max=6'
               % (FRAMES, WIDTH, HEIGHT), '! filesink location=%s' % (self.path / 'stream.alitra'))

    def check(self, format_, room):
        launch('filesrc location=%s ! alitraparse ! alitratensor format=%s mode=full max-tokens=%d' % (
            self.path / 'stream.alitra', format_, room or 4096), '! multifilesink location=%s' % (self.path / '%03d.bin'))
        expected = list(golden(self.path / 'stream.alitra', room))
        self.assertEqual(len(expected), FRAMES)
        for number, wanted in enumerate(expected):
            got = (self.path / ('%03d.bin' % number)).read_bytes()
            self.assertEqual(len(got), len(wanted))
            self.assertEqual(got, wanted, 'frame %d' % number)

    def test_static(self):
        self.check('static', 1000)

    def test_static_cut(self):
        self.check('static', 40)

    def test_flexible(self):
        self.check('flexible', None)


if __name__ == '__main__':
    unittest.main()
