#!/usr/bin/env python3
"""A sheet of what a generator makes, a row for each class, as a picture:

    sheet_generation.py ../models/alitra-generate.safetensors ../docs/generated.png --model ../models/alitra-base.safetensors \\
        --build ../build [--features features.pt]

With the network of train_features.py it also says how many of 30 more pictures of each class that names rightly."""
import argparse

import numpy as np
import torch
from PIL import Image

from alitra.classifier import read_safetensors
from alitra.features import Net, accuracy
from compare_generators import generate


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('generator')
    ap.add_argument('out')
    ap.add_argument('--model', required=True)
    ap.add_argument('--build', required=True)
    ap.add_argument('--features', help='checkpoint of train_features.py')
    ap.add_argument('--columns', type=int, default=8)
    ap.add_argument('--tokens', type=int, default=64)
    ap.add_argument('--steps', type=int, default=16)
    ap.add_argument('--temperature', type=float, default=.8)
    ap.add_argument('--guidance', type=float, default=2.)
    a = ap.parse_args()
    labels = read_safetensors(a.generator)[1]['labels']
    made = generate(a, a.generator, labels, a.tokens, a.columns, a.steps, a.temperature, a.guidance)
    rows = made.reshape(len(labels), a.columns, *made.shape[1:])
    sheet = np.concatenate([np.concatenate(list(row), 1) for row in rows])
    Image.fromarray(sheet).resize((sheet.shape[1] // 2, sheet.shape[0] // 2), Image.LANCZOS).save(a.out)
    if a.features:
        net = Net(len(labels))
        net.load_state_dict(torch.load(a.features, map_location='cpu')['net'])
        more = generate(a, a.generator, labels, a.tokens, 30, a.steps, a.temperature, a.guidance, seed=1000)
        print('named rightly: %.2f' % accuracy(net, more, np.repeat(np.arange(len(labels)), 30)))
    print('\n'.join('row %d: %s' % (i + 1, label) for i, label in enumerate(labels)))


if __name__ == '__main__':
    main()
