"""The light filter over the cell borders of a level.  A step across a border that its surroundings do not explain
is spread over eight samples; large steps are pictures, not errors, and cells with many tokens need it less."""
import torch

from .pictures import CELL, Planes

WEIGHTS = (.5, .42, .34, .2)
LIMIT = .08         # excess step at which half of the effect is left
HALF_DEPTH = (3.5, 5., 30.)  # tokens on both sides at which half of the effect is left, by level


def _columns(plane, cell, depth, weights, half):
    """plane B,1,H,W; depth B,h,w of the cells."""
    plane = plane.clone()
    at = torch.arange(cell, plane.shape[3], cell)
    get = lambda k: plane[..., at + k].clone()
    p, q = [get(-1 - i) for i in range(4)], [get(i) for i in range(4)]
    slope = ((p[0] - p[1]) + (p[1] - p[2]) + (q[1] - q[0]) + (q[2] - q[1])) / 4
    d = q[0] - p[0] - slope
    both = (depth[..., :-1] + depth[..., 1:]).float()[:, None].repeat_interleave(cell, 2)
    d = d * (LIMIT / (d.abs() + LIMIT)) * (half / (half + both))
    for i, w in enumerate(weights):
        plane[..., at - 1 - i] = p[i] + d * w
        plane[..., at + i] = q[i] - d * w
    return plane


def _both_ways(plane, cell, depth, weights, half):
    plane = _columns(plane, cell, depth, weights, half)
    return _columns(plane.transpose(2, 3), cell, depth.transpose(1, 2), weights, half).transpose(2, 3)


def deblock(picture, depth, level=0):
    """picture: Planes of the level; depth: B,h,w of its cells."""
    half = HALF_DEPTH[level]
    chroma = [_both_ways(picture.chroma[:, c:c + 1], CELL // 2, depth, WEIGHTS[1:3], half) for c in range(2)]
    return Planes(_both_ways(picture.luma, CELL, depth, WEIGHTS, half), torch.cat(chroma, 1))
