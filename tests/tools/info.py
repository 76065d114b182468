#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""alitra-info: its counts are those of the second reader (read_tokens.py), and damage is said where it is."""
import json
import struct
import sys
import unittest
import zlib
from pathlib import Path

from toolrun import SOURCE, ToolCase, run

sys.path.insert(0, str(SOURCE / 'tests/check'))
import read_tokens  # noqa: E402

MODEL = SOURCE / 'models/alitra-base.safetensors'
FLAT_COARSE, FLAT_FINE = 24 * 20 * 20, 9 * 11 * 11


def codes_of_model():
    with open(MODEL, 'rb') as file:
        tensors = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
    return [tensors['levels.%d.steps.0.codes' % level]['shape'][0] for level in range(3)]


def packets_of(data):
    at = 0
    while at < len(data):
        header = read_tokens.Header(data, at)
        yield at, header
        at = header.at


def rows_of_png(path):
    """Width, height and pixels of an RGB PNG without interlace."""
    data, at, body = path.read_bytes(), 8, b''
    while at < len(data):
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        if kind == b'IHDR':
            width, height, depth, colour = struct.unpack('>IIBB', data[at + 8:at + 18])
            assert (depth, colour) == (8, 2), 'expected 8 bits RGB'
        if kind == b'IDAT':
            body += data[at + 8:at + 8 + size]
        at += 12 + size
    return width, height, zlib.decompress(body)


class Info(ToolCase):
    def info(self, *arguments, **more):
        done = run('alitra-info', '--json', *arguments, **more)
        return done, json.loads(done.stdout)

    def test_counts(self):
        path = self.make_tokens()
        data = path.read_bytes()
        done, said = self.info('--frames', path)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        stream = read_tokens.Stream(codes_of_model(), FLAT_COARSE, FLAT_FINE, 1, read_tokens.read_tables(MODEL))
        depths = [{}, {}, {}]
        tokens = frames = 0
        for (at, header), frame in zip(packets_of(data), said['each'], strict=True):
            stream.read(header)
            self.assertEqual((frame['byte'], frame['bits'], frame['key'], frame['number'], frame['new_tokens']),
                             (at, 8 * header.size, header.key, header.frame, sum(header.tokens)))
            held = 0
            for level in range(3):
                side = 16 << level
                for row in range((120 + side - 1) // side):
                    for column in range((200 + side - 1) // side):
                        depth = len(stream.memory[level][row][column].tokens)
                        depths[level][depth] = depths[level].get(depth, 0) + 1
                        held += depth
            self.assertEqual(frame['tokens'], held)
            tokens += held
            frames += 1
        self.assertEqual((said['frames'], said['decoded_frames'], said['key_frames']), (6, 6, 1))
        self.assertEqual((said['stream']['width'], said['stream']['height']), (200, 120))
        self.assertEqual(said['bits']['all'], 8 * len(data))
        parts = said['bits']
        self.assertEqual(sum(parts[name] for name in parts if name != 'all'), parts['all'])
        self.assertEqual(sum(level['tokens'] for level in said['levels']), tokens)
        for level in said['levels']:
            index = {16: 0, 32: 1, 64: 2}[level['cell']]
            found = {depth: n for depth, n in enumerate(level['cells_by_depth']) if n}
            self.assertEqual(found, depths[index])
        learned = said['plain_id_bits'] / said['new_tokens']
        self.assertTrue(8 < learned <= 12, 'an id is a number of 11 or 12 bits, few are plain colours; got %.2f' % learned)
        self.assertEqual(said['model'], '%08x' % next(packets_of(data))[1].model)

    def test_text(self):
        done = run('alitra-info', '--frames', self.make_tokens())
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        for words in ('200x120', 'frames     6, of them 1 key frames', '64-cells', 'alitra-base'):
            self.assertIn(words, text)

    def test_pictures(self):
        path = self.make_tokens()
        density, picture = self.folder / 'density.png', self.folder / 'picture.png'
        for frame in 1, 6:
            done = run('alitra-info', '--density', density, '--picture', picture, '--frame', frame, path)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            for written in density, picture:
                width, height, pixels = rows_of_png(written)
                self.assertEqual((width, height), (200, 120))
                self.assertGreater(len(set(pixels)), 16, '%s is blank' % written.name)
            self.assertNotEqual(density.read_bytes(), picture.read_bytes())
        for frame in 7, -1:
            done = run('alitra-info', '--density', density, '--frame', frame, path)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b'--frame', done.stderr)

    def test_without_the_model(self):
        path = self.make_tokens()
        done, said = self.info(path, ALITRA_MODEL_PATH=str(self.folder))
        self.assertEqual(done.returncode, 0)
        self.assertEqual((said['frames'], said['decoded_frames'], said['model_id']), (6, 0, None))
        done = run('alitra-info', '--density', self.folder / 'd.png', path, ALITRA_MODEL_PATH=str(self.folder))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'model', done.stderr)

    def test_damage(self):
        path = self.make_tokens()
        data = path.read_bytes()
        begins = [at for at, _ in packets_of(data)]
        middle = (begins[3] + len(data[:begins[4]])) // 2 + 10
        cases = (
            ('cut', data[:begins[4] - 3], 3, 'byte %d: the file ends inside a packet' % begins[3]),
            ('cut in a header', data[:begins[4] + 9], 4, 'byte %d' % begins[4]),
            ('garbage', data[:begins[2]] + b'garbage' + data[begins[2]:], 2, 'byte %d' % begins[2]),
            ('a changed bit', data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1:], None, 'byte'),
            ('another file', b'RIFF' + data, 0, 'ALTK'),
            ('nothing', b'', 0, 'ALTK'))
        for name, bytes_, frames, words in cases:
            with self.subTest(name):
                path.write_bytes(bytes_)
                done, said = self.info(path)
                self.assertEqual(done.returncode, 1)
                self.assertIn(words, done.stderr.decode())
                self.assertIn(words, said['problem'])
                if frames is not None:
                    self.assertEqual(said['decoded_frames'], frames)

    def test_starts_in_the_middle(self):
        path = self.make_tokens('two.alitra', 200, 120, 6, '--key-int', 4)
        data = path.read_bytes()
        begins = [at for at, _ in packets_of(data)]
        done, said = self.info('-', stdin=data[begins[2]:])
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual((said['frames'], said['key_frames'], said['decoded_frames']), (4, 1, 2))

    def test_wrong_use(self):
        for arguments, words in (((), 'one file'), (('a', 'b'), 'got 2'), (('--style', 'x', 'a'), 'heatmap'),
                                 (('nowhere.alitra',), 'nowhere.alitra'), (('--frame', 'x', 'a'), 'frame')):
            done = run('alitra-info', *arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr.decode())


if __name__ == '__main__':
    unittest.main(verbosity=2)
