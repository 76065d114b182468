#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every link of the documents leads to something, every page of docs/ can be reached from docs/README.md, every element
has a page, every installed tool a manual page and completions, and every source file a line in docs/architecture.md."""
import re
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def links_of(path):
    text = re.sub(r'^```.*?^```', '', path.read_text(encoding='utf-8'), flags=re.M | re.S)
    return re.findall(r'\]\(([^)\s]+)\)', text)


def anchors_of(path):
    headings = re.findall(r'^#+ +(.*)$', path.read_text(encoding='utf-8'), re.M)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def documents():
    for pattern in ('*.md', 'docs/**/*.md', 'training/*.md', 'models/*.md'):
        yield from sorted(SOURCE.glob(pattern))


def check_links(problems):
    for path in documents():
        for link in links_of(path):
            target, _, anchor = link.partition('#')
            if re.match(r'\w+:', link):
                continue
            place = path if not target else (path.parent / target).resolve()
            if not place.exists():
                problems.append('%s: nothing is at %s' % (path.relative_to(SOURCE), link))
            elif anchor and place.suffix == '.md' and anchor not in anchors_of(place):
                problems.append('%s: no heading for %s' % (path.relative_to(SOURCE), link))


def check_index(problems):
    reached, todo = set(), [SOURCE / 'docs/README.md']
    while todo:
        path = todo.pop()
        if path in reached or not path.is_file():
            continue
        reached.add(path)
        if path.parent == SOURCE / 'docs':
            todo += [(path.parent / link.partition('#')[0]).resolve() for link in links_of(path) if '.md' in link]
    for path in (SOURCE / 'docs').glob('**/*.md'):
        if path not in reached:
            problems.append('%s: cannot be reached from docs/README.md' % path.relative_to(SOURCE))


def check_elements(problems):
    for path in (SOURCE / 'gst').glob('*.c'):
        for name in re.findall(r'GST_ELEMENT_REGISTER_DEFINE(?:_WITH_CODE)? \(\w+,\s*"(\w+)"', path.read_text(encoding='utf-8')):
            if not (SOURCE / 'docs/elements' / (name + '.md')).is_file():
                problems.append('docs/elements/%s.md: expected a page of the element, found none' % name)


def check_tools(problems):
    named = re.findall(r"executable\('(alitra-[\w-]+)'[^)]*install: true", (SOURCE / 'tools/meson.build').read_text(encoding='utf-8'))
    if not named:
        problems.append('tools/meson.build: expected installed tools, found none')
    completions = (SOURCE / 'tools/completions.bash').read_text(encoding='utf-8')
    for name in named:
        if not (SOURCE / 'tools/man' / (name + '.1.in')).is_file():
            problems.append('tools/man/%s.1.in: expected a manual page, found none' % name)
        if name not in completions:
            problems.append('tools/completions.bash: expected completions of %s, found none' % name)


def check_architecture(problems):
    text = (SOURCE / 'docs/architecture.md').read_text(encoding='utf-8')
    named = set(re.findall(r'`([\w.-]+)`', text))
    for folder in 'src', 'gst':
        for path in sorted((SOURCE / folder).glob('*.c')):
            if path.stem not in named:
                problems.append('docs/architecture.md: expected a line for %s/%s, found none' % (folder, path.name))


def main():
    problems = []
    for check in (check_links, check_index, check_elements, check_tools, check_architecture):
        check(problems)
    print('\n'.join(problems) or 'all links lead somewhere')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
