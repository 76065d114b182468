# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that arrows point one way (docs/architecture.md): floors.py REPOSITORY

src/meson.build lists the files of src from the lowest floor up. A file may include the headers of files before its own
only; none of src knows GStreamer, and the plugin knows the library by its public headers only."""
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
# What the list does not hold: the loops behind matrix.c, ORC's header, and a header of types alone.
BELOW_ALL = ('matrix-loops', 'pixel-loops', 'byte-loops', 'kernels', 'vocabulary')
# One file in two parts: the loops are compiled once for each instruction set.
TOGETHER = (('matrix-loops', 'matrix'), ('matrix-loops', 'pixel-loops'), ('matrix-loops', 'byte-loops'))


def includes(path):
    return [(kind == '<', name) for kind, name in INCLUDE.findall(path.read_text())]


def read_order(meson):
    """Place of each file's name in the list alitra_sources."""
    text = meson.read_text()
    start = text.index('alitra_sources = files(')
    names = re.findall(r"'([a-z0-9-]+)\.c'", text[start:text.index('\n)', start)])
    return {name: place for place, name in enumerate((*BELOW_ALL, *names))}


def check_source(path, order):
    own = path.stem
    if own not in order:
        yield '%s is not in the list alitra_sources of src/meson.build' % path
        return
    for system, name in includes(path):
        stem = Path(name).stem
        if system and not name.startswith('alitra/'):
            if name.startswith(('gst/', 'gstreamer')):
                yield '%s includes <%s>: the library knows no GStreamer' % (path, name)
        elif not system and stem not in order:
            yield '%s includes "%s", which is no header of src' % (path, name)
        elif not system and stem != own and order[stem] >= order[own] and (own, stem) not in TOGETHER:
            yield '%s includes "%s", which stands above it in src/meson.build' % (path, name)


def check_public(path):
    for system, name in includes(path):
        if name.startswith('gst/') or not system:
            yield '%s includes %s: public headers include <alitra/...> and GLib only' % (path, name)


def check_plugin(path, own_headers):
    for system, name in includes(path):
        if not system and name not in own_headers:
            yield '%s includes "%s": the plugin includes its own headers and <alitra/...> only' % (path, name)


def main():
    repository = Path(sys.argv[1])
    order = read_order(repository / 'src' / 'meson.build')
    sources, public, plugin = (sorted(path for path in (repository / folder).glob('*') if path.suffix in ('.c', '.h'))
                               for folder in ('src', 'include/alitra', 'gst'))
    if not sources or not public or not plugin:
        sys.exit('expected the folders src, include/alitra and gst in %s' % repository)
    own_headers = {path.name for path in plugin}
    faults = [fault for path in sources for fault in check_source(path, order)]
    faults += [fault for path in public for fault in check_public(path)]
    faults += [fault for path in plugin for fault in check_plugin(path, own_headers)]
    print('\n'.join(faults) if faults else '%d files look down only' % (len(sources) + len(public) + len(plugin)))
    return bool(faults)


if __name__ == '__main__':
    sys.exit(main())
