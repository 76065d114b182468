"""The order of the codes in a model file: panels of similar codes, so that the encoder can compare a residual with the
centres of the panels first and with the codes of the nearest few only.  Similar panels lie side by side: CLASSES classes of
codes, which the entropy coder tells apart first."""
import numpy as np
import torch

PANEL = 32          # codes side by side in memory: as the C library stores them
PROBES = 32         # panels whose codes are looked at
ROUNDS = 12         # of k-means
CLASSES = 32        # of codes, for the entropy coder


def split(codes, which, panels, size):
    """Cuts a list of codes in two across its longest direction, again and again, into whole panels of that size."""
    if panels == 1:
        return [which]
    half = panels // 2
    x = codes[which] - codes[which].mean(0)
    along = x @ torch.linalg.eigh(x.T @ x)[1][:, -1]
    which = which[along.argsort(stable=True)]
    return split(codes, which[:half * size], half, size) + split(codes, which[half * size:], panels - half, size)


def assign(distance, room):
    """Nearest pairs first, while a panel has room -> panel of each code."""
    own, room, left = np.full(len(distance), -1), room.copy(), len(distance)
    panels = distance.shape[1]
    for pair in np.argsort(distance, axis=None, kind='stable'):
        i, j = divmod(int(pair), panels)
        if own[i] < 0 and room[j] > 0:
            own[i] = j
            room[j] -= 1
            left -= 1
            if left == 0:
                break
    return own


def even_clusters(codes, size):
    """K-means with clusters of equal size (the last one takes what is left) -> for each the numbers of its codes."""
    count = -(-len(codes) // size)
    groups = split(codes, torch.arange(len(codes)), count, size)
    room = np.array([len(g) for g in groups])
    for _ in range(ROUNDS):
        centres = torch.stack([codes[g].mean(0) for g in groups])
        own = assign(torch.cdist(codes, centres).square().numpy(), room)
        fresh = [torch.from_numpy(np.flatnonzero(own == j)) for j in range(count)]
        if all(torch.equal(a.sort()[0], b) for a, b in zip(groups, fresh)):
            break
        groups = fresh
    return groups


@torch.no_grad()
def panels_of(codes):
    """-> order of the codes, centres of the panels.  codes: n,narrow."""
    codes = codes.double()
    panels = even_clusters(codes, PANEL)
    centres = torch.stack([codes[p].mean(0) for p in panels])
    whole = len(codes) % (CLASSES * PANEL) == 0
    order = torch.cat(even_clusters(centres, len(panels) // CLASSES)) if whole else range(len(panels))
    return torch.cat([panels[i] for i in order]), centres[list(order)].float()
