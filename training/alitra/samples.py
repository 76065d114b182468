"""What the samples of a picture take, in bits, once the picture that its tokens make is known.  Samples are whole numbers,
0..255; each has the probability that a distribution around the rebuilt sample gives to its step of 1.  Widths are fitted to
training pictures.  A picture is three planes: luma n,h,w; Cb, Cr n,h/2,w/2.

normal   one width for each plane: a measure of squared error, which the tokenizer and its allocator are trained for
laplace  one width for each plane: a measure of absolute error
local    Laplace, one width for each plane and each sixteenth of the places by how busy the rebuilt picture is around them"""
import numpy as np
from scipy.special import log_ndtr

CLASSES = 16
AROUND = 3          # samples on each side
LEAST = .05         # width


def laplace_bits(errors, width):
    """Whole errors under a Laplace distribution that was cut into steps of 1."""
    e = np.abs(errors).astype(np.float64)
    beyond = (.5 - e) / width + np.log1p(-np.exp(-1 / width)) - np.log(2)
    inside = np.log(-np.expm1(-.5 / width))
    return -np.where(e < .5, inside, beyond) / np.log(2)


def normal_bits(errors, width):
    e = np.abs(errors).astype(np.float64)
    far, near = log_ndtr((-e - .5) / width), log_ndtr((.5 - e) / width)
    return -(near + np.log1p(-np.exp(far - near))) / np.log(2)


def busyness(plane):
    """Mean absolute step to the right and down, in a window: n,h,w."""
    steps = np.abs(np.diff(plane, axis=2, append=plane[:, :, -1:])) + np.abs(np.diff(plane, axis=1, append=plane[:, -1:]))
    for axis in (1, 2):
        pad = [(0, 0)] * 3
        pad[axis] = (AROUND, AROUND)
        steps = np.pad(steps, pad, 'edge')
        size = steps.shape[axis] - 2 * AROUND
        steps = sum(np.take(steps, range(i, i + size), axis) for i in range(2 * AROUND + 1)) / (2 * AROUND + 1)
    return steps


class Local:
    def __init__(self, source, rebuilt):
        busy = busyness(rebuilt)
        self.edges = np.quantile(busy, np.arange(1, CLASSES) / CLASSES)
        which = np.digitize(busy, self.edges).ravel()
        errors = np.bincount(which, np.abs(source - rebuilt).ravel(), CLASSES)
        self.width = errors / np.maximum(np.bincount(which, minlength=CLASSES), 1)

    def bits(self, source, rebuilt):
        return laplace_bits(source - rebuilt, np.maximum(self.width, LEAST)[np.digitize(busyness(rebuilt), self.edges)])


def sample_bits(source, rebuilt, fitted_source, fitted_rebuilt):
    """Three planes each; the last two are of training pictures -> {name: bits of each picture}"""
    out = dict.fromkeys(('normal', 'laplace', 'local'), 0)
    for x, y, fx, fy in zip(source, rebuilt, fitted_source, fitted_rebuilt):
        e, f = x - y, fx - fy
        out['normal'] = out['normal'] + normal_bits(e, np.sqrt((f ** 2).mean())).sum((1, 2))
        out['laplace'] = out['laplace'] + laplace_bits(e, np.abs(f).mean()).sum((1, 2))
        out['local'] = out['local'] + Local(fx, fy).bits(x, y).sum((1, 2))
    return out
