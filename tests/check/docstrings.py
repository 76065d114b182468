# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks for what a reader would miss in the reference of the library: docstrings.py GIR

Every function says what it does; every parameter and every result is described, with what becomes of it (transfer);
a function that can fail says "Errors:" and names the codes of AlitraError; every type, field, member and constant is
described. Numbers of pixels, bytes, time and so on must say their unit."""
import re
import sys
import xml.etree.ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'
FUNCTIONS = ('function', 'method', 'constructor')
# What a number counts, for parameters whose names say that they are sizes, places or times.
MEASURED = re.compile(r'(size|width|height|stride|offset|from|pts|time|count|capacity|columns?|rows?|row_bytes|interval)$')
UNIT = re.compile(r'byte|sample|pixel|nanosecond|token|cell|patch|row|frame|packet|column|second|number', re.I)
NUMBERS = {'guint', 'gint', 'gsize', 'gssize', 'guint8', 'guint16', 'guint32', 'guint64', 'gint32', 'gint64', 'gfloat',
           'gdouble'}
HINT = 'To mend it: complete the comment above the declaration in include/alitra; the neighbours there show how.'


def doc_of(element):
    doc = element.find(CORE + 'doc')
    return (doc.text or '').strip() if doc is not None else ''


def type_of(element):
    found = element.find(CORE + 'type')
    return found.get('name', '') if found is not None else ''


def check_number(name, element):
    if type_of(element) in NUMBERS and MEASURED.search(element.get('name', '')) and not UNIT.search(doc_of(element)):
        yield '%s: %s says no unit (%s)' % (name, element.get('name'), doc_of(element))


def check_result(name, function):
    result = function.find(CORE + 'return-value')
    if type_of(result) == 'none':
        return
    # A gboolean of a function that can fail only says that it did; still it has to be said.
    if not doc_of(result):
        yield '%s: its result is not described; write "Returns: ..."' % name
    if result.get('transfer-ownership') is None:
        yield '%s: nobody knows who owns its result; write "Returns: (transfer full): ..." or (transfer none)' % name


def check_function(function):
    name = function.get(C + 'identifier')
    if name.endswith('_get_type'):
        return
    if not doc_of(function):
        yield '%s: not described' % name
    for parameter in function.iter():
        if parameter.tag not in (CORE + 'parameter', CORE + 'instance-parameter'):
            continue
        if not doc_of(parameter):
            yield '%s: @%s is not described' % (name, parameter.get('name'))
        if parameter.get('transfer-ownership') is None:
            yield '%s: nobody knows who owns @%s' % (name, parameter.get('name'))
        yield from check_number(name, parameter)
    yield from check_result(name, function)
    if function.get('throws') == '1':
        errors = doc_of(function).partition('Errors:')[2]
        if '%ALITRA_ERROR_' not in errors:
            yield '%s: can fail, but has no paragraph "Errors:" that names codes such as %%ALITRA_ERROR_ARGUMENT' % name


def check_type(element):
    name = element.get(C + 'type')
    if not doc_of(element):
        yield '%s: not described' % name
    for field in element.findall(CORE + 'field'):
        if field.get('private') == '1' or field.get('readable') == '0':
            continue
        if not doc_of(field):
            yield '%s: @%s is not described' % (name, field.get('name'))
        yield from check_number(name, field)
    for member in element.findall(CORE + 'member'):
        if not doc_of(member):
            yield '%s: @%s is not described' % (name, member.get(C + 'identifier'))


def main():
    namespace = xml.etree.ElementTree.parse(sys.argv[1]).getroot().find(CORE + 'namespace')
    faults, functions, others = [], {}, 0
    for element in namespace.iter():
        kind = element.tag.removeprefix(CORE)
        if kind in FUNCTIONS:
            # Functions that belong to a type stand at two places.
            functions.setdefault(element.get(C + 'identifier'), element)
        elif kind in ('record', 'union', 'class', 'interface', 'enumeration', 'bitfield', 'callback', 'alias'):
            others += 1
            faults += check_type(element)
        elif kind == 'constant':
            others += 1
            if not doc_of(element):
                faults.append('%s: not described' % element.get(C + 'type'))
    for function in functions.values():
        faults += check_function(function)
    print('\n'.join(sorted(faults)))
    print('%d functions, %d types and constants, %d faults' % (len(functions), others, len(faults)))
    if faults:
        print(HINT)
    return bool(faults) or len(functions) < 10


if __name__ == '__main__':
    sys.exit(main())
