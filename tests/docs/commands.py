#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs every command that the documents show.

Commands are: the lines of blocks marked ```sh, of blocks without a mark and of indented blocks that begin with a word
of COMMANDS, and inline code of several words that begins with one.  Each is run in a folder of its document, with the
changes of RULES, or stands in EXCEPTIONS with a reason.  A command that does neither fails, as does an exception that
no document needs any more.

usage: commands.py BUILD-FOLDER [DOCUMENT...]"""
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
LIMIT = 120

COMMANDS = re.compile(
    r'(?:[A-Z_][A-Z0-9_]*=\S*\s+)*'
    r'(?:gst-[a-z]+-1\.0|alitra-[a-z]+|rtsp-server|export|meson|ninja|git|cd|apt|apt-get|sudo|cc|gcc|ffmpeg|ffplay|man|cmp'
    r'|pkg-config|indent|python3|bash|source|\.|ls|cat|(?:tools|training|docs/examples|build)/\S+)(?:\s|$)')
NO_SHELL = {'text', 'c', 'cpp', 'python', 'json', 'ini', 'xml', 'meson', 'diff', 'sdp'}

FRAMES = 20


def shorten_test_source(match):
    """A test picture must end, and soon."""
    text = match.group(0)
    if 'num-buffers=' not in text:
        return text + ' num-buffers=%d' % FRAMES
    return re.sub(r'num-buffers=(\d+)', lambda n: 'num-buffers=%d' % min(int(n.group(1)), FRAMES), text)


# What is changed before a command is run, and why.
RULES = (
    # a screen: the same pipeline without one
    (r'\b(?:auto|xv|x|gl|wayland)(?:video|image)?sink\b', 'fakesink'),
    (r'\bgtksink\b', 'fakesink'),
    (r'\bgst-play-1\.0', 'gst-play-1.0 --no-interactive --videosink=fakesink --audiosink=fakesink'),
    # a camera: a test picture that comes as slowly
    (r'\bv4l2src\b(?: +[\w-]+=[^\s!]+)*', 'videotestsrc is-live=true'),
    # endless sources: a few frames of them
    (r'\bvideotestsrc\b(?: +[\w-]+=[^\s!]+)*', shorten_test_source),
    (r'\budpsrc\b', 'udpsrc num-buffers=8'),
)

# Commands that are not run here: document (*: any), part of the command, why.
EXCEPTIONS = (
    ('*', r'^meson install( |$)', 'writes into the system'),
    ('*', r'^man alitra-', 'reads installed pages; tests/tools/pages.py reads those of the build'),
    ('*', r'^tools/alitra-stream\.sh', 'opens windows, plays for ever; tests/tools/live.py runs both ends'),
    ('docs/recognition.md', r'^training/compare_rows\.py', 'takes hours; tests/tools/labelled.py runs it on a few pictures'),
    ('docs/live.md', r'^(?:rtsp-server|gst-play-1\.0 rtsp:)', 'serves for ever; tests/tools/live.py runs both'),
    ('README.md', r'^tools/demo\.sh', 'installs packages and makes another build; runs for minutes'),
    ('README.md', r'^tools/test\.sh', 'runs this test'),
    ('README.md', r'^meson setup build', 'the build that runs this test was made so'),
    ('docs/viewer.md', r'^alitra-view', 'opens windows, plays for ever; tests/tools/view.py works it'),
    ('docs/training.md', r'^training/make\.sh', 'trains for hours'),
    ('CONTRIBUTING.md', r'^tools/test\.sh', 'runs this test'),
    ('CONTRIBUTING.md', r'^indent', 'is to change a file of yours'),
    ('CONTRIBUTING.md', r'^meson test', 'runs this test'),
    ('training/README.md', r'^training/make\.sh', 'trains for hours'),
    ('training/README.md', r'^training/ablations\.sh', 'trains for an hour'),
    ('training/README.md', r'^training/make_classifier\.sh', 'trains for an hour'),
    ('training/README.md', r'^training/make_generator\.sh', 'trains for an hour'),
    ('docs/performance.md', r'bench-products$', 'needs OpenBLAS; measures for minutes'),
    ('docs/performance.md', r'bench-stages ', 'measures for minutes'),
    ('docs/performance.md', r'^meson test --benchmark', 'measures for minutes'),
    ('docs/performance.md', r'^tools/performance\.py', 'measures for half an hour on the clips of the measurements'),
    ('docs/reuse.md', r'^tools/shifts\.py', 'counts on the clips of the measurements'),
    ('docs/trimming.md', r'^tools/trimming\.py', 'measures on the pictures and clips of the measurements'),
)


class Command:
    def __init__(self, document, line, text):
        self.document, self.line, self.text = document, line, text

    def __str__(self):
        return '%s:%d: %s' % (self.document, self.line, self.text)


def logical_lines(first, lines):
    """Joins lines that end in a backslash; leaves out comments and empty lines."""
    joined = ''
    for number, line in enumerate(lines, first):
        if not joined:
            start = number
        joined += line.strip().removesuffix('\\').strip() + ' '
        if line.rstrip().endswith('\\'):
            continue
        text = re.sub(r'(^|\s)#\s.*', '', joined).strip()
        joined = ''
        if text:
            yield start, text
    if joined.strip():
        yield start, joined.strip()


def commands_of_block(document, mark, first, lines):
    found = list(logical_lines(first, lines))
    if mark in NO_SHELL or (mark == '' and not (found and COMMANDS.match(found[0][1]))):
        return []
    if mark not in ('', 'sh'):
        sys.exit('%s:%d: expected a block marked sh or one of %s, got "%s"'
                 % (document, first - 1, ', '.join(sorted(NO_SHELL)), mark))
    return [Command(document, number, text) for number, text in found]


def find_commands(document, text):
    mark, block, commands = None, [], []
    lines = text.split('\n')
    for number, line in enumerate(lines + [''], 1):
        if mark is not None and mark != ' ':
            if line.lstrip().startswith('```'):
                commands += commands_of_block(document, mark, number - len(block), block)
                mark, block = None, []
            else:
                block.append(line)
        elif line.lstrip().startswith('```'):
            mark, block = line.strip()[3:].strip(), []
        elif line.startswith('    ') and (mark == ' ' or number == 1 or not lines[number - 2].strip()):
            mark = ' '
            block.append(line)
        else:
            if mark == ' ':
                commands += commands_of_block(document, '', number - len(block), block)
                mark, block = None, []
            for code in line.split('`')[1::2]:
                if ' ' in code and COMMANDS.match(code):
                    commands.append(Command(document, number, code))
    return commands


