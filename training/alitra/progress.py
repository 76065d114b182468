"""How long a run goes on, and what it shows: a bar with the time that is left, a table in OUT.csv and a plot of it in
OUT.png."""
import csv
import math
import os
import signal
import sys
import time

WIDTH = 24


def clock(seconds):
    return '%d:%02d' % divmod(int(seconds) // 60, 60) + ':%02d' % (int(seconds) % 60)


class Span:
    """From the state of a checkpoint to so many minutes, or to so many steps where they are given.  SIGINT and SIGTERM end
    the run after the step at hand, so that what it has learned can be saved."""

    def __init__(self, state, minutes, steps=None):
        self.step, self.began, self.seconds, self.steps = state['step'], time.time() - state['spent'], minutes * 60, steps
        self.stopped = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)

    def stop(self, number, frame):
        if self.stopped:    # asked twice: at once
            sys.exit(128 + number)
        self.stopped = number

    def spent(self):
        return time.time() - self.began

    def done(self):
        """Share of the whole, 0..1."""
        return min(1., self.step / self.steps if self.steps else self.spent() / self.seconds)

    def over(self):
        return self.stopped is not None or self.done() >= 1

    def whole(self):
        """Seconds that it takes in all, as far as it can be told."""
        return self.spent() / max(self.done(), 1e-3) if self.steps else self.seconds

    def state(self):
        return {'step': self.step, 'spent': self.spent()}

    def finish(self):
        """After the last save: a run that was stopped says so to what called it."""
        if self.stopped:
            print('stopped after step %d; --resume goes on' % self.step)
            sys.exit(128 + self.stopped)


class Progress:
    """columns: names of what is measured at each step.  A run that resumes goes on with its table."""

    def __init__(self, out, columns, every, resume=False):
        self.table, self.plot = os.path.splitext(out)[0] + '.csv', os.path.splitext(out)[0] + '.png'
        self.columns, self.every, self.pending = columns, every, []
        self.rows = []
        if resume and os.path.exists(self.table):
            with open(self.table) as f:
                self.rows = [[float(v) for v in row] for row in list(csv.reader(f))[1:]]

    def add(self, step, values, spent, whole):
        """spent, whole: seconds.  Prints, and writes table and plot, every so many steps."""
        self.pending.append(values)
        self.bar(step, spent, whole)
        if step % self.every:
            return
        means = []
        for column in zip(*self.pending):
            finite = [v for v in column if math.isfinite(v)]
            means.append(sum(finite) / len(finite) if finite else float('nan'))
        self.pending = []
        self.rows.append([step, *means])
        text = '  '.join('%s %.4g' % pair for pair in zip(self.columns, means))
        print(('\r\033[K' if sys.stdout.isatty() else '') + 'step %d  %3.0f %%  %s' % (step, 100 * spent / whole, text),
              flush=True)
        with open(self.table, 'w', newline='') as f:
            csv.writer(f).writerows([['step', *self.columns], *self.rows])
        self.draw()

    def bar(self, step, spent, whole):
        if sys.stdout.isatty():
            done = min(1., spent / whole)
            full = round(WIDTH * done)
            print('\r\033[K[%s%s] step %d  %s left' % ('#' * full, '.' * (WIDTH - full), step,
                                                        clock(max(0, whole - spent))), end='', flush=True)

    def draw(self):
        try:
            import matplotlib
        except ImportError:     # the table is there
            return
        matplotlib.use('Agg')
        import matplotlib.pyplot as plot
        figure, axes = plot.subplots(1, len(self.columns), figsize=(3.6 * len(self.columns), 3))
        for axis, name, values in zip(figure.axes, self.columns, list(zip(*self.rows))[1:]):
            axis.plot([row[0] for row in self.rows], values, color='#31688e')
            axis.set_title(name, fontsize=10)
            axis.set_xlabel('step')
            axis.grid(color='#dddddd', linewidth=.6)
        figure.tight_layout()
        figure.savefig(self.plot, dpi=90)
        plot.close(figure)
