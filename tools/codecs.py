#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Still pictures at equal bits: learned tokens against WebP, and against intra frames of x264, x265 and AV1.

Needs numpy, PIL, matplotlib and ffmpeg (Debian: python3-numpy python3-pil python3-matplotlib ffmpeg). The pictures are
those of tools/evaluate.py: the middle 256x256 of each photograph. All coders get the same I420 (BT.601, full range), and
what they give back goes the same way to RGB. Every byte that a decoder needs is counted, for each picture by itself:
packet headers of ours, the RIFF header of WebP, parameter sets and sequence headers of the others; not the text about
its settings that an encoder may write. Codecs run at slow presets, tuned for PSNR."""
import argparse
import csv
import io
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

import measures
from evaluate import SIDE, read_crops
from roundtrip import DATA, FAST, REPOSITORY, Trip, add_options, give_up, i420_size, output_folder, split_i420

TOKENS = (32, 64, 102, 160, 256, 384, 512, 768, 1024, 1536)
PIXELS = SIDE * SIDE
COLUMNS = ('codec', 'setting', 'bpp', 'psnr', 'ssim')
# For each codec: output format, settings from the lowest rate up, arguments of one of them.
VIDEO_CODECS = {
    'x264 intra': ('h264', (51, 48, 45, 42, 39, 36), lambda q: [
        '-c:v', 'libx264', '-preset', 'slow', '-tune', 'psnr', '-qp', str(q), '-g', '1', '-bsf:v',
        'filter_units=remove_types=6']),
    'x265 intra': ('hevc', (51, 47, 44, 41, 38, 35), lambda q: [
        '-c:v', 'libx265', '-preset', 'slow', '-tune', 'psnr', '-x265-params',
        'qp=%d:keyint=1:repeat-headers=1:info=0:log-level=none' % q]),
    'AV1 intra': ('obu', (63, 60, 56, 51, 46, 40), lambda q: [
        '-c:v', 'libaom-av1', '-usage', 'allintra', '-cpu-used', '6', '-threads', '1', '-g', '0', '-crf', str(q), '-b:v', '0',
        '-tune', 'psnr']),
}
WEBP_QUALITIES = (0, 5, 15, 30, 50, 70)
EQUAL_BPP = .08
LEAST = {'WebP': 0., 'x264 intra': 0.}      # dB that tokens are ahead at the lowest rate that the codec reaches
X265_BEHIND = .5


def i420_of(crops):
    """RGB -> bytes of I420, BT.601, full range; a chroma sample is the mean of the four pixels that it stands for."""
    r, g, b = np.moveaxis(crops.astype(np.float32), -1, 0)
    luma = .299 * r + .587 * g + .114 * b
    planes = [luma.reshape(len(crops), -1)]
    for chroma in ((b - luma) / 1.772, (r - luma) / 1.402):
        halved = chroma.reshape(len(crops), SIDE // 2, 2, SIDE // 2, 2).mean((2, 4)) + 128
        planes.append(halved.reshape(len(crops), -1))
    return np.clip(np.rint(np.concatenate(planes, 1)), 0, 255).astype(np.uint8)


def row_of(codec, setting, crops, rebuilt, size):
    error = measures.squared_error(rebuilt, crops)
    similarity = measures.ssim(measures.grey(rebuilt), measures.grey(crops))
    return dict(zip(COLUMNS, (codec, setting, 8 * size / len(crops) / PIXELS, float(measures.psnr(error).mean()),
                              float(similarity.mean()))))


def of_tokens(options, crops, tokens, name='alitra'):
    trip = Trip(options, crops.tobytes(), SIDE, SIDE, '--format=RGB', '--range=full', '--per-frame-key', '--exact',
                '--tokens=%d' % tokens)
    rebuilt = measures.rgb_of(*split_i420(trip.rebuilt, SIDE, SIDE))
    return row_of(name, tokens, crops, rebuilt, trip.mean('bits') / 8 * len(crops))


def run_ffmpeg(arguments, source):
    done = subprocess.run(['ffmpeg', '-hide_banner', '-loglevel', 'error', *arguments], input=source,
                          capture_output=True)
    if done.returncode:
        give_up('ffmpeg failed: ' + done.stderr.decode().strip())
    return done.stdout


def of_video_codec(codec, setting, crops, source):
    container, _, arguments = VIDEO_CODECS[codec]
    coded = run_ffmpeg(['-f', 'rawvideo', '-pix_fmt', 'yuvj420p', '-s', '%dx%d' % (SIDE, SIDE), '-r', '25', '-i', '-',
                        *arguments(setting), '-f', container, '-'], source.tobytes())
    raw = run_ffmpeg(['-f', container, '-i', '-', '-f', 'rawvideo', '-pix_fmt', 'yuvj420p', '-'], coded)
    if len(raw) != len(crops) * i420_size(SIDE, SIDE):
        give_up('expected %d pictures back from %s, got %d bytes' % (len(crops), codec, len(raw)))
    return row_of(codec, setting, crops, measures.rgb_of(*split_i420(raw, SIDE, SIDE)), len(coded))


def of_webp(quality, crops):
    size, rebuilt = 0, []
    for crop in crops:
        coded = io.BytesIO()
        Image.fromarray(crop).save(coded, 'WEBP', quality=quality, method=6)
        size += len(coded.getvalue())
        rebuilt.append(np.asarray(Image.open(coded).convert('RGB')))
    return row_of('WebP', quality, crops, np.stack(rebuilt), size)


def at_rate(rows, codec, bpp, column='psnr'):
    """Between the two settings around a rate, over its logarithm; None beyond them."""
    points = sorted((row['bpp'], row[column]) for row in rows if row['codec'] == codec)
    if not points[0][0] <= bpp <= points[-1][0]:
        return None
    return float(np.interp(np.log(bpp), np.log([p[0] for p in points]), [p[1] for p in points]))


def judge(rows):
    """Prints how tokens stand against each codec, and the bars -> bars that were missed."""
    missed = 0
    for codec in ('WebP', *VIDEO_CODECS):
        lowest = min((row for row in rows if row['codec'] == codec), key=lambda row: row['bpp'])
        ours = at_rate(rows, 'alitra', lowest['bpp'])
        if ours is None:
            give_up('the tokens measured do not reach the lowest rate of %s, %.3f bpp' % (codec, lowest['bpp']))
        ahead = ours - lowest['psnr']
        text = '%s at its lowest rate, %.3f bpp: %.2f dB, tokens %+.2f dB' % (codec, lowest['bpp'], lowest['psnr'], ahead)
        if codec in LEAST:
            missed += ahead <= LEAST[codec]
            text = ('reached: ' if ahead > LEAST[codec] else 'MISSED: ') + text
        print(text)
    for codec in ('x265 intra', 'AV1 intra'):
        theirs, ours = at_rate(rows, codec, EQUAL_BPP), at_rate(rows, 'alitra', EQUAL_BPP)
        if theirs is None:
            give_up('%s was not measured around %.2f bpp' % (codec, EQUAL_BPP))
        text = '%s at %.2f bpp: %.2f dB, tokens %+.2f dB' % (codec, EQUAL_BPP, theirs, ours - theirs)
        if codec == 'x265 intra':
            missed += ours < theirs - X265_BEHIND
            text = ('reached: ' if ours >= theirs - X265_BEHIND else 'MISSED: ') + text
        print(text)
    return missed


def draw(rows, path):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plot

    colours = {'alitra': '#c8442c', 'alitra-fast': '#e39c8c', 'WebP': '#6b8f3c', 'x264 intra': '#31688e', 'x265 intra': '#7a5195',
               'AV1 intra': '#444444'}
    figure, axes = plot.subplots(1, 2, figsize=(10, 4.2))
    for axis, (column, title) in zip(axes, (('psnr', 'PSNR, RGB, mean of pictures (dB)'), ('ssim', 'SSIM, grey'))):
        for codec, colour in colours.items():
            points = sorted((row['bpp'], row[column]) for row in rows if row['codec'] == codec)
            if not points:
                continue
            axis.plot(*zip(*points), color=colour, marker='o', markersize=3.5, label=codec,
                      linewidth=2.2 if codec == 'alitra' else 1.2)
        axis.set_xscale('log')
        axis.set_xticks((.01, .02, .05, .1, .2, .5), ('0.01', '0.02', '0.05', '0.1', '0.2', '0.5'))
        axis.minorticks_off()
        axis.set_xlabel('bits a pixel, everything counted')
        axis.set_title(title, fontsize=10)
        axis.grid(color='#dddddd', linewidth=.6)
        axis.spines[['top', 'right']].set_visible(False)
    axes[0].legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add_options(parser)
    parser.add_argument('--photos', default=str(DATA / 'photos' / 'val'), help='folder; default: %(default)s')
    parser.add_argument('--out', type=output_folder, default=str(REPOSITORY / 'docs'), help='folder for codecs.csv and codecs.png')
    parser.add_argument('--fast', metavar='FILE', default=FAST, help='weights of a second curve, or nothing; default: %(default)s')
    parser.add_argument('--strict', action='store_true', help='exit with an error when a bar is missed')
    options = parser.parse_args()
    crops = read_crops(options.photos)
    source = i420_of(crops)
    rows = [of_tokens(options, crops, tokens) for tokens in TOKENS]
    if options.fast:
        small = argparse.Namespace(**dict(vars(options), model=options.fast))
        rows += [of_tokens(small, crops, tokens, 'alitra-fast') for tokens in TOKENS]
    rows += [of_webp(quality, crops) for quality in WEBP_QUALITIES]
    for codec, (_, settings, _) in VIDEO_CODECS.items():
        rows += [of_video_codec(codec, setting, crops, source) for setting in settings]
        print(codec, 'done', flush=True)
    print('%-11s  %7s  %7s  %7s  %5s' % COLUMNS)
    for row in rows:
        print('%-11s  %7d  %7.4f  %7.2f  %5.3f' % tuple(row[column] for column in COLUMNS))
    with open(Path(options.out) / 'codecs.csv', 'w', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow({k: '%.4f' % v if isinstance(v, float) else v for k, v in row.items()})
    draw(rows, Path(options.out) / 'codecs.png')
    missed = judge(rows)
    return 1 if missed and options.strict else 0


if __name__ == '__main__':
    raise SystemExit(main())
