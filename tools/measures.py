# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What pictures are compared by."""
import numpy as np

CELL = 16


def grey(rgb):
    """Luma of BT.601, full range."""
    return rgb.astype(np.float32) @ np.array([.299, .587, .114], np.float32)


def double(plane, height, width):
    """Planes of half size -> full size, bilinear, each sample in the middle of the four that it stood for."""
    for axis in (-2, -1):
        plane = np.moveaxis(plane, axis, -1)
        before = np.concatenate([plane[..., :1], plane[..., :-1]], -1)
        after = np.concatenate([plane[..., 1:], plane[..., -1:]], -1)
        plane = np.stack([.75 * plane + .25 * before, .75 * plane + .25 * after], -1).reshape(*plane.shape[:-1], -1)
        plane = np.moveaxis(plane, -1, axis)
    return plane[..., :height, :width]


def rgb_of(luma, cb, cr, full_range=True):
    """I420 (BT.601) -> RGB, 0..255, rounded as a screen would show it."""
    height, width = luma.shape[-2:]
    y = luma.astype(np.float32)
    u, v = (double(c.astype(np.float32) - 128, height, width) for c in (cb, cr))
    if not full_range:
        y, u, v = (y - 16) * (255 / 219), u * (255 / 224), v * (255 / 224)
    rgb = np.stack([y + 1.402 * v, y - .344136 * u - .714136 * v, y + 1.772 * u], -1)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def squared_error(a, b):
    """Mean over everything but the first axis."""
    difference = a.astype(np.float32) - b.astype(np.float32)
    return np.square(difference).reshape(len(a), -1).mean(1)


def psnr(error):
    return 10 * np.log10(255 ** 2 / np.maximum(error, 1e-10))


def blur(pictures):
    """11x11 Gaussian of deviation 1.5, only where it fits."""
    kernel = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.5 ** 2))
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (-2, -1):
        size = pictures.shape[axis] - 10
        parts = [np.take(pictures, range(i, i + size), axis) * kernel[i] for i in range(11)]
        pictures = sum(parts)
    return pictures


def ssim(a, b):
    """Structural similarity of grey pictures (Wang et al. 2004), one number each."""
    c1, c2 = (.01 * 255) ** 2, (.03 * 255) ** 2
    numbers = []
    for x, y in zip(a.astype(np.float32), b.astype(np.float32)):
        mx, my = blur(x), blur(y)
        vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
        index = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
        numbers.append(index.mean())
    return np.array(numbers)


def edge_steps(luma):
    """Mean absolute step between neighbours across the borders of 16-cells, over the mean step elsewhere."""
    luma = luma.astype(np.float32)
    at, elsewhere = [], []
    for axis in (-2, -1):
        steps = np.abs(np.diff(luma, axis=axis))
        border = np.arange(1, luma.shape[axis]) % CELL == 0
        at.append(np.compress(border, steps, axis).ravel())
        elsewhere.append(np.compress(~border, steps, axis).ravel())
    return np.concatenate(at).mean() / np.concatenate(elsewhere).mean()


def edge_ratio(rebuilt, source):
    """1: borders of cells are not to be seen; steps are taken over all pictures given, then divided."""
    return float(edge_steps(rebuilt) / edge_steps(source))
