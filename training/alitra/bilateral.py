"""The light filter over what tokens painted: a sample moves towards the four on each axis that are at most two away, the less
the more they differ."""
import torch
import torch.nn.functional as F

from .pictures import CELL, Planes

TAPS = ((1, .8), (2, .4))           # distance, weight of a sample that does not differ
LUMA_LIMIT, CHROMA_LIMIT = .08, .06     # differences from which on a sample counts for nothing


def even_out(plane, limit):
    """B,C,H,W."""
    h, w = plane.shape[2:]
    around = F.pad(plane, (2, 2, 2, 2), mode='replicate')
    total, weights = torch.zeros_like(plane), torch.ones_like(plane)
    for distance, most in TAPS:
        for y, x in ((0, -distance), (0, distance), (-distance, 0), (distance, 0)):
            d = around[:, :, 2 + y:2 + y + h, 2 + x:2 + x + w] - plane
            weight = most * (1 - (d / limit) ** 2).clamp(min=0)
            total, weights = total + weight * d, weights + weight
    return plane + total / weights


def bilateral(picture, depth):
    """picture: Planes of the finest level; depth: B,h,w of its cells.  Those without tokens stay as they are."""
    held = (depth > 0)[:, None]
    grow = lambda n: held.repeat_interleave(n, 2).repeat_interleave(n, 3)
    return Planes(torch.where(grow(CELL), even_out(picture.luma, LUMA_LIMIT), picture.luma),
                  torch.where(grow(CELL // 2), even_out(picture.chroma, CHROMA_LIMIT), picture.chroma))
