#!/usr/bin/env python3
"""Real labelled pictures -> the network whose features the Fréchet distance is taken on (alitra/features.py):

    train_features.py ROOT features.pt [--epochs 8]

Stopped, it goes on at the last epoch.  It learns from the training pictures that are not kept for tuning."""
import argparse
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from alitra import labelled
from alitra.features import Net, accuracy, augmented


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('root')
    ap.add_argument('out')
    ap.add_argument('--epochs', type=int, default=8)
    ap.add_argument('--batch', type=int, default=32)
    ap.add_argument('--rate', type=float, default=2e-3)
    a = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    names, paths, labels = labelled.pictures(a.root, 'train')
    pictures, tune = np.stack([labelled.variant(p, 0, i) for i, p in enumerate(paths)]), labelled.is_tune(len(labels))
    train, net, epoch = np.flatnonzero(~tune), Net(len(names)).to(memory_format=torch.channels_last), 0
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=.02)
    if os.path.exists(a.out):
        state = torch.load(a.out, map_location='cpu')
        net.load_state_dict(state['net'])
        optimizer.load_state_dict(state['optimizer'])
        epoch = state['epoch']
    while epoch < a.epochs:
        rng, start, losses = np.random.default_rng((5, epoch)), time.time(), []
        order = rng.permutation(train)
        batches = [order[at:at + a.batch] for at in range(0, len(order) - a.batch, a.batch)]
        net.train()
        for k, at in enumerate(batches):
            for group in optimizer.param_groups:
                group['lr'] = a.rate * .5 * (1 + np.cos(np.pi * (epoch + k / len(batches)) / a.epochs)) + 1e-5
            x = augmented(pictures[at], rng).contiguous(memory_format=torch.channels_last)
            with torch.autocast('cpu', dtype=torch.bfloat16):
                out = net(x)
            loss = F.cross_entropy(out.float(), torch.from_numpy(labels[at].astype(np.int64)), label_smoothing=.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        epoch += 1
        torch.save({'net': net.state_dict(), 'optimizer': optimizer.state_dict(), 'epoch': epoch, 'labels': names}, a.out + '.tmp')
        os.replace(a.out + '.tmp', a.out)
        print(json.dumps({'epoch': epoch, 'loss': round(float(np.mean(losses)), 4), 'seconds': round(time.time() - start, 1),
                          'tune': round(accuracy(net, pictures[tune], labels[tune]), 4)}), flush=True)


if __name__ == '__main__':
    main()
