"""A standard transformer over the cells of a token memory: pre-norm encoder, multi-head attention, GELU MLP, mean over
the cells, linear head.  Inputs are the cells of the middle level and those of the finest that hold tokens: what the cell
looks like (looks.py), through a matrix, plus what its level, its place and the number of its tokens add."""
import json
import struct

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from .flat import COARSE, FINE, colour
from .looks import Looks, mirror
from .model import LEVELS

WAVES = 4       # octaves of the position features
MAX_DEPTH = 32


def read_safetensors(path):
    """-> tensors as numpy float32, the settings under "alitra" in the metadata."""
    with open(path, 'rb') as f:
        data = f.read()
    n = struct.unpack('<Q', data[:8])[0]
    header, body, tensors = json.loads(data[8:8 + n]), data[8 + n:], {}
    settings = json.loads(header.pop('__metadata__')['alitra'])
    for name, t in header.items():
        a, b = t['data_offsets']
        tensors[name] = np.frombuffer(body[a:b], {'F16': '<f2', 'F32': '<f4'}[t['dtype']]).astype(np.float32).reshape(t['shape'])
    return tensors, settings


class TokenVectors:
    """The vectors of all tokens of a model in one table; row() is the place of a token in it."""

    def __init__(self, path):
        tensors, settings = read_safetensors(path)
        self.looks, self.mirror = Looks(tensors), mirror(tensors)
        self.size, parts, at = settings['dim'], [], 0
        self.start = np.zeros((LEVELS, MAX_DEPTH), np.int64)
        self.codes = np.array(settings['codes'])
        for level in range(LEVELS):
            for depth in range(settings['depth'][level]):
                step = 'levels.%d.steps.%d.' % (level, depth)
                parts.append(tensors[step + 'codes'] @ tensors[step + 'back'].T)
                self.start[level, depth] = at
                at += len(parts[-1])
        self.special = at
        parts.append(self.flat(tensors['levels.%d.embed.weight' % (LEVELS - 1)], settings['scale'], settings['chroma_gain']))
        parts.append(np.zeros((1, self.size), np.float32))
        self.table = torch.from_numpy(np.concatenate(parts).astype(np.float32))

    @staticmethod
    def flat(embed, scale, gain):
        """Coarse flat colours, then what the fine ones add."""
        plain = np.stack([embed[:, a:b].sum(1) for a, b in ((0, 256), (256, 320), (320, 384))])
        plain = plain * scale * np.array([1., *gain])[:, None]
        zero = torch.zeros(int(np.prod(FINE)), dtype=torch.long)
        coarse = colour(torch.arange(int(np.prod(COARSE))), torch.tensor(-1)).numpy()
        fine = (colour(zero, torch.arange(len(zero))) - colour(zero, torch.full_like(zero, -1))).numpy()
        return np.concatenate([coarse @ plain, fine @ plain])

    def row(self, level, depth, id_):
        """Arrays -> rows of the table."""
        learned = id_ < self.codes[level]
        special = np.where(level == LEVELS - 1, self.special + id_.astype(np.int64) - self.codes[level], len(self.table) - 1)
        return np.where(learned, self.start[level, depth] + id_, special)


class Block(nn.Module):
    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.grow, self.shrink = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def attend(self, x, mask):
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q * (d // self.heads) ** -.5) @ k.transpose(2, 3)
        if not mask.all():
            scores = scores + torch.zeros(b, 1, 1, n, dtype=scores.dtype).masked_fill(~mask[:, None, None, :], -1e4)
        return self.out((scores.softmax(3).to(v.dtype) @ v).transpose(1, 2).reshape(b, n, d))

    def forward(self, x, mask, skip=0.):
        keep = lambda y: y if not skip else y * ((torch.rand(len(y), 1, 1) >= skip) / (1 - skip))
        x = x + keep(self.attend(self.norm1(x), mask))
        return x + keep(self.shrink(F.gelu(self.grow(self.norm2(x)))))


class Classifier(nn.Module):
    def __init__(self, vectors=96, dim=128, heads=4, layers=4, hidden=512, labels=10):
        super().__init__()
        self.settings = {'vectors': vectors, 'dim': dim, 'heads': heads, 'layers': layers, 'hidden': hidden}
        self.into = nn.Linear(vectors, dim)
        self.level = nn.Parameter(.02 * torch.randn(LEVELS, dim))
        self.place = nn.Linear(4 * WAVES, dim, bias=False)
        self.depth = nn.Parameter(.02 * torch.randn(MAX_DEPTH, dim))
        self.blocks = nn.ModuleList([Block(dim, heads, hidden) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, labels)
        # Vectors are divided by this before the matrix; it is folded into the matrix by folded().
        self.register_buffer('spread', torch.ones(vectors))

    @staticmethod
    def waves(place):
        """Middle of the cell in 0..1 of the frame: ...,2 -> ...,4 * WAVES."""
        angle = place[..., None, :] * np.pi * 2. ** torch.arange(WAVES)[:, None]
        return torch.cat([angle.sin(), angle.cos()], -1).flatten(-2)

    def embed(self, looks, level, place, depth):
        return self.into(looks / self.spread) + self.level[level] + self.place(self.waves(place)) + self.depth[depth]

    def forward(self, looks, level, place, depth, mask, skip=0.):
        """looks B,n,vectors; level, depth B,n; place B,n,2; mask B,n: which are cells -> B,labels."""
        x = self.embed(looks, level, place, depth)
        for i, block in enumerate(self.blocks):
            x = block(x, mask, skip * (i + 1) / len(self.blocks) if self.training else 0.)
        x = self.norm(x) * mask[..., None]
        return self.head(x.sum(1) / mask.sum(1, keepdim=True).clamp(min=1))

    def load_folded(self, tensors):
        """The other way round: tensors of a model file, which may hold others too."""
        state = {k: torch.from_numpy(tensors[k]) for k in self.state_dict() if k != 'spread'}
        state['into.weight'] = state['into.weight'] * self.spread
        self.load_state_dict(dict(state, spread=self.spread))

    def folded(self):
        """The state with `spread` inside the matrix."""
        state = {k: v.detach().float() for k, v in self.state_dict().items() if k != 'spread'}
        state['into.weight'] = state['into.weight'] / self.spread
        return state
