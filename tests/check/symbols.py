# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares what the shared library exports with the list in the tree: symbols.py NM LIBRARY LIST

A function that left the list breaks programs that are there; one that is new is promised for good."""
import subprocess
import sys
from pathlib import Path


def main():
    nm, library, listed = sys.argv[1:]
    lines = subprocess.run([nm, '--dynamic', '--defined-only', library], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    found = {line.split()[-1].split('@')[0] for line in lines}
    expected = [line for line in Path(listed).read_text().splitlines() if line and not line.startswith('#')]
    foreign = sorted(name for name in found if not name.startswith('alitra_'))
    new, gone = sorted(found - set(expected)), sorted(set(expected) - found)
    if new:
        print('exported, but not in the list: %s' % ', '.join(new))
    if gone:
        print('in the list, but not exported: %s' % ', '.join(gone))
    if foreign:
        print('not alitra_*: %s' % ', '.join(foreign))
    if expected != sorted(expected):
        print('the list is not in order: LC_ALL=C sort it')
    if new or gone:
        print('To mend it: add or remove these lines in tests/check/symbols.txt, in alphabetical order.')
    return bool(new or gone or foreign or not found or expected != sorted(expected))


if __name__ == '__main__':
    sys.exit(main())
