#!/usr/bin/env python3
"""Adaptive against uniform tokens for generation, at the same number of tokens: one line of a table for each allocation, number of
tokens and seed of the training.

    compare_generators.py ROOT CACHE RUNS ../docs/generation.csv --model alitra-base.safetensors --build ../build

RUNS holds RUNS/gen-ALLOCATION-SEED.pt of train_generator.py and RUNS/features.pt of train_features.py.  Columns:

psnr            of val pictures that were tokenised and rebuilt, luma, mean of pictures
tokenbits       bits of the tokens of a val picture under the generator, all in all (measure_generator.py)
depthbits       of them, for depths
rawbits         of the ids alone, if all were as likely
picturebits     bits of a val picture itself: tokenbits, and what the samples (I420, 8 bits) take when each is told by a Laplace
                distribution around the rebuilt picture, whose widths (luma, Cb, Cr) are fitted to training pictures
rebuiltfd       Fréchet distance between training pictures and rebuilt val pictures
fd              between training pictures and pictures that the generator made, as many of each class, at temperature 1
realfd          between training pictures and val pictures as they are

Lines that are there are not made again."""
import argparse
import csv
import glob
import os
import re
import subprocess
import tempfile

import numpy as np
import torch

from alitra import labelled
from alitra.classifier import TokenVectors
from alitra.features import Net, features_of, frechet, moments
from alitra.generator import Allocations, Codes, Generator
from export_generator import export
from measure_generator import measure, raw_bits
from train_classifier import find_caches

SIZE = labelled.SIZE
COLUMNS = ('allocation', 'tokens', 'seed', 'psnr', 'tokenbits', 'depthbits', 'rawbits', 'picturebits', 'rebuiltfd', 'fd', 'realfd')
FITTED_ON = 300     # training pictures, for the widths of the distributions


