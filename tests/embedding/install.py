# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds and installs into a prefix, and uses what is there as a user would: install.py SOURCE FOLDER

FOLDER is kept from run to run, so that only what changed is compiled again; the prefix is emptied."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pythons import find_python

PROGRAM = '''
#include <alitra/alitra.h>
#include <stdio.h>

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AlitraModel) model = alitra_model_load (NULL, &error);
  guint major, minor, micro;

  alitra_version (&major, &minor, &micro);
  if (!model || !ALITRA_CHECK_VERSION (major, minor, micro))
    return 1;
  puts (alitra_model_get_path (model));
  return 0;
}
'''


def run(*command, **more):
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            **more)
    if result.returncode:
        sys.exit('%s failed:\n%s' % (' '.join(map(str, command)), result.stdout[-6000:]))
    return result.stdout


def one(prefix, pattern):
    found = sorted(prefix.glob(pattern))
    if not found:
        sys.exit('%s is not installed' % pattern)
    return found[0]


def main():
    source, folder = map(Path, sys.argv[1:])
    build, prefix = folder / 'build', folder / 'prefix'
    shutil.rmtree(prefix, ignore_errors=True)
    if not (build / 'build.ninja').exists():
        shutil.rmtree(build, ignore_errors=True)
        run('meson', 'setup', '--prefix', prefix, '-Dtests=false', build, source)
    run('ninja', '-C', build)
    run('meson', 'install', '-C', build)

    plugin = one(prefix, 'lib/**/libgstalitra.so')
    typelibs = sorted(prefix.glob('lib/**/Alitra-1.0.typelib'))
    model = one(prefix, 'share/alitra/models/alitra-base.safetensors')
    # What a user of a prefix that the system does not look into sets; nothing of the build or of the source.
    environment = {key: os.environ[key] for key in ('PATH', 'HOME', 'LANG') if key in os.environ}
    environment.update(GST_PLUGIN_PATH=str(plugin.parent), GST_REGISTRY=str(folder / 'registry'), LC_ALL='C.UTF-8',
                       PKG_CONFIG_PATH=str(one(prefix, 'lib/**/alitra-1.0.pc').parent))
    (folder / 'registry').unlink(missing_ok=True)

    text = run('gst-inspect-1.0', 'alitraenc', env=environment)
    assert 'Codec/Encoder/Video' in text and str(plugin) in text, text
    # The plugin finds the library and the model by itself.
    run('gst-launch-1.0', 'videotestsrc', 'num-buffers=2', '!', 'alitraenc', '!', 'alitradec', '!', 'fakesink',
        env=environment)

    flags = run('pkg-config', '--cflags', '--libs', 'alitra-1.0', env=environment).split()
    assert '-lalitra-1.0' in flags, flags
    assert run('pkg-config', '--modversion', 'alitra-1.0', env=environment).strip()
    (folder / 'program.c').write_text(PROGRAM)
    program = folder / 'program'
    run(os.environ.get('CC', 'cc'), folder / 'program.c', '-o', program, *flags, env=environment)
    library = one(prefix, 'lib/**/libalitra-1.0.so').parent
    found = run(program, env=dict(environment, LD_LIBRARY_PATH=str(library))).strip()
    assert Path(found) == model, (found, model)

    for tool in sorted((prefix / 'bin').glob('alitra-*')):
        run(tool, '--help', env=environment)
    done = 'plugin, pkg-config, C, tools'
    python = find_python('gi')
    if typelibs and python:
        text = run(python, '-c', 'from gi.repository import Alitra; print(Alitra.Model.load(None).get_path())',
                   env=dict(environment, GI_TYPELIB_PATH=str(typelibs[0].parent), LD_LIBRARY_PATH=str(library)))
        assert text.strip().splitlines()[-1] == str(model), text
        done += ', Python'
    print('installed and used: %s' % done)


if __name__ == '__main__':
    main()
