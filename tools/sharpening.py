# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A picture that stands still, under a budget of new tokens a frame: how fast it gets as good as without budget."""
from roundtrip import Trip, i420_size

BUDGET = .5                     # new tokens a patch a frame
FRAMES = 31
COLUMNS = ('clip', 'frame', 'new', 'tokens', 'psnr_y', 'psnr_y_unbudgeted')


def measure(options, name, clip):
    """The first frame of the clip again and again: one dict a frame."""
    patches = ((clip.width + 15) // 16) * ((clip.height + 15) // 16)
    still = clip.bytes[:i420_size(clip.width, clip.height)] * FRAMES
    common = (options, still, clip.width, clip.height, '--range=limited', '--quality=%g' % options.quality)
    budget = Trip(*common, '--max-new=%d' % (BUDGET * patches))
    free = Trip(*common)
    return [dict(zip(COLUMNS, (name, number, with_['new'], with_['tokens'], with_['psnr_y'], without['psnr_y'])))
            for number, (with_, without) in enumerate(zip(budget.frames, free.frames))]