def to_i420(rgb):
    """n,h,w,3 -> luma n,h,w; Cb, Cr n,h/2,w/2, full range, 0..255."""
    r, g, b = (rgb[..., i].astype(np.float32) for i in range(3))
    luma = .299 * r + .587 * g + .114 * b
    small = lambda c: c.reshape(len(c), c.shape[1] // 2, 2, c.shape[2] // 2, 2).mean((2, 4))
    return [np.round(luma), np.round(small((b - luma) / 1.772) + 128), np.round(small((r - luma) / 1.402) + 128)]


def to_rgb(planes):
    luma, cb, cr = planes[0], *(np.repeat(np.repeat(c, 2, 1), 2, 2) - 128 for c in planes[1:])
    out = np.stack([luma + 1.402 * cr, luma - .344136 * cb - .714136 * cr, luma + 1.772 * cb], 3)
    return np.clip(np.round(out), 0, 255).astype(np.uint8)


def split_i420(data, size=SIZE):
    data, n = data.reshape(-1, size * size * 3 // 2).astype(np.float32), size * size
    return [data[:, :n].reshape(-1, size, size), data[:, n:n * 5 // 4].reshape(-1, size // 2, size // 2),
            data[:, n * 5 // 4:].reshape(-1, size // 2, size // 2)]


def rebuilt(a, pictures, allocation, tokens):
    """Tokenised and rebuilt: three planes."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, 'out')
        subprocess.run([os.path.join(a.build, 'tools/alitra-roundtrip'), '--width=%d' % SIZE, '--height=%d' % SIZE, '--format=RGB',
                        '--per-frame-key', '--exact', '--tokens=%d' % tokens, '--allocation=' + allocation, '--model=' + a.model,
                        '--output=' + out], input=pictures.tobytes(), stdout=subprocess.DEVNULL, check=True)
        return split_i420(np.fromfile(out, np.uint8))


def laplace_bits(errors, width):
    """Whole errors under a Laplace distribution that was cut into steps of 1."""
    e = np.abs(errors).astype(np.float64)
    inside = np.where(e < .5, -np.expm1(-.5 / width), .5 * (np.exp(-(e - .5) / width) - np.exp(-(e + .5) / width)))
    return -np.log2(np.maximum(inside, 1e-300))


def sample_bits(a, val, train, allocation, tokens):
    """-> bits of the samples of each val picture, luma PSNR of each, rebuilt pictures as RGB."""
    fitted = [np.abs(x - y).mean() for x, y in zip(to_i420(train), rebuilt(a, train, allocation, tokens))]
    planes, source = rebuilt(a, val, allocation, tokens), to_i420(val)
    bits = sum(laplace_bits(x - y, w).sum((1, 2)) for x, y, w in zip(source, planes, fitted))
    mse = ((source[0] - planes[0]) ** 2).mean((1, 2))
    return bits, 10 * np.log10(255 ** 2 / mse), to_rgb(planes)


def generate(a, path, labels, tokens, count, steps, temperature=1., guidance=0., seed=1):
    """count pictures of each label, made by the C library."""
    env = dict(os.environ, GST_PLUGIN_PATH=os.path.join(a.build, 'gst'), ALITRA_MODEL_PATH=os.path.dirname(os.path.abspath(a.model)))
    out = []
    with tempfile.TemporaryDirectory() as folder:
        raw = os.path.join(folder, 'raw')
        for label in labels:
            subprocess.run(['gst-launch-1.0', '-q', 'alitragensrc', 'model=' + path, 'token-model=' + a.model, 'label=' + label,
                            'tokens=%d' % tokens, 'steps=%d' % steps, 'temperature=%g' % temperature, 'guidance=%g' % guidance,
                            'seed=%d' % seed, 'num-buffers=%d' % count, '!', 'alitradec', 'model=' + a.model, '!', 'videoconvert', '!',
                            'video/x-raw,format=RGB', '!', 'filesink', 'location=' + raw], env=env, stdout=subprocess.DEVNULL, check=True)
            out.append(np.fromfile(raw, np.uint8).reshape(count, SIZE, SIZE, 3))
    return np.concatenate(out)


def load(path):
    checkpoint = torch.load(path, map_location='cpu')
    model = Generator(labels=len(checkpoint['labels']), **checkpoint['settings'])
    model.load_state_dict(checkpoint['model'])
    return model.eval(), checkpoint


def pictures_of(root, split, take=None):
    _, paths, labels = labelled.pictures(root, split)
    take = range(len(paths)) if take is None else take
    return np.stack([labelled.variant(paths[i], 0, i) for i in take]), labels[list(take)]


class Comparison:
    def __init__(self, a):
        self.options = a
        self.vectors, self.codes = TokenVectors(a.model), Codes(a.model)
        self.val, self.labels = pictures_of(a.root, 'val')
        self.told = np.random.default_rng(4).permutation(len(self.val))[:a.pictures]
        some = np.random.default_rng(2).choice(len(labelled.pictures(a.root, 'train')[1]), FITTED_ON, replace=False)
        self.fitting, _ = pictures_of(a.root, 'train', some)
        self.net = Net()
        self.net.load_state_dict(torch.load(os.path.join(a.runs, 'features.pt'), map_location='cpu')['net'])
        self.real = self.real_moments()
        self.realfd = self.distance(self.val)
        self.samples = {}

    def real_moments(self):
        """Of the features of all training pictures; kept in RUNS."""
        path = os.path.join(self.options.runs, 'real.npz')
        if not os.path.exists(path):
            mean, covariance = moments(features_of(self.net, pictures_of(self.options.root, 'train')[0]))
            np.savez(path, mean=mean, covariance=covariance)
        with np.load(path) as f:
            return f['mean'], f['covariance']

    def distance(self, pictures):
        return frechet(self.real, moments(features_of(self.net, pictures)))

    def line(self, allocation, tokens, seed, path):
        a = self.options
        (model, checkpoint), cache = load(path), find_caches(a.cache, 'val', allocation, (tokens,))
        cells = Allocations(cache[0, tokens], tokens, self.codes)
        cells.ids, cells.depth = cells.ids[self.told], cells.depth[self.told]
        depths, said = measure(model, cells, self.labels[self.told], self.vectors, self.codes, len(cells))
        if allocation == 'uniform':         # known from the number of tokens
            depths = 0 * depths
        if (allocation, tokens) not in self.samples:
            bits, psnr, pictures = sample_bits(a, self.val, self.fitting, allocation, tokens)
            self.samples[allocation, tokens] = bits.mean(), psnr.mean(), self.distance(pictures)
        bits, psnr, rebuiltfd = self.samples[allocation, tokens]
        with tempfile.NamedTemporaryFile(suffix='.safetensors') as file:
            export(model, checkpoint['labels'], (min(checkpoint['budgets']), max(checkpoint['budgets'])), file.name, a.model, 'compared')
            made = generate(a, file.name, checkpoint['labels'], tokens, a.count, a.steps)
        nats = np.log(2)
        return (allocation, tokens, seed, '%.3f' % psnr, '%.1f' % ((depths + said).mean() / nats), '%.1f' % (depths.mean() / nats),
                '%.1f' % raw_bits(cells, self.codes).mean(), '%.0f' % (bits + (depths + said).mean() / nats), '%.3f' % rebuiltfd,
                '%.3f' % self.distance(made), '%.3f' % self.realfd)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('runs')
    ap.add_argument('table')
    ap.add_argument('--model', required=True)
    ap.add_argument('--build', required=True, help='the folder that meson built in')
    ap.add_argument('--budgets', type=int, nargs='*', default=(64, 32))
    ap.add_argument('--allocations', nargs='*', default=('learned', 'uniform'))
    ap.add_argument('--pictures', type=int, default=1000, help='val pictures whose tokens are told')
    ap.add_argument('--count', type=int, default=100, help='pictures of each class that are made')
    ap.add_argument('--steps', type=int, default=4)
    a = ap.parse_args()
    torch.set_num_threads(1)
    done = []
    if os.path.exists(a.table):
        with open(a.table) as f:
            done = [(r['allocation'], r['tokens'], r['seed']) for r in csv.DictReader(f)]
    comparison = None
    for tokens in a.budgets:
        for path in sorted(glob.glob(os.path.join(a.runs, 'gen-*-*.pt')), key=lambda p: p.split('-')[-1]):
            allocation, seed = re.search(r'gen-([a-z]+)-(\d+)\.pt$', path).groups()
            if (allocation, str(tokens), seed) in done or allocation not in a.allocations:
                continue
            comparison = comparison or Comparison(a)
            line = comparison.line(allocation, tokens, seed, path)
            new = not os.path.exists(a.table)
            with open(a.table, 'a') as f:
                f.write((','.join(COLUMNS) + '\n' if new else '') + ','.join(map(str, line)) + '\n')
            print(dict(zip(COLUMNS, line)), flush=True)


if __name__ == '__main__':
    main()
