"""Closed form for the painted windows: with latents as they are, the window weights that minimise the squared error are
a linear least-squares problem, one small system for each zone of a cell (which neighbours' windows reach it)."""
import math

import torch

from .model import CELL, LEVELS, MARGIN, WINDOW, SCALE, PriceHalt, replicate
from .pictures import Planes, rgb_to_ycc, to_cells

PLACES = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


def mixed(level, total):
    for mix in level.synthesis:
        total = mix(total)
    return total / SCALE


class Normal:
    """Sums for the least squares of one level."""

    def __init__(self, dim):
        self.gram, self.cross = torch.zeros(9 * dim, 9 * dim, dtype=torch.double), torch.zeros(9 * dim, 384, dtype=torch.double)

    def add(self, q, target, weight):
        """q: B,h,w,dim; target: B,h,w,384; weight: B."""
        b, h, w, dim = q.shape
        p = replicate(q)
        r = torch.cat([p[:, 1 + dy:1 + dy + h, 1 + dx:1 + dx + w] for dy, dx in PLACES], -1).reshape(b * h * w, -1)
        s = weight.sqrt().view(b, 1).expand(b, h * w).reshape(-1, 1)
        r, t = r * s, target.reshape(-1, 384) * s
        self.gram += (r.T @ r).double()
        self.cross += (r.T @ t).double()


def zones(cell, margin):
    """For each sample of a cell: offsets of the cells (along one axis) whose windows reach it."""
    return [(-1, 0) if i < margin else (0, 1) if i >= cell - margin else (0,) for i in range(cell)]


def solve(normal, level, ridge):
    """New weights of `paint`, kept near the old ones by the ridge."""
    dim = level.dim
    weights = level.paint.weight.data
    planes = [(0, CELL, MARGIN), (CELL ** 2, CELL // 2, MARGIN // 2), (CELL ** 2 * 5 // 4, CELL // 2, MARGIN // 2)]
    start = 0
    for first, cell, margin in planes:
        window = cell + 2 * margin
        zone = zones(cell, margin)
        groups = {}
        for y in range(cell):
            for x in range(cell):
                groups.setdefault((zone[y], zone[x]), []).append((y, x))
        for (zy, zx), samples in groups.items():
            cells = [(dy, dx) for dy in zy for dx in zx]
            rows = torch.cat([torch.arange(dim) + PLACES.index(c) * dim for c in cells])
            outputs = torch.tensor([first + y * cell + x for y, x in samples])
            # Where a neighbour at (dy, dx) paints this sample, in its own window.
            places = [[start + (y - dy * cell + margin) * window + x - dx * cell + margin for y, x in samples] for dy, dx in cells]
            old = torch.cat([weights[torch.tensor(p)].T for p in places]).double()
            gram = normal.gram[rows][:, rows]
            damp = ridge * gram.diagonal().mean() * torch.eye(len(rows), dtype=torch.double)
            new = torch.linalg.solve(gram + damp, normal.cross[rows][:, outputs] + damp @ old).float()
            for i, p in enumerate(places):
                weights[torch.tensor(p)] = new[i * dim:(i + 1) * dim].T
        start += window ** 2


@torch.no_grad()
def refit(model, batches, level_price, ridge=1e-3, low=.03, high=8., say=print):
    """batches: rgb tensors N,3,S,S.  Level by level, coarse to fine, each seeing what the refitted coarser ones left."""
    for index in reversed(range(LEVELS)):
        torch.manual_seed(3)
        normal = Normal(model.levels[index].dim)
        for rgb in batches[:len(batches) // 4] if index == 0 else batches:
            planes = Planes.from_ycc(rgb_to_ycc(rgb))
            pyramid = [planes, planes.halve()]
            pyramid.append(pyramid[1].halve())
            b = len(rgb)
            base_price = torch.exp(torch.empty(b, 1, 1).uniform_(math.log(low), math.log(high)))
            base = None
            for i in range(LEVELS - 1, index - 1, -1):
                left = pyramid[i] if base is None else pyramid[i] - base
                h = left.luma.shape[2] // CELL
                price = base_price * torch.exp(.5 * torch.randn(b, h, h)) * level_price[i] / 4 ** i
                level = model.levels[i]
                z = level.analyse(left)
                total = token_total(level, z, PriceHalt(price))
                out = level.synthesise(total)
                if i == index:
                    error = (left - out).energy().mean((1, 2)) / 384
                    normal.add(mixed(level, total), to_cells(left), 1 / (error + 1e-4))
                base = (out if base is None else out + base).upsample()
        solve(normal, model.levels[index], ridge)
        say('level %d refitted' % index)


def token_total(level, z, halt):
    """The token loop without gradients: sums of token vectors."""
    b, h, w, dim = z.shape
    r = z.reshape(-1, dim).clone()
    total = torch.zeros_like(r)
    active = torch.arange(len(r))
    for t, step in enumerate(level.steps):
        if not len(active):
            break
        q = step(r[active])[0]
        gain = ((r[active] ** 2).sum(1) - ((r[active] - q) ** 2).sum(1)) / SCALE ** 2
        keep = halt(t, gain, active)
        active, q = active[keep], q[keep]
        r[active] -= q
        total[active] += q
    return total.reshape(b, h, w, dim)
