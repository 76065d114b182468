"""Scores on pictures 0..1."""
import torch
import torch.nn.functional as F


def psnr(a, b):
    """Per image, all channels: B."""
    return -10 * torch.log10(((a - b) ** 2).mean((1, 2, 3)).clamp(min=1e-10))


def ssim(a, b):
    """11x11 Gaussian (sigma 1.5) on the mean of R, G, B: B."""
    k = torch.exp(-(torch.arange(11) - 5.) ** 2 / 4.5)
    k = k / k.sum()
    k = (k[:, None] * k)[None, None]
    a, b = a.mean(1, keepdim=True), b.mean(1, keepdim=True)
    f = lambda t: F.conv2d(t, k)
    ma, mb = f(a), f(b)
    va, vb, c = f(a * a) - ma ** 2, f(b * b) - mb ** 2, f(a * b) - ma * mb
    return (((2 * ma * mb + 1e-4) * (2 * c + 9e-4)) / ((ma ** 2 + mb ** 2 + 1e-4) * (va + vb + 9e-4))).mean((1, 2, 3))


def block_edge_ratio(luma, source, cell=16):
    """Mean luma step across cell borders over the mean step elsewhere, divided by the same of the source; B,1,H,W."""
    def ratio(y):
        dx, dy = (y[..., 1:] - y[..., :-1]).abs(), (y[..., 1:, :] - y[..., :-1, :]).abs()
        cx = torch.arange(dx.shape[-1]) % cell == cell - 1
        cy = torch.arange(dy.shape[-2]) % cell == cell - 1
        on = dx[..., cx].sum() + dy[..., cy, :].sum()
        off = dx[..., ~cx].sum() + dy[..., ~cy, :].sum()
        n_on = dx[..., cx].numel() + dy[..., cy, :].numel()
        n_off = dx[..., ~cx].numel() + dy[..., ~cy, :].numel()
        return (on / n_on) / (off / n_off)
    return (ratio(luma) / ratio(source)).item()
