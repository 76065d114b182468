#!/usr/bin/env python3
"""Golden vectors for the C library's tests:

    golden.py ../tests/check/golden                  a small model with drawn weights, and vectors made with it
    golden.py FOLDER --model alitra-base.safetensors  vectors of that model (tests: ALITRA_GOLDEN=FOLDER)

Pictures are drawn by formula.  A vector holds, little endian: u32 width, height; RGB bytes; then for each level, coarse
first: u32 columns, rows, tokens a cell; u8 depth of each cell; u16 ids (cells x tokens a cell); f16 planes of the
picture so far (luma, Cb, Cr; the grid's whole size); at the end the I420 bytes of the finest picture, full range."""
import argparse
import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F

from alitra.model import LEVELS, Tokenizer
from alitra.pictures import CELL, CHROMA_GAIN, Planes, rgb_to_ycc
from alitra.start import window_of
from export import export

SMALL = {'dim': 24, 'narrow': 10, 'hidden': 40, 'depth': [10, 9, 8], 'codes': [80, 64, 50], 'blocks': [1, 2, 2]}
SMALL_PROBES = [2, 1, 2]    # of 3, 2 and 2 panels


def load(path):
    """A .safetensors file that export.py wrote."""
    with open(path, 'rb') as f:
        data = f.read()
    n = struct.unpack('<Q', data[:8])[0]
    header, body = json.loads(data[8:8 + n]), data[8 + n:]
    settings = json.loads(header.pop('__metadata__')['alitra'])
    state = {}
    for name, t in header.items():
        a, b = t['data_offsets']
        if name.startswith('levels.'):
            state[name] = torch.from_numpy(np.frombuffer(body[a:b], {'F16': '<f2', 'F32': '<f4'}[t['dtype']])
                                           .astype(np.float32).reshape(t['shape']))
    model = Tokenizer(**{k: settings[k] for k in SMALL})
    for i, level in enumerate(model.levels):
        for t, step in enumerate(level.steps):
            step.centres = state.pop('levels.%d.steps.%d.centres' % (i, t), None)
            step.probes = settings.get('probes', [0] * LEVELS)[i]
    model.load_state_dict(state)
    return model


def drawing(width, height, seed):
    """Slopes, a disc, bars, a checkerboard and noise; height,width,3 bytes."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    rgb = np.stack([40 + 180 * x / width, 60 + 150 * y / height, 200 - 120 * (x + y) / (width + height)], 2)
    rgb[(x - .3 * width) ** 2 + (y - .4 * height) ** 2 < (.2 * height) ** 2] = (220, 60, 40)
    bars = (x > .55 * width) & (y < .5 * height) & ((x // 5) % 2 == 0)
    rgb[bars] = (20, 30, 160)
    board = (x < .4 * width) & (y > .7 * height) & (((x // 4) + (y // 4)) % 2 == 0)
    rgb[board] = (240, 240, 230)
    noise = (x > .6 * width) & (y > .6 * height)
    rgb[noise] += np.random.default_rng(seed).normal(0, 40, (height, width, 3))[noise]
    return rgb.clip(0, 255).astype(np.uint8)


def planes_of(rgb):
    """As the library reads RGB: an odd edge is repeated to make pairs, then luma and chroma are repeated up to whole
    64-cells."""
    height, width = rgb.shape[:2]
    even = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge')
    p = Planes.from_ycc(rgb_to_ycc(torch.from_numpy(even).permute(2, 0, 1)[None].float() / 255))
    right, bottom = -width % 64, -height % 64
    crop = p.luma[:, :, :height, :width]
    grow = lambda t, w, h: F.pad(t, (0, w - t.shape[3], 0, h - t.shape[2]), mode='replicate')
    return Planes(grow(crop, width + right, height + bottom),
                  grow(p.chroma, (width + right) // 2, (height + bottom) // 2))


def to_i420(planes, width, height):
    luma = (planes.luma[0, 0, :height, :width] + .5) * 255
    chroma = planes.chroma[0] / torch.tensor(CHROMA_GAIN).view(2, 1, 1) * 255 + 128
    chroma = chroma[:, :(height + 1) // 2, :(width + 1) // 2]
    to_bytes = lambda t: torch.floor(t + .5).clamp(0, 255).byte().numpy().tobytes()
    return to_bytes(luma) + to_bytes(chroma)


@torch.no_grad()
def draw_weights(pictures):
    """A model that looks like a trained one, where it matters for a test: codes lie where residuals are."""
    torch.manual_seed(5)
    model = Tokenizer(**SMALL)
    for level in model.levels:
        q = torch.linalg.qr(torch.randn(384, level.dim))[0]
        level.embed.weight.copy_(q.T)
        level.paint.weight.copy_(window_of(q.T.contiguous()).T + .02 * torch.randn(level.paint.weight.shape))
        for step in level.steps:
            e = torch.linalg.qr(torch.randn(level.dim, step.into.shape[0]))[0]
            step.into.copy_(e.T)
            step.back.copy_(e)
    for i in reversed(range(LEVELS)):
        level, latents = model.levels[i], []
        for planes in pictures:
            for _ in range(i):
                planes = planes.halve()
            latents.append(level.analyse(planes).reshape(-1, level.dim))
        r = torch.cat(latents)
        for step in level.steps:
            f = r @ step.into.T
            pick = f[torch.randint(0, len(f), (len(step.codes),))]
            step.codes.copy_(.8 * pick + .1 * f.std() * torch.randn_like(pick))
            q = step(r)[0]
            r = r - q
    return model


@torch.no_grad()
def vector(model, rgb):
    height, width = rgb.shape[:2]
    planes = planes_of(rgb)
    pyramid = [planes, planes.halve()]
    pyramid.append(pyramid[1].halve())
    out, base = [struct.pack('<II', width, height), rgb.tobytes()], None
    for i in reversed(range(LEVELS)):
        level = model.levels[i]
        rows, columns = pyramid[i].luma.shape[2] // CELL, pyramid[i].luma.shape[3] // CELL
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing='ij')
        # every depth, and a stretch of empty cells
        wanted = ((3 * x + 5 * y) % (level.depth + 1)) * ((x + columns * y) % 11 < 7)
        halt = lambda step, gain, active: wanted.reshape(-1)[active] > step
        left = pyramid[i] if base is None else pyramid[i] - base
        own, depth, ids, _ = model.encode_level(i, left, halt)
        picture = own if base is None else own + base
        out.append(struct.pack('<III', columns, rows, level.depth))
        out.append(depth[0].byte().numpy().tobytes())
        out.append(ids[0].numpy().astype('<u2').tobytes())
        for plane in (picture.luma[0], picture.chroma[0]):
            out.append(plane.numpy().astype('<f2').tobytes())
        base = picture.upsample()
    out.append(to_i420(picture, width, height))
    return b''.join(out)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('folder')
    ap.add_argument('--model')
    a = ap.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    pictures = {'even': drawing(96, 80, 1), 'odd': drawing(151, 101, 2)}
    own = os.path.join(a.folder, 'model.safetensors')
    if a.model:
        with open(a.model, 'rb') as f, open(own, 'wb') as g:
            g.write(f.read())
    else:
        export(draw_weights([planes_of(p) for p in pictures.values()]).state_dict(), own, 'alitra-small-test',
               probes=SMALL_PROBES)
    model = load(own)
    for name, rgb in pictures.items():
        with open(os.path.join(a.folder, name + '.bin'), 'wb') as f:
            f.write(vector(model, rgb))


if __name__ == '__main__':
    main()
