# gst-alitra: adaptive-length video tokens for GStreamer
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of docs/examples that make pipelines: appsrc-tokens.c and frame-stats.c."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path


def run(program, *arguments):
    return subprocess.run([os.environ['ALITRA_TEST_' + program], *arguments], capture_output=True, text=True, timeout=100)


class AppsrcCase(unittest.TestCase):
    def test_packets(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / 'film.alitra'
            result = run('APPSRC', '12', str(path))
            self.assertEqual(result.returncode, 0, result.stderr)
            lines = result.stdout.splitlines()
            self.assertEqual(len(lines), 12)
            sizes = []
            for number, line in enumerate(lines):
                match = re.fullmatch(r'packet (\d+) at (\d+):(\d\d):(\d\d\.\d{9}): (\d+) bytes(, key)?', line)
                self.assertTrue(match, line)
                self.assertEqual(int(match.group(1)), number)
                self.assertAlmostEqual(float(match.group(4)), number / 25)
                self.assertEqual(bool(match.group(6)), number == 0)
                sizes.append(int(match.group(5)))
            data = path.read_bytes()
            self.assertEqual(len(data), sum(sizes))
            starts = {data[sum(sizes[:i]):][:4] for i in range(len(sizes))}
            self.assertEqual(len(starts), 1, 'packets of one kind, one behind the other')

    def test_no_room(self):
        self.assertNotEqual(run('APPSRC', '2', '/nowhere/at/all.alitra').returncode, 0)


class StatsCase(unittest.TestCase):
    def test_messages(self):
        result = run('STATS', 'videotestsrc num-buffers=6 pattern=ball ! alitraenc name=enc target-tokens=150 '
                     '! fakesink')
        self.assertEqual(result.returncode, 0, result.stderr)
        *lines, last = result.stdout.splitlines()
        self.assertEqual(len(lines), 6)
        found = [re.fullmatch(r'\S+ (key  |delta) tokens (\d+), new (\d+), bits (\d+), changed (\d+) %', line)
                 for line in lines]
        self.assertTrue(all(found), lines)
        self.assertEqual([match.group(1).strip() for match in found], ['key'] + 5 * ['delta'])
        tokens, new, bits = (sum(int(match.group(i)) for match in found) for i in (2, 3, 4))
        self.assertEqual(last, '6 frames, %d tokens held, %d new, %d bits' % (tokens, new, bits))
        self.assertLessEqual(max(int(match.group(2)) for match in found), 150)
        self.assertLess(new, tokens)

    def test_errors(self):
        for pipeline in ('videotestsrc ! fakesink', 'nosuchelement name=enc',
                         'filesrc location=/nowhere/at/all ! alitraparse ! alitradec ! alitraenc name=enc ! fakesink'):
            result = run('STATS', pipeline)
            self.assertNotEqual(result.returncode, 0, pipeline)
            self.assertTrue(result.stderr.strip(), pipeline)


if __name__ == '__main__':
    unittest.main()
