"""The recurrent allocation module: a convolutional GRU over the grid of each level that predicts, before a token is
searched for, what the next token of a cell will take off the distortion."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import LEVELS, SCALE

HIDDEN = 16
OWN = 6             # features of the cell itself, see features()
PARENT = HIDDEN + 2  # parent's hidden state, depth and what it left over
FLOOR = 1e-4        # energies below this do not matter


def log_energy(v):
    return torch.log2(v + FLOOR) * .25


ABLATIONS = ('neighbours', 'recurrence', 'parent')


def alone(kernel):
    """A 3x3 kernel that sees its middle only."""
    middle = torch.zeros_like(kernel)
    middle[..., 1, 1] = 1
    return kernel * middle


class Grid(nn.Module):
    """The module of one level.  One 3x3 product gives all gates: update, reset, and the two halves of the candidate
    (from the features, from the hidden states), as in the GRU with the reset gate behind the product.  without: parts
    that an ablation leaves out."""

    def __init__(self, without=None):
        super().__init__()
        self.without = without
        self.own = nn.Parameter(torch.randn(3 * HIDDEN, OWN, 3, 3) * .15)
        self.state = nn.Parameter(torch.randn(3 * HIDDEN, HIDDEN, 3, 3) * .05)
        self.parent = nn.Parameter(torch.randn(3 * HIDDEN, PARENT) * .1)
        self.bias = nn.Parameter(torch.zeros(3 * HIDDEN))
        self.read = nn.Parameter(torch.randn(HIDDEN) * .1)
        self.skip = nn.Parameter(torch.zeros(OWN))
        self.offset = nn.Parameter(torch.zeros(1))
        with torch.no_grad():
            self.skip[1] = 4.       # the gain is mostly a share of the energy that the step can see
            self.offset[0] = -1.

    def condition(self, parent):
        """What the parents say, once a level: B,PARENT,h,w -> B,3*HIDDEN,2h,2w."""
        y = torch.einsum('op,bphw->bohw', self.parent, parent)
        return y.repeat_interleave(2, 2).repeat_interleave(2, 3)

    def forward(self, own, hidden, said):
        """own B,OWN,h,w; hidden B,HIDDEN,h,w; said B,3*HIDDEN,h,w or 0 -> hidden, log2 of the predicted gain B,h,w."""
        of_own, of_state = self.own, self.state
        if self.without == 'neighbours':
            of_own, of_state = alone(of_own), alone(of_state)
        if self.without == 'recurrence':
            hidden = torch.zeros_like(hidden)
        if self.without == 'parent':
            said = 0.
        x = F.conv2d(own, of_own, padding=1) + said + self.bias.view(1, -1, 1, 1)
        s = F.conv2d(hidden, of_state, padding=1)
        update = torch.sigmoid(x[:, :HIDDEN] + s[:, :HIDDEN])
        reset = torch.sigmoid(x[:, HIDDEN:2 * HIDDEN] + s[:, HIDDEN:2 * HIDDEN])
        fresh = torch.tanh(x[:, 2 * HIDDEN:] + reset * s[:, 2 * HIDDEN:])
        hidden = hidden + update * (fresh - hidden)
        gain = (hidden * self.read.view(1, -1, 1, 1)).sum(1) + (own * self.skip.view(1, -1, 1, 1)).sum(1) + self.offset
        return hidden, gain.clamp(-16, 12)


class Allocator(nn.Module):
    def __init__(self, without=None):
        super().__init__()
        self.grids = nn.ModuleList([Grid(without) for _ in range(LEVELS)])


def allocator_with(saved):
    """The allocator of a checkpoint of train_allocator.py."""
    allocator = Allocator(saved.get('without'))
    allocator.load_state_dict(saved['allocator'])
    return allocator


def features(residual, seen, last_gain, depth, start):
    """residual: n,dim latents; seen: n,narrow, the residual as the next step sees it; last_gain n; depth n;
    start n: energy before the first token -> n,OWN."""
    e = 1 / SCALE ** 2
    return torch.stack([log_energy((residual ** 2).sum(1) * e), log_energy((seen ** 2).sum(1) * e),
                        log_energy(last_gain.clamp(min=0)), depth.float() * .125,
                        log_energy((residual[:, :8] ** 2).sum(1) * e), log_energy(start * e)], 1)


class LevelRun:
    """The token loop of one level, driven by the allocator.  All cells of the grid are computed, only active ones
    change: what a stopped cell holds is what its neighbours go on seeing."""

    def __init__(self, tokenizer, allocator, index, z, parent, frozen=None, hidden=None):
        """z: latents B,h,w,dim; parent: the LevelRun of the coarser level or None; frozen: B,h,w, cells that take no
        token here (flat colours); hidden: B,HIDDEN,h,w, the state that the frame before left, nothing in a key frame."""
        self.level, self.grid, self.index = tokenizer.levels[index], allocator.grids[index], index
        b, h, w, dim = z.shape
        self.shape = (b, h, w)
        self.r = z.reshape(-1, dim)
        self.start = (self.r ** 2).sum(1)
        n = b * h * w
        self.hidden = torch.zeros(b, HIDDEN, h, w) if hidden is None else hidden
        self.depth = torch.zeros(n, dtype=torch.long)
        self.last = torch.zeros(n)
        self.ids = torch.zeros(n, self.level.depth, dtype=torch.long)
        self.active = torch.ones(n, dtype=torch.bool) if frozen is None else ~frozen.reshape(-1)
        self.own = torch.zeros(n, OWN)
        self.gain = torch.full((n,), -16.)
        self.worst = torch.full((n,), 12.)
        self.gains = torch.full((n, self.level.depth), -16.)    # of each token given, never rising along the prefix
        self.said = 0.
        if parent is not None:
            left = log_energy((parent.r ** 2).sum(1) / SCALE ** 2)
            p = torch.cat([parent.hidden, (parent.depth.float() * .125).reshape(b, 1, h // 2, w // 2),
                           left.reshape(b, 1, h // 2, w // 2)], 1)
            self.said = self.grid.condition(p)

    def predict(self, t):
        """Updates the hidden state of the active cells and predicts the gain of token t -> log2 gain, n."""
        a = self.active
        step = self.level.steps[t]
        with torch.no_grad():
            x = features(self.r[a], self.r[a] @ step.into.T, self.last[a], self.depth[a], self.start[a])
            self.own = self.own.clone()
            self.own[a] = x
        b, h, w = self.shape
        hidden, gain = self.grid(self.own.T.reshape(OWN, b, h, w).transpose(0, 1), self.hidden, self.said)
        m = a.reshape(b, 1, h, w)
        self.hidden = torch.where(m, hidden, self.hidden)
        gain = gain.reshape(-1)
        with torch.no_grad():
            self.worst = torch.where(a, torch.minimum(self.worst, gain), self.worst)
        return gain

    @torch.no_grad()
    def take(self, t, keep):
        """Gives token t to the cells of mask `keep`; the others stop."""
        self.active = self.active & keep
        i = self.active.nonzero()[:, 0]
        if not len(i):
            return
        q, ids, _ = self.level.steps[t](self.r[i])
        r = self.r[i]
        self.r = self.r.clone()
        self.r[i] = r - q
        self.last[i] = ((r ** 2).sum(1) - ((r - q) ** 2).sum(1)) / SCALE ** 2
        self.depth[i] += 1
        self.ids[i, t] = ids
        gain = torch.log2(self.last[i].clamp(min=1.6e-5))
        self.gains[i, t] = gain
        self.gains[i, :t] = torch.maximum(self.gains[i, :t], gain[:, None])     # one that others build on

    def tokens(self, t):
        """Vector of token t for all active cells, without giving it."""
        q = torch.zeros_like(self.r)
        i = self.active.nonzero()[:, 0]
        q[i] = self.level.steps[t](self.r[i])[0].detach()
        return q

    def total(self, start):
        b, h, w = self.shape
        return (start.reshape(-1, self.r.shape[1]) - self.r).reshape(b, h, w, -1)


def token_sum(level, ids, depth):
    """Sum of token vectors from ids n,max and depth n: what a receiver computes."""
    total = torch.zeros(len(ids), level.dim)
    for t, step in enumerate(level.steps):
        i = (depth > t).nonzero()[:, 0]
        if len(i):
            total[i] += step.codes[ids[i, t]] @ step.back.T
    return total
