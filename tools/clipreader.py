# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Raw frames of a clip, by way of ffmpeg."""
import re
import shutil
import subprocess

from roundtrip import give_up, i420_size


class Clip:
    """The first `frames` frames of a file: `width`, `height` and `bytes` (I420, limited range)."""

    def __init__(self, path, frames):
        if not shutil.which('ffmpeg'):
            give_up('expected the program ffmpeg, found none: install it (Debian: apt-get install ffmpeg)')
        done = subprocess.run(
            ['ffmpeg', '-v', 'error', '-i', str(path), '-map', '0:v:0', '-frames:v', str(frames), '-pix_fmt',
             'yuv420p', '-f', 'yuv4mpegpipe', '-'], stdin=subprocess.DEVNULL, capture_output=True)
        size = re.match(rb'YUV4MPEG2 W(\d+) H(\d+)[^\n]*\n', done.stdout)
        if done.returncode or not size:
            give_up('%s cannot be read: %s' % (path, done.stderr.decode().strip() or 'no picture in it'))
        self.width, self.height = int(size[1]), int(size[2])
        frame = len(b'FRAME\n') + i420_size(self.width, self.height)
        body = done.stdout[size.end():]
        self.frames = len(body) // frame
        self.bytes = b''.join(body[i * frame + len(b'FRAME\n'):(i + 1) * frame] for i in range(self.frames))
