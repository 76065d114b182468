"""Labelled pictures as tokens.  Pictures lie in ROOT/train/CLASS/*.jpg and ROOT/val/CLASS/*.jpg.

A *variant* is the whole set once over, each picture changed in one way: variant 0 as it is, 1 mirrored, from 2 on a
crop of random place, size and shape, mirrored or not, its colours a little changed, all drawn from the number of the
variant.  The program alitra-tokens turns a variant into tokens at some budgets; they are kept as .npz files:
size (of the picture's sides when it became tokens), counts[N], and for all tokens in turn id, level, depth, column, row
(of the cell, in units of 16 samples)."""
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

SIZE = 128
TUNE_EVERY = 10     # of the training pictures every tenth is kept for tuning


def pictures(root, split):
    """-> names of the classes, paths, labels; always in the same order."""
    folders = sorted(p for p in (Path(root) / split).iterdir() if p.is_dir())
    paths = [(path, label) for label, folder in enumerate(folders) for path in sorted(folder.glob('*.jpg'))]
    return [p.name for p in folders], [p for p, _ in paths], np.array([label for _, label in paths])


def is_tune(count):
    """Which of the training pictures are only tuned on.  Paths are sorted by class, so each class gives its part."""
    return np.arange(count) % TUNE_EVERY == TUNE_EVERY - 1


def crop(image, rng):
    """A part of 35 to 100 % of the picture, sides within 3:4 and 4:3."""
    width, height = image.size
    area, shape = rng.uniform(.35, 1) * width * height, np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    w, h = min(width, (area * shape) ** .5), min(height, (area / shape) ** .5)
    x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
    return image.resize((SIZE, SIZE), Image.BICUBIC, (x, y, x + w, y + h))


def recolour(image, rng):
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = change(image).enhance(rng.uniform(.7, 1.3))
    return image


def variant(path, number, index):
    image = Image.open(path).convert('RGB')
    if image.size != (SIZE, SIZE):
        image = image.resize((SIZE, SIZE), Image.BICUBIC)
    rng = np.random.default_rng((number, index))
    if number >= 2:
        image = recolour(crop(image, rng), rng)
    if number == 1 or (number >= 2 and rng.random() < .5):
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    return np.asarray(image)


def parse(data, pictures_, budgets):
    """What alitra-tokens wrote -> for each budget counts and the five columns of all tokens."""
    counts, rows = [[] for _ in range(budgets)], [[] for _ in range(budgets)]
    at = 0
    for i in range(pictures_ * budgets):
        n = int(data[at:at + 4].view('<u4')[0])
        counts[i % budgets].append(n)
        rows[i % budgets].append(data[at + 4:at + 4 + 8 * n].reshape(n, 8))
        at += 4 + 8 * n
    if at != len(data):
        raise SystemExit('alitra-tokens wrote %d bytes, expected %d' % (len(data), at))
    for b in range(budgets):
        r = np.concatenate(rows[b])
        yield np.array(counts[b], np.uint16), {
            'id': np.ascontiguousarray(r[:, 0:2]).view('<u2')[:, 0], 'level': r[:, 2].copy(), 'depth': r[:, 3].copy(),
            'column': r[:, 4].copy(), 'row': r[:, 6].copy()}


def cache_name(folder, split, number, budget, kind):
    return Path(folder) / ('%s-%d-%d-%s.npz' % (split, number, budget, kind))


def kind_of(allocation, size):
    """What caches are called whose pictures were scaled to another size before they became tokens: learned-192"""
    return allocation if size == SIZE else '%s-%d' % (allocation, size)


def scaled(picture, size):
    return picture if size == SIZE else np.asarray(Image.fromarray(picture).resize((size, size), Image.BICUBIC))


def soft_name(folder, number):
    """What a teacher makes of a variant: pictures x classes, before softmax."""
    return Path(folder) / ('train-%d-taught.npy' % number)


def tokenise(program, model, root, split, number, budgets, allocation, folder, size=SIZE, part=500):
    """Writes the cache files of a variant that are missing."""
    kind = kind_of(allocation, size)
    missing = [b for b in budgets if not cache_name(folder, split, number, b, kind).exists()]
    if not missing:
        return
    _, paths, _ = pictures(root, split)
    who = ['--objective=recognition'] if allocation == 'recognition' else ['--allocation=' + allocation]
    command = [program, '--model=' + model, '--width=%d' % size, '--height=%d' % size, *who,
               '--tokens=' + ','.join(map(str, missing))]
    parts = []
    for start in range(0, len(paths), part):
        raw = np.stack([scaled(variant(p, number, start + i), size) for i, p in enumerate(paths[start:start + part])])
        out = subprocess.run(command, input=raw.tobytes(), stdout=subprocess.PIPE, check=True).stdout
        parts.append(list(parse(np.frombuffer(out, np.uint8), len(raw), len(missing))))
    Path(folder).mkdir(parents=True, exist_ok=True)
    for i, budget in enumerate(missing):
        name = cache_name(folder, split, number, budget, kind)
        columns = {k: np.concatenate([p[i][1][k] for p in parts]) for k in parts[0][i][1]}
        with open(str(name) + '.tmp', 'wb') as f:
            np.savez(f, size=size, counts=np.concatenate([p[i][0] for p in parts]), **columns)
        Path(str(name) + '.tmp').replace(name)
