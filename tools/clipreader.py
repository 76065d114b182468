# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames of clips: raw ones as GStreamer writes them, all others by way of ffmpeg."""
import re
import shutil
import subprocess
from itertools import islice

import numpy as np

from roundtrip import give_up, i420_size


HEADER = re.compile(rb'YUV4MPEG2 W(\d+) H(\d+)([^\n]*)\n')
FRAME = b'FRAME\n'


def parse_size(text):
    """1280x720 -> (1280, 720)"""
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', text)
    if not found:
        give_up('expected a size such as 1280x720, got "%s"' % text)
    return int(found[1]), int(found[2])


def raw_frames(path, width, height):
    """Luma, Cb and Cr of one frame after the other. GStreamer pads rows to four bytes and makes their number even."""
    rows, chroma_width, chroma_height = (height + 1) // 2 * 2, (width + 1) // 2, (height + 1) // 2
    luma_row, chroma_row = (width + 3) // 4 * 4, (chroma_width + 3) // 4 * 4
    luma, chroma = luma_row * rows, chroma_row * (rows // 2)
    with open(path, 'rb') as file:
        while len(data := file.read(luma + 2 * chroma)) == luma + 2 * chroma:
            data = np.frombuffer(data, np.uint8)
            cb, cr = (data[start:start + chroma].reshape(-1, chroma_row)[:chroma_height, :chroma_width]
                      for start in (luma, luma + chroma))
            yield data[:luma].reshape(rows, luma_row)[:height, :width], cb, cr


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
    """The first `frames` frames of a file: `width`, `height`, `frames` and `bytes` (I420 without padding). `raw` is the
    size of the frames of a raw file."""

    def __init__(self, path, frames, raw=None):
        if raw:
            self.width, self.height = raw
            parts = [plane.tobytes() for planes in islice(raw_frames(path, *raw), frames) for plane in planes]
        else:
            data = ask_ffmpeg(path, frames)
            header = HEADER.match(data)
            if not header:
                give_up('%s: expected frames of 4:2:0 video, found none' % path)
            self.width, self.height = int(header[1]), int(header[2])
            step = len(FRAME) + i420_size(self.width, self.height)
            body = data[header.end():]
            parts = [body[at + len(FRAME):at + step] for at in range(0, len(body) - step + 1, step)]
        self.bytes = b''.join(parts)
        self.frames = len(self.bytes) // i420_size(self.width, self.height)
