#!/usr/bin/env python3
# gst-alitra: adaptive-length video tokens for GStreamer
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tokens of each frame as NumPy arrays.

    tensor_numpy.py ['videotestsrc num-buffers=30 ! alitraenc target-tokens=500']

Takes the first half of a pipeline, which must end in video/x-alitra packets, and prints a line for each frame. Needs
python3-gi, GStreamer's typelibs (gir1.2-gst-plugins-base-1.0) and NumPy. docs/tensors.md has the layout."""
import sys

import gi
import numpy as np

gi.require_version('Gst', '1.0')
gi.require_version('GstApp', '1.0')
from gi.repository import Gst, GstApp  # noqa: E402,F401 (GstApp gives appsink its methods)

SOURCE = 'videotestsrc num-buffers=30 ! alitraenc target-tokens=500'


def arrays_of(sample):
    """The tensors of a static stream, in the order of docs/tensors.md, without the rows that are padding."""
    caps, buffer = sample.get_caps().get_structure(0), sample.get_buffer()
    shapes = [tuple(int(n) for n in reversed(text.split(':'))) for text in caps.get_string('dimensions').split(',')]
    arrays = []
    for i, (name, shape) in enumerate(zip(caps.get_string('types').split(','), shapes)):
        memory = buffer.get_memory(i)
        ok, mapped = memory.map(Gst.MapFlags.READ)
        if not ok:
            raise RuntimeError('tensor %d cannot be read' % i)
        # A copy: the memory is used again for a later frame.
        arrays.append(np.frombuffer(mapped.data, name).reshape(shape).copy())
        memory.unmap(mapped)
    ids, mask, levels, positions, depths, ages, count = arrays[:7]
    kept = mask.astype(bool)
    assert kept.sum() == count[0]
    return ids[kept], levels[kept], positions[kept], depths[kept], ages[kept]


def density_of(levels, positions):
    """Tokens over each square of 16 pixels, those of larger cells shared out: what the overlay draws."""
    columns, rows = (max(positions[:, k] + positions[:, 2], default=0) for k in (0, 1))
    density = np.zeros((rows, columns))
    for x, y, side in positions:
        density[y:y + side, x:x + side] += 1 / side**2
    return density


def describe(number, ids, levels, positions, depths, ages):
    density = density_of(levels, positions)
    y, x = np.unravel_index(density.argmax(), density.shape) if density.size else (0, 0)
    return ('frame %d: %d tokens, %d + %d + %d at levels 2 1 0, deepest %d, unchanged %d, densest at %d,%d, ids sum to %d'
            % (number, len(ids), *((levels == level).sum() for level in (2, 1, 0)), max(depths, default=-1) + 1,
               (ages > 0).sum(), x * 16, y * 16, ids.sum()))


def main():
    Gst.init(None)
    source = sys.argv[1] if len(sys.argv) > 1 else SOURCE
    pipeline = Gst.parse_launch(source + ' ! alitratensor format=static ! appsink name=sink sync=false')
    sink = pipeline.get_by_name('sink')
    pipeline.set_state(Gst.State.PLAYING)
    number = 0
    message = None
    while not message and not sink.is_eos():
        sample = sink.try_pull_sample(Gst.SECOND // 10)
        if sample:
            print(describe(number, *arrays_of(sample)))
            number += 1
        message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message:
        sys.exit('%s' % message.parse_error()[0].message)


if __name__ == '__main__':
    main()
