"""Pictures -> tokens -> pictures at a price, as the C library does it without flat and smooth cells and without masking, in
batches.  To measure the allocator by itself."""
import torch

from .allocator import LevelRun, token_sum
from .deblock import deblock
from .model import LEVELS, level_price

SEARCH_SLACK = .4     # log2: tokens whose predicted gain is that little below the price are looked for


@torch.no_grad()
def encode_at(tokenizer, allocator, planes, price, measured=True):
    """price: B.  Tokens are looked for while their predicted gain is little below the price; those stay that do gain it.
    measured: False: the prediction alone decides.  -> picture, depths (coarse first)."""
    half = planes.halve()
    pyramid, base, parent, depths = [planes, half, half.halve()], None, None, []
    for i in reversed(range(LEVELS)):
        left = pyramid[i] if base is None else pyramid[i] - base
        level = tokenizer.levels[i]
        z = level.analyse(left)
        run = LevelRun(tokenizer, allocator, i, z, parent)
        b, h, w = run.shape
        stop = torch.log2(level_price(i, price) / 4 ** i).reshape(b, 1).expand(b, h * w).reshape(-1)
        for t in range(level.depth):
            if not run.active.any():
                break
            run.predict(t)
            run.take(t, run.worst > stop - (SEARCH_SLACK if measured else 0))
        if measured:
            run.depth = (run.gains > stop[:, None]).long().cumprod(1).sum(1)
        total = token_sum(level, run.ids, run.depth)
        run.r = z.reshape(total.shape) - total
        out = level.synthesise(total.reshape(z.shape))
        picture = out if base is None else out + base
        depths.append(run.depth.reshape(b, h, w))
        base, parent = deblock(picture, depths[-1], i).upsample(), run
    return picture, depths
