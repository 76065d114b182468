"""A masked-token transformer that makes the token memory of a picture of 128x128: cell by cell, levels coarse to fine.

The transformer sees the cells of the level in work and of those above it.  A cell is known (its depth and the sum of its
token vectors are inputs) or unknown.  For each unknown cell it tells how deep it is; a small head then draws the tokens
one after the other, each from what the transformer said of the cell and from the tokens that the cell already holds.  A
token's score is the product of what the head asks for with features of the code vector, plus a number of the token's own:
all ids are learned together, since those with like vectors have like features."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from .classifier import Block, read_safetensors
from .model import LEVELS

SIZE = 128
COLUMNS = (SIZE // 16, SIZE // 32, SIZE // 64)              # cells in a row, of each level
COUNT = tuple(c * c for c in COLUMNS)
START = (COUNT[2] + COUNT[1], COUNT[2], 0)                  # where the cells of a level begin; coarse ones come first
CELLS = sum(COUNT)
NUMBERS = 3                                                 # of the budget; see budget_numbers()
USUAL = 64                                                  # tokens, for which the first of them is 0


def level_of_cells():
    level = torch.zeros(CELLS, dtype=torch.long)
    level[:START[0]] = 1
    level[:START[1]] = 2
    return level


def parents():
    """Of each cell of levels 0 and 1 the cell above it, and which quarter of that it is: row by row 0..3."""
    above, quarter = torch.zeros(CELLS, dtype=torch.long), torch.zeros(CELLS, dtype=torch.long)
    for level in (1, 0):
        for i in range(COUNT[level]):
            row, column = divmod(i, COLUMNS[level])
            above[START[level] + i] = START[level + 1] + (row // 2) * COLUMNS[level + 1] + column // 2
            quarter[START[level] + i] = 2 * (row % 2) + column % 2
    return above, quarter


def budget_numbers(budget, left):
    """How many tokens there are for the picture, how many are left; tensors B -> B,NUMBERS."""
    budget, left = budget.float(), left.float().clamp(min=0)
    return torch.stack([torch.log2(budget / USUAL), left / budget, torch.log2(1 + left) - 5], 1)


class Codes:
    """What the generator has to know of the tokenizer: for each level and depth the code vectors, scaled to about 1."""

    def __init__(self, path):
        tensors, settings = read_safetensors(path)
        self.depth, self.count, self.narrow = settings['depth'], settings['codes'], settings['narrow']
        self.vectors = [[self.scaled(torch.from_numpy(tensors['levels.%d.steps.%d.codes' % (i, t)].copy()))
                         for t in range(self.depth[i])] for i in range(LEVELS)]

    @staticmethod
    def scaled(codes):
        return codes / (codes ** 2).mean().sqrt()


class Generator(nn.Module):
    """labels: classes; one row more stands for "any"."""

    def __init__(self, depth, codes, narrow, vectors=96, dim=128, heads=4, layers=4, hidden=512, features=40, head=256, labels=10):
        super().__init__()
        self.settings = {'depth': list(depth), 'codes': list(codes), 'narrow': narrow, 'vectors': vectors, 'dim': dim, 'heads': heads,
                         'layers': layers, 'hidden': hidden, 'features': features, 'head': head}
        per_level = lambda make: nn.ModuleList([make(i) for i in range(LEVELS)])
        self.into = per_level(lambda i: nn.Linear(vectors, dim))
        self.above = nn.ModuleList([nn.Linear(vectors, 4 * dim, bias=False) for _ in range(LEVELS - 1)])
        self.place = nn.Parameter(.02 * torch.randn(CELLS, dim))
        self.state = nn.Parameter(.02 * torch.randn(max(depth) + 2, dim))       # unknown, or depth 0, 1, ...
        self.label = nn.Parameter(.02 * torch.randn(labels + 1, dim))
        self.budget = nn.Linear(NUMBERS, dim, bias=False)
        self.blocks = nn.ModuleList([Block(dim, heads, hidden) for _ in range(layers)])
        self.norm = nn.LayerNorm(dim)
        self.deep = per_level(lambda i: nn.Linear(dim, depth[i] + 1))
        # The head: what the cell is, what it holds, the how manieth token it is and of how many.
        self.cell = per_level(lambda i: nn.Linear(dim, head))
        self.held = per_level(lambda i: nn.Linear(vectors, head, bias=False))
        self.turn = nn.ParameterList([nn.Parameter(.02 * torch.randn(depth[i], head)) for i in range(LEVELS)])
        self.whole = nn.ParameterList([nn.Parameter(.02 * torch.randn(depth[i] + 1, head)) for i in range(LEVELS)])
        self.ask = per_level(lambda i: nn.Linear(head, narrow + features + 1))  # the last: smooth, or flat
        # Features of codes, and what each token has of its own.
        self.feature = per_level(lambda i: nn.Linear(narrow, features, bias=False))
        self.shift = nn.ParameterList([nn.Parameter(torch.randn(depth[i], features)) for i in range(LEVELS)])
        self.own = nn.ParameterList([nn.Parameter(torch.zeros(depth[i], codes[i])) for i in range(LEVELS)])
        for i in range(LEVELS):
            nn.init.normal_(self.feature[i].weight, std=narrow ** -.5 * 1.5)
            nn.init.normal_(self.ask[i].weight, std=.02 * head ** -.5)
        # Vectors of a level are divided by this before a matrix; it is folded into the matrices by folded().
        self.register_buffer('spread', torch.ones(LEVELS, vectors))
        above, quarter = parents()
        self.register_buffer('parent', above, persistent=False)
        self.register_buffer('quarter', quarter, persistent=False)

    def inputs(self, sums, depth, label, numbers, level):
        """Cells down to `level`.  sums B,n,vectors: 0 of unknown cells; depth B,n: -1 of unknown ones; label B;
        numbers B,NUMBERS -> B,n,dim."""
        n = START[level] + COUNT[level]
        x = self.place[:n] + self.state[depth + 1] + (self.label[label] + self.budget(numbers))[:, None]
        parts = []
        for i in range(LEVELS - 1, level - 1, -1):
            cells = slice(START[i], START[i] + COUNT[i])
            own = self.into[i](sums[:, cells] / self.spread[i])
            if i < LEVELS - 1:
                four = self.above[i](sums[:, self.parent[cells]] / self.spread[i + 1])
                four = four.view(*four.shape[:2], 4, -1)
                own = own + four[:, torch.arange(COUNT[i]), self.quarter[cells]]
            parts.append(own)
        return x + torch.cat(parts, 1)

    def look(self, sums, depth, label, numbers, level):
        """-> what the transformer says of each cell: B,n,dim."""
        x = self.inputs(sums, depth, label, numbers, level)
        every = torch.ones(x.shape[:2], dtype=torch.bool)
        for block in self.blocks:
            x = block(x, every)
        return self.norm(x)

    def depth_scores(self, said, level):
        return self.deep[level](said)

    def questions(self, said, held, turn, whole, level):
        """said n,dim of the cell; held n,vectors; turn, whole n -> n,narrow + features + 1."""
        g = self.cell[level](said) + self.held[level](held / self.spread[level]) + self.turn[level][turn] + self.whole[level][whole]
        return self.ask[level](F.gelu(g))

    def features(self, codes, level, turn):
        """codes,narrow -> codes,narrow + features."""
        return torch.cat([codes, F.gelu(self.feature[level](codes) + self.shift[level][turn])], 1)

    def scores(self, question, codes, level, turn, special):
        """Of all tokens, the special one last; special: n, where it may be."""
        out = question[:, :-1] @ self.features(codes, level, turn).T + self.own[level][turn]
        return torch.cat([out, question[:, -1:].masked_fill(~special[:, None], -1e4)], 1)

    def folded(self):
        """The state with `spread` inside the matrices."""
        state = {k: v.detach().float().clone() for k, v in self.state_dict().items() if k != 'spread'}
        for i in range(LEVELS):
            for name in ('into', 'held'):
                state['%s.%d.weight' % (name, i)] /= self.spread[i]
            if i < LEVELS - 1:
                state['above.%d.weight' % i] /= self.spread[i + 1]
        return state


class Allocations:
    """Pictures of one cache file as arrays: how deep each cell is, and its tokens."""

    def __init__(self, path, budget, codes):
        with np.load(path) as f:
            counts = f['counts'].astype(np.int64)
            level, depth, id_ = f['level'].astype(np.int64), f['depth'].astype(np.int64), f['id']
            row, column = f['row'].astype(np.int64), f['column'].astype(np.int64)
        self.budget, n = budget, len(counts)
        picture = np.repeat(np.arange(n), counts)
        cell = np.array(START)[level] + (row >> level) * np.array(COLUMNS)[level] + (column >> level)
        self.ids = np.zeros((n, CELLS, max(codes.depth)), np.uint16)
        self.ids[picture, cell, depth] = id_
        self.depth = np.zeros((n, CELLS), np.uint8)
        np.add.at(self.depth, (picture, cell), 1)

    def __len__(self):
        return len(self.depth)


class Batch:
    """Tokens of some pictures, cell after cell, as lists.  draws: (Allocations, index) each."""

    def __init__(self, draws, vectors, codes):
        self.depth = torch.from_numpy(np.stack([a.depth[i] for a, i in draws]).astype(np.int64))
        ids = torch.from_numpy(np.stack([a.ids[i] for a, i in draws]).astype(np.int64))
        self.budget = torch.tensor([a.budget for a, _ in draws])
        there = torch.arange(ids.shape[2]) < self.depth[..., None]
        self.picture, self.cell, self.turn = there.nonzero(as_tuple=True)
        self.level = level_of_cells()[self.cell]
        self.id = ids[there]
        self.whole = self.depth[self.picture, self.cell]
        rows = vectors.row(self.level.numpy(), self.turn.numpy(), self.id.numpy())
        vector = vectors.table[torch.from_numpy(rows)]
        flat = self.picture * CELLS + self.cell
        self.sums = torch.zeros(len(draws) * CELLS, vectors.size).index_add_(0, flat, vector).view(len(draws), CELLS, -1)
        # What the cell holds before each token.
        run = vector.double().cumsum(0) - vector
        first = torch.arange(len(flat)) - self.turn
        self.held = (run - run[first]).float()
        # Tokens behind the learned codes are one class; what follows a flat one is uniform and not learned.
        count = torch.tensor(codes.count)[self.level]
        special = self.id >= count
        self.target = torch.where(special, count, self.id)
        self.special = (self.turn == 0) & ((self.level == 2) | (self.whole == 1))
        self.free = special & (self.turn > 0)
