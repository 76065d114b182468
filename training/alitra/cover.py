"""Which cells of a picture a transformer looks at where it may not look at all: the twin of src/cover.c.

They are parts of the picture that do not overlap: the coarsest cells, of which those with the most tokens below them are
quartered, and their quarters, as long as there is room; in places that are left the first of those that were quartered stay.
Of more than MOST_APART cells all that are quartered stay. Grids are square, each half as fine as the one before."""
import numpy as np

from .model import LEVELS

MOST_APART = 256


def children(level, cell, grid):
    """The quarters of a cell; grid: cells on a side of the finest level."""
    side, row, column = grid >> level, *divmod(int(cell), grid >> level)
    return [(level - 1, (2 * row + y) * 2 * side + 2 * column + x) for y in (0, 1) for x in (0, 1)]


def tokens_below(tokens, grid):
    """tokens: of each cell, level by level, finest first -> the same of all cells below each."""
    below = [np.zeros(grid * grid, np.int64)]
    for level in range(LEVELS - 1):
        side = grid >> level + 1
        all_ = (tokens[level] + below[level]).reshape(side, 2, side, 2)
        below.append(all_.sum((1, 3)).ravel())
    return below


def choose(tokens, grid, most):
    """tokens: as above; most: cells at most -> (level, cell) each."""
    counts = [(grid >> level) ** 2 for level in range(LEVELS)]
    if sum(counts) <= most:
        return [(level, cell) for level in reversed(range(LEVELS)) for cell in range(counts[level])]
    top = LEVELS - 1
    below = tokens_below(tokens, grid)
    if counts[top] > most:
        return [(top, cell) for cell in np.argsort(-(below[top] + tokens[top]), kind='stable')[:most].tolist()]
    parts, left = dict.fromkeys((top, cell) for cell in range(counts[top])), most - counts[top]
    room = min(left // (3 if most <= MOST_APART else 4), sum(counts[1:]))
    kept = left - 3 * room
    order = sorted(((-n, -level, cell) for level in range(1, LEVELS) for cell, n in enumerate(below[level].tolist())))
    for _, level, cell in order:
        if room > 0 and (-level, cell) in parts:
            if kept > 0:
                kept -= 1
            else:
                del parts[-level, cell]
            parts.update(dict.fromkeys(children(-level, cell, grid)))
            room -= 1
    return list(parts)
