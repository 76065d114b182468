#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tools and the example that send tokens over sockets of this machine, run as a user would. Nothing here is timed."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / 'tests/embedding'))
from pythons import find_python  # noqa: E402

PYTHON = find_python('gi')
RTSP_SERVER = os.environ.get('ALITRA_TEST_RTSP_SERVER')
LIMIT = 120
WIDTH, HEIGHT = 320, 192
SUMMARY = re.compile(r'(\d+) frames, \d+ kbit, (\d+) bits a frame')


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(('127.0.0.1', 0))
        return taken.getsockname()[1]


def has_element(name):
    return subprocess.run(['gst-inspect-1.0', '--exists', name], timeout=LIMIT).returncode == 0


class LiveCase(unittest.TestCase):
    def start(self, *command):
        """The program in a process group of its own, which ends with the test."""
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.addCleanup(self.stop, process)
        return process

    def stop(self, process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()

    def finish(self, process):
        """What it said; it must end well."""
        said = process.communicate(timeout=LIMIT)[0]
        self.assertEqual(process.returncode, 0, said)
        return said


class Stream(LiveCase):
    tool = SOURCE / 'tools/alitra-stream.sh'

    def test_both_ends(self):
        port = free_port()
        watcher = self.start(self.tool, 'watch', '--port', port, '--frames', 10, '--no-window')
        self.assertIn('listening', watcher.stdout.readline())
        # It sends until the other side, which may have come late, has enough.
        sender = self.start(self.tool, 'send', '--port', port, '--size', '%dx%d' % (WIDTH, HEIGHT), 'test')
        said = self.finish(watcher)
        self.assertIsNone(sender.poll())
        found = SUMMARY.search(said)
        self.assertTrue(found, said)
        self.assertEqual(int(found[1]), 10, said)
        self.assertGreater(int(found[2]), 0, said)

    def test_sender_ends(self):
        said = self.finish(self.start(self.tool, 'send', '--port', free_port(), '--frames', 40, '--rate', 500, 'test'))
        self.assertRegex(said, r'\d+ s +\d+ kbit/s +\d+ frames/s')
        self.assertEqual(SUMMARY.search(said)[1], '40', said)

    def test_rate(self):
        """kbit/s, in bits: in four seconds, with what one saves, no more than asked for, and most of it."""
        said = self.finish(self.start(self.tool, 'send', '--port', free_port(), '--frames', 100, '--rate', 30, 'test'))
        frames, bits = map(int, SUMMARY.search(said).groups())
        self.assertEqual(frames, 100)
        self.assertLessEqual(frames * bits, 30000 * (4 + 1), said)
        self.assertGreater(frames * bits, 30000 * 4 // 2, said)

    def test_refusals(self):
        for arguments, words in ((['send', '--port', 'x'], 'whole number'), (['send', '--size', '0x5'], '640x360'),
                                 (['watch', '--bad'], 'no option --bad'), (['send', '/nowhere'], '/nowhere'), ([], 'send')):
            with self.subTest(arguments):
                process = self.start(self.tool, *arguments)
                said = process.communicate(timeout=LIMIT)[0]
                self.assertEqual(process.returncode, 1)
                self.assertIn(words, said)


@unittest.skipUnless(PYTHON, 'no Python has gi')
class Latency(LiveCase):
    def test_prints_figures(self):
        said = self.finish(self.start(PYTHON, SOURCE / 'tools/latency.py', '--size', '%dx%d' % (WIDTH, HEIGHT), '--frames', 30,
                                      '--warm-up', 5, '--latency', 30, '--rate', 20))
        self.assertIn('frame period 50.0 ms, jitter buffer 30 ms', said)
        self.assertIn('30 frames sent, 30 decoded, 25 of them counted', said)
        rows = {row[1]: [float(value) for value in row.groups()[1:]]
                for row in re.finditer(r'^(\w+) +([\d.]+) +([\d.]+) +([\d.]+)$', said, re.M)}
        for mean, most_of_them, most in rows.values():
            self.assertLess(0, mean)
            self.assertLessEqual(mean, most)
            self.assertLessEqual(most_of_them, most)
        for i in range(3):
            self.assertLess(rows['encoded'][i], rows['received'][i])
            self.assertLess(rows['received'][i], rows['decoded'][i])
        # The verdict is that of the figures.
        verdict = re.search(r'(\d+) of 25 frames .* less than 80.0 ms .*: (yes|no)', said)
        self.assertEqual(verdict[2] == 'yes', verdict[1] == '25', said)
        self.assertEqual(verdict[2] == 'yes', rows['decoded'][2] < 80, said)

    def test_refusals(self):
        for arguments, words in ((['/nowhere.mp4'], '/nowhere.mp4'), (['--size', '5'], '640x360'),
                                 (['--frames', '3', '--warm-up', '3'], 'warm up')):
            with self.subTest(arguments):
                process = self.start(PYTHON, SOURCE / 'tools/latency.py', *arguments)
                self.assertIn(words, process.communicate(timeout=LIMIT)[0])
                self.assertEqual(process.returncode, 1)


@unittest.skipUnless(RTSP_SERVER, 'built without gst-rtsp-server')
@unittest.skipUnless(shutil.which('gst-play-1.0') and has_element('rtspsrc'), 'no gst-play-1.0, or no rtspsrc')
class Rtsp(LiveCase):
    def test_gst_play(self):
        """The player knows nothing of tokens, and leaves every picture in a file; the server's source ends."""
        with tempfile.TemporaryDirectory() as folder:
            pictures = Path(folder, 'pictures')
            server = self.start(RTSP_SERVER, '--port=0', '--source=videotestsrc is-live=true pattern=ball num-buffers=50 '
                                '! video/x-raw,format=I420,width=%d,height=%d,framerate=25/1' % (WIDTH, HEIGHT))
            uri = server.stdout.readline().split()[-1]
            self.assertRegex(uri, r'^rtsp://127\.0\.0\.1:\d+/tokens$')
            said = self.finish(self.start('gst-play-1.0', '--no-interactive', '--audiosink=fakesink',
                                          '--videosink=filesink location=%s' % pictures, uri))
            self.assertIn('Reached end', said)
            count, rest = divmod(pictures.stat().st_size, WIDTH * HEIGHT * 3 // 2)
            self.assertEqual(rest, 0)
            self.assertTrue(40 <= count <= 50, '%d pictures' % count)


if __name__ == '__main__':
    unittest.main()
