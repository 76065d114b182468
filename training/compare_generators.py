#!/usr/bin/env python3
"""Adaptive against uniform tokens for generation, at the same number of tokens: one line of a table for each allocation, number of
tokens and seed of the training.

    compare_generators.py ROOT CACHE RUNS ../docs/generation.csv --model alitra-base.safetensors --build ../build

RUNS holds RUNS/gen-ALLOCATION-SEED.pt of train_generator.py and RUNS/features.pt of train_features.py.  Columns:

psnr            of val pictures that were tokenised and rebuilt, luma, mean of pictures
tokenbits       bits of the tokens of a val picture under the generator, all in all (measure_generator.py)
depthbits       of them, for depths
rawbits         of the ids alone, if all were as likely
normalbits      bits of a val picture itself: tokenbits, and what its samples (I420, 8 bits) take when each is told by a normal
                distribution around the rebuilt picture (alitra/samples.py), fitted to training pictures of the same allocation
laplacebits     the same with a Laplace distribution
localbits       the same with a Laplace distribution that is wider where the rebuilt picture is busy
rebuiltfd       Fréchet distance between training pictures and rebuilt val pictures
fd              between training pictures and pictures that the generator made, as many of each class, at temperature 1
realfd          between training pictures and val pictures as they are

Lines that are there are not made again, with --bits all but their distances, with --samples only what their samples take."""
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
from alitra.samples import sample_bits
from export_generator import export
from measure_generator import measure, raw_bits
from train_classifier import find_caches

SIZE = labelled.SIZE
COLUMNS = ('allocation', 'tokens', 'seed', 'psnr', 'tokenbits', 'depthbits', 'rawbits', 'normalbits', 'laplacebits', 'localbits',
           'rebuiltfd', 'fd', 'realfd')
ALLOCATIONS = 'learned', 'uniform'
FITTED_ON = 300     # training pictures, for the widths of distributions


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


def measure_samples(a, val, train, allocation, tokens):
    """-> {column: mean bits of the samples of a val picture}, luma PSNR, rebuilt pictures as RGB."""
    planes, source = rebuilt(a, val, allocation, tokens), to_i420(val)
    bits = sample_bits(source, planes, to_i420(train), rebuilt(a, train, allocation, tokens))
    mse = ((source[0] - planes[0]) ** 2).mean((1, 2))
    return {name + 'bits': b.mean() for name, b in bits.items()}, (10 * np.log10(255 ** 2 / mse)).mean(), to_rgb(planes)


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

    def samples_of(self, allocation, tokens):
        if (allocation, tokens) not in self.samples:
            self.samples[allocation, tokens] = measure_samples(self.options, self.val, self.fitting, allocation, tokens)
        return self.samples[allocation, tokens]

    def picture_bits(self, allocation, tokens, token_bits):
        """-> columns of bits of tokens and samples together."""
        return {column: '%.0f' % (bits + token_bits) for column, bits in self.samples_of(allocation, tokens)[0].items()}

    def bits(self, allocation, tokens, path):
        """-> columns of bits, and what else is known of rebuilt pictures."""
        (model, _), cache = load(path), find_caches(self.options.cache, 'val', allocation, (tokens,))
        cells = Allocations(cache[0, tokens], tokens, self.codes)
        cells.ids, cells.depth = cells.ids[self.told], cells.depth[self.told]
        depths, said = measure(model, cells, self.labels[self.told], self.vectors, self.codes, len(cells))
        if allocation == 'uniform':         # known from the number of tokens
            depths = 0 * depths
        _, psnr, pictures = self.samples_of(allocation, tokens)
        whole, depths = (depths + said).mean() / np.log(2), depths.mean() / np.log(2)
        return {'psnr': '%.3f' % psnr, 'tokenbits': '%.1f' % whole, 'depthbits': '%.1f' % depths,
                'rawbits': '%.1f' % raw_bits(cells, self.codes).mean(),
                **self.picture_bits(allocation, tokens, whole)}, pictures

    def distances(self, tokens, path, pictures):
        model, checkpoint = load(path)
        a, budgets = self.options, checkpoint['budgets']
        with tempfile.NamedTemporaryFile(suffix='.safetensors') as file:
            export(model, checkpoint['labels'], (min(budgets), max(budgets)), file.name, a.model, 'compared')
            made = generate(a, file.name, checkpoint['labels'], tokens, a.count, a.steps)
        return {'rebuiltfd': '%.3f' % self.distance(pictures), 'fd': '%.3f' % self.distance(made),
                'realfd': '%.3f' % self.distance(self.val)}


def read_table(path):
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        return {(r['allocation'], int(r['tokens']), int(r['seed'])): r for r in csv.DictReader(f)}


def write_table(path, lines):
    with open(path, 'w') as f:
        table = csv.DictWriter(f, COLUMNS, extrasaction='ignore', lineterminator='\n')
        table.writeheader()
        table.writerows(line for _, line in sorted(lines.items(), key=lambda x: (x[0][1], x[0])))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('runs')
    ap.add_argument('table')
    ap.add_argument('--model', required=True)
    ap.add_argument('--build', required=True, help='the folder that meson built in')
    ap.add_argument('--budgets', type=int, nargs='*', default=(64, 32))
    ap.add_argument('--allocations', nargs='*', default=ALLOCATIONS)
    ap.add_argument('--pictures', type=int, default=1000, help='val pictures whose tokens are told')
    ap.add_argument('--count', type=int, default=100, help='pictures of each class that are made')
    ap.add_argument('--steps', type=int, default=4)
    ap.add_argument('--bits', action='store_true', help='only bits, and only those of lines that are there')
    ap.add_argument('--samples', action='store_true', help='only bits of samples, likewise')
    a = ap.parse_args()
    torch.set_num_threads(1)
    lines, comparison = read_table(a.table), None
    for tokens in a.budgets:
        for path in sorted(glob.glob(os.path.join(a.runs, 'gen-*-*.pt')), key=lambda p: p.split('-')[-1]):
            allocation, seed = re.search(r'gen-([a-z]+)-(\d+)\.pt$', path).groups()
            key = allocation, tokens, int(seed)
            if (key in lines) != (a.bits or a.samples) or allocation not in a.allocations:
                continue
            comparison = comparison or Comparison(a)
            if a.samples:
                lines[key].update(comparison.picture_bits(allocation, tokens, float(lines[key]['tokenbits'])))
            else:
                bits, pictures = comparison.bits(allocation, tokens, path)
                line = dict(zip(COLUMNS, key), **bits)
                lines[key] = {**lines[key], **line} if a.bits else {**line, **comparison.distances(tokens, path, pictures)}
            write_table(a.table, lines)
            print(lines[key], flush=True)


if __name__ == '__main__':
    main()