def documents():
    for pattern in ('*.md', 'docs/**/*.md', 'training/*.md', 'models/*.md'):
        yield from sorted(path.relative_to(SOURCE) for path in SOURCE.glob(pattern))


def change(text):
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return text


class Reader:
    """Runs the commands of one document in a folder where the tree and the build can be seen."""

    def __init__(self, folder, build, environment):
        self.folder, self.environment, self.exports = folder, environment, []
        for entry in SOURCE.iterdir():
            if not entry.name.startswith(('build', '.')):
                (folder / entry.name).symlink_to(entry)
        (folder / 'build').symlink_to(build)

    def start(self, command):
        script = '\n'.join(['set -e -o pipefail', *self.exports, change(command.text)])
        return subprocess.Popen(['bash', '-c', script], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def wait(self, process, seconds=LIMIT):
        """What it said when it failed, or None."""
        try:
            output = process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0].decode(errors='replace') + 'did not end within %d seconds' % seconds
        return output.decode(errors='replace') if process.returncode else None

    def run(self, command):
        if command.text.startswith('export '):
            self.exports.append(change(command.text))
        problem = self.wait(self.start(command))
        if problem is None:
            problem = self.check_files(command)
        return problem

    def check_files(self, command):
        for name in re.findall(r'filesink +location=([\w./-]+)', command.text):
            if not (self.folder / name).is_file() or (self.folder / name).stat().st_size == 0:
                return 'it left no bytes in %s' % name
        return None


