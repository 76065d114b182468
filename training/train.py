#!/usr/bin/env python3
"""Trains analysis, codes and synthesis:  train.py PHOTOS OUT.pt [--minutes M | --steps N] [--resume]

Starts in closed form (PCA, residual k-means), then descends on the mean log error (mean PSNR) over random prices, so
that every depth map that the allocator may choose has been seen.  Writes OUT.pt every few minutes, and when it is stopped;
--resume goes on."""
import argparse
import math
import os

import torch

from alitra import device
from alitra.model import CELL, LEVELS, SIZES, PriceHalt, Tokenizer, count, fixed_depth, level_price
from alitra.pictures import Crops, Planes, load_photos, rgb_to_ycc
from alitra.progress import Progress, Span
from alitra.score import ssim
from alitra.start import start

ABLATIONS = ('depth', 'mixing')
SAVE_EVERY = 180.   # seconds


def prices(batch, size, noise, rng_low=.03, rng_high=8.):
    """Random price per picture, smooth and rough noise per cell (log deviations) -> list of halts, fine to coarse."""
    base = torch.exp(torch.empty(batch, 1, 1, 1).uniform_(math.log(rng_low), math.log(rng_high)))
    smooth = torch.nn.functional.interpolate(torch.randn(batch, 1, 3, 3), size=(size // 16, size // 16), mode='bilinear',
                                             align_corners=False)
    halts = []
    for i in range(LEVELS):
        s = torch.nn.functional.avg_pool2d(smooth, 2 ** i)
        p = level_price(i, base) * torch.exp(noise * (1.25 * s + torch.randn(s.shape))) / 4 ** i
        halts.append(PriceHalt(p[:, 0]))
    return halts


def halts_of(model, batch, size, noise, levels, every_depth):
    """What ends the token loops of a step.  Coarse levels that an ablation leaves out get no token; without training for
    every depth all cells of the others hold all tokens."""
    halts = prices(batch, size, noise) if every_depth else [fixed_depth(level.depth) for level in model.levels]
    return halts[:levels] + [fixed_depth(0)] * (LEVELS - levels)


@torch.no_grad()
def hold_scale(model):
    """Unit columns of the projections back: the scale of a token vector stands in its code alone.  Analysis and
    projections into the codes are the PCA, of unit length from the start."""
    for level in model.levels:
        for step in level.steps:
            step.back.div_(step.back.norm(dim=0, keepdim=True))


def image_error(a, b):
    n = b.luma[0].numel()
    return (((a.luma - b.luma) ** 2).sum((1, 2, 3)) + ((a.chroma - b.chroma) ** 2).sum((1, 2, 3))) / n


def border_error(a, b):
    """Squared step of the luma error across cell borders, a picture: what an eye sees as a mosaic."""
    e = a.luma - b.luma
    x = e[..., CELL::CELL] - e[..., CELL - 1:-1:CELL]
    y = e[..., CELL::CELL, :] - e[..., CELL - 1:-1:CELL, :]
    return (x ** 2).mean((1, 2, 3)) + (y ** 2).mean((1, 2, 3))


def begin_with(model, weights, crops):
    """Weights of an earlier run; levels that were not as deep get their further steps in closed form."""
    have = [count(weights, 'levels.%d.steps.' % i) for i in range(LEVELS)]
    model.load_state_dict({**model.state_dict(), **{k: v for k, v in weights.items() if k in model.state_dict()}})
    if any(h < level.depth for h, level in zip(have, model.levels)):
        start(model, crops(), have=have)


def save(what, path):
    """Whole or not at all."""
    torch.save(what, path + '.tmp')
    os.replace(path + '.tmp', path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('photos')
    ap.add_argument('out')
    ap.add_argument('--model', choices=SIZES, default='base')
    ap.add_argument('--minutes', type=float, default=60)
    ap.add_argument('--steps', type=int, help='steps in all, instead of --minutes')
    ap.add_argument('--batch', type=int, default=8)
    ap.add_argument('--size', type=int, default=256)
    ap.add_argument('--start-crops', type=int, default=2500)
    ap.add_argument('--start-samples', type=int, default=150000, help='cells for k-means')
    ap.add_argument('--rate', type=float, default=1e-3)
    ap.add_argument('--net-part', type=float, default=.5, help='rate of the synthesis, as a part of --rate')
    ap.add_argument('--code-part', type=float, default=1., help='rate of the codes, as a part of --rate')
    ap.add_argument('--border', type=float, default=.1, help='weight of steps across cell borders')
    ap.add_argument('--structure', type=float, default=1.5, help='weight of what lacks in the SSIM of the luma')
    ap.add_argument('--noise', type=float, default=.4, help='log deviation of the price from cell to cell')
    ap.add_argument('--start', help='begin with the weights of an earlier run, its closed-form start (OUT.pt.start) among them')
    ap.add_argument('--levels', type=int, choices=range(1, LEVELS + 1), default=LEVELS, help='fewer: an ablation')
    ap.add_argument('--without', choices=ABLATIONS, help='leave out a part, to see what it gives')
    ap.add_argument('--every', type=int, default=100, help='steps from line to line of the table')
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--resume', action='store_true')
    device.add_option(ap)
    a = ap.parse_args()
    device.use(a.device)
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    torch.manual_seed(a.seed)
    photos = load_photos(a.photos, 512)
    sizes = SIZES[a.model]
    model = Tokenizer(**dict(sizes, blocks=(0,) * LEVELS) if a.without == 'mixing' else sizes)
    state, opt_state = {'step': 0, 'spent': 0.}, None
    closed = a.out + '.start'
    many = lambda: Crops(photos, a.size, a.seed).batch(a.start_crops)
    if a.resume and os.path.exists(a.out):
        saved = device.load(a.out)
        model.load_state_dict(saved['model'])
        state = saved['state']
        opt_state = state.pop('opt')
    elif a.resume and os.path.exists(closed):
        model.load_state_dict(device.load(closed)['model'])
    elif a.start:
        begin_with(model, device.load(a.start)['model'], many)
    else:
        start(model, many(), a.start_samples, lambda text: print(text, flush=True), levels=a.levels)
        save({'model': model.state_dict(), 'state': state}, closed)
    codes, rest = [], []
    for name, p in model.named_parameters():
        # Straight-through gradients of cut-off token sums inflate the analysis without bound: it stays the PCA.
        if '.embed.' in name or name.endswith('.into'):
            p.requires_grad_(False)
        else:
            (codes if name.endswith('codes') else rest).append(p)
    opt = torch.optim.Adam([{'params': rest, 'part': a.net_part}, {'params': codes, 'part': a.code_part}], betas=(.9, .98))
    if opt_state:
        opt.load_state_dict(opt_state)
    crops = Crops(photos, a.size, a.seed + 1 + state['step'])
    span = Span(state, a.minutes, a.steps)
    progress = Progress(a.out, ('dB', 'tokens', 'code loss', 'gradient'), a.every, a.resume)
    saved_at = span.spent()
    while not span.over():
        rate = a.rate * min(1, (span.step + 1) / 100) * (.5 + .5 * math.cos(math.pi * span.done())) + a.rate * .01
        for g in opt.param_groups:
            g['lr'] = rate * g['part']
        planes = Planes.from_ycc(rgb_to_ycc(crops.batch(a.batch)))
        pictures, depths, _, code_loss = model(planes, halts_of(model, a.batch, a.size, a.noise, a.levels, a.without != 'depth'))
        final = image_error(pictures[-1], planes)
        half = planes.halve()
        coarse = torch.log(image_error(pictures[1], half) + 1e-4) + torch.log(image_error(pictures[0], half.halve()) + 1e-4)
        loss = torch.log(final + 1e-4).mean() + .1 * coarse.mean() + .1 * code_loss \
            + a.border * (border_error(pictures[-1], planes) / (final.detach() + 1e-4)).mean() \
            + a.structure * (1 - ssim(pictures[-1].luma + .5, planes.luma + .5)).mean()
        opt.zero_grad()
        loss.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.))
        opt.step()
        hold_scale(model)
        span.step += 1
        tokens = sum(d.float().sum() for d in depths).item() / a.batch
        progress.add(span.step, (torch.log10(final).mean().item() * -10, tokens, float(code_loss), norm), span.spent(),
                     span.whole())
        if span.over() or span.spent() - saved_at > SAVE_EVERY:
            saved_at = span.spent()
            save({'model': model.state_dict(), 'levels': a.levels, 'state': dict(span.state(), opt=opt.state_dict())}, a.out)
    span.finish()


if __name__ == '__main__':
    main()
