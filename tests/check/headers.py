# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compiles each public header alone, warnings being errors: headers.py LANGUAGE COMPILER HEADER...

LANGUAGE is c (C11) or c++ (C++11). A header that is new belongs into include/meson.build, which this list comes from."""
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

STANDARD = {'c': '-std=c11', 'c++': '-std=c++11'}


def main():
    language, compiler, *headers = sys.argv[1:]
    names = ['alitra/' + Path(header).name for header in headers]
    folders = sorted({Path(header).parent.parent for header in headers})
    present = {path.name.removesuffix('.in') for folder in folders for path in (folder / 'alitra').glob('*.h*')}
    missing = present - {Path(name).name for name in names}
    if missing:
        print('not installed: %s; add them to include/meson.build' % ', '.join(sorted(missing)))
        return 1
    glib = shlex.split(subprocess.run(['pkg-config', '--cflags', 'gobject-2.0'], check=True, capture_output=True,
                                      text=True).stdout)
    # GLib's own headers are taken as the system's, as installed programs do.
    glib = [flag.replace('-I', '-isystem', 1) for flag in glib]
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            source = Path(folder) / ('alone.' + ('c' if language == 'c' else 'cc'))
            # Twice: it must also bear being included again.
            source.write_text('#include <%s>\n#include <%s>\nint alone;\n' % (name, name))
            command = [compiler, STANDARD[language], '-Wall', '-Wextra', '-Werror', '-pedantic', '-fsyntax-only',
                       *('-I%s' % path for path in folders), *glib, str(source)]
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode:
                failed.append(name)
                print(result.stderr)
    print('%d headers as %s, failed: %s' % (len(names), STANDARD[language][5:], ', '.join(failed) or 'none'))
    return bool(failed) or not names


if __name__ == '__main__':
    sys.exit(main())
