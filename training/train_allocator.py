#!/usr/bin/env python3
"""Trains the recurrent allocator on true gains:  train_allocator.py PHOTOS TOKENIZER.pt OUT.pt [--minutes M | --steps N] [--resume]

Each step runs the token loop with the allocator's own halting at a random price; where a cell stands, a sparse set of
cells gets the next token for a trial, and the fall of the squared error around each of them is what the allocator has
to predict (Gamma deviance: right on average at every magnitude).  Every other step is the second frame of a clip made
from a photograph, and starts from the state that the first frame left."""
import argparse
import math
import os

import torch
import torch.nn.functional as F

from alitra import device
from alitra.allocator import ABLATIONS, Allocator, LevelRun
from alitra.model import LEVELS, level_price, tokenizer_with
from alitra.pictures import Crops, Planes, load_photos, next_frame, rgb_to_ycc
from alitra.progress import Progress, Span

LOW, HIGH = .02, 10.


def around(error):
    """Sum of a cell and its eight neighbours: B,h,w -> B,h,w."""
    return F.avg_pool2d(error[:, None], 3, 1, 1, count_include_pad=True)[:, 0] * 9


@torch.no_grad()
def true_gain(level, run, left, z, q):
    """Fall of the squared error at this level when a sparse set of active cells gets token vector q -> values, cells."""
    b, h, w = run.shape
    stride = 3 if h > 4 else 2
    oy, ox = torch.randint(stride, (2,)).tolist()
    sparse = torch.zeros(h, w, dtype=torch.bool)
    sparse[oy::stride, ox::stride] = True
    mask = (run.active.reshape(b, h, w) & sparse).reshape(-1)
    if not mask.any():
        return None
    total = run.total(z)
    before = (left - level.synthesise(total)).energy()
    after = (left - level.synthesise(total + (q * mask[:, None]).reshape(total.shape))).energy()
    fall = around(before - after).reshape(-1)
    return fall[mask], mask


def run_level(tokenizer, allocator, index, left, parent, price, trials, hidden):
    """-> the run, deviance of trials, picture."""
    level = tokenizer.levels[index]
    with torch.no_grad():
        z = level.analyse(left)
    run = LevelRun(tokenizer, allocator, index, z, parent, hidden=hidden)
    b, h, w = run.shape
    log_price = torch.log2(level_price(index, price) / 4 ** index).reshape(b, 1, 1).expand(b, h, w).reshape(-1)
    losses = []
    chosen = set(torch.randperm(level.depth)[:trials].tolist()) | {0} if trials else set()
    for t in range(level.depth):
        if not run.active.any():
            break
        gain = run.predict(t)
        if t in chosen:
            trial = true_gain(level, run, left, z, run.tokens(t))
            if trial is not None:
                g = gain[trial[1]]
                ratio = (trial[0] + 1e-5) * torch.exp2(-g)
                losses.append((ratio + g * .6931).mean())
        with torch.no_grad():
            explore = torch.rand(len(gain)) < .08
            run.take(t, (run.worst > log_price) | explore)
    with torch.no_grad():
        out = level.synthesise(run.total(z))
    return run, losses, out


def run_picture(tokenizer, allocator, rgb, price, fine, trials, hidden):
    """All levels; only the first `fine` pictures go to the finest.  -> deviance of each level, coarse first, and the
    state that it leaves to the next frame, finest first."""
    full = Planes.from_ycc(rgb_to_ycc(rgb))
    half = full.halve()
    pyramid, states = [full, half, half.halve()], [None] * LEVELS
    parent, base, losses = None, None, []
    for i in reversed(range(LEVELS)):
        n = fine if i == 0 else len(rgb)
        part = Planes(pyramid[i].luma[:n], pyramid[i].chroma[:n])
        if i == 0:
            cells = parent.shape[1] * parent.shape[2]
            parent.hidden, parent.r = parent.hidden[:n], parent.r[:n * cells]
            parent.depth = parent.depth[:n * cells]
        left = part if base is None else part - Planes(base.luma[:n], base.chroma[:n])
        run, level_losses, out = run_level(tokenizer, allocator, i, left, parent, price[:n], trials, hidden[i])
        if level_losses:
            losses.append(torch.stack(level_losses).mean())
        states[i] = run.hidden.detach()
        base = (out if base is None else out + Planes(base.luma[:n], base.chroma[:n])).upsample()
        parent = run
    return losses, states


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('photos')
    ap.add_argument('tokenizer')
    ap.add_argument('out')
    ap.add_argument('--minutes', type=float, default=20)
    ap.add_argument('--steps', type=int, help='steps in all, instead of --minutes')
    ap.add_argument('--batch', type=int, default=24)
    ap.add_argument('--fine', type=int, default=6, help='pictures of the batch that go to the finest level')
    ap.add_argument('--rate', type=float, default=4e-3)
    ap.add_argument('--resume', action='store_true', help='go on with OUT.pt')
    ap.add_argument('--start', help='begin with the allocator of another checkpoint')
    ap.add_argument('--without', choices=ABLATIONS, help='leave out a part, to see what it gives')
    device.add_option(ap)
    a = ap.parse_args()
    device.use(a.device)
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    torch.manual_seed(1)
    tokenizer = tokenizer_with(device.load(a.tokenizer)['model'])
    for p in tokenizer.parameters():
        p.requires_grad_(False)
    allocator = Allocator(a.without)
    if a.start:
        allocator.load_state_dict(device.load(a.start)['allocator'])
    saved = device.load(a.out) if a.resume and os.path.exists(a.out) else None
    if saved:
        allocator.load_state_dict(saved['allocator'])
    crops = Crops(load_photos(a.photos, 512), 256, 7 + (saved['state']['step'] if saved else 0))
    opt = torch.optim.Adam(allocator.parameters(), a.rate, betas=(.9, .98))
    state = {'step': 0, 'spent': 0.}
    if saved:
        opt.load_state_dict(saved['opt'])
        state = saved['state']
    span = Span(state, a.minutes, a.steps)
    progress = Progress(a.out, ('64-cells', '32-cells', '16-cells'), 20, a.resume)
    while not span.over():
        for g in opt.param_groups:
            g['lr'] = a.rate * min(1, (span.step + 1) / 30) * (.5 + .5 * math.cos(math.pi * span.done())) + 1e-5
        rgb = crops.batch(a.batch)
        price = torch.exp(torch.empty(a.batch).uniform_(math.log(LOW), math.log(HIGH)))
        hidden = [None] * LEVELS
        if span.step % 2:    # a delta frame: the state of the frame before is where it starts
            with torch.no_grad():
                _, hidden = run_picture(tokenizer, allocator, rgb, price, a.fine, 0, hidden)
            rgb = next_frame(rgb)
        losses, _ = run_picture(tokenizer, allocator, rgb, price, a.fine, 4, hidden)
        loss = sum(losses)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(allocator.parameters(), .5)
        opt.step()
        span.step += 1
        progress.add(span.step, [x.item() for x in losses] + [float('nan')] * (LEVELS - len(losses)), span.spent(), span.whole())
        if span.step % 20 == 0 or span.over():
            torch.save({'allocator': allocator.state_dict(), 'without': a.without, 'opt': opt.state_dict(),
                        'state': span.state()}, a.out + '.tmp')
            os.replace(a.out + '.tmp', a.out)
    span.finish()


if __name__ == '__main__':
    main()
