# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table that demo.sh ends with, from the messages of its pipelines and the frames before and after."""
import re
import sys
from pathlib import Path

import numpy as np

from clipreader import parse_size, raw_frames
from roundtrip import give_up
import measures


def read_messages(path):
    """A dict for each message alitra-frame-stats that gst-launch-1.0 -m printed."""
    messages = []
    for line in path.read_text(errors='replace').splitlines():
        if 'alitra-frame-stats' in line:
            messages.append(dict(re.findall(r'([a-z-]+)=\([a-z0-9]+\)([^,;]+)', line)))
    if not messages:
        give_up('expected messages of alitraenc in %s, found none' % path)
    return messages


def mean_psnr(source, rebuilt, size):
    pairs = zip(raw_frames(source, *size), raw_frames(rebuilt, *size))
    errors = [measures.squared_error(a[0][None], b[0][None])[0] for a, b in pairs]
    return float(measures.psnr(np.array(errors)).mean()), len(errors)


def seconds_of(path):
    """How long the pipeline ran, as gst-launch-1.0 says."""
    found = re.search(r'Execution ended after (\d+):(\d+):([\d.]+)', path.read_text(errors='replace'))
    if not found:
        give_up('%s does not say how long the pipeline ran' % path)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])


def main():
    work = Path(sys.argv[1])
    messages = read_messages(work / 'encode.log')
    tokens, kept, bits, time = (np.array([float(message[name]) for message in messages])
                                for name in ('tokens', 'kept-tokens', 'bits', 'encode-time-ns'))
    psnr, frames = mean_psnr(work / 'source.raw', work / 'rebuilt.raw', parse_size(sys.argv[2]))
    if frames != len(messages):
        give_up('expected %d rebuilt frames, got %d' % (len(messages), frames))
    for name, value in (
            ('frames', '%d' % frames),
            ('tokens a frame', '%.0f mean, %.0f least, %.0f most' % (tokens.mean(), tokens.min(), tokens.max())),
            ('kept from frame to frame', '%.1f %%' % (100 * kept.sum() / max(1, tokens.sum()))),
            ('bits a frame, all counted', '%.0f' % bits.mean()),
            ('PSNR of luma', '%.2f dB' % psnr),
            ('encoding', '%.0f frames a second' % (len(messages) / (time.sum() / 1e9))),
            ('decoding', '%.0f frames a second, reading the file included' % (
                frames / seconds_of(work / 'decode.log')))):
        print('%-26s %s' % (name, value))


if __name__ == '__main__':
    main()
