#!/usr/bin/env python3
"""Checkpoint of train_classifier.py -> model file of the C library:

    export_classifier.py cls.pt ../models/alitra-classify.safetensors --model ../models/alitra-base.safetensors

Everything goes in as half floats.  The file names the model whose tokens it reads by the start of its SHA-256.

In place of a checkpoint a file that this wrote before may be given: it is bound to another model.  That is right after
the tokenizer was trained on from where it was (the vectors of its tokens keep their meaning then; measure_classifier.py
tells); for one trained from the beginning, train with make_classifier.sh."""
import argparse
import hashlib
import json

import torch

from alitra.classifier import WAVES, Classifier, read_safetensors
from alitra.looks import Looks
from export import save

FORMAT = 2


def number_of(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()[:8]


def look_tensors(base):
    """The matrices of looks.py."""
    looks = Looks(read_safetensors(base)[0])
    return {'%s.%d' % (name, i): m for name, part in (('own', looks.own), ('quarters', looks.quarters))
            for i, m in enumerate(part)}


def export(model, labels, path, base, name, halves=True):
    state = dict(model.folded(), **look_tensors(base))
    tensors = {k: (v.half() if halves else v).numpy() for k, v in state.items()}
    bad = [k for k, v in state.items() if not torch.isfinite(v.half() if halves else v).all()]
    if bad:
        raise SystemExit('%s cannot be written as half floats' % ', '.join(bad))
    settings = dict(model.settings, format=FORMAT, name=name, model=number_of(base), waves=WAVES, labels=labels)
    save(path, tensors, {'format': 'pt', 'alitra': json.dumps(settings)})


def bind(path, out, base):
    """The same weights for the tokens of another model, whose vectors must be as long."""
    tensors, settings = read_safetensors(path)
    vectors = read_safetensors(base)[1]['dim']
    if settings.get('vectors') != vectors:
        raise SystemExit('%s reads vectors of %s numbers, those of %s have %d' % (path, settings.get('vectors'), base, vectors))
    settings['model'] = number_of(base)
    tensors.update({k: v.numpy() for k, v in look_tensors(base).items()})
    save(out, {k: v.astype('<f2') for k, v in tensors.items()}, {'format': 'pt', 'alitra': json.dumps(settings)})


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('checkpoint')
    ap.add_argument('out')
    ap.add_argument('--model', required=True, help='the weights that the tokens were made with')
    ap.add_argument('--name', default='alitra-classify-3')
    a = ap.parse_args()
    if a.checkpoint.endswith('.safetensors'):
        bind(a.checkpoint, a.out, a.model)
        return
    checkpoint = torch.load(a.checkpoint, map_location='cpu')
    model = Classifier(labels=len(checkpoint['labels']), **checkpoint['settings'])
    model.load_state_dict(checkpoint['model'])
    export(model, checkpoint['labels'], a.out, a.model, a.name)


if __name__ == '__main__':
    main()
