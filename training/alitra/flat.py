"""Flat colours: 64-cells that are plain or shade evenly hold one or two tokens of an exact colour lattice instead of
learned codes.  Slopes come for free: they are read off flat neighbours (minmod, so that nothing leaks over an edge)."""
import torch

from .model import MARGIN
from .pictures import CELL, CHROMA_GAIN, Planes

COARSE = (24, 20, 20)       # steps over the full range of luma, Cb, Cr
FINE = (9, 11, 11)          # steps within one coarse step
TOLERANCE = 1.5 / 255       # root of the mean squared error up to which a cell counts as flat
ROUNDS = 3
FADE = MARGIN               # samples over which a flat cell gives way to painted neighbours


def quantise(mean):
    """mean: n,3 (luma - 0.5, Cb, Cr) -> coarse index n, fine index n."""
    coarse, fine = torch.zeros(len(mean), dtype=torch.long), torch.zeros(len(mean), dtype=torch.long)
    for c in range(3):
        k = ((mean[:, c] + .5) * COARSE[c]).floor().clamp(0, COARSE[c] - 1)
        rest = (mean[:, c] + .5) * COARSE[c] - k - .5
        j = (rest * FINE[c] + .5 * FINE[c]).floor().clamp(0, FINE[c] - 1)
        coarse, fine = coarse * COARSE[c] + k.long(), fine * FINE[c] + j.long()
    return coarse, fine


