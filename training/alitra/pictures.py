"""Pictures <-> cells.  A picture is a tensor B,3,H,W at full chroma resolution: luma around 0, Cb, Cr (JPEG
full-range BT.601).  A cell is 16x16 samples at its level: 256 luma, 64 Cb, 64 Cr = 384 numbers."""
import glob
import os

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from .device import here

CELL = 16
# What a chroma error weighs against a luma error in mean RGB error, times four luma samples a chroma sample.
CHROMA_GAIN = (2.085, 1.818)


def rgb_to_ycc(rgb):
    """B,3,H,W in 0..1 -> B,3,H,W: luma - 0.5, Cb, Cr, chroma still at full size."""
    r, g, b = rgb.split(1, 1)
    y = .299 * r + .587 * g + .114 * b
    return torch.cat([y - .5, (b - y) / 1.772, (r - y) / 1.402], 1)


def ycc_to_rgb(ycc):
    y, cb, cr = ycc.split(1, 1)
    y = y + .5
    r, b = y + 1.402 * cr, y + 1.772 * cb
    return torch.cat([r, (y - .299 * r - .114 * b) / .587, b], 1).clamp(0, 1)


def halve(x):
    return F.avg_pool2d(x, 2)


class Planes:
    """Luma B,1,H,W and chroma B,2,H/2,W/2 (chroma already times CHROMA_GAIN)."""

    def __init__(self, luma, chroma):
        self.luma, self.chroma = luma, chroma

    @staticmethod
    def from_ycc(ycc):
        gain = ycc.new_tensor(CHROMA_GAIN).view(1, 2, 1, 1)
        return Planes(ycc[:, :1], halve(ycc[:, 1:]) * gain)

    def to_rgb(self):
        gain = self.luma.new_tensor(CHROMA_GAIN).view(1, 2, 1, 1)
        chroma = F.interpolate(self.chroma / gain, scale_factor=2, mode='bilinear', align_corners=False)
        return ycc_to_rgb(torch.cat([self.luma, chroma], 1))

    def halve(self):
        return Planes(halve(self.luma), halve(self.chroma))

    def upsample(self):
        return Planes(upsample(self.luma), upsample(self.chroma))

    def __add__(self, other):
        return Planes(self.luma + other.luma, self.chroma + other.chroma)

    def __sub__(self, other):
        return Planes(self.luma - other.luma, self.chroma - other.chroma)

    def detach(self):
        return Planes(self.luma.detach(), self.chroma.detach())

    def energy(self):
        """Squared sum per cell: B,h,w."""
        luma = F.avg_pool2d(self.luma ** 2, CELL)[:, 0] * CELL ** 2
        chroma = F.avg_pool2d(self.chroma ** 2, CELL // 2).sum(1) * (CELL // 2) ** 2
        return luma + chroma


# Catmull-Rom at a quarter and three quarters: reproduces straight ramps exactly.
UP_TAPS = (-.0703125, .8671875, .2265625, -.0234375)


def _upsample_rows(x):
    """Twice as many rows; B,C,H,W."""
    p = F.pad(x, (0, 0, 2, 2), mode='replicate')
    h = x.shape[2]
    at = lambda k: p[:, :, 2 + k:2 + k + h]
    a, b, c, d = UP_TAPS
    upper = d * at(-2) + c * at(-1) + b * at(0) + a * at(1)
    lower = a * at(-1) + b * at(0) + c * at(1) + d * at(2)
    return torch.stack([upper, lower], 3).reshape(x.shape[0], x.shape[1], 2 * h, x.shape[3])


def upsample(x):
    return _upsample_rows(_upsample_rows(x).transpose(2, 3)).transpose(2, 3)


def to_cells(planes):
    """-> B,h,w,384."""
    luma = F.pixel_unshuffle(planes.luma, CELL)
    cb = F.pixel_unshuffle(planes.chroma[:, :1], CELL // 2)
    cr = F.pixel_unshuffle(planes.chroma[:, 1:], CELL // 2)
    return torch.cat([luma, cb, cr], 1).permute(0, 2, 3, 1)


def from_cells(cells):
    c = cells.permute(0, 3, 1, 2)
    return Planes(F.pixel_shuffle(c[:, :256], CELL),
                  torch.cat([F.pixel_shuffle(c[:, 256:320], CELL // 2), F.pixel_shuffle(c[:, 320:], CELL // 2)], 1))


def load_photos(folder, longest=None):
    """All photographs of a folder as H,W,3 bytes, scaled down to at most `longest` pixels."""
    out = []
    for name in sorted(glob.glob(os.path.join(folder, '*'))):
        im = Image.open(name).convert('RGB')
        scale = (longest or max(im.size)) / max(im.size)
        if scale < 1:
            im = im.resize((round(im.size[0] * scale), round(im.size[1] * scale)), Image.LANCZOS)
        out.append(np.asarray(im))
    return out


def centre_crops(folder, size=256):
    """The evaluation crops: short side scaled up to `size` if smaller, then the centre; N,3,size,size in 0..1."""
    crops = []
    for name in sorted(glob.glob(os.path.join(folder, '*'))):
        im = Image.open(name).convert('RGB')
        scale = size / min(im.size)
        if scale > 1:
            im = im.resize((max(size, round(im.size[0] * scale)), max(size, round(im.size[1] * scale))), Image.LANCZOS)
        x, y = (im.size[0] - size) // 2, (im.size[1] - size) // 2
        crops.append(np.array(im.crop((x, y, x + size, y + size))))
    return torch.from_numpy(np.stack(crops)).to(here()).permute(0, 3, 1, 2).float() / 255


class Crops:
    """Random square crops of random scale and flip from a list of photographs."""

    def __init__(self, photos, size, seed=0):
        self.photos = [p for p in photos if min(p.shape[:2]) >= 96]
        if not self.photos:
            raise SystemExit('expected photographs of at least 96 pixels a side, found none; name the folder that holds them')
        self.size, self.rng = size, np.random.default_rng(seed)

    def one(self):
        s, rng = self.size, self.rng
        while True:
            a = self.photos[rng.integers(len(self.photos))]
            short = min(a.shape[:2])
            if short >= s or rng.random() < .3:
                break
        if short < s:
            scale = s / short * (1 + .05 * rng.random())
        else:
            scale = max(s / short, 1 - .5 * rng.random()) if rng.random() < .5 else 1.
        span = min(int(np.ceil(s / scale)), short)
        y, x = rng.integers(a.shape[0] - span + 1), rng.integers(a.shape[1] - span + 1)
        c = a[y:y + span, x:x + span]
        if span != s:
            c = np.asarray(Image.fromarray(c).resize((s, s), Image.LANCZOS if span > s else Image.BICUBIC))
        if rng.random() < .5:
            c = c[:, ::-1]
        if rng.random() < .1:
            c = c.transpose(1, 0, 2)
        return np.ascontiguousarray(c)

    def batch(self, n):
        """n,3,size,size in 0..1."""
        return torch.from_numpy(np.stack([self.one() for _ in range(n)])).to(here()).permute(0, 3, 1, 2).float() / 255


def next_frame(rgb):
    """What a camera may see a moment later, made from pictures B,3,S,S: each of them shifts as a whole or in a part that
    uncovers what was behind it, or a part of it lights up or darkens, or nothing moves; then the sensor's noise."""
    out = []
    for picture in rgb:
        size = picture.shape[-1]
        y, x, height, width = (int(v) for v in torch.randint(size // 8, size // 2, (4,)))
        part = (slice(None), slice(y, y + height), slice(x, x + width))
        kind, frame = int(torch.randint(4, (1,))), picture.clone()
        shift = [int(v) for v in torch.randint(-12, 13, (2,))]
        if kind == 0:
            frame = picture.roll(shift, (1, 2))
        elif kind == 1:
            frame[part] = picture.roll(shift, (1, 2))[part]
        elif kind == 2:
            frame[part] = picture[part] * float(torch.empty(1).uniform_(.6, 1.5))
        out.append(frame)
    frames = torch.stack(out)
    noise = torch.empty(len(rgb), 1, 1, 1).uniform_(0, 5 / 255)
    return (frames + noise * torch.randn_like(frames)).clamp(0, 1)