def sends(command):
    return 'udpsink' in command.text


def receives(command):
    return 'udpsrc' in command.text


SENDER = Command(Path('this test'), 0, 'gst-launch-1.0 videotestsrc is-live=true ! alitraenc key-int-max=5 ! rtpalitrapay '
                 '! udpsink host=127.0.0.1 port=5004')


def run_receiver(reader, receiver, sender):
    """A receiver has to listen before anything is sent."""
    process = reader.start(receiver)
    time.sleep(2)
    problem = reader.run(sender)
    if problem is not None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return problem
    return reader.wait(process, 20)


def run_document(reader, commands, report):
    todo = list(commands)
    while todo:
        command = todo.pop(0)
        started = time.monotonic()
        if sends(command) or receives(command):
            pair = [other for other in todo if (receives if sends(command) else sends)(other)][:1]
            for other in pair:
                todo.remove(other)
            both = [command, *pair]
            sender = next((one for one in both if sends(one)), SENDER)
            receiver = next((one for one in both if receives(one)), None)
            problem = run_receiver(reader, receiver, sender) if receiver else reader.run(sender)
        else:
            both, problem = [command], reader.run(command)
        report(both, problem, time.monotonic() - started)


def environment_of(build, scratch):
    environment = dict(os.environ)
    environment.update({
        # Debian's Python has Debian's numpy; another one that comes first in PATH may lack it.
        'PATH': '%s:/usr/bin:%s' % (build / 'tools', environment['PATH']), 'GST_PLUGIN_PATH': str(build / 'gst'),
        'ALITRA_MODEL_PATH': str(SOURCE / 'models'), 'GST_REGISTRY': str(scratch / 'registry'),
        'CLIP': str(scratch / 'clip.ogg'), 'HOME': str(scratch), 'LC_ALL': 'C.UTF-8'})
    return environment


def make_clip(environment):
    subprocess.run(['gst-launch-1.0', '-q', *shlex.split(
        'videotestsrc pattern=ball num-buffers=%d ! video/x-raw,width=320,height=240,framerate=25/1 ! theoraenc ! oggmux '
        '! filesink location=%s' % (FRAMES, environment['CLIP']))], env=environment, check=True, timeout=LIMIT)


def excuse(command, used):
    for number, (document, pattern, _) in enumerate(EXCEPTIONS):
        if document in ('*', str(command.document)) and re.search(pattern, command.text):
            used.add(number)
            return True
    return False


def main():
    build = Path(sys.argv[1]).resolve()
    chosen = [Path(name) for name in sys.argv[2:]] or list(documents())
    used, failures, count = set(), 0, 0

    def report(commands, problem, seconds):
        nonlocal failures, count
        for command in commands:
            count += 1
            print('%-6s %5.1f s  %s' % ('ok' if problem is None else 'FAILED', seconds, command), flush=True)
        if problem is not None:
            failures += 1
            print(problem, flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        environment = environment_of(build, Path(scratch))
        make_clip(environment)
        for document in chosen:
            commands = find_commands(document, (SOURCE / document).read_text(encoding='utf-8'))
            folder = Path(scratch, str(document).replace('/', '-'))
            folder.mkdir()
            run_document(Reader(folder, build, environment),
                         [command for command in commands if not excuse(command, used)], report)
    if len(sys.argv) == 2:
        for number, (document, pattern, _) in enumerate(EXCEPTIONS):
            if number not in used:
                failures += 1
                print('FAILED: no command of %s needs the exception for %s any more' % (document, pattern))
    print('%d commands run, %d not run for a reason, %d failures' % (count, len(used), failures))
    return 1 if failures or count == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
