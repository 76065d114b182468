"""A small convolutional network that was trained on real pictures, and the Fréchet distance of its features: the numbers
before its last layer, their mean and covariance over many pictures.  Not comparable with distances on other networks."""
import numpy as np
import scipy.linalg
import torch
import torch.nn as nn
import torch.nn.functional as F

FEATURES = 128


class Net(nn.Module):
    def __init__(self, labels=10):
        super().__init__()
        layer = lambda a, b, size, stride: nn.Sequential(nn.Conv2d(a, b, size, stride, size // 2, bias=False), nn.BatchNorm2d(b), nn.ReLU())
        self.layers = nn.Sequential(layer(3, 32, 7, 4), layer(32, 64, 3, 2), layer(64, 64, 3, 1), layer(64, 128, 3, 2),
                                    layer(128, FEATURES, 3, 1))
        self.head = nn.Linear(FEATURES, labels)

    def features(self, pictures):
        """B,3,h,w in 0..1 -> B,FEATURES."""
        return self.layers((pictures - .45) * 4).mean((2, 3))

    def forward(self, pictures):
        return self.head(self.features(pictures))


@torch.no_grad()
def features_of(net, pictures, size=100):
    """pictures: uint8 n,h,w,3 -> n,FEATURES."""
    net.eval()
    return np.concatenate([net.features(torch.from_numpy(pictures[at:at + size]).permute(0, 3, 1, 2).float() / 255).numpy()
                           for at in range(0, len(pictures), size)])


@torch.no_grad()
def accuracy(net, pictures, labels, size=100):
    net.eval()
    right = sum((net(torch.from_numpy(pictures[at:at + size]).permute(0, 3, 1, 2).float() / 255).argmax(1).numpy()
                 == labels[at:at + size]).sum() for at in range(0, len(pictures), size))
    return float(right / len(pictures))


def moments(features):
    return features.mean(0), np.cov(features.astype(np.float64), rowvar=False)


def frechet(a, b):
    """Of two pairs of mean and covariance."""
    root = scipy.linalg.sqrtm(a[1] @ b[1]).real
    return float(((a[0] - b[0]) ** 2).sum() + np.trace(a[1] + b[1] - 2 * root))


def augmented(pictures, rng):
    """Mirrored or not, moved by up to 12 samples."""
    out = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    if rng.random() < .5:
        out = out.flip(3)
    x, y = rng.integers(-12, 13, 2)
    h, w = out.shape[2:]
    return F.pad(out, (12, 12, 12, 12), mode='reflect')[:, :, 12 + y:12 + y + h, 12 + x:12 + x + w]
