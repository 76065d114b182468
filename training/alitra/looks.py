"""What a cell looks like in the decoded picture, as a vector that a transformer reads.

A token says what is left of its cell after the cells above it; for recognition the cell itself counts. So the tokens of
a cell and of those above it are put together: what the cell above shows in the quarter in question, enlarged, plus what
the cell's own tokens add. All vectors are in the numbers of the coarsest level, whatever the level of the cell, so that
one matrix of the transformer reads them all. Each step is linear and made of the tokenizer's weights alone."""
import numpy as np
import torch
import torch.nn.functional as F

from .model import LEVELS

PARTS = ((0, 16), (256, 8), (320, 8))       # first sample and side of luma, Cb and Cr of a cell


def enlarge(samples):
    """n,384 -> 4,n,384: quarters, row by row, twice as large."""
    planes = []
    for first, side in PARTS:
        plane = samples[:, first:first + side * side].reshape(-1, 1, side, side)
        large = F.interpolate(plane, scale_factor=2, mode='bilinear', align_corners=False)[:, 0]
        quarters = large.reshape(-1, 2, side, 2, side).permute(1, 3, 0, 2, 4)
        planes.append(quarters.reshape(4, -1, side * side))
    return torch.cat(planes, 2)


class Looks:
    """own: levels,size,size: of the sum of a cell's tokens; quarters: 4,size,size: of what the cell above looks like."""

    def __init__(self, tensors):
        embeds = [torch.from_numpy(tensors['levels.%d.embed.weight' % i]) for i in range(LEVELS)]
        back = [torch.linalg.pinv(e.double()).float() for e in embeds]
        self.own = torch.stack([embeds[-1] @ b for b in back])
        self.quarters = (enlarge(back[-1].T.contiguous()) @ embeds[-1].T).transpose(1, 2).contiguous()

    def __call__(self, sums):
        """Sums of tokens, finest level first: n,rows,columns,size each -> the same of what the cells look like."""
        out = [s.float() @ m.T for s, m in zip(sums, self.own)]
        for level in range(LEVELS - 2, -1, -1):
            n, rows, columns, size = out[level].shape
            above = torch.stack([out[level + 1] @ q.T for q in self.quarters], 3)         # n,r,c,4,size
            above = above.reshape(n, rows // 2, columns // 2, 2, 2, size).transpose(2, 3)
            out[level] = out[level] + above.reshape(n, rows, columns, size)
        return out


def mirror(tensors):
    """The matrix that turns the look of a cell into (nearly: 3 to 9 % of its length are lost) that of the mirrored cell."""
    order = np.concatenate([first + np.arange(side * side).reshape(side, side)[:, ::-1].ravel() for first, side in PARTS])
    embed = tensors['levels.%d.embed.weight' % (LEVELS - 1)]
    return torch.from_numpy((embed[:, order] @ np.linalg.pinv(embed)).astype(np.float32))
