"""The light filter over the picture that is shown: a sample moves towards others on its row and column, the less the more
they differ."""
import torch

from .pictures import CELL, Planes

# Distance, weight of a sample that does not differ; difference from which on it counts for nothing.
LUMA, CHROMA = ((1, .8), (2, .4)), ((1, 1.), (2, 1.), (4, 1.), (6, 1.))
LUMA_LIMIT, CHROMA_LIMIT = .08, .06


def beyond(plane, far):
    """Grown by `far` samples to the left and right, where ramps go on."""
    left, right = plane[..., 1:far + 1].flip(-1), plane[..., -far - 1:-1].flip(-1)
    return torch.cat([2 * plane[..., :1] - left, plane, 2 * plane[..., -1:] - right], -1)


def even_out(plane, taps, limit):
    """B,C,H,W."""
    h, w = plane.shape[2:]
    far = taps[-1][0]
    across, down = beyond(plane, far), beyond(plane.transpose(2, 3), far).transpose(2, 3)
    total, weights = torch.zeros_like(plane), torch.ones_like(plane)
    for distance, most in taps:
        for other in (across[..., far - distance:far - distance + w], across[..., far + distance:far + distance + w],
                      down[:, :, far - distance:far - distance + h], down[:, :, far + distance:far + distance + h]):
            d = other - plane
            weight = most * (1 - (d / limit) ** 2).clamp(min=0)
            total, weights = total + weight * d, weights + weight
    return plane + total / weights


def bilateral(picture, depth):
    """picture: Planes of the finest level; depth: B,h,w of its cells, the luma of those without tokens stays as it is."""
    held = (depth > 0)[:, None].repeat_interleave(CELL, 2).repeat_interleave(CELL, 3)
    return Planes(torch.where(held, even_out(picture.luma, LUMA, LUMA_LIMIT), picture.luma),
                  even_out(picture.chroma, CHROMA, CHROMA_LIMIT))
