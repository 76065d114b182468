#!/usr/bin/env python3
"""Checkpoint of train_generator.py -> model file of the C library:

    export_generator.py gen.pt ../models/alitra-generate.safetensors --model ../models/alitra-base.safetensors

Everything goes in as half floats.  The file names the model whose tokens it makes by the start of its SHA-256.

In place of a checkpoint a file that this wrote before may be given, with --old, the model that it was made for: it is bound
to another model, which must have as many codes of as many numbers.  What each token has of its own follows the code that
is nearest in the old model, so codes may have changed places."""
import argparse
import json

import numpy as np
import torch

from alitra.classifier import read_safetensors
from alitra.generator import SIZE, Generator
from alitra.model import LEVELS
from export import save
from export_classifier import number_of

FORMAT = 1


def write(tensors, settings, path):
    bad = [k for k, v in tensors.items() if not np.isfinite(v.astype('<f2')).all()]
    if bad:
        raise SystemExit('%s cannot be written as half floats' % ', '.join(bad))
    save(path, {k: v.astype('<f2') for k, v in tensors.items()}, {'format': 'pt', 'alitra': json.dumps(settings)})


def export(model, labels, tokens, path, base, name):
    settings = dict(model.settings, format=FORMAT, name=name, model=number_of(base), size=SIZE, tokens=list(tokens), labels=labels)
    write({k: v.numpy() for k, v in model.folded().items()}, settings, path)


def vectors(tensors, level, turn):
    step = 'levels.%d.steps.%d.' % (level, turn)
    return torch.from_numpy(tensors[step + 'codes'] @ tensors[step + 'back'].T)


def bind(path, out, old, base):
    tensors, settings = read_safetensors(path)
    (before, was), (after, now) = read_safetensors(old), read_safetensors(base)
    for key in ('dim', 'narrow', 'depth', 'codes'):
        if was[key] != now[key]:
            raise SystemExit('%s has %s %s, %s has %s: train a generator for it' % (old, key, was[key], base, now[key]))
    if settings['model'] != number_of(old):
        raise SystemExit('%s was made for the model %s, %s is %s' % (path, settings['model'], old, number_of(old)))
    moved = 0
    for level in range(LEVELS):
        for turn in range(now['depth'][level]):
            a, b = vectors(before, level, turn), vectors(after, level, turn)
            nearest = torch.cdist(b, a).argmin(1).numpy()
            moved += (nearest != np.arange(len(nearest))).sum()
            own = tensors['own.%d' % level]
            own[turn] = own[turn][nearest]
    settings['model'] = number_of(base)
    write(tensors, settings, out)
    print('%d codes are at another place' % moved)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('checkpoint')
    ap.add_argument('out')
    ap.add_argument('--model', required=True, help='the weights that the tokens were made with')
    ap.add_argument('--old', help='for a file: the weights that it was made for')
    ap.add_argument('--name', default='alitra-generate-1')
    a = ap.parse_args()
    if a.checkpoint.endswith('.safetensors'):
        if not a.old:
            ap.error('--old is needed to bind a file to another model')
        bind(a.checkpoint, a.out, a.old, a.model)
        return
    checkpoint = torch.load(a.checkpoint, map_location='cpu')
    model = Generator(labels=len(checkpoint['labels']), **checkpoint['settings'])
    model.load_state_dict(checkpoint['model'])
    budgets = checkpoint['budgets']
    export(model, checkpoint['labels'], (min(budgets), max(budgets)), a.out, a.model, a.name)


if __name__ == '__main__':
    main()
