#!/usr/bin/env python3
"""Golden vectors for the generator in C:

    golden_generator.py ../tests/check/golden

A small generator with drawn weights for the small model that golden_allocator.py wrote there, and what PyTorch makes of a
picture of which some cells are known.  generator.bin, little endian, for levels 2, 1, 0: i32 label (-1: any), u32 budget; i8
depth of each of the 84 cells (-1: unknown) and for known ones the tokens, u16 each; for each cell of the level f32 scores of
depths; u32 count of questions, for each u32 cell, turn, depth, the tokens before it, u16 each, and f32 scores of all ids."""
import argparse
import os
import struct

import numpy as np
import torch

from alitra.classifier import TokenVectors
from alitra.generator import CELLS, COUNT, START, Codes, Generator, budget_numbers, level_of_cells
from alitra.model import LEVELS
from export_generator import export

LABELS = ['apple', 'boat', 'chair', 'dog', 'egg']
TOKENS = (24, 90)
CASES = ((3, 40), (-1, 90), (1, 24))        # label and budget, for levels 2, 1, 0
QUESTIONS = 6


def draw_model(codes, vectors):
    model = Generator(codes.depth, codes.count, codes.narrow, vectors=vectors, dim=24, heads=3, layers=2, hidden=40, features=9, head=20,
                      labels=len(LABELS))
    with torch.no_grad():
        for p in model.parameters():
            p.add_(.15 * torch.randn_like(p))
        model.spread.copy_(torch.rand_like(model.spread) + .5)
        folded = {k: v.half().float() for k, v in model.folded().items()}
        model.spread.fill_(1)
        model.load_state_dict(dict(folded, spread=model.spread))
    return model.eval()


def draw_tokens(level, depth, codes):
    return [int(i) for i in torch.randint(0, codes.count[level], (depth,))]


def vector_sum(tokens, level, vectors):
    n = len(tokens)
    rows = vectors.row(np.full(n, level), np.arange(n), np.array(tokens, np.int64))
    return vectors.table[torch.from_numpy(rows).long()].sum(0)


def one_case(level, label, budget, model, vectors, codes):
    n, levels = START[level] + COUNT[level], level_of_cells().tolist()
    depth, tokens, sums = torch.full((CELLS,), -1), {}, torch.zeros(n, vectors.size)
    for cell in range(n):
        if cell < START[level] or torch.rand(()) < .5:
            depth[cell] = int(torch.randint(0, min(3, codes.depth[levels[cell]] + 1), ()))
            tokens[cell] = draw_tokens(levels[cell], int(depth[cell]), codes)
            sums[cell] = vector_sum(tokens[cell], levels[cell], vectors)
    left = budget - int(depth.clamp(min=0).sum())
    numbers = budget_numbers(torch.tensor([budget]), torch.tensor([left]))
    row = torch.tensor([label if label >= 0 else len(LABELS)])
    said = model.look(sums[None], depth[None, :n], row, numbers, level)[0, START[level]:]
    data = struct.pack('<iI', label, budget) + depth.to(torch.int8).numpy().tobytes()
    data += b''.join(np.array(tokens[c], '<u2').tobytes() for c in sorted(tokens))
    data += model.depth_scores(said, level).numpy().astype('<f4').tobytes() + struct.pack('<I', QUESTIONS)
    unknown = [c for c in range(START[level], n) if depth[c] < 0]
    for k in range(QUESTIONS):
        cell = unknown[k % len(unknown)]
        whole = int(torch.randint(1, codes.depth[level] + 1, ()))
        turn = int(torch.randint(0, whole, ()))
        held = draw_tokens(level, turn, codes)
        question = model.questions(said[cell - START[level]][None], vector_sum(held, level, vectors)[None], torch.tensor([turn]),
                                   torch.tensor([whole]), level)
        scores = model.scores(question, codes.vectors[level][turn], level, turn, torch.tensor([True]))[0]
        data += struct.pack('<III', cell, turn, whole) + np.array(held, '<u2').tobytes() + scores.numpy().astype('<f4').tobytes()
    return data


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('folder')
    a = ap.parse_args()
    base = os.path.join(a.folder, 'allocator.safetensors')
    vectors, codes = TokenVectors(base), Codes(base)
    torch.manual_seed(9)
    model = draw_model(codes, vectors.size)
    export(model, LABELS, TOKENS, os.path.join(a.folder, 'generator.safetensors'), base, 'alitra-generate-test')
    with torch.no_grad():
        data = b''.join(one_case(level, *CASES[i], model, vectors, codes) for i, level in enumerate(reversed(range(LEVELS))))
    with open(os.path.join(a.folder, 'generator.bin'), 'wb') as f:
        f.write(data)
    print('%d bytes' % len(data))


if __name__ == '__main__':
    main()
