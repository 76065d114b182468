# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls of the library through GObject introspection; run by bindings.py, with a Python that has gi and NumPy."""
import gc
import unittest

import gi
import numpy as np

gi.require_version('Alitra', '1.0')
from gi.repository import Alitra, GLib  # noqa: E402

WIDTH, HEIGHT = 99, 75
I420, RGB, NV12 = Alitra.PixelFormat.I420, Alitra.PixelFormat.RGB, Alitra.PixelFormat.NV12


def noise(*shape):
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


def rgb_frame():
    frame = Alitra.Frame.new(RGB, True, WIDTH, HEIGHT)
    frame.set_plane(0, GLib.Bytes.new(noise(HEIGHT, WIDTH, 3).tobytes()), 0)
    return frame


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = Alitra.Model.load(None)

    def setUp(self):
        self.tokenizer = Alitra.Tokenizer.new(self.model, Alitra.StreamInfo.new(WIDTH, HEIGHT), 1)
        self.detokenizer = Alitra.Detokenizer.new(self.model, 1)

    def packet(self, force_key=False):
        return self.tokenizer.encode(rgb_frame(), None, force_key, Alitra.PACKET_NO_PTS)[0]

    def assert_error(self, code, function, *arguments):
        with self.assertRaises(GLib.Error) as caught:
            function(*arguments)
        self.assertTrue(caught.exception.matches(Alitra.error_quark(), code), caught.exception)

    def test_version(self):
        version = Alitra.version()
        self.assertEqual((version.major, version.minor, version.micro),
                         (Alitra.VERSION_MAJOR, Alitra.VERSION_MINOR, Alitra.VERSION_MICRO))
        self.assertEqual(Alitra.VERSION_STRING, '%d.%d.%d' % tuple(version))

    def test_errors(self):
        self.assert_error(Alitra.Error.MODEL_NOT_FOUND, Alitra.Model.load, '/nowhere/at/all')
        self.assert_error(Alitra.Error.MODEL_INVALID, Alitra.Model.load_bytes, GLib.Bytes.new(b'no model'))
        self.assert_error(Alitra.Error.ARGUMENT, Alitra.Tokenizer.new, self.model, Alitra.StreamInfo(), 1)
        self.assert_error(Alitra.Error.ARGUMENT, Alitra.Frame.new, RGB, True, 0, 5)
        self.assert_error(Alitra.Error.PACKET_INVALID, self.detokenizer.decode, b'abc')
        self.assert_error(Alitra.Error.PACKET_INVALID, Alitra.packet_trim, GLib.Bytes.new(b'abc'), 1)
        self.assert_error(Alitra.Error.NEEDS_KEY, self.detokenizer.render, 0, rgb_frame())
        self.packet()
        self.assert_error(Alitra.Error.NEEDS_KEY, self.detokenizer.decode, self.packet().get_data())

    def test_planes(self):
        for format, planes in ((I420, 3), (RGB, 1), (NV12, 2)):
            frame = Alitra.Frame.new(format, False, WIDTH, HEIGHT)
            for plane in range(planes):
                there, row_bytes, rows = frame.get_plane_size(plane)
                self.assertTrue(there)
                padded = noise(rows, row_bytes + 13)
                frame.set_plane(plane, GLib.Bytes.new(padded.tobytes()), row_bytes + 13)
                back = np.frombuffer(frame.get_plane(plane).get_data(), np.uint8).reshape(rows, row_bytes)
                self.assertTrue((back == padded[:, :row_bytes]).all())
                self.assert_error(Alitra.Error.ARGUMENT, frame.set_plane, plane, GLib.Bytes.new(b'few'), 0)
            self.assertFalse(frame.get_plane_size(planes)[0])
            self.assert_error(Alitra.Error.ARGUMENT, frame.get_plane, planes)
            copy = frame.copy()
            first = copy.get_plane(0).get_data()
            del frame
            gc.collect()
            self.assertEqual(copy.get_plane(0).get_data(), first)

    def test_there_and_back(self):
        settings = Alitra.Settings.new()
        settings.quality = 70
        packet, stats = self.tokenizer.encode(rgb_frame(), settings, False, 12345)
        self.assertEqual(stats.bits, 8 * packet.get_size())
        self.assertEqual(stats.tokens, sum(stats.level_tokens))
        status, info = Alitra.packet_read_info(packet.get_data())
        self.assertEqual(status, Alitra.PacketStatus.OK)
        self.assertEqual((info.pts, info.key, info.stream.width, info.stream.height), (12345, True, WIDTH, HEIGHT))
        status, layout = Alitra.packet_read_layout(packet.get_data())
        self.assertEqual(layout.chunk[info.layers * info.slices], packet.get_size())
        self.assertIsNone(self.detokenizer.get_memory())
        self.assertIsNone(self.detokenizer.get_stream())
        self.assertTrue(self.detokenizer.decode(packet.get_data()))
        self.assertEqual(self.detokenizer.get_stream().width, WIDTH)
        shown = Alitra.Frame.new(I420, True, WIDTH, HEIGHT)
        self.assertTrue(self.detokenizer.render(0, shown))
        self.assertGreater(np.frombuffer(shown.get_plane(0).get_data(), np.uint8).std(), 5)

    def test_memory_outlives_its_owner(self):
        self.detokenizer.decode(self.packet().get_data())
        memory, sender = self.detokenizer.get_memory(), self.tokenizer.get_memory()
        checksum = memory.get_checksum()
        self.assertEqual(sender.get_checksum(), checksum)
        self.packet(True)
        self.tokenizer = self.detokenizer = None
        gc.collect()
        self.assertEqual(memory.get_checksum(), checksum)
        self.assertEqual(tuple(memory.get_size()), (WIDTH, HEIGHT))
        self.assertEqual(tuple(memory.get_grid(0)), (8, 8))
        cell = memory.get_cell(2, 0, 0)
        self.assertEqual(cell.depth, len(memory.get_tokens(2, 0, 0)))
        self.assertGreater(memory.get_density(0, 0), 0)

    def test_tensors(self):
        self.detokenizer.decode(self.packet().get_data())
        memory = self.detokenizer.get_memory()
        count = Alitra.TokenTable.new(0).fill(memory, Alitra.TokenSelection.ALL)
        table = Alitra.TokenTable.new(count)
        self.assertEqual(table.fill(memory, Alitra.TokenSelection.ALL), count)
        ids, ages = (np.frombuffer(table.get_column(column, count).get_data(), np.int32)
                     for column in (Alitra.TokenColumn.IDS, Alitra.TokenColumn.AGES))
        self.assertEqual(len(ids), count)
        self.assertTrue((ages == 0).all())
        first = memory.get_tokens(2, 0, 0)
        self.assertEqual(list(ids[:len(first)]), list(first))
        vectors = Alitra.TokenVectors.new(self.model)
        numbers = np.frombuffer(vectors.fill(table, count).get_data(), np.float32).reshape(count, vectors.get_size())
        self.assertTrue(np.isfinite(numbers).all())
        self.assertGreater(np.abs(numbers).max(), 0)

    def test_overlay(self):
        self.detokenizer.decode(self.packet().get_data())
        picture = Alitra.overlay_draw(self.detokenizer.get_memory(), Alitra.OverlayStyle.HEATMAP, .5)
        self.assertEqual(picture.get_size(), WIDTH * HEIGHT * 4)
        self.assertEqual(len(Alitra.overlay_colour(2, False)), 4)
        self.assertEqual(len(Alitra.overlay_age_colour(2)), 4)

    def test_packets(self):
        packet = self.packet()
        short = Alitra.packet_trim(packet, 1)
        self.assertLess(short.get_size(), packet.get_size())
        self.assertTrue(self.detokenizer.decode(short.get_data()))
        salvaged = Alitra.packet_salvage(GLib.Bytes.new(packet.get_data()[:-1]))
        self.assertEqual(Alitra.packet_read_info(salvaged.get_data())[0], Alitra.PacketStatus.OK)
        self.assertEqual(Alitra.packet_find(b'???' + packet.get_data(), 0), 3)

    def test_generator(self):
        generator = Alitra.Generator.new(None, self.model, 1)
        self.assertIsNone(generator.get_memory())
        generator.set_stream(Alitra.StreamInfo.new(128, 256))
        wish = Alitra.Generation.new()
        wish.label = generator.find_label(generator.get_label(generator.get_count() - 1))
        wish.seed, wish.steps = 2 ** 63 + 1, 2
        packet = generator.run(wish, 0)
        self.assertTrue(self.detokenizer.decode(packet.get_data()))
        self.assertEqual(generator.get_memory().get_checksum(), self.detokenizer.get_memory().get_checksum())
        self.assertLessEqual(Alitra.packet_read_info(packet.get_data())[1].tokens, 2 * generator.get_tokens().most)
        wish.label = generator.get_count()
        self.assert_error(Alitra.Error.ARGUMENT, generator.run, wish, 0)
        self.assert_error(Alitra.Error.ARGUMENT, generator.set_stream, Alitra.StreamInfo.new(100, 100))
        self.assert_error(Alitra.Error.MODEL_NOT_FOUND, Alitra.Generator.new, '/nowhere/at/all', self.model, 1)


if __name__ == '__main__':
    unittest.main()
