#!/usr/bin/env python3
"""Labelled pictures -> a small residual network that sees their pixels, and what it makes of each variant:

    train_teacher.py ROOT CACHE [--epochs 24] [--variants 0 2 3 4]

train_classifier.py learns from that beside the labels (--teacher CACHE).  Its pictures are 64x64, cropped anew in every
epoch.  Every tenth training picture is kept for tuning, as there.  What is in CACHE already is not made again."""
import argparse
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from alitra import labelled

SIZE, WIDTH, BATCH, RATE = 64, 32, 128, .15


def convolution(inputs, outputs, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x):
        return F.relu(x + self.second(self.first(x)))


class Teacher(nn.Module):
    def __init__(self, labels, width=WIDTH):
        super().__init__()
        self.body = nn.Sequential(
            convolution(3, width, 2), convolution(width, 2 * width, 2), Residual(2 * width),
            convolution(2 * width, 4 * width, 2), Residual(4 * width), convolution(4 * width, 8 * width, 2), Residual(8 * width))
        self.head = nn.Linear(8 * width, labels)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)).float())


def prepare(pictures):
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - .45) / .25


def crops(x, rng):
    """A part of each picture, mirrored or not, its contrast and colours changed."""
    n = len(x)
    area, shape = rng.uniform(.3, 1, n), np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), n))
    w, h = np.minimum(1, (area * shape) ** .5), np.minimum(1, (area / shape) ** .5)
    grid = np.zeros((n, 2, 3), np.float32)
    grid[:, 0, 0], grid[:, 1, 1] = w * np.where(rng.random(n) < .5, -1, 1), h
    grid[:, 0, 2], grid[:, 1, 2] = rng.uniform(-1, 1, n) * (1 - w), rng.uniform(-1, 1, n) * (1 - h)
    places = F.affine_grid(torch.from_numpy(grid), (n, 3, SIZE, SIZE), align_corners=False)
    x = F.grid_sample(x, places, align_corners=False, padding_mode='reflection')
    contrast, colour = rng.uniform(.7, 1.3, (n, 1, 1, 1)), rng.uniform(-.2, .2, (n, 3, 1, 1))
    return x * torch.from_numpy(contrast.astype(np.float32)) + torch.from_numpy(colour.astype(np.float32))


def run(net, x):
    with torch.autocast('cpu', dtype=torch.bfloat16):
        return net(x.contiguous(memory_format=torch.channels_last)).float()


def predict(net, pictures):
    net.eval()
    with torch.no_grad():
        parts = [run(net, F.interpolate(prepare(pictures[i:i + BATCH]), size=(SIZE, SIZE), mode='bilinear', antialias=True,
                                        align_corners=False)) for i in range(0, len(pictures), BATCH)]
    return torch.cat(parts).numpy()


def rate(part, warm=.15):
    return RATE * (part / warm if part < warm else .5 * (1 + np.cos(np.pi * (part - warm) / (1 - warm))))


def one_epoch(net, optimizer, pictures, labels, indices, epoch, epochs):
    rng = np.random.default_rng(epoch)
    order, steps, losses = rng.permutation(indices), len(indices) // BATCH, []
    net.train()
    for k in range(steps):
        optimizer.param_groups[0]['lr'] = rate((epoch + k / steps) / epochs)
        members = order[k * BATCH:(k + 1) * BATCH]
        loss = F.cross_entropy(run(net, crops(prepare(pictures[members]), rng)), torch.from_numpy(labels[members]),
                               label_smoothing=.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def pixels(root, split, number):
    return np.stack([labelled.variant(path, number, i) for i, path in enumerate(labelled.pictures(root, split)[1])])


def train(root, path, epochs):
    names, _, labels = labelled.pictures(root, 'train')
    tune, pictures = labelled.is_tune(len(labels)), pixels(root, 'train', 0)
    torch.manual_seed(0)
    net = Teacher(len(names)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=.9, nesterov=True, weight_decay=5e-4)
    for epoch in range(epochs):
        loss = one_epoch(net, optimizer, pictures, labels, np.flatnonzero(~tune), epoch, epochs)
        right = (predict(net, pictures[tune]).argmax(1) == labels[tune]).mean()
        print('epoch %d: loss %.4f, %.3f of the tuning pictures right' % (epoch + 1, loss, right), flush=True)
    print('%.3f of val right' % (predict(net, pixels(root, 'val', 0)).argmax(1) == labelled.pictures(root, 'val')[2]).mean())
    torch.save({'model': net.state_dict(), 'labels': names}, path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('cache')
    ap.add_argument('--epochs', type=int, default=24)
    ap.add_argument('--variants', type=int, nargs='*', default=(0, 2, 3, 4, 5, 6))
    a = ap.parse_args()
    torch.set_num_threads(1)
    os.makedirs(a.cache, exist_ok=True)
    path = os.path.join(a.cache, 'teacher.pt')
    if not os.path.exists(path):
        train(a.root, path, a.epochs)
    state = torch.load(path, map_location='cpu')
    net = Teacher(len(state['labels'])).to(memory_format=torch.channels_last)
    net.load_state_dict(state['model'])
    for number in a.variants:
        name = labelled.soft_name(a.cache, number)
        if not name.exists():
            np.save(name, predict(net, pixels(a.root, 'train', number)))
            print('variant %d' % number, flush=True)


if __name__ == '__main__':
    main()
