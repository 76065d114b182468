# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the tools share: programs of the build, and a moving picture to give them."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ['ALITRA_TEST_TOOLS'])


def run(tool, *arguments, stdin=None, **more):
    environment = dict(os.environ, **more)
    return subprocess.run([TOOLS / tool, *map(str, arguments)], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment, timeout=120)


def moving_picture(width, height, frames):
    """I420: a slope that stays, and a bright square with a pattern that moves over it."""
    out = bytearray()
    for frame in range(frames):
        luma = bytearray(16 + (x + y) * 150 // (width + height) for y in range(height) for x in range(width))
        for y in range(height // 4, height // 2):
            for x in range(8 + 4 * frame, min(width, 40 + 4 * frame)):
                luma[y * width + x] = 60 + 40 * ((x - 4 * frame) // 4 % 3) + y % 5
        out += luma + bytes([118]) * ((width + 1) // 2 * ((height + 1) // 2)) \
            + bytes([140]) * ((width + 1) // 2 * ((height + 1) // 2))
    return bytes(out)


class ToolCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def make_tokens(self, name='some.alitra', width=200, height=120, frames=6, *options):
        path = self.folder / name
        made = run('alitra-roundtrip', '--width', width, '--height', height, '--tokens-out', path, *options,
                   stdin=moving_picture(width, height, frames))
        self.assertEqual(made.returncode, 0, made.stderr.decode())
        return path
