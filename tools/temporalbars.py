# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What temporal reuse must reach, as lines "reached" or "MISSED"."""
import numpy as np

MOST_NEW = {'static': .12, 'hand-held': .5}     # of the tokens of a frame
MOST_LOST = .2                  # dB
MOST_MORE = 1.02                # of tokens or time, where everything moves
MOST_FLICKER = 1 / 3
# Flicker is judged where at least this part of the patches is static.
ENOUGH_STATIC = .1
LEAST_GAIN = 2.                 # dB that a still picture gains under a budget
MOST_SHORT = .3                 # dB that it may then lack


def say(reached, text):
    print('%s: %s' % ('reached' if reached else 'MISSED', text))
    return not reached


def mean_of(rows, name):
    return float(np.mean([row[name] for row in rows]))


def ratio_of(rows, name, other):
    """Mean of the ratios, so that each clip counts the same."""
    return float(np.mean([row[name] / row[other] for row in rows]))


def check_fixed(rows, group):
    """Clips of cameras that stand still, more or less."""
    share, lost = mean_of(rows, 'new_share'), mean_of(rows, 'psnr_y_without') - mean_of(rows, 'psnr_y')
    worst = max(rows, key=lambda row: row['psnr_y_without'] - row['psnr_y'])
    time = 1 - ratio_of(rows, 'ms', 'ms_without')
    flicker = ratio_of(rows, 'flicker', 'flicker_without')
    missed = say(share <= MOST_NEW[group], '%s: new tokens are %.1f %% of a frame\'s, at most %.0f %% (%.1f %% of the new '
                 'ones without reuse)' % (group, 100 * share, 100 * MOST_NEW[group],
                                          100 * ratio_of(rows, 'new', 'new_without')))
    missed += say(lost <= MOST_LOST, '%s: PSNR-Y lower by %.2f dB, at most %.1f (worst: %.2f, %s)' % (
        group, lost, MOST_LOST, worst['psnr_y_without'] - worst['psnr_y'], worst['clip']))
    missed += say(time >= (1 - share) / 2, '%s: time falls by %.0f %%, at least half as much as tokens, which fall by '
                  '%.0f %%' % (group, 100 * time, 100 * (1 - share)))
    missed += say(flicker <= MOST_FLICKER, '%s: flicker of static patches is %.2f of that without reuse, at most %.2f' % (
        group, flicker, MOST_FLICKER))
    return missed


def check_moving(rows):
    missed = 0
    for name, equal, what in (('new', 'equal_new', 'new tokens'), ('ms', 'equal_ms', 'time')):
        worst = max(rows, key=lambda row: row[name] / row[equal])
        most = worst[name] / worst[equal]
        above = sum(row[name] > MOST_MORE * row[equal] for row in rows)
        missed += say(above == 0, 'moving: %s at equal PSNR-Y at most %.2f of those without reuse: %.2f on average, %.2f at '
                      'most (%s), above it on %d of %d clips' % (what, MOST_MORE, ratio_of(rows, name, equal), most,
                                                                 worst['clip'], above, len(rows)))
    some = [row for row in rows if row['static_share'] >= ENOUGH_STATIC]
    if some:
        print('note: moving: flicker of static patches is %.2f of that without reuse on the %d clips that have such '
              'patches' % (ratio_of(some, 'flicker', 'flicker_without'), len(some)))
    return missed


def check(rows):
    missed = 0
    for group in dict.fromkeys(row['group'] for row in rows):
        some = [row for row in rows if row['group'] == group]
        missed += check_moving(some) if group == 'moving' else check_fixed(some, group)
    return missed


def check_sharpening(clips):
    """Each of `clips` is the frames of one still picture."""
    missed = 0
    for frames in clips:
        first, last = frames[0], frames[-1]
        gain, short = last['psnr_y'] - first['psnr_y'], last['psnr_y_unbudgeted'] - last['psnr_y']
        text = '%s held still under a budget: %+.2f dB after %d frames, %.2f dB below the unbudgeted one' % (
            first['clip'], gain, last['frame'], short)
        if last['psnr_y_unbudgeted'] - first['psnr_y'] < LEAST_GAIN:
            print('note: %s; its first frame lacks less than %.0f dB, so there is little to gain' % (text, LEAST_GAIN))
        else:
            missed += say(gain >= LEAST_GAIN, '%s, at least %+.1f' % (text, LEAST_GAIN))
        missed += say(short <= MOST_SHORT, '%s, at most %.1f' % (text, MOST_SHORT))
    return missed
