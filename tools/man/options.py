#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts the options that a program says it has (--help) into its manual page, so that the page never lacks one.

usage: options.py PAGE.1.in VERSION PROGRAM... > PAGE.1"""
import os
import re
import subprocess
import sys


def roff(text):
    return text.replace('\\', r'\e').replace('-', r'\-')


def paragraphs(text):
    """Each option with what is said of it; GLib may break the lines."""
    section = text[text.index('Application Options:'):]
    option = None
    for line in section.split('\n')[1:]:
        found = re.match(r'  (-\S.*?)(?:\s{2,}(.*))?$', line)
        if found:
            if option:
                yield option, ' '.join(words)
            option, words = found.group(1), [found.group(2) or '']
        elif option and line.strip():
            words.append(line.strip())
    if option:
        yield option, ' '.join(words)


def options_of(program):
    done = subprocess.run([*program, '--help'], stdout=subprocess.PIPE, check=True,
                          env=dict(os.environ, LC_ALL='C.UTF-8'))
    for option, words in paragraphs(done.stdout.decode()):
        name = re.sub(r'=(\S+)', lambda value: r'\fR=\fI' + roff(value.group(1)), roff(option))
        yield '.TP\n\\fB%s\\fR\n%s' % (name.replace(', ', r'\fR, \fB'), roff(words.strip()))


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        page = file.read()
    sys.stdout.reconfigure(encoding='utf-8')
    sys.stdout.write(page.replace('@VERSION@', sys.argv[2]).replace('@OPTIONS@', '\n'.join(options_of(sys.argv[3:]))))


if __name__ == '__main__':
    main()
