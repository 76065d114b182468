#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second reader of token packets, written from docs/token-stream.md alone: it shares no line with the library, so
that the specification and the library check each other.

usage: read_tokens.py STREAM CODES0 CODES1 CODES2 FLAT_COARSE FLAT_FINE SMOOTH [MODEL]
MODEL: the model file, if it has tables of how likely ids are. Reads a byte stream of whole packets and fails unless all of it fits, the checksums of the memory included. Says how many
packets, bytes and tokens there are, how many cells are whole, trimmed and lost at the end, and the CRC-32 of what is known
of all cells: of each the state (one byte: 1 whole, 2 trimmed, 0 lost), how many tokens are sound (one byte) and these
tokens (two bytes each)."""
import json
import math
import struct
import sys
import zlib

CHANGED = {2: [[-11, 10, 12]], 1: [[-29, -11, -3], [-5, 6, 16]], 0: [[-29, -11, 0], [-7, 3, 10]]}
KEEP = {2: [5, 2, 0, 2], 1: [-19, -1, 3, 5], 0: [-27, -3, 2, 2]}
KEEP_Q = [-1, -7, 1]
MORE = {
    2: [[38, 5, 3, 2, 7, -3, 1, 5],
        [23, 9, 8, 8, 10, 11, 11, 11],
        [2, 0, 5, 13, 2, -6, -3, 3]],
    1: [[-8, -14, -4, -15, -13, 1, 2, 3],
        [-6, -5, 2, -5, 2, 5, 5, 5],
        [-3, 2, 7, 6, -10, 0, -9, -2]],
    0: [[-15, -17, -6, -10, 0, 0, 0, 0],
        [-24, -19, -11, -20, -16, -12, -12, -12],
        [-6, 0, 6, 13, -12, -2, -4, 1]]}
MORE_A = {2: [-8, -3, 1, 6, 10], 1: [-6, -4, 0, 4, 7], 0: [-4, -2, 5, 8, 12]}
MORE_B = {2: [3, -4, 0, 7], 1: [1, -6, 0, 7], 0: [5, 1, 5, 8]}
MORE_FLAT = 27
FLAT = [-26, -32]
SMOOTH = {1: [-27, -6, -10], 0: [-27, -10, -8]}


def need(condition, words):
    if not condition:
        sys.exit('not as specified: ' + words)


class Header:
    def __init__(self, data, at):
        self.data, self.at = data, at
        need(self.take(4) == b'ALTK', 'magic')
        need(self.number(1) == 2, 'version')
        flags = self.number(1)
        need(flags < 8, 'flags')
        self.key = bool(flags & 1)
        header_size = self.number(2)
        self.frame, self.model = self.number(4), self.number(4)
        self.pts = self.number(8) if flags & 2 else None
        self.checksum = self.number(4) if flags & 4 else None
        if self.key:
            self.width, self.height, *self.rates = (self.varint() for _ in range(6))
            self.colour, self.limit = self.take(4), self.take(3)
        self.slices, layers = self.number(1), self.number(1)
        need(1 <= layers <= 12, 'number of layers')
        nibbles = int.from_bytes(self.take((layers + 1) // 2), 'little')
        need(nibbles >> 4 * layers == 0, 'levels behind the last layer')
        masks = [nibbles >> 4 * i & 15 for i in range(layers)]
        need(all(1 <= mask <= 7 for mask in masks), 'levels of a layer')
        self.layers = [[level for level in (2, 1, 0) if mask >> level & 1] for mask in masks]
        need(all(sum(level in layer for layer in self.layers) <= 5 for level in (2, 1, 0)), 'layers of a level')
        self.tokens = [self.varint() for _ in self.layers]
        n = len(self.layers) * self.slices
        bits = int.from_bytes(self.take((n + 7) // 8), 'little')
        need(bits >> n == 0, 'bits behind the last chunk')
        sizes = [self.varint() if bits >> i & 1 else 0 for i in range(n)]
        need(all(sizes[i] for i in range(n) if bits >> i & 1), 'a chunk of no bytes that is not empty')
        need(self.number(4) == zlib.crc32(data[at:self.at - 4]), 'checksum of the header')
        need(self.at - at == header_size, 'size of the header')
        self.chunks = [None if size == 1 else self.take(size) for size in sizes]
        self.size = self.at - at
        need(self.size <= 2 ** 26, 'size of the packet')

    def take(self, n):
        self.at += n
        need(self.at <= len(self.data), 'end')
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), 'little')

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                need(byte or shift == 7, 'longer varint than needed')
                return value


class RangeDecoder:
    def __init__(self, payload):
        self.payload, self.taken = payload, 0
        self.range, self.code = 2 ** 32 - 1, 0
        for _ in range(4):
            self.shift()
        self.contexts = {}

    def shift(self):
        byte = self.payload[self.taken] if self.taken < len(self.payload) else 0
        self.code = (self.code << 8 | byte) & 0xFFFFFFFF
        self.taken += 1

    def normalise(self):
        while self.range < 1 << 24:
            self.range <<= 8
            self.shift()

    def bit(self, name, start):
        if name not in self.contexts:
            p = round(65536 / (1 + math.exp(-max(-48, min(48, start)) / 8)))
            self.contexts[name] = [p, p]
        context = self.contexts[name]
        bound = (self.range >> 16) * (sum(context) >> 1)
        one = self.code < bound
        if one:
            self.range = bound
        else:
            self.code -= bound
            self.range -= bound
        for i, rate in enumerate((4, 7)):
            context[i] += (65536 - context[i]) >> rate if one else -(context[i] >> rate)
        self.normalise()
        return one

    def uniform(self, n):
        self.range //= n
        value = self.code // self.range
        need(value < n, 'number out of its bounds')
        self.code -= value * self.range
        self.normalise()
        return value

    def shares(self, shares):
        """The number of a symbol of which each has so many shares."""
        self.range //= sum(shares)
        value = self.code // self.range
        need(value < sum(shares), 'share out of its bounds')
        for symbol, share in enumerate(shares):
            if value < share:
                break
            value -= share
        self.code -= sum(shares[:symbol]) * self.range
        self.range *= share
        self.normalise()
        return symbol

    def finish(self):
        shifted = self.taken - 4
        need(shifted <= len(self.payload) <= shifted + 4, 'length of the payload')


WHOLE, TRIMMED, LOST = 1, 2, 0


class Cell:
    def __init__(self):
        self.tokens, self.sound, self.state = [], 0, WHOLE


class Slice:
    """What a packet says of one slice: keep (None: not changed) and new tokens by level, row in the slice, column. `read`
    is how many layers of it are there, from the first on."""

    def __init__(self, stream, header):
        self.stream = stream
        self.keep, self.new = {}, {}
        self.read = 0
        for level in (2, 1, 0):
            rows, columns = 4 >> level, stream.columns << (2 - level)
            self.keep[level] = [[0 if header.key else None] * columns for _ in range(rows)]
            self.new[level] = [[[] for _ in range(columns)] for _ in range(rows)]

    def cells(self, level):
        for row in range(4 >> level):
            for column in range(self.stream.columns << (2 - level)):
                yield row, column

    def neighbours(self, level, row, column):
        """Those of left and above that are in the slice and changed."""
        places = ([(row, column - 1)] if column else []) + ([(row - 1, column)] if row else [])
        return [(r, c) for r, c in places if self.keep[level][r][c] is not None]

    def depth(self, level, row, column):
        return self.keep[level][row][column] + len(self.new[level][row][column])

    def read_map(self, coder):
        for level in (2, 1, 0):
            for row, column in self.cells(level):
                near = self.neighbours(level, row, column)
                p = int(level < 2 and self.keep[level + 1][row // 2][column // 2] is not None)
                if not coder.bit(('changed', level, len(near), p), CHANGED[level][p][len(near)]):
                    continue
                k = 0
                while k < self.stream.limit[level]:
                    q = 0 if not near else 2 if any(self.keep[level][r][c] > k for r, c in near) else 1
                    if not coder.bit(('keep', level, min(k, 3), q), KEEP[level][min(k, 3)] + KEEP_Q[q]):
                        break
                    k += 1
                self.keep[level][row][column] = k

    def read_tokens(self, coder, level, mode):
        count = 0
        for row, column in self.cells(level):
            if self.keep[level][row][column] is None:
                continue
            new = self.new[level][row][column]
            t = 0
            while not self.full(level, row, column) and self.more(coder, level, mode, row, column, t):
                new.append(self.token(coder, level, row, column))
                t += 1
            count += t
        return count

    def full(self, level, row, column):
        s, new = self.stream, self.new[level][row][column]
        fine = s.codes[2] + s.flat_coarse
        if self.depth(level, row, column) == s.limit[level]:
            return True
        if level < 2 and s.smooth and new and new[-1] == s.codes[level]:
            return True
        return level == 2 and bool(new) and (new[-1] >= fine or (new[-1] >= s.codes[2] and s.flat_fine == 0))

    def more(self, coder, level, mode, row, column, t):
        new, d = self.new[level][row][column], self.depth(level, row, column)
        if level == 2 and new and new[-1] >= self.stream.codes[2]:
            return coder.bit(('more_flat',), MORE_FLAT)
        a = 2 + sum(1 if self.depth(level, r, c) > d else -1 for r, c in self.neighbours(level, row, column))
        b = 0
        if level < 2 and self.keep[level + 1][row // 2][column // 2] is not None:
            parent = self.depth(level + 1, row // 2, column // 2)
            b = 1 if parent < 2 else 2 if parent < 5 else 3
        u = min(t, 7) if mode < 2 else min(d, 3) if t == 0 else 4 + min(d - 1, 3)
        return coder.bit(('more', level, mode, u, a, b), MORE[level][mode][u] + MORE_A[level][a] + MORE_B[level][b])

    def token(self, coder, level, row, column):
        s, new, d = self.stream, self.new[level][row][column], self.depth(level, row, column)
        codes = s.codes[level]
        if level < 2 and d == 0 and s.smooth:
            n = sum(self.keep[level][r][c] == 0 and self.new[level][r][c][:1] == [codes]
                    for r, c in self.neighbours(level, row, column))
            if coder.bit(('smooth', level, n), SMOOTH[level][n]):
                return codes
        if level == 2:
            fine = codes + s.flat_coarse
            if d == 0 and s.flat_coarse and coder.bit(('flat', 0), FLAT[0]):
                return codes + coder.uniform(s.flat_coarse)
            if d == 1 and new and new[0] >= codes:
                return fine + coder.uniform(s.flat_fine)
            if d == 1 and not new and s.flat_fine and coder.bit(('flat', 1), FLAT[1]):
                return fine + coder.uniform(s.flat_fine)
        return self.learned(coder, level, row, column, d)

    def learned(self, coder, level, row, column, d):
        codes = self.stream.codes[level]
        if (level, d) not in self.stream.tables:
            return coder.uniform(codes)
        table, weights = self.stream.tables[level, d]
        width = -(-codes // 32)
        near = [self.known(level, row, column - 1, d), self.known(level, row - 1, column, d),
                self.known(level, row, column, d - 1) if d else 33]
        sums = [sum(v) for v in zip(table[0], *(table[1 + 34 * i + n] for i, n in enumerate(near)))][:-(-codes // width)]
        shares = [max(1, math.floor(2048 * 2 ** ((s - max(sums)) / 8) + .5)) for s in sums]
        first = coder.shares(shares) * width
        return first + coder.shares(weights[first:first + width])

    def known(self, level, row, column, d):
        """The class of token d of a cell; 32: there is none; 33: not known."""
        if row < 0 or column < 0 or self.keep[level][row][column] is None or self.keep[level][row][column] > d:
            return 33
        new, codes = self.new[level][row][column], self.stream.codes[level]
        at = d - self.keep[level][row][column]
        return new[at] // -(-codes // 32) if at < len(new) and new[at] < codes else 32


def read_tables(path):
    """The tables of likely ids of a model file: (level, step) -> rows of the classes, weights of the codes."""
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        data = file.read()
    header.pop('__metadata__', None)

    def numbers(name):
        need(header[name]['dtype'] == 'F16', 'half floats')
        begin, end = header[name]['data_offsets']
        return [int(v) for v, in struct.iter_unpack('<e', data[begin:end])]

    tables = {}
    for name in header:
        if name.endswith('.classes'):
            rows, weights = numbers(name), numbers(name[:-len('classes')] + 'weights')
            _, level, _, step, _ = name.split('.')
            tables[int(level), int(step)] = [rows[i:i + 32] for i in range(0, len(rows), 32)], weights
    return tables


class Stream:
    def __init__(self, codes, flat_coarse, flat_fine, smooth, tables):
        self.codes, self.flat_coarse, self.flat_fine, self.smooth = codes, flat_coarse, flat_fine, smooth
        self.tables = tables
        self.memory = None

    def start(self, header):
        self.limit = header.limit
        self.columns = (header.width + 63) // 64
        self.rows = (header.height + 63) // 64
        need(header.slices == self.rows, 'slices')
        self.memory = {level: [[Cell() for _ in range(self.columns << (2 - level))]
                               for _ in range(self.rows * (4 >> level))] for level in (2, 1, 0)}

    def read_slice(self, header, index, counts):
        part = Slice(self, header)
        for layer, levels in enumerate(header.layers):
            chunk = header.chunks[layer * header.slices + index]
            if chunk is None:
                break
            part.read += 1
            if not chunk:
                continue
            check = zlib.crc32(struct.pack('<IBB', header.frame, layer, index) + chunk[2:]) & 0xFFFF
            need(int.from_bytes(chunk[:2], 'little') == check, 'check of a chunk')
            coder = RangeDecoder(chunk[2:])
            if layer == 0 and not header.key:
                part.read_map(coder)
            for level in levels:
                begun = any(level in before for before in header.layers[:layer])
                coder.contexts = {}
                counts[layer] += part.read_tokens(coder, level, 2 if begun else 0 if header.key else 1)
            coder.finish()
        return part

    def level_is_whole(self, header, part, level, index):
        """Whether all layers of the level were read, or are empty."""
        return all(layer < part.read or header.chunks[layer * header.slices + index] == b''
                   for layer, levels in enumerate(header.layers) if level in levels)

    def apply(self, header, level, cell, keep, new, whole):
        if keep > cell.sound:
            need(cell.state != WHOLE, 'keeps more than there is')
            return
        if not new and keep == 0 and not whole:
            cell.state, cell.sound = LOST, 0
            return
        cell.tokens[keep:] = new
        cell.sound = len(cell.tokens)
        cell.state = LOST if not whole else WHOLE if header.checksum is not None else TRIMMED
        need(level == 2 or len(cell.tokens) < 2 or max(cell.tokens) < self.codes[level], 'a smooth cell holds more')

    def read(self, header):
        if header.key and (self.memory is None or self.size != (header.width, header.height)):
            self.start(header)
            self.size = header.width, header.height
        counts = [0] * len(header.layers)
        for index in range(header.slices):
            part = self.read_slice(header, index, counts)
            for level in (2, 1, 0):
                whole = self.level_is_whole(header, part, level, index)
                for row, column in part.cells(level):
                    cell = self.memory[level][index * (4 >> level) + row][column]
                    keep = part.keep[level][row][column]
                    if part.read == 0 and not header.key:
                        cell.state, cell.sound = LOST, 0
                    elif keep is not None:
                        if header.key:
                            cell.sound = 0
                        self.apply(header, level, cell, keep, part.new[level][row][column], whole)
        need(None in header.chunks or counts == header.tokens, 'numbers of tokens')

    def cells(self):
        return [cell for level in (2, 1, 0) for row in self.memory[level] for cell in row]

    def is_whole(self):
        return all(cell.state == WHOLE for cell in self.cells())

    def known(self):
        out = bytearray()
        for cell in self.cells():
            out += struct.pack('<BB%dH' % cell.sound, cell.state, cell.sound, *cell.tokens[:cell.sound])
        return zlib.crc32(out)

    def checksum(self):
        out = bytearray()
        for cell in self.cells():
            out += struct.pack('<B%dH' % len(cell.tokens), len(cell.tokens), *cell.tokens)
        return zlib.crc32(out)


def main():
    with open(sys.argv[1], 'rb') as file:
        data = file.read()
    numbers = [int(x) for x in sys.argv[2:8]]
    stream = Stream(numbers[:3], *numbers[3:], read_tables(sys.argv[8]) if len(sys.argv) > 8 else {})
    at = packets = tokens = 0
    while at < len(data):
        header = Header(data, at)
        stream.read(header)
        need(header.checksum is None or not stream.is_whole() or header.checksum == stream.checksum(),
             'checksum of the memory')
        packets += 1
        tokens += sum(header.tokens)
        at = header.at
    need(packets > 0, 'no packets')
    states = [cell.state for cell in stream.cells()]
    print('%d packets, %d bytes, %d tokens: as specified; %d whole, %d trimmed, %d lost, %08x' % (
        packets, at, tokens, states.count(WHOLE), states.count(TRIMMED), states.count(LOST), stream.known()))


if __name__ == '__main__':
    main()
