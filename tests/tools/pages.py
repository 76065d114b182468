#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manual pages and completions of the tools: the pages hold every option and are sound, the shell completes."""
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from toolrun import SOURCE, TOOLS, run

NAMES = os.environ['ALITRA_TEST_NAMES'].split()
BASH = '''
source %s
PATH=%s:$PATH
COMP_WORDS=(%s)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_alitra "${COMP_WORDS[0]}"
printf '%%s\\n' "${COMPREPLY[@]}"
'''


def options_of(name):
    return set(re.findall(r'(--[a-z][a-z-]+)', run(name, '--help').stdout.decode().split('Application Options:')[1]))


class Pages(unittest.TestCase):
    def test_options(self):
        for name in NAMES:
            with self.subTest(name):
                page = (TOOLS / (name + '.1')).read_text(encoding='utf-8').replace('\\-', '-')
                for option in options_of(name):
                    self.assertIn('\\fB' + option, page.replace('\\fR, ', ''))
                for heading in ('.SH NAME', '.SH SYNOPSIS', '.SH DESCRIPTION', '.SH EXAMPLES'):
                    self.assertIn(heading, page)
                self.assertNotIn('@', page)

    @unittest.skipUnless(shutil.which('man'), 'there is no man')
    def test_sound(self):
        for name in NAMES:
            with self.subTest(name):
                done = subprocess.run(['man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', TOOLS / (name + '.1')],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertEqual((done.returncode, done.stderr), (0, b''))
                self.assertGreater(len(done.stdout), 500)


class Completions(unittest.TestCase):
    def complete(self, *words):
        script = BASH % (SOURCE / 'tools/completions.bash', TOOLS, ' '.join("'%s'" % word for word in words))
        done = subprocess.run(['bash', '-c', script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True,
                              cwd=SOURCE / 'docs')
        self.assertEqual(done.stderr, b'')
        return set(done.stdout.decode().split())

    def test_options(self):
        for name in NAMES:
            with self.subTest(name):
                found = self.complete(name, '--')
                self.assertLessEqual(options_of(name), found)
                self.assertEqual(self.complete(name, '--m'), {one for one in options_of(name) if one.startswith('--m')})

    def test_values(self):
        self.assertEqual(self.complete('alitra-roundtrip', '--allocation', ''), {'learned', 'uniform', 'complexity'})
        self.assertEqual(self.complete('alitra-roundtrip', '-a', 'u'), {'uniform'})
        self.assertEqual(self.complete('alitra-roundtrip', '--range', '=', 'f'), {'full'})
        self.assertEqual(self.complete('alitra-info', '--style', '='), {'heatmap', 'grid', 'contours'})
        self.assertEqual(self.complete('alitra-info', '-s', 'g'), {'grid'})
        self.assertEqual(self.complete('alitra-info', '--frame', ''), set())

    def test_files(self):
        self.assertIn('architecture.md', self.complete('alitra-info', 'arch'))
        self.assertIn('architecture.md', self.complete('alitra-info', '--model', 'arch'))

    def test_all_tools(self):
        script = 'source %s; complete -p' % (SOURCE / 'tools/completions.bash')
        known = subprocess.run(['bash', '-c', script], stdout=subprocess.PIPE, check=True).stdout.decode()
        for name in NAMES:
            self.assertRegex(known, r'-F _alitra %s\n' % re.escape(name))


if __name__ == '__main__':
    unittest.main(verbosity=2)
