#!/usr/bin/env python3
# gst-alitra: adaptive-length video tokens for GStreamer
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The clip of the tutorial: a calm sky, hills, a house, a meadow, and a balloon that drifts past. Made up, so that it
belongs to nobody.  Writes raw frames, I420, BT.601, limited range, for 25 frames a second.

usage: scene.py WIDTH HEIGHT FRAMES > scene.i420          needs numpy (Debian: python3-numpy)"""
import sys

import numpy as np


def noise(rng, height, width, cell):
    """Smooth noise of -1..1 with features of about `cell` pixels."""
    rows, columns = height // cell + 3, width // cell + 3
    grid = rng.uniform(-1, 1, (rows, columns))
    y, x = np.arange(height) / cell, np.arange(width) / cell
    y0, x0 = y.astype(int), x.astype(int)
    fade = lambda t: t * t * (3 - 2 * t)
    fy, fx = fade(y - y0)[:, None], fade(x - x0)[None]
    upper = grid[y0][:, x0] * (1 - fx) + grid[y0][:, x0 + 1] * fx
    lower = grid[y0 + 1][:, x0] * (1 - fx) + grid[y0 + 1][:, x0 + 1] * fx
    return upper * (1 - fy) + lower * fy


def fractal(rng, height, width, cell, octaves):
    return sum(noise(rng, height, width, max(1, cell >> i)) / 2 ** i for i in range(octaves)) / 2


def mix(picture, colour, amount):
    return picture * (1 - amount[..., None]) + np.asarray(colour, float) * amount[..., None]


def edge(distance):
    """1 inside (distance below 0), 0 outside, soft over a pixel."""
    return np.clip(.5 - distance, 0, 1)


class Scene:
    def __init__(self, width, height):
        self.width, self.height = width, height
        self.y, self.x = np.mgrid[0:height, 0:width].astype(float)
        rng = np.random.default_rng(5)
        self.still = self.land(rng, self.sky(rng))
        self.house()

    def sky(self, rng):
        height = self.y / self.height
        picture = np.stack([90 + 150 * height, 150 + 80 * height, 225 + 10 * height], -1)
        clouds = fractal(rng, self.height, self.width, self.width // 5, 6)
        clouds = np.clip((clouds - .12) * 4, 0, 1) * np.clip(1.3 - 3 * height, 0, 1)
        return mix(picture, (250, 250, 252), clouds)

    def land(self, rng, picture):
        for top, rough, colour in ((.46, .10, (108, 128, 150)), (.56, .07, (84, 116, 98)), (.70, .03, (104, 140, 66))):
            line = noise(rng, 1, self.width, self.width // 3)[0] + .4 * noise(rng, 1, self.width, self.width // 12)[0]
            line = (top + rough * line) * self.height
            texture = fractal(rng, self.height, self.width, 24, 5)
            shade = np.asarray(colour) * (1 + .5 * texture[..., None] * (top - .3) * 2)
            inside = edge(line[None] - self.y)
            picture = picture * (1 - inside[..., None]) + shade * inside[..., None]
        return picture

    def box(self, x, y, width, height, colour):
        """All numbers in parts of the height of the picture."""
        unit = self.height
        distance = np.maximum(abs(self.x - x * unit) - width * unit / 2, abs(self.y - y * unit) - height * unit / 2)
        self.still = mix(self.still, colour, edge(distance))

    def house(self):
        unit, x, y = self.height, 1.28, .72
        self.box(x, y, .36, .22, (206, 188, 160))
        for i in range(7):
            self.box(x, y - .1 + .033 * i, .36, .004, (176, 156, 130))
        slope = (abs(self.x - x * unit) * .55 - (self.y - (y - .25) * unit))
        roof = np.maximum(slope, (self.y - (y - .11) * unit)) / 1.2
        tiles = 12 * np.sin(self.x * 60 / unit * np.pi) * np.sin(self.y * 90 / unit * np.pi)
        self.still = mix(self.still, (0, 0, 0), edge(roof)) + edge(roof)[..., None] * np.stack(
            [150 + tiles, 66 + tiles, 52 + tiles], -1)
        for column in (-.11, 0, .11):
            self.box(x + column, y - .01, .064, .084, (70, 62, 58))
            self.box(x + column, y - .01, .052, .072, (150, 190, 214))
            self.box(x + column, y - .01, .005, .072, (70, 62, 58))
            self.box(x + column, y - .01, .052, .005, (70, 62, 58))

    def window(self, x, y):
        """Rows and columns that the balloon at x, y can reach, even."""
        unit = self.height
        top, left = (max(0, int(at - .15 * unit)) & ~1 for at in (y, x))
        return slice(top, max(top, int(y + .23 * unit)) & ~1), slice(left, max(left, int(x + .15 * unit)) & ~1)

    def balloon(self, time):
        """Where it is at that time, and the picture there."""
        unit = self.height
        x, y = (.30 + .006 * time) * unit, (.28 + .01 * np.sin(time / 9)) * unit
        window = self.window(x, y)
        dx, dy = (self.x[window] - x) / unit, (self.y[window] - y) / unit
        radius = np.hypot(dx, dy * np.where(dy > 0, .86, 1.))
        stripes = np.floor(np.arcsin(np.clip(dx / .125, -1, 1)) * 3.2 + 20) % 2
        light = 1 - 2.2 * np.clip(dx, -.1, .2)
        colours = np.where(stripes[..., None] > 0, (222, 70, 52), (246, 204, 80)) * light[..., None]
        inside = edge((radius - .125) * unit)[..., None]
        picture = self.still[window] * (1 - inside) + colours * inside
        basket = np.maximum(abs(dx) - .018, abs(dy - .19) - .016) * unit
        picture = mix(picture, (108, 74, 44), edge(basket))
        for side in (-1, 1):
            rope = np.maximum(abs(dx - side * (.018 + .3 * (.174 - dy))) - .0015, abs(dy - .155) - .025) * unit
            picture = mix(picture, (70, 52, 40), edge(rope))
        return window, picture


def planes_of(rgb):
    """Y, Cb, Cr as bytes."""
    r, g, b = np.moveaxis(np.clip(rgb, 0, 255), -1, 0)
    y = .299 * r + .587 * g + .114 * b
    halve = lambda plane: (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) / 4
    planes = (16 + y * 219 / 255, 128 + halve((b - y) / 1.772) * 224 / 255, 128 + halve((r - y) / 1.402) * 224 / 255)
    return [np.rint(plane).astype(np.uint8) for plane in planes]


def write_frame(out, still, window, planes):
    for i, (plane, part) in enumerate(zip(still, planes)):
        plane = plane.copy()
        plane[tuple(slice(side.start >> (i > 0), side.stop >> (i > 0)) for side in window)] = part
        out.write(plane.tobytes())


def main():
    width, height, frames = (int(number) for number in sys.argv[1:4])
    if width % 2 or height % 2:
        sys.exit('scene.py: expected an even width and height')
    scene = Scene(width, height)
    still = planes_of(scene.still)
    for time in range(frames):
        window, picture = scene.balloon(time)
        write_frame(sys.stdout.buffer, still, window, planes_of(picture))


if __name__ == '__main__':
    main()
