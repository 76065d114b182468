"""The tokenizer: three levels of cells, each with analysis, a residual token loop and a synthesis that paints
windows larger than the cell.  Everything is free of biases, so a level without tokens adds exactly nothing."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from .cluster import PANEL
from .pictures import CELL, Planes, to_cells

LEVELS = 3                  # 0: 16-cells of the full picture, 1: 32-cells (half size), 2: 64-cells (quarter size)
# dim: numbers of a latent; narrow: of a code; hidden: inside a mixing block.  For each level: depth: tokens a cell may
# hold; codes: vocabulary of a step; blocks: mixing blocks of the synthesis.
SIZES = {
    'base': {'dim': 96, 'narrow': 24, 'hidden': 192, 'depth': (12, 10, 8), 'codes': (4096, 4096, 2048),
             'blocks': (1, 2, 2)},
    'fast': {'dim': 32, 'narrow': 16, 'hidden': 32, 'depth': (10, 10, 10), 'codes': (1024, 1024, 1024),
             'blocks': (1, 1, 1)},
    # For ablations: as base, with codes that are found in minutes.
    'ablation': {'dim': 96, 'narrow': 24, 'hidden': 192, 'depth': (12, 10, 8), 'codes': (512, 512, 512),
                 'blocks': (1, 2, 2)},
    # To see that a training runs, in seconds.
    'tiny': {'dim': 16, 'narrow': 8, 'hidden': 16, 'depth': (2, 2, 2), 'codes': (64, 64, 64), 'blocks': (1, 1, 1)},
}
# What a token must take off at each level, finest first, times the price: max(LEAST, AT_ONE * price ** SLOPE).  A coarse
# token has to take off more, because finer ones could have done a part of its work, and more so the lower the price is,
# since then finer ones are bought anyway.  Found on 32 training photographs at 64 to 2048 tokens each.
LEVEL_PRICE = {'level_price': (1., 1.3, 1.4), 'level_price_at_one': (1., 1.9, 3.2), 'level_price_slope': (0., -.57, -.8)}
MARGIN = 4                  # luma samples that a cell paints beyond its own border
WINDOW = CELL + 2 * MARGIN
SCALE = 4.                  # pixel values are multiplied by this before analysis, so that latents are of order one


def level_price(level, price):
    """price: tensor."""
    least, at_one, slope = (LEVEL_PRICE[name][level] for name in ('level_price', 'level_price_at_one', 'level_price_slope'))
    return price * (at_one * price ** slope).clamp(min=least)


def replicate(grid):
    """B,h,w,C -> B,h+2,w+2,C with the border cells repeated."""
    return F.pad(grid.permute(0, 3, 1, 2), (1, 1, 1, 1), mode='replicate').permute(0, 2, 3, 1)


class Mix(nn.Module):
    """x + W2 relu(W1 (3x3 depthwise x)): lets neighbouring cells of a level see each other."""

    def __init__(self, dim, hidden):
        super().__init__()
        self.spread = nn.Parameter(torch.zeros(9, dim))
        self.spread.data[4] = 1.
        self.grow = nn.Linear(dim, hidden, bias=False)
        self.shrink = nn.Linear(hidden, dim, bias=False)
        nn.init.normal_(self.grow.weight, std=dim ** -.5)
        nn.init.normal_(self.shrink.weight, std=.02 * hidden ** -.5)
        self.spread.data += .03 * torch.randn(9, dim)

    def forward(self, x):
        h, w = x.shape[1:3]
        p = replicate(x)
        y = sum(p[:, i // 3:i // 3 + h, i % 3:i % 3 + w] * self.spread[i] for i in range(9))
        return x + self.shrink(F.relu(self.grow(y)))


class Step(nn.Module):
    """One token: project the residual to a few numbers, take the nearest of the codes, project back."""

    def __init__(self, dim, narrow, codes):
        super().__init__()
        self.into = nn.Parameter(torch.eye(narrow, dim))
        self.back = nn.Parameter(torch.eye(dim, narrow))
        self.codes = nn.Parameter(torch.randn(codes, narrow))
        self.centres, self.probes = None, 0

    @torch.no_grad()
    def search(self, f):
        """Nearest code of each row; with centres, as a model file has them, among those of the nearest panels."""
        nearness = f @ self.codes.T - .5 * (self.codes ** 2).sum(1)
        if self.centres is not None and self.probes < len(self.centres):
            of_panels = f @ self.centres.T - .5 * (self.centres ** 2).sum(1)
            least = of_panels.topk(self.probes, 1)[0][:, -1:]
            far = (of_panels < least).repeat_interleave(PANEL, 1)[:, :len(self.codes)]
            nearness = nearness.masked_fill(far, -torch.inf)
        return nearness.argmax(1)

    def forward(self, r):
        """n,dim -> token vectors n,dim; ids n; codebook loss."""
        f = r @ self.into.T
        ids = self.search(f)
        q = self.codes[ids]
        loss = ((f.detach() - q) ** 2).sum(1)
        if f.requires_grad:     # straight through to the analysis
            loss = loss + .25 * ((f - q.detach()) ** 2).sum(1)
            q = q + f - f.detach()
        return q @ self.back.T, ids, loss


class Level(nn.Module):
    def __init__(self, depth, dim, narrow, codes, hidden, blocks):
        super().__init__()
        self.depth, self.dim = depth, dim
        self.embed = nn.Linear(384, dim, bias=False)
        self.steps = nn.ModuleList([Step(dim, narrow, codes) for _ in range(depth)])
        self.synthesis = nn.ModuleList([Mix(dim, hidden) for _ in range(blocks)])
        self.paint = nn.Linear(dim, WINDOW ** 2 + WINDOW ** 2 // 2, bias=False)

    def analyse(self, planes):
        """Picture of this level (or what is left of it) -> latents B,h,w,dim."""
        return self.embed(to_cells(planes) * SCALE)

    def synthesise(self, q):
        """Sums of token vectors B,h,w,dim -> planes."""
        for mix in self.synthesis:
            q = mix(q)
        cells = self.paint(replicate(q) / SCALE)
        b, h, w = cells.shape[:3]
        c = cells.permute(0, 3, 1, 2).reshape(b, -1, h * w)
        luma = overlap_add(c[:, :WINDOW ** 2], h, w, CELL, MARGIN, 1)
        chroma = overlap_add(c[:, WINDOW ** 2:], h, w, CELL // 2, MARGIN // 2, 2)
        return Planes(luma, chroma)


def overlap_add(windows, h, w, cell, margin, channels):
    """Windows of a grid that was replicated by one ring: B,channels*window^2,h*w -> B,channels,(h-2)cell,(w-2)cell."""
    window = cell + 2 * margin
    full = F.fold(windows, ((h - 1) * cell + window, (w - 1) * cell + window), window, stride=cell)
    s = cell + margin
    return full[:, :, s:s + (h - 2) * cell, s:s + (w - 2) * cell]


class Tokenizer(nn.Module):
    def __init__(self, dim, narrow, hidden, depth, codes, blocks):
        super().__init__()
        self.levels = nn.ModuleList([Level(depth[i], dim, narrow, codes[i], hidden, blocks[i]) for i in range(LEVELS)])

    def encode_level(self, index, planes, halt):
        """Runs the token loop of one level on what coarser levels left over.  `halt(step, gain, active)` gets the
        distortion that each new token took off (energy at this level's size) and says which cells go on with it.
        -> reconstruction, depth B,h,w, ids B,h,w,max, code loss."""
        level = self.levels[index]
        z = level.analyse(planes)
        b, h, w, dim = z.shape
        r, total = z.reshape(-1, dim), torch.zeros(b * h * w, dim)
        depth = torch.zeros(b * h * w, dtype=torch.long)
        ids = torch.zeros(b * h * w, level.depth, dtype=torch.long)
        active, loss = torch.arange(b * h * w), torch.zeros(())
        for t, step in enumerate(level.steps):
            if not len(active):
                break
            ra = r[active]
            q, id_, l = step(ra)
            with torch.no_grad():
                gain = ((ra ** 2).sum(1) - ((ra - q) ** 2).sum(1)) / SCALE ** 2
                keep = halt(t, gain, active)
            loss = loss + l.mean() / ((ra.detach() ** 2).sum(1).mean() + 1e-3)
            kept = active[keep]
            total = total.index_add(0, kept, q[keep])
            r = r.index_add(0, kept, -(q if z.requires_grad else q.detach())[keep])
            depth[kept] += 1
            ids[kept, t] = id_[keep]
            active = kept
        out = level.synthesise(total.reshape(b, h, w, dim))
        return out, depth.reshape(b, h, w), ids.reshape(b, h, w, -1), loss

    def forward(self, planes, halts):
        """Coarse to fine; halts[level] as in encode_level -> reconstructions per level (coarse first), depths, ids, loss."""
        pyramid = [planes, planes.halve()]
        pyramid.append(pyramid[1].halve())
        base, pictures, depths, ids, loss = None, [], [], [], 0.
        for i in reversed(range(LEVELS)):
            left = pyramid[i] if base is None else pyramid[i] - base
            out, depth, id_, l = self.encode_level(i, left, halts[i])
            picture = out if base is None else out + base
            pictures.append(picture)
            depths.append(depth)
            ids.append(id_)
            loss = loss + l
            base = picture.upsample()
        return pictures, depths, ids, loss


def fixed_depth(k):
    """The same depth for every cell."""
    return lambda step, gain, active: torch.full_like(gain, step < k, dtype=torch.bool)


class PriceHalt:
    """Go on while the gain (made monotone along the prefix) beats the price of the cell.  price: B,h,w."""

    def __init__(self, price):
        self.price, self.worst = price.reshape(-1), torch.full((price.numel(),), 1e30)

    def __call__(self, step, gain, active):
        self.worst[active] = torch.minimum(self.worst[active], gain)
        return self.worst[active] > self.price[active]


def count(state, prefix):
    """How many numbered parts there are behind a prefix."""
    return len({k[len(prefix):].split('.')[0] for k in state if k.startswith(prefix)})


def sizes_of(state):
    """What Tokenizer() takes, from the shapes of weights."""
    level = lambda i, what: 'levels.%d.%s.' % (i, what)
    grow = state.get(level(0, 'synthesis') + '0.grow.weight')   # an ablation has no mixing blocks
    return {
        'dim': state['levels.0.embed.weight'].shape[0], 'narrow': state['levels.0.steps.0.codes'].shape[1],
        'hidden': 0 if grow is None else grow.shape[0],
        'depth': [count(state, level(i, 'steps')) for i in range(LEVELS)],
        'codes': [state[level(i, 'steps') + '0.codes'].shape[0] for i in range(LEVELS)],
        'blocks': [count(state, level(i, 'synthesis')) for i in range(LEVELS)],
    }


def tokenizer_with(state):
    """A tokenizer with these weights."""
    model = Tokenizer(**sizes_of(state))
    model.load_state_dict(state)
    return model
