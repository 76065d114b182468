#!/usr/bin/env python3
"""Checkpoint -> model file of the C library:

    export.py tok.pt ../models/alitra-base.safetensors [--allocator alloc.pt] [--extra settings.json]

Tensors go in as half floats under their names in the state dict; those of the allocator, which are small, as floats
under "allocator.".  The codes of each step are brought into panels of similar codes, whose centres go in as "centres":
ids count in that order.  The settings (sizes, gains, and all of --extra) are one JSON object in the metadata under
"alitra"."""
import argparse
import json
import os
import struct
import sys

import numpy as np
import torch

from alitra.cluster import PROBES, panels_of
from alitra.model import LEVEL_PRICE, LEVELS, MARGIN, SCALE, sizes_of
from alitra.pictures import CELL, CHROMA_GAIN

FORMAT = 1


def settings_of(state, name):
    return dict(sizes_of(state), format=FORMAT, name=name, cell=CELL, margin=MARGIN, scale=SCALE,
                chroma_gain=list(CHROMA_GAIN), **LEVEL_PRICE)


def save(path, tensors, metadata):
    """A .safetensors file, tensors in the order of their names, numbers aligned to 64 bytes."""
    header, begin, chunks = {'__metadata__': metadata}, 0, []
    for name in sorted(tensors):
        a = np.ascontiguousarray(tensors[name])
        header[name] = {'dtype': {'float16': 'F16', 'float32': 'F32'}[a.dtype.name], 'shape': list(a.shape),
                        'data_offsets': [begin, begin + a.nbytes]}
        begin += a.nbytes
        chunks.append(a.astype(a.dtype.newbyteorder('<')).tobytes())
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-(len(text) + 8) % 64)
    with open(path + '.tmp', 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text)
        for chunk in chunks:
            f.write(chunk)
    os.replace(path + '.tmp', path)


def sort_codes(state, say):
    """The state with the codes of each step in panels, and the centres of these."""
    state = dict(state)
    names = sorted(k for k in state if k.startswith('levels.') and k.endswith('.codes'))
    for i, name in enumerate(names):
        codes = state[name].detach().half()
        order, centres = panels_of(codes.float())
        state[name] = codes[order]
        state[name[:-len('codes')] + 'centres'] = centres
        say('panels of step %d of %d' % (i + 1, len(names)))
    return state


def export(state, path, name='alitra-base-3', allocator=None, extra=None, probes=PROBES, say=lambda text: None):
    """probes: how many panels of a step the encoder looks into, one number for each level, finest first, or for all."""
    probes = [probes] * LEVELS if isinstance(probes, int) else list(probes)
    tensors = {k: v.detach().half().numpy() for k, v in sort_codes(state, say).items()}
    for k, v in (allocator or {}).items():
        tensors['allocator.' + k] = v.detach().float().numpy()
    for k, a in tensors.items():
        if not np.isfinite(a).all():
            raise SystemExit('%s holds numbers that are not finite as %s' % (k, a.dtype))
    settings = dict(settings_of(state, name), probes=probes, **(extra or {}))
    save(path, tensors, {'format': 'pt', 'alitra': json.dumps(settings)})


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('checkpoint')
    ap.add_argument('out')
    ap.add_argument('--name', default='alitra-base-3', help='identity in caps; raise the number when ids change meaning')
    ap.add_argument('--allocator', help='checkpoint of the allocator')
    ap.add_argument('--extra', help='JSON file with more settings')
    ap.add_argument('--probes', type=int, default=PROBES, help='panels of codes that the encoder looks into')
    a = ap.parse_args()
    allocator = torch.load(a.allocator, map_location='cpu')['allocator'] if a.allocator else None
    extra = json.load(open(a.extra)) if a.extra else None
    export(torch.load(a.checkpoint, map_location='cpu')['model'], a.out, a.name, allocator, extra, a.probes,
           say=lambda text: print('\r' + text, end='', file=sys.stderr, flush=True))
    print(file=sys.stderr)


if __name__ == '__main__':
    main()
