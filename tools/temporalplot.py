# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The picture of docs/temporal.md."""

COLOURS = {'static': '#31688e', 'hand-held': '#6b8f3c', 'moving': '#c8442c'}


def draw_ratios(axis, rows):
    rows = sorted(rows, key=lambda row: row['new_share'], reverse=True)
    places = range(len(rows))
    axis.barh([place + .2 for place in places], [100 * row['new_share'] for row in rows], .38,
              color=[COLOURS[row['group']] for row in rows])
    axis.barh([place - .2 for place in places], [100 * row['ms'] / row['ms_without'] for row in rows], .38,
              color='#bbbbbb')
    axis.axvline(100, color='#888888', linewidth=.8)
    axis.set_yticks(list(places), [row['clip'] for row in rows], fontsize=7)
    axis.set_title('new tokens (colour) and encoding time (grey),\n% of those without reuse', fontsize=10)


def draw_flicker(axis, rows):
    for group, colour in COLOURS.items():
        some = [row for row in rows if row['group'] == group and row['static_share'] > 0]
        axis.scatter([row['flicker_without'] for row in some], [row['flicker'] for row in some], s=22, color=colour,
                     label=group)
    most = max([row['flicker_without'] for row in rows] + [1.])
    axis.plot([0, most], [0, most], color='#888888', linewidth=.8)
    axis.plot([0, most], [0, most / 3], '--', color='#888888', linewidth=.8)
    axis.set_xlabel('without reuse')
    axis.set_ylabel('with reuse')
    axis.legend(frameon=False, fontsize=9)
    axis.set_title('flicker where the source is static, grey levels\n(lines: the same, and a third)', fontsize=10)


def draw_sharpening(axis, clips):
    for frames in clips:
        line, = axis.plot([row['frame'] for row in frames], [row['psnr_y'] for row in frames], linewidth=1.2)
        axis.axhline(frames[-1]['psnr_y_unbudgeted'], color=line.get_color(), linestyle=':', linewidth=.8)
        axis.annotate(frames[0]['clip'].replace('static_', ''), (frames[-1]['frame'], frames[-1]['psnr_y']),
                      color=line.get_color(), fontsize=6, ha='right', va='top')
    axis.set_xlabel('frame')
    axis.set_title('a still picture, half a new token a patch a frame:\nPSNR-Y (dotted: without budget)', fontsize=10)


def draw(rows, clips, path):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plot

    figure, axes = plot.subplots(1, 3, figsize=(14, 4.6))
    draw_ratios(axes[0], rows)
    draw_flicker(axes[1], rows)
    draw_sharpening(axes[2], clips)
    for axis in axes:
        axis.grid(color='#dddddd', linewidth=.6)
        axis.set_axisbelow(True)
        axis.spines[['top', 'right']].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
