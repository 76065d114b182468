#!/usr/bin/env python3
"""Operations of a model, from the shapes in its file:  count.py MODEL.safetensors

A multiplication and an addition count as two.  For a 16x16 patch of the picture, all levels together, every cell active."""
import json
import struct
import sys

PANEL = 32          # codes of a panel, see alitra/cluster.py
# Filter of the picture that is shown, see alitra/bilateral.py: samples of a patch and samples that each looks at, for luma and
# chroma; operations for each of these, and at last.
FILTER = ((256, 8), (128, 16))
OF_TAP, AT_LAST = 9, 3


def shapes(path):
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
    settings = json.loads(header.pop('__metadata__')['alitra'])
    return settings, {name: tensor['shape'] for name, tensor in header.items()}


def product(shape):
    return 2 * shape[0] * shape[1]


def search_of(settings, shape, level):
    """Centres of all panels, then the codes of some of them."""
    step = 'levels.%d.steps.0.' % level
    codes, centres = shape[step + 'codes'], shape.get(step + 'centres')
    probes = settings.get('probes', [0] * 3)[level]
    if not centres or probes >= centres[0]:
        return product(codes)
    return product(centres) + product((probes * PANEL, codes[1]))


def main():
    settings, shape = shapes(sys.argv[1])
    share = [1., 1 / 4, 1 / 16]         # cells of a level for each patch
    analysis, synthesis, token = [], [], []
    for i in range(len(share)):
        name = 'levels.%d.' % i
        analysis.append(product(shape[name + 'embed.weight']))
        mix = sum(product(shape[n]) for n in shape if n.startswith(name + 'synthesis.') and n.endswith('.weight'))
        spread = sum(product(shape[n]) for n in shape if n.startswith(name + 'synthesis.') and n.endswith('.spread'))
        synthesis.append(mix + spread + product(shape[name + 'paint.weight']))
        step = name + 'steps.0.'
        gates = sum(product((s[0], s[1] * 9)) for n, s in shape.items()
                    if n in ('allocator.grids.%d.own' % i, 'allocator.grids.%d.state' % i))
        token.append((product(shape[step + 'into']) + product(shape[step + 'back']) + search_of(settings, shape, i), gates))
    whole = lambda per_cell, first=0: sum(s * p for s, p in list(zip(share, per_cell))[first:])
    print('analysis             %.3f MFLOP a patch' % (whole(analysis) * 1e-6))
    print('coarse synthesis     %.3f MFLOP a patch, in the encoder' % (whole(synthesis, 1) * 1e-6))
    print('encoder, no token    %.3f MFLOP a patch' % ((whole(analysis) + whole(synthesis, 1)) * 1e-6))
    for i, (search, gates) in enumerate(token):
        print('a token of level %d   %.3f MFLOP: search %.3f, allocator %.3f' % (
            i, (search + gates) * 1e-6, search * 1e-6, gates * 1e-6))
    shown = sum(samples * (taps * OF_TAP + AT_LAST) for samples, taps in FILTER)
    print('decoder              %.3f MFLOP a patch: synthesis %.3f, bilateral filter %.3f' % (
        (whole(synthesis) + shown) * 1e-6, whole(synthesis) * 1e-6, shown * 1e-6))


if __name__ == '__main__':
    main()
