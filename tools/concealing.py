#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lost tokens: does a generator fill them in better than the decoder conceals them?

    concealing.py LABELLED CLIPS --build build [--features features.pt] [--sheet sheet.png]

Val pictures of LABELLED, what the generator was trained for, as first frames; and frames of the CLIPS scaled to 128x128,
with and without the frame before.  64 tokens each.  Prints PSNR and SSIM of luma in the lower half, where something is
lost, mean of the pictures: as it would be without loss, as the decoder conceals it, and as the generator fills it in, given
all that arrived; and in which share of the pictures the generator is ahead.  With the network of
training/train_features.py and the moments that training/compare_generators.py keeps beside it also the Fréchet distance
from training pictures.  The sheet: original, without loss, concealed, filled in at temperature 1."""
import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from clipreader import Clip
from measures import psnr, rgb_of, squared_error, ssim

SIZE = 128
SAMPLES = SIZE * SIZE * 3 // 2
APART = 8           # frames from pair to pair
LOST = {'lower': 'the lower half', 'fine': 'its cells of 32 and 16 pixels', 'finest': 'its cells of 16 pixels'}
COLUMNS = 12        # of the sheet


def labelled(root, count):
    """-> so many val pictures of each class as I420, full range; class after class."""
    out = []
    for folder in sorted(p for p in (Path(root) / 'val').iterdir() if p.is_dir()):
        for path in sorted(folder.glob('*.jpg'))[:count]:
            luma_, cb, cr = Image.open(path).convert('YCbCr').resize((SIZE, SIZE)).split()
            out.append(b''.join([luma_.tobytes(), cb.reduce(2).tobytes(), cr.reduce(2).tobytes()]))
    return out


def shrink(clip, frame):
    """A frame of a clip as one picture."""
    out, start = [], frame * len(clip.bytes) // clip.frames
    halves = ((clip.width + 1) // 2, (clip.height + 1) // 2, SIZE // 2)
    for width, height, side in ((clip.width, clip.height, SIZE), halves, halves):
        plane = np.frombuffer(clip.bytes, np.uint8, width * height, start).reshape(height, width)
        out.append(Image.fromarray(plane).resize((side, side), Image.BOX).tobytes())
        start += width * height
    return b''.join(out)


def pairs(clips, count):
    """-> of each clip so many pairs of successive frames, one frame after the other."""
    out = []
    for path in sorted(Path(clips).glob('*.mp4')):
        clip = Clip(path, APART * count)
        out += [shrink(clip, at + i) for at in range(0, clip.frames - 1, APART) for i in (0, 1)]
    return out


def run(a, pictures, lost, before=False, label=-1, steps=8, temperature=1., guidance=0.):
    """-> pictures,3,SAMPLES: without loss, concealed, filled in"""
    out = subprocess.run([a.build + '/tests/bench/bench-fillin', a.model, a.generator, str(a.tokens), lost, str(label), str(steps),
                          str(temperature), str(guidance)] + ['before'] * before, input=b''.join(pictures), stdout=subprocess.PIPE, check=True)
    return as_array(out.stdout).reshape(-1, 3, SAMPLES)


def as_array(data):
    return np.frombuffer(data, np.uint8).reshape(-1, SAMPLES)


def luma(pictures):
    return pictures[..., :SIZE * SIZE].reshape(*pictures.shape[:-1], SIZE, SIZE)


def rgb(pictures):
    return np.stack([rgb_of(luma(p), *p[SIZE * SIZE:].reshape(2, SIZE // 2, SIZE // 2)) for p in pictures])


class Distance:
    """Fréchet distance from training pictures."""

    def __init__(self, path):
        sys.path.insert(0, str(Path(__file__).parent / '../training'))
        import torch
        from alitra import features
        self.features = features
        self.net = features.Net()
        self.net.load_state_dict(torch.load(path, map_location='cpu')['net'])
        with np.load(Path(path).parent / 'real.npz') as f:
            self.real = f['mean'], f['covariance']
        self.known = {}

    def of(self, pictures):
        key = hash(pictures.tobytes())
        if key not in self.known:
            self.known[key] = self.features.frechet(self.real, self.features.moments(self.features.features_of(self.net, rgb(pictures))))
        return self.known[key]


def line(what, source, made, distance=None):
    cells, scores, below = [what], [], slice(SIZE // 2, None)
    for way in range(3):
        one, other = luma(source)[:, below], luma(made[:, way])[:, below]
        scores.append((psnr(squared_error(one, other)), ssim(one, other)))
        cells.append('%.2f dB, %.3f' % tuple(s.mean() for s in scores[-1]) + (', %.1f' % distance.of(made[:, way]) if distance else ''))
    cells.append(' / '.join('%.0f %%' % (100 * (filled > plain).mean()) for plain, filled in zip(scores[1], scores[2])))
    print('| ' + ' | '.join(cells) + ' |', flush=True)


def stills(a, distance):
    pictures = labelled(a.labelled, a.count)
    source, sheet = as_array(b''.join(pictures)), []
    for lost in ('lower', 'fine', 'finest'):
        for temperature in (1, .5, 0):
            made = run(a, pictures, lost, temperature=temperature)
            line('%s, temperature %g' % (LOST[lost], temperature), source, made, distance)
            if temperature == 1:
                sheet.append(made)
        made = [run(a, pictures[i * a.count:][:a.count], lost, label=i, steps=16, temperature=.8, guidance=2) for i in range(len(pictures) // a.count)]
        line('%s, told the class, 16 steps, temperature .8, guidance 2' % LOST[lost], source, np.concatenate(made), distance)
    if a.sheet:
        take = np.arange(COLUMNS) * len(source) // COLUMNS
        rows = [source] + [sheet[0][:, 0]] + [made[:, way] for made in sheet[:2] for way in (1, 2)]
        Image.fromarray(np.concatenate([np.concatenate(list(rgb(row[take])), 1) for row in rows])).save(a.sheet)


def clips(a):
    both = pairs(a.clips, a.pairs)
    source = as_array(b''.join(both[1::2]))
    for lost in ('lower', 'fine'):
        for temperature in (1, 0):
            line('clips, first frame: %s, temperature %g' % (LOST[lost], temperature), source, run(a, both[1::2], lost, temperature=temperature))
        line('clips, with the frame before: %s, temperature 0' % LOST[lost], source, run(a, both, lost, True, temperature=0))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('labelled')
    ap.add_argument('clips')
    ap.add_argument('--build', default='build')
    ap.add_argument('--model', default='models/alitra-base.safetensors')
    ap.add_argument('--generator', default='models/alitra-generate.safetensors')
    ap.add_argument('--features')
    ap.add_argument('--tokens', type=int, default=64)
    ap.add_argument('--count', type=int, default=100, help='pictures of each class')
    ap.add_argument('--pairs', type=int, default=8, help='pairs of frames of each clip')
    ap.add_argument('--sheet')
    a = ap.parse_args()
    print('| lost | without loss | concealed | filled in | filled in is ahead |\n|---|---|---|---|---|')
    stills(a, Distance(a.features) if a.features else None)
    clips(a)


if __name__ == '__main__':
    main()
