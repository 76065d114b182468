#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A NumPy picture to tokens and back, with libalitra alone.

    picture_tokens.py [IN.ppm OUT.ppm] [--quality=60]

Without files it draws a picture. Prints what the tokens are and how near the picture comes. Needs python3-gi, NumPy and
the typelib that libalitra installs (docs/embedding.md says where Python looks for it)."""
import argparse
import re
import sys

import gi
import numpy as np

gi.require_version('Alitra', '1.0')
from gi.repository import Alitra, GLib  # noqa: E402


def draw(height=200, width=300):
    """A sky that fades, a disc, and a corner of fine stripes."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([90 + 60 * y / height, 120 + 60 * y / height, 210 - 40 * y / height], axis=-1)
    picture[(x - 90)**2 + (y - 100)**2 < 45**2] = 240, 180, 40
    stripes = (x > 200) & (y > 110)
    picture[stripes] = np.where((x + y) // 3 % 2, 220, 30)[stripes][:, None]
    return picture.astype(np.uint8)


def read_ppm(path):
    data = open(path, 'rb').read()
    head = re.match(rb'P6\s+(\d+)\s+(\d+)\s+255\s', data)
    if not head:
        sys.exit('%s: expected a binary PPM of 8 bits (P6)' % path)
    width, height = map(int, head.groups())
    return np.frombuffer(data, np.uint8, 3 * width * height, head.end()).reshape(height, width, 3)


def frame_of(picture):
    """A frame that holds a copy of an RGB picture; rows of the array may have gaps."""
    height, width = picture.shape[:2]
    frame = Alitra.Frame.new(Alitra.PixelFormat.RGB, True, width, height)
    frame.set_plane(0, GLib.Bytes.new(np.ascontiguousarray(picture).tobytes()), 0)
    return frame


def plane_of(frame, number):
    _, row_bytes, rows = frame.get_plane_size(number)
    return np.frombuffer(frame.get_plane(number).get_data(), np.uint8).reshape(rows, row_bytes).astype(np.float32)


def picture_of(frame, shape):
    """RGB of a full-range I420 frame, with the matrix of BT.601 that RGB frames are read with."""
    height, width = shape[:2]
    luma, cb, cr = (plane_of(frame, i) for i in range(3))
    cb, cr = (np.repeat(np.repeat(plane - 128, 2, 0), 2, 1)[:height, :width] for plane in (cb, cr))
    rgb = np.stack([luma + 1.402 * cr, luma - .344136 * cb - .714136 * cr, luma + 1.772 * cb], axis=-1)
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)


def tokens_of(memory):
    """What a transformer reads: ids, and column, row and side of each token's cell in units of 16 pixels."""
    table = Alitra.TokenTable.new(0)
    count = table.fill(memory, Alitra.TokenSelection.ALL)
    table = Alitra.TokenTable.new(count)
    table.fill(memory, Alitra.TokenSelection.ALL)
    ids = np.frombuffer(table.get_column(Alitra.TokenColumn.IDS, count).get_data(), np.int32)
    places = np.frombuffer(table.get_column(Alitra.TokenColumn.POSITIONS, count).get_data(), np.int16)
    return ids, places.reshape(count, 3)


def main():
    parser = argparse.ArgumentParser(description='A picture to tokens and back.')
    parser.add_argument('files', nargs='*', metavar='PPM', help='picture to read, picture to write')
    parser.add_argument('--quality', type=float, default=60, help='0 to 100 (60)')
    options = parser.parse_args()
    picture = read_ppm(options.files[0]) if options.files else draw()
    height, width = picture.shape[:2]
    try:
        model = Alitra.Model.load(None)
        info = Alitra.StreamInfo.new(width, height)
        info.set_colour(1, 2, 2, 2)
        tokenizer = Alitra.Tokenizer.new(model, info, 1)
        settings = Alitra.Settings.new()
        settings.quality = options.quality
        packet, stats = tokenizer.encode(frame_of(picture), settings, False, Alitra.PACKET_NO_PTS)

        detokenizer = Alitra.Detokenizer.new(model, 1)
        detokenizer.decode(packet.get_data())
        shown = Alitra.Frame.new(Alitra.PixelFormat.I420, True, width, height)
        detokenizer.render(0, shown)
    except GLib.Error as error:
        sys.exit(error.message)
    ids, places = tokens_of(detokenizer.get_memory())
    rebuilt = picture_of(shown, picture.shape)
    error = np.mean((rebuilt.astype(float) - picture)**2)
    print('%dx%d: %d tokens, %d + %d + %d of cells of 64, 32 and 16 pixels, %d bits, PSNR %.2f dB'
          % (width, height, len(ids), *((places[:, 2] == side).sum() for side in (4, 2, 1)), stats.bits,
             10 * np.log10(255**2 / max(error, 1e-9))))
    if len(options.files) > 1:
        with open(options.files[1], 'wb') as file:
            file.write(b'P6\n%d %d\n255\n' % (width, height) + rebuilt.tobytes())


if __name__ == '__main__':
    main()
