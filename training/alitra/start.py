"""Closed-form start: PCA for analysis and synthesis, residual k-means for the codes.  Minutes on one core, and worth
more than an hour of gradient descent from random weights."""
import torch

from .model import CELL, LEVELS, MARGIN, SCALE, WINDOW, PriceHalt, fixed_depth
from .pictures import Planes, rgb_to_ycc, to_cells


def principal(x, count):
    """Leading eigenvectors of the second moment (not centred: the model has no biases); dim,count."""
    return torch.linalg.eigh(x.T @ x / len(x))[1].flip(1)[:, :count].contiguous()


def nearest(x, codes):
    half = (codes ** 2).sum(1) * .5
    return torch.cat([(p @ codes.T - half).argmax(1) for p in x.split(4096)])


def kmeans(x, count, rounds=8):
    if len(x) < count:      # more codes than samples: each some times, a little apart
        x = x.repeat(-(-count // len(x)), 1)
        x = x * (1 + .01 * torch.randn_like(x))
    codes = x[torch.randperm(len(x))[:count]].clone()
    for i in range(rounds):
        a = nearest(x, codes)
        n = torch.bincount(a, minlength=count).float()
        codes = torch.zeros_like(codes).index_add_(0, a, x) / n.clamp(min=1)[:, None]
        dead = n < 2
        if dead.any():
            pick = x[torch.randint(0, len(x), (int(dead.sum()),))]
            codes[dead] = pick * (1 + .01 * torch.randn_like(pick))
    return codes


def window_of(cells):
    """384-number cell vectors (rows) -> rows of the painted window, zero outside the cell."""
    n = len(cells)
    luma = torch.zeros(n, WINDOW, WINDOW)
    luma[:, MARGIN:MARGIN + CELL, MARGIN:MARGIN + CELL] = cells[:, :256].reshape(n, CELL, CELL)
    half, m = WINDOW // 2, MARGIN // 2
    chroma = torch.zeros(n, 2, half, half)
    chroma[:, :, m:m + CELL // 2, m:m + CELL // 2] = cells[:, 256:].reshape(n, 2, CELL // 2, CELL // 2)
    return torch.cat([luma.reshape(n, -1), chroma.reshape(n, -1)], 1)


def start_steps(steps, r, most, say):
    """Residual k-means, step after step, on residuals r (n,dim)."""
    for t, step in enumerate(steps):
        energy = (r ** 2).sum(1)
        weight = energy.sqrt()
        pick = torch.multinomial(weight, min(most, len(r) * 3), replacement=True)
        sample = r[pick]
        narrow = step.into.shape[0]
        e = principal(sample, narrow)
        step.into.copy_(e.T)
        step.back.copy_(e)
        step.codes.copy_(kmeans(sample @ e, step.codes.shape[0]))
        f = r @ e
        q = step.codes[nearest(f, step.codes)] @ e.T
        better = ((r - q) ** 2).sum(1) < energy
        r = torch.where(better[:, None], r - q, r)
        say('  step %d: energy %.3f -> %.3f' % (t, energy.mean() / SCALE ** 2, (r ** 2).sum(1).mean() / SCALE ** 2))


@torch.no_grad()
def start_level(level, planes, most, say):
    """planes: what coarser levels left over in many pictures."""
    x = to_cells(planes).reshape(-1, 384) * SCALE
    basis = principal(x, level.dim)
    level.embed.weight.copy_(basis.T)
    level.paint.weight.copy_(window_of(basis.T.contiguous()).T)
    start_steps(level.steps, x @ basis, most, say)


def random_price(shape, low=.04, high=6., spread=.5):
    """One price a picture, log-uniform, with a little noise a cell."""
    b = shape[0]
    base = torch.exp(torch.empty(b, 1, 1).uniform_(float(torch.tensor(low).log()), float(torch.tensor(high).log())))
    return base * torch.exp(spread * torch.randn(shape))


def residuals(level, left, depth, price):
    """Latents of the cells that take all of the first `depth` steps at a price (one for each picture), without them."""
    r = level.analyse(left).reshape(len(price), -1, level.dim)
    r, price = r.reshape(-1, level.dim), price.reshape(-1, 1).expand(-1, r.shape[1]).reshape(-1) * SCALE ** 2
    for step in level.steps[:depth]:
        rest = r - torch.cat([step(part)[0] for part in r.split(4096)])
        keep = (r ** 2).sum(1) - (rest ** 2).sum(1) > price
        r, price = rest[keep], price[keep]
    return r


@torch.no_grad()
def start(model, rgb, most=150000, say=print, have=(0, 0, 0), levels=LEVELS):
    """rgb: N,3,S,S in 0..1 (random crops).  have: steps of each level that are there already: a level that has any
    keeps what it is and gets the steps that it lacks.  levels: so many of the finer ones; the others get no tokens."""
    planes = Planes.from_ycc(rgb_to_ycc(rgb))
    pyramid = [planes, planes.halve()]
    pyramid.append(pyramid[1].halve())
    price = random_price((len(rgb), 1, 1), spread=0)
    base = None
    for i in reversed(range(levels)):
        left = pyramid[i] if base is None else pyramid[i] - base
        level = model.levels[i]
        say('level %d' % i)
        if have[i]:
            if have[i] < level.depth:
                start_steps(level.steps[have[i]:], residuals(level, left, have[i], price / 4 ** i), most, say)
        else:
            start_level(level, left, most, say)
        if i == 0:
            break
        out = []
        for j in range(0, len(rgb), 64):
            part = Planes(left.luma[j:j + 64], left.chroma[j:j + 64])
            b, _, h, w = part.luma.shape
            p = price[j:j + 64].expand(b, h // CELL, w // CELL) / 4 ** i
            out.append(model.encode_level(i, part, PriceHalt(p))[0])
        out = Planes(torch.cat([o.luma for o in out]), torch.cat([o.chroma for o in out]))
        base = (out if base is None else out + base).upsample()
