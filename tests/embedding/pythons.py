# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which Python can be asked: the one that runs the tests need not be the one that has the system's packages."""
import subprocess
import sys

CANDIDATES = (sys.executable, 'python3', '/usr/bin/python3')


def find_python(*modules):
    for candidate in CANDIDATES:
        try:
            result = subprocess.run([candidate, '-c', 'import ' + ', '.join(modules)], capture_output=True, timeout=60)
        except OSError:
            continue
        if result.returncode == 0:
            return candidate
    return None
