#!/usr/bin/env python3
"""Finds, on training photographs, what the encoder has to know besides the weights, and writes it as JSON:

    calibrate.py PHOTOS TOKENIZER.pt OUT.json [--pictures N]

"layouts": the best fixed layout (the same depth for every cell of a level: 16-, 32-, 64-cells) for rising numbers of
tokens; the control `allocation=uniform` uses them."""
import argparse
import json
import os

import torch

from alitra import device
from alitra.model import tokenizer_with
from alitra.pictures import Crops, Planes, load_photos, rgb_to_ycc
from alitra.score import psnr


def prefixes(level, left):
    """Token sums of every cell for depth 0, 1, ... of a level: generator of B,h,w,dim."""
    z = level.analyse(left)
    r, total = z.reshape(-1, z.shape[-1]).clone(), torch.zeros_like(z)
    yield total
    for step in level.steps:
        q = step(r)[0]
        r -= q
        total = total + q.reshape(z.shape)
        yield total


@torch.no_grad()
def fixed_scores(model, planes, rgb, say):
    """-> {(k16, k32, k64): mean PSNR}."""
    half = planes.halve()
    quarter, scores = half.halve(), {}
    for k2, t2 in enumerate(prefixes(model.levels[2], quarter)):
        if k2 == 0:
            continue
        base1 = model.levels[2].synthesise(t2).upsample()
        for k1, t1 in enumerate(prefixes(model.levels[1], half - base1)):
            base0 = (base1 + model.levels[1].synthesise(t1)).upsample()
            for k0, t0 in enumerate(prefixes(model.levels[0], planes - base0)):
                out = base0 + model.levels[0].synthesise(t0)
                scores[k0, k1, k2] = psnr(out.to_rgb(), rgb).mean().item()
        say('layouts with %d tokens a 64-cell done' % k2)
    return scores


def best_layouts(scores):
    """The layouts that no other one with as few tokens beats, by rising tokens."""
    best, found = -1., []
    for layout, score in sorted(scores.items(), key=lambda s: (16 * s[0][0] + 4 * s[0][1] + s[0][2], -s[1])):
        if score > best:
            best = score
            found.append(list(layout))
    return found


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('photos')
    ap.add_argument('tokenizer')
    ap.add_argument('out')
    ap.add_argument('--pictures', type=int, default=16)
    device.add_option(ap)
    a = ap.parse_args()
    device.use(a.device)
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    model = tokenizer_with(device.load(a.tokenizer)['model'])
    rgb = Crops(load_photos(a.photos, 512), 256, 11).batch(a.pictures)
    layouts = best_layouts(fixed_scores(model, Planes.from_ycc(rgb_to_ycc(rgb)), rgb, lambda text: print(text, flush=True)))
    with open(a.out + '.tmp', 'w') as file:
        json.dump({'layouts': layouts}, file)
    os.replace(a.out + '.tmp', a.out)
    print('%d layouts' % len(layouts))


if __name__ == '__main__':
    main()
