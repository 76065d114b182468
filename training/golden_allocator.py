#!/usr/bin/env python3
"""Golden vectors of the allocator, the flat cells and the border filter for the C library's tests:

    golden_allocator.py ../tests/check/golden

Writes allocator.safetensors, the small model of golden.py with an allocator of drawn weights, and, little endian:

allocator.bin   u32 columns, rows of 64-cells; for each level, coarse first, for each of three steps: u32 n; u32 cells;
                f32 energies of these cells (whole, head, seen, start, last, n each); f32 log2 gains; then u8 depth and
                f32 energy left of all cells
flat.bin        for each picture: u32 width, height; f16 planes at quarter size (luma, Cb, Cr); u8 flat, u32 coarse and
                fine of each cell (0 where not flat); f16 painted planes; f32 planes with the flat cells laid over
deblock.bin     u32 columns, rows of 16-cells; u8 depth; f16 planes; f32 filtered planes
bilateral.bin   the same"""
import argparse
import os
import struct

import numpy as np
import torch

from alitra import flat
from alitra.allocator import HIDDEN, Allocator, log_energy
from alitra.bilateral import bilateral
from alitra.deblock import deblock
from alitra.model import LEVELS
from alitra.pictures import CELL, Planes
from export import export
from golden import draw_weights, drawing, planes_of

STEPS = 3


def numbers(*values):
    return struct.pack('<%dI' % len(values), *values)


def array(a, kind):
    return np.ascontiguousarray(np.asarray(a)).astype(kind).tobytes()


def halves(planes):
    """The planes as half floats can hold them."""
    return Planes(planes.luma.half().float(), planes.chroma.half().float())


def planes_bytes(planes, kind):
    return array(planes.luma[0], kind) + array(planes.chroma[0], kind)


def draw_allocator():
    torch.manual_seed(8)
    allocator = Allocator()
    with torch.no_grad():
        for p in allocator.parameters():
            p.add_(torch.randn_like(p) * .1)
    return allocator


@torch.no_grad()
def allocator_vector(allocator, columns, rows):
    torch.manual_seed(9)
    out, said = [numbers(columns, rows)], 0.
    for level in reversed(range(LEVELS)):
        h, w = rows << (LEVELS - 1 - level), columns << (LEVELS - 1 - level)
        n = h * w
        hidden, own, active, depth = torch.zeros(1, HIDDEN, h, w), torch.zeros(n, 6), torch.ones(n).bool(), torch.zeros(n)
        for step in range(STEPS):
            whole, head, seen, start = torch.exp(torch.randn(4, n) * 2 - 2)
            last = torch.randn(n) * .2      # some did harm
            x = torch.stack([log_energy(whole), log_energy(seen), log_energy(last.clamp(min=0)),
                             torch.full((n,), step * .125), log_energy(head), log_energy(start)], 1)
            own = torch.where(active[:, None], x, own)
            fresh, gain = allocator.grids[level](own.T.reshape(1, 6, h, w), hidden, said)
            hidden = torch.where(active.reshape(1, 1, h, w), fresh, hidden)
            i = active.nonzero()[:, 0]
            out += [numbers(len(i)), array(i, '<u4')]
            out += [array(v[i], '<f4') for v in (whole, head, seen, start, last, gain.reshape(-1))]
            depth += active
            active &= torch.rand(n) < .7
        left = torch.exp(torch.randn(n) * 2 - 3)
        out += [array(depth, 'u1'), array(left, '<f4')]
        if level:
            told = torch.cat([hidden, (depth * .125).reshape(1, 1, h, w), log_energy(left).reshape(1, 1, h, w)], 1)
            said = allocator.grids[level - 1].condition(told)
    return b''.join(out)


def gradient(width, height, seed):
    """An even slope with a disc on it, and a plain corner; at quarter size."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    way = (x / width + .7 * y / height) / 1.7
    r = np.random.default_rng(seed)
    a, b = r.uniform(0, 255, (2, 3))
    rgb = a + (b - a) * way[..., None]
    if width > 200:
        rgb[(x - .4 * width) ** 2 + (y - .3 * height) ** 2 < 15 ** 2] = 255 - a
        rgb[(x < 64) & (y >= 128)] = b
    planes = planes_of(rgb.round().astype(np.uint8))
    return halves(planes.halve().halve())


@torch.no_grad()
def flat_vector(width, height, seed):
    planes = gradient(width, height, seed)
    is_flat, coarse, fine = flat.detect(planes, (width, height))
    print('%dx%d: %d of %d cells are flat' % (width, height, is_flat.sum(), is_flat.numel()))
    torch.manual_seed(seed)
    painted = halves(Planes(torch.randn_like(planes.luma) * .2, torch.randn_like(planes.chroma) * .2))
    colours = flat.colour(coarse.reshape(-1), fine.reshape(-1)).T.reshape(3, *is_flat.shape)
    blended = flat.blend(painted, colours, is_flat, (width, height))
    return b''.join([numbers(width, height), planes_bytes(planes, '<f2'), array(is_flat, 'u1'),
                     array(coarse * is_flat, '<u4'), array(fine * is_flat, '<u4'), planes_bytes(painted, '<f2'),
                     planes_bytes(blended, '<f4')])


@torch.no_grad()
def filter_vector(filtered, columns, rows):
    torch.manual_seed(12)
    cells = lambda n, k: (torch.randn(1, k, rows, columns) * .15).repeat_interleave(n, 2).repeat_interleave(n, 3)
    luma = cells(CELL, 1) + torch.randn(1, 1, rows * CELL, columns * CELL) * .02
    chroma = cells(CELL // 2, 2) + torch.randn(1, 2, rows * CELL // 2, columns * CELL // 2) * .02
    planes, depth = halves(Planes(luma, chroma)), torch.randint(0, 9, (1, rows, columns))
    return b''.join([numbers(columns, rows), array(depth, 'u1'), planes_bytes(planes, '<f2'),
                     planes_bytes(filtered(planes, depth), '<f4')])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('folder')
    a = ap.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    allocator = draw_allocator()
    model = draw_weights([planes_of(drawing(96, 80, 1)), planes_of(drawing(151, 101, 2))])
    export(model.state_dict(), os.path.join(a.folder, 'allocator.safetensors'), 'alitra-allocator-test',
           allocator.state_dict())
    files = {'allocator': allocator_vector(allocator, 2, 2),
             'flat': flat_vector(442, 234, 3) + flat_vector(100, 70, 4) + flat_vector(640, 128, 5),
             'deblock': filter_vector(deblock, 4, 4), 'bilateral': filter_vector(bilateral, 4, 4)}
    for name, data in files.items():
        with open(os.path.join(a.folder, name + '.bin'), 'wb') as f:
            f.write(data)


if __name__ == '__main__':
    main()