def colour(coarse, fine):
    """The other way; fine < 0: no second token.  -> n,3."""
    out = []
    for c in (2, 1, 0):
        k, coarse = coarse % COARSE[c], coarse.div(COARSE[c], rounding_mode='floor')
        j = torch.where(fine >= 0, fine % FINE[c], torch.full_like(fine, (FINE[c] - 1) // 2))
        fine = torch.where(fine >= 0, fine.div(FINE[c], rounding_mode='floor'), fine)
        out.append((k + .5 + (j - (FINE[c] - 1) // 2).float() / FINE[c]) / COARSE[c] - .5)
    return torch.stack(out[::-1], 1)


def minmod(a, b):
    return torch.where(a * b > 0, torch.where(a.abs() < b.abs(), a, b), torch.zeros_like(a))


def cover(size, count):
    """How much of each of `count` cells along one side the picture covers."""
    c = torch.ones(count)
    c[-1] = size / 64 - (count - 1)
    return c


def slope(m, flat, covered):
    """Change of colour over one cell, along the last axis; m: 3,h,w colours in the middle of what the picture covers;
    flat: h,w; covered: w."""
    w = m.shape[-1]
    pad = torch.zeros(3, m.shape[1], w + 4)
    pad[..., 2:2 + w] = m
    f = torch.zeros(m.shape[1], w + 4, dtype=torch.bool)
    f[:, 2:2 + w] = flat
    place = torch.arange(w) + covered / 2
    place = torch.cat([place[:1] - 2, place[:1] - 1, place, place[-1:] + 1, place[-1:] + 2])
    step = lambda k: (pad[..., 3 + k:3 + k + w] - pad[..., 2 + k:2 + k + w]) / (place[3 + k:3 + k + w] - place[2 + k:2 + k + w])
    ok = lambda k: f[:, 2 + k:2 + k + w]
    none = torch.zeros_like(m)
    one_side = torch.where(ok(-1), torch.where(ok(-2), minmod(step(-1), step(-2)), none),
                           torch.where(ok(1) & ok(2), minmod(step(0), step(1)), none))
    if w == 2:      # no more to be had
        one_side = torch.where(ok(-1), step(-1), torch.where(ok(1), step(0), none))
    return torch.where(flat, torch.where(ok(-1) & ok(1), minmod(step(-1), step(0)), one_side), none)


def slopes(m, flat, size):
    """size: width, height of the picture."""
    h, w = flat.shape
    return (slope(m, flat, cover(size[0], w)),
            slope(m.transpose(1, 2), flat.T, cover(size[1], h)).transpose(1, 2))


def surface(m, flat, size, place=lambda covered, n: (torch.arange(n) + .5).expand(len(covered), n)):
    """m: 3,h,w colours of flat cells -> Planes 1,·,16h,16w (garbage where not flat).  place: where the samples of each
    cell of a line are, in samples; line,n."""
    sx, sy = slopes(m, flat, size)
    h, w = flat.shape
    cx, cy = cover(size[0], w), cover(size[1], h)
    def paint(c, n):
        u = place(cx, n) / n - cx[:, None] / 2
        v = place(cy, n) / n - cy[:, None] / 2
        cells = m[c][..., None, None] + sy[c][..., None, None] * v[:, None, :, None] + sx[c][..., None, None] * u[None, :, None, :]
        return cells.permute(0, 2, 1, 3).reshape(1, 1, h * n, w * n)
    return Planes(paint(0, CELL), torch.cat([paint(1, CELL // 2) * CHROMA_GAIN[0], paint(2, CELL // 2) * CHROMA_GAIN[1]], 1))


def weight(flat, n):
    """How much of a flat cell's own surface shows, for cells of n samples: 1 inside, falling towards painted
    neighbours; h,w -> n*h,n*w."""
    h, w = flat.shape
    fade = FADE * n // CELL
    ramp = ((torch.arange(n) + .5) / fade).clamp(max=1.)
    f = torch.nn.functional.pad(flat[None, None].float(), (1, 1, 1, 1), mode='replicate')[0, 0] > 0
    def along(before, after):
        one = torch.ones(n)
        return torch.where(before[..., None], one, ramp) * torch.where(after[..., None], one, ramp.flip(0))
    x = along(f[1:-1, :-2], f[1:-1, 2:])[:, :, None, :]
    y = along(f[:-2, 1:-1], f[2:, 1:-1])[:, :, :, None]
    return (x * y * flat[:, :, None, None]).permute(0, 2, 1, 3).reshape(h * n, w * n)


def blend(painted, m, flat, size):
    """The level's picture: painted by the synthesis, flat cells laid over it."""
    s = surface(m, flat, size)
    a, b = weight(flat, CELL), weight(flat, CELL // 2)
    return Planes(painted.luma + (s.luma - painted.luma) * a, painted.chroma + (s.chroma - painted.chroma) * b)


def share(covered, n):
    """How much of each sample of the cells of a line the picture covers: line,n."""
    return (covered[:, None] * n - torch.arange(n)).clamp(0, 1)


def position(covered, n):
    """Where the middles of the samples are.  One that is covered in part is the mean of a row of four, the last of which
    that the picture has is repeated."""
    there = share(covered, n)
    k = (there * 4).ceil()
    return torch.arange(n) + torch.where(there == 1, .5, (k * k / 2 + (k - .5) * (4 - k)) / 16)


def lag(covered, n):
    """How far the middle of what the picture covers is behind the mean of the covered samples; a part of n."""
    sh = share(covered, n)
    return covered / 2 - (position(covered, n) * sh).sum(1) / sh.sum(1) / n


def weights(size, h, w, n):
    """Share of each sample of a plane, h*n,w*n."""
    return share(cover(size[1], h), n).reshape(-1, 1) * share(cover(size[0], w), n).reshape(1, -1)


def colours(planes, size, sx, sy):
    """3,h,w colours in the middle of what the picture covers."""
    h, w = planes.luma.shape[2] // CELL, planes.luma.shape[3] // CELL
    out = []
    for c in range(3):
        n = CELL if c == 0 else CELL // 2
        p = planes.luma[0, 0] if c == 0 else planes.chroma[0, c - 1] / CHROMA_GAIN[c - 1]
        s = weights(size, h, w, n)
        add = lambda x: x.reshape(h, n, w, n).sum((1, 3))
        out.append(add(p * s) / add(s) + sx[c] * lag(cover(size[0], w), n) + sy[c] * lag(cover(size[1], h), n)[:, None])
    return torch.stack(out)


def plane_error(planes, size):
    """h,w squared error of the planes that fit the cells best: a cell that is not even must not bend its neighbours'
    slopes."""
    h, w = planes.luma.shape[2] // CELL, planes.luma.shape[3] // CELL
    total = torch.zeros(h, w)
    for c in range(3):
        n = CELL if c == 0 else CELL // 2
        p = (planes.luma[0, 0] if c == 0 else planes.chroma[0, c - 1]).reshape(h, n, w, n).permute(0, 2, 1, 3)
        line = []
        for side, count in ((size[0], w), (size[1], h)):
            sh, at = share(cover(side, count), n), position(cover(side, count), n)
            at = at - (at * sh).sum(1, keepdim=True) / sh.sum(1, keepdim=True)
            line += [sh, at, (at ** 2 * sh).sum(1)]
        sx, dx, xx, sy, dy, yy = line
        weight = sy[:, None, :, None] * sx[None, :, None, :]
        dx, dy = dx[None, :, None, :], dy[:, None, :, None]
        p = p - (p * weight).sum((2, 3), keepdim=True) / weight.sum((2, 3), keepdim=True)
        bx = (p * weight * dx).sum((2, 3)) / (xx * sy.sum(1)[:, None]).clamp(min=1e-12)
        by = (p * weight * dy).sum((2, 3)) / (yy[:, None] * sx.sum(1)).clamp(min=1e-12)
        total += ((p - bx[..., None, None] * dx - by[..., None, None] * dy) ** 2 * weight).sum((2, 3))
    return total


def detect(planes, size):
    """One picture at quarter size; size: width, height of the picture -> flat h,w; coarse h,w; fine h,w."""
    h, w = planes.luma.shape[2] // CELL, planes.luma.shape[3] // CELL
    none = torch.zeros(3, h, w)
    def take(sx, sy):
        coarse, fine = quantise(colours(planes, size, sx, sy).reshape(3, -1).T)
        return coarse.reshape(h, w), fine.reshape(h, w), colour(coarse, fine).T.reshape(3, h, w)
    coarse, fine, q = take(none, none)
    area = cover(size[0], w) * cover(size[1], h)[:, None] * CELL ** 2
    flat = plane_error(planes, size) <= TOLERANCE ** 2 * area
    last = torch.zeros(h, w, dtype=torch.bool)
    last[-1] |= size[1] % 64 > 0
    last[:, -1] |= size[0] % 64 > 0
    for _ in range(ROUNDS):
        again = flat & last
        c, f, k = take(*slopes(q, flat, size))
        coarse, fine, q = torch.where(again, c, coarse), torch.where(again, f, fine), torch.where(again, k, q)
        d = surface(q, flat, size, position) - planes
        error = (d.luma[0, 0] ** 2 * weights(size, h, w, CELL)).reshape(h, CELL, w, CELL).sum((1, 3))
        for i in range(2):
            e = d.chroma[0, i] ** 2 * weights(size, h, w, CELL // 2)
            error = error + e.reshape(h, CELL // 2, w, CELL // 2).sum((1, 3))
        flat = flat & (error <= TOLERANCE ** 2 * area)
    return flat, coarse, fine
