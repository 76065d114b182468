# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Raw frames of a clip, by way of ffmpeg; files of YUV4MPEG2 need no help."""
import re
import shutil
import subprocess
from pathlib import Path

from roundtrip import give_up, i420_size


HEADER = re.compile(rb'YUV4MPEG2 W(\d+) H(\d+)([^\n]*)\n')
FRAME = b'FRAME\n'


def frame_size(header):
    return len(FRAME) + i420_size(int(header[1]), int(header[2]))


def read_y4m(path, frames):
    with open(path, 'rb') as file:
        line = file.readline(200)
        header = HEADER.match(line)
        return line + file.read(frames * frame_size(header)) if header else b''


def ask_ffmpeg(path, frames):
    if not shutil.which('ffmpeg'):
        give_up('expected the program ffmpeg, found none: install it (Debian: apt-get install ffmpeg)')
    done = subprocess.run(
        ['ffmpeg', '-v', 'error', '-i', str(path), '-map', '0:v:0', '-frames:v', str(frames), '-pix_fmt', 'yuv420p',
         '-f', 'yuv4mpegpipe', '-'], stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        give_up('%s cannot be read: %s' % (path, done.stderr.decode().strip()))
    return done.stdout


class Clip:
    """The first `frames` frames of a file: `width`, `height` and `bytes` (I420, limited range)."""

    def __init__(self, path, frames):
        data = (read_y4m if Path(path).suffix == '.y4m' else ask_ffmpeg)(path, frames)
        header = HEADER.match(data)
        if not header:
            give_up('%s: expected frames of 4:2:0 video, found none' % path)
        self.width, self.height = int(header[1]), int(header[2])
        step = frame_size(header)
        body = data[header.end():]
        self.frames = len(body) // step
        self.bytes = b''.join(body[i * step + len(FRAME):(i + 1) * step] for i in range(self.frames))
