#!/usr/bin/env python3
"""Golden vectors for the transformer in C:

    golden_classifier.py ../tests/check/golden

A small transformer with drawn weights for the small model that golden_allocator.py wrote there, and what PyTorch makes
of drawn inputs.  transformer.bin, little endian: u32 sequences, labels; u32 inputs of each sequence; for each input u8
level, u8 depth, f32 x, y; what the cells look like as f32; f32 scores of each sequence."""
import argparse
import os
import struct

import numpy as np
import torch

from alitra.classifier import Classifier, TokenVectors
from export_classifier import export

LENGTHS = (1, 7, 130, 20)   # one of them longer than a tile of the C library
LABELS = ['apple', 'boat', 'chair', 'dog', 'egg', 'fire', 'grass']


def draw_model(vectors):
    model = Classifier(vectors=vectors, dim=40, heads=5, layers=2, hidden=72, labels=len(LABELS))
    with torch.no_grad():
        for p in model.parameters():
            p.add_(.1 * torch.randn_like(p))
        model.head.weight.mul_(4)
        model.spread.copy_(torch.rand_like(model.spread) + .5)
        folded = {k: v.half().float() for k, v in model.folded().items()}
        model.spread.fill_(1)
        model.load_state_dict(dict(folded, spread=model.spread))
    return model.eval()


def sequence(n, vectors):
    """Coarse cells first, as the memory lists them."""
    level = torch.randint(0, 3, (n,)).sort(descending=True).values
    return torch.randn(n, vectors), level, torch.rand(n, 2), torch.randint(0, 13, (n,))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('folder')
    a = ap.parse_args()
    base = os.path.join(a.folder, 'allocator.safetensors')
    vectors = TokenVectors(base).size
    torch.manual_seed(6)
    model = draw_model(vectors)
    export(model, LABELS, os.path.join(a.folder, 'transformer.safetensors'), base, 'alitra-classify-test')
    sequences = [sequence(n, vectors) for n in LENGTHS]
    with torch.no_grad():
        scores = torch.cat([model(*[t[None] for t in s], torch.ones(1, len(s[0]), dtype=torch.bool)) for s in sequences])
    cells = b''.join(struct.pack('<BBff', level, depth, *place) for _, levels, places, depths in sequences
                     for level, depth, place in zip(levels.tolist(), depths.tolist(), places.tolist()))
    looks = torch.cat([s[0] for s in sequences])
    data = struct.pack('<%dI' % (2 + len(LENGTHS)), len(LENGTHS), len(LABELS), *LENGTHS) + cells
    data += looks.numpy().astype('<f4').tobytes() + scores.numpy().astype('<f4').tobytes()
    with open(os.path.join(a.folder, 'transformer.bin'), 'wb') as f:
        f.write(data)
    print(np.round(scores.numpy(), 3))


if __name__ == '__main__':
    main()
