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


def slope(m, flat):
    """Change of colour over one cell, along the last axis; m: 3,h,w; flat: h,w."""
    w = m.shape[-1]
    pad = torch.zeros(3, m.shape[1], w + 4)
    pad[..., 2:2 + w] = m
    f = torch.zeros(m.shape[1], w + 4, dtype=torch.bool)
    f[:, 2:2 + w] = flat
    at = lambda k: pad[..., 2 + k:2 + k + w]
    ok = lambda k: f[:, 2 + k:2 + k + w]
    left, right = at(0) - at(-1), at(1) - at(0)
    both = minmod(left, right)
    only_right = minmod(right, at(2) - at(1))
    only_left = minmod(left, at(-1) - at(-2))
    none = torch.zeros_like(m)
    one_side = torch.where(ok(-1), torch.where(ok(-2), only_left, none), torch.where(ok(1) & ok(2), only_right, none))
    return torch.where(flat, torch.where(ok(-1) & ok(1), both, one_side), none)


def surface(m, flat):
    """m: 3,h,w colours of flat cells -> Planes 1,·,16h,16w (garbage where not flat)."""
    sx = slope(m, flat)
    sy = slope(m.transpose(1, 2), flat.T).transpose(1, 2)
    def paint(c, n):
        u = (torch.arange(n) + .5) / n - .5
        cells = m[c][..., None, None] + sy[c][..., None, None] * u[:, None] + sx[c][..., None, None] * u
        h, w = m.shape[1:]
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


def blend(painted, m, flat):
    """The level's picture: painted by the synthesis, flat cells laid over it."""
    s = surface(m, flat)
    a, b = weight(flat, CELL), weight(flat, CELL // 2)
    return Planes(painted.luma + (s.luma - painted.luma) * a, painted.chroma + (s.chroma - painted.chroma) * b)


def means(planes):
    """3,h,w mean colour of the cells of one picture."""
    y = torch.nn.functional.avg_pool2d(planes.luma, CELL)[0]
    c = torch.nn.functional.avg_pool2d(planes.chroma, CELL // 2)[0]
    return torch.cat([y, c / torch.tensor(CHROMA_GAIN).view(2, 1, 1)])


def detect(planes):
    """One picture at quarter size -> flat h,w; coarse h,w; fine h,w."""
    m = means(planes)
    h, w = m.shape[1:]
    coarse, fine = quantise(m.reshape(3, -1).T)
    q = colour(coarse, fine).T.reshape(3, h, w)
    flat = torch.ones(h, w, dtype=torch.bool)
    for _ in range(ROUNDS):
        error = (surface(q, flat) - planes).energy()[0] / CELL ** 2
        flat = flat & (error <= TOLERANCE ** 2)
    return flat, coarse.reshape(h, w), fine.reshape(h, w)
