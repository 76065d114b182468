#!/usr/bin/env python3
"""Fits the numbers that the contexts of the token stream start from (docs/token-stream.md, section 4) to real
streams, and says how many bytes that saves.  The numbers belong to the format: once version 2 is out they stay.

usage: tune_contexts.py CODES0 CODES1 CODES2 FLAT_COARSE FLAT_FINE SMOOTH MODEL STREAM..."""
import collections
import math
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / 'tests' / 'check'))
import read_tokens  # noqa: E402

PRIOR = 4               # bits of evidence that the numbers as they are count for


def parts(name):
    """The numbers that a context's start is the sum of."""
    kind = name[0]
    if kind == 'keep':
        return [('keep', name[1], name[2]), ('keep q', name[3])]
    if kind == 'more':
        return [('more',) + name[1:4], ('more a', name[1], name[4]), ('more b', name[1], name[5])]
    return [name]


def current():
    r = read_tokens
    numbers = {('more_flat',): r.MORE_FLAT, ('flat', 0): r.FLAT[0], ('flat', 1): r.FLAT[1]}
    for level in range(3):
        numbers.update({('changed', level, n, p): v for p, row in enumerate(r.CHANGED[level])
                        for n, v in enumerate(row)})
        numbers.update({('keep', level, k): v for k, v in enumerate(r.KEEP[level])})
        numbers.update({('more', level, mode, t): v for mode, row in enumerate(r.MORE[level])
                        for t, v in enumerate(row)})
    numbers.update({('smooth', level, n): v for level, row in r.SMOOTH.items() for n, v in enumerate(row)})
    numbers.update({('keep q', i): v for i, v in enumerate(r.KEEP_Q)})
    for kind, values in ('more a', r.MORE_A), ('more b', r.MORE_B):
        numbers.update({(kind, level, i): v for level in values for i, v in enumerate(values[level])})
    return numbers


class Recorder(read_tokens.RangeDecoder):
    runs = []           # of each chunk, the contexts and bits in order

    def __init__(self, payload):
        super().__init__(payload)
        self.runs.append([])

    def bit(self, name, start):
        one = super().bit(name, start)
        self.runs[-1].append((name, one))
        return one


def cost(numbers, runs):
    """Bits of all binary decisions, learning as the coder does."""
    bits = 0.
    for run in runs:
        contexts = {}
        for name, one in run:
            if name not in contexts:
                start = max(-48, min(48, sum(numbers[part] for part in parts(name))))
                contexts[name] = [65536 / (1 + math.exp(-start / 8))] * 2
            context = contexts[name]
            p = sum(context) / 2 / 65536
            bits -= math.log2(p if one else 1 - p)
            for i, rate in enumerate((16, 128)):
                context[i] += ((65536 if one else 0) - context[i]) / rate
    return bits


def fit(numbers, runs):
    """Logistic regression on the parts, drawn towards the numbers as they are."""
    names = sorted(numbers, key=str)
    index = {name: i for i, name in enumerate(names)}
    counts = collections.Counter(item for run in runs for item in run)
    contexts = sorted({name for name, _ in counts}, key=str)
    a = numpy.zeros((len(contexts), len(names)))
    n = numpy.zeros((len(contexts), 2))
    for row, context in enumerate(contexts):
        for part in parts(context):
            a[row, index[part]] += 1
        n[row] = counts[context, False], counts[context, True]
    start = numpy.array([numbers[name] for name in names]) / 8
    x = start.copy()
    for _ in range(50):
        p = 1 / (1 + numpy.exp(-numpy.clip(a @ x, -6, 6)))
        gradient = a.T @ (n[:, 1] - n.sum(1) * p) - PRIOR * (x - start)
        curvature = (a.T * (n.sum(1) * p * (1 - p))) @ a + PRIOR * numpy.eye(len(x))
        x += numpy.clip(numpy.linalg.solve(curvature, gradient), -0.5, 0.5)
    return {name: int(max(-48, min(48, round(8 * v)))) for name, v in zip(names, x)}


def main():
    vocabulary = [int(x) for x in sys.argv[1:7]]
    read_tokens.RangeDecoder = Recorder
    size = 0
    tables = read_tokens.read_tables(sys.argv[7])
    for path in sys.argv[8:]:
        data = pathlib.Path(path).read_bytes()
        stream = read_tokens.Stream(vocabulary[:3], *vocabulary[3:], tables)
        at = 0
        while at < len(data):
            header = read_tokens.Header(data, at)
            stream.read(header)
            at = header.at
        size += len(data)
    runs = Recorder.runs
    half = runs[::2], runs[1::2]
    before, numbers = current(), fit(current(), runs)
    print('%d bytes, of them %.0f for %d binary decisions' % (size, cost(before, runs) / 8, sum(map(len, runs))))
    print('fitted to one half of the chunks, the other takes %.0f bytes instead of %.0f' % (
        cost(fit(before, half[0]), half[1]) / 8, cost(before, half[1]) / 8))
    print('fitted to all: %.0f bytes' % (cost(numbers, runs) / 8))
    for name in sorted(numbers, key=str):
        print('%-24s %4d  (was %d)' % (' '.join(map(str, name)), numbers[name], before[name]))


main()
