#!/usr/bin/env python3
"""Prints docs/definition.md, the manual of survey definitions, from docs/templates/definition.md: text with markers for what is kept elsewhere.

    tools/manual.py           writes the manual
    tools/manual.py --check   says what is wrong and whether the manual is up to date; exit 1 when it is not

Markers stand alone on a line:

    <!-- corpus FOLDER/FILE.test -->   a file of src/engine/corpus, so every example is a test that runs
    <!-- table types -->               also: properties, functions, operators, limits; from the tables of src/engine
    <!-- each type -->                 a section for each question type: what it is for, and corpus/manual/TYPE.test, TYPE-*.test

What the tables do not say themselves stands in docs/templates/definition.words: NAME | VALUE | MEANING by [section].
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENGINE = ROOT / 'src/engine'
CORPUS = ENGINE / 'corpus'
TEMPLATE = ROOT / 'docs/templates/definition.md'
WORDS = ROOT / 'docs/templates/definition.words'
MANUAL = ROOT / 'docs/definition.md'
LATER = 'not in this release'
faults = []


def fault(text, value=''):
    faults.append(text)
    return value


def rows(name, macro):
    """Arguments of each MACRO(...) line of a .def file; texts in quotes without their quotes."""
    found = []
    for line in (ENGINE / name).read_text(encoding='utf-8').splitlines():
        if line.startswith(macro + '('):
            inside = line[len(macro) + 1:line.rindex(')')]
            found.append([a.strip() for a in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"]|"")+', inside)])
    return found or fault(f'{name} has no rows {macro}(...)', [])


def unquoted(text):
    return text[1:-1].replace('\\"', '"') if text.startswith('"') else text


def words():
    sections, section = {}, None
    for line in WORDS.read_text(encoding='utf-8').splitlines():
        if line.startswith('['):
            section = sections.setdefault(line.strip('[]'), {})
        elif line.strip() and not line.startswith('#'):
            parts = [p.strip() for p in line.split(' | ')]
            section[parts[0]] = parts[1:]
    return sections


def told(sections, section, name, count):
    known = sections.get(section, {}).get(name)
    if known is None or len(known) != count:
        fault(f'{WORDS.relative_to(ROOT)}: [{section}] says nothing about {name} ({count} parts are needed)')
        return ['?'] * count
    return known


def escaped(text):
    return text.replace('|', '\\|')


def table(head, lines):
    return '\n'.join(['| ' + ' | '.join(row) + ' |' for row in [head, ['---'] * len(head), *lines]])


def types():
    return [(name, groups.replace(' ', '').split('|')) for name, _, _, groups in (r[:4] for r in rows('types.def', 'QTYPE'))]


def properties():
    """(name, groups, how) in the order of the file."""
    return [(r[0], r[1].replace(' ', '').split('|'), r[2]) for r in rows('props.def', 'PROP')]


def types_table(sections):
    lines = []
    for name, groups in types():
        own = [p for p, of, how in properties() if how != 'LATER' and not {'P_ALL', 'P_ANSWER'} & set(of) and set(of) & set(groups)]
        stored, _ = told(sections, 'types', name, 2)
        lines.append([f'[`{name}`](#{name})', stored, ' '.join(f'`{p}`' for p in own)])
    return table(['type', 'stored value', 'properties of its own'], lines)


def takers(of):
    if 'P_ALL' in of:
        return 'all'
    if 'P_ANSWER' in of:
        return 'all that are answered'
    return ' '.join(f'`{name}`' for name, groups in types() if set(groups) & set(of))


def properties_table(sections):
    lines = []
    for name, of, how in properties():
        value, meaning = told(sections, 'properties', name, 2)
        lines.append([f'`{name}`', takers(of), escaped(value), escaped(meaning) + (f' ({LATER})' if how == 'LATER' else '')])
    return table(['property', 'question types', 'value', 'meaning'], lines)


KINDS = {'n': 'number', 'b': 'true/false', 't': 'text', 'd': 'date', 'T': 'time', 'D': 'datetime', 'm': 'date or datetime', 'l': 'list', 'r': 'record', 's': 'value',
         'a': 'anything', '=': 'as its arguments'}


def arguments(letters):
    given, optional = [], False
    for c in letters:
        if c == '?':
            optional = True
        elif c == '*':
            given[-1] += ', …'
        else:
            given.append(('[' if optional else '') + KINDS.get(c, c) + (']' if optional else ''))
    return ', '.join(given)


def functions_table(sections):
    lines = []
    for name, result, args, meaning in (r[:4] for r in rows('functions.def', 'FN')):
        lines.append([f'`{name}({arguments(unquoted(args))})`', KINDS.get(unquoted(result), unquoted(result)), escaped(unquoted(meaning))])
    known = {line[0].split('(')[0].strip('`') for line in lines}
    for name, (signature, result, meaning) in ((n, p) for n, p in sections.get('functions', {}).items() if n not in known):
        lines.append([f'`{signature}`', result, escaped(meaning)])
    return table(['function', 'gives', 'meaning'], lines)


def operators_table(sections):
    """The words and signs of expr_lex.c, by what they do."""
    text = (ENGINE / 'expr_lex.c').read_text(encoding='utf-8')
    spelled = {}
    for name in ('words', 'signs'):
        block = re.search(r'static const struct word ' + name + r'\[\] = \{(.*?)\};', text, re.S)
        for word, op in re.findall(r'\{"([^"]+)",\s*O_(\w+)\}', block.group(1) if block else fault(f'expr_lex.c: no table {name}')):
            spelled.setdefault(op, []).append(word)
    order = list(sections.get('operators', {}))
    for op in spelled:
        told(sections, 'operators', op, 2)
    lines = [[' '.join(f'`{escaped(w)}`' for w in spelled[op]), *map(escaped, sections['operators'][op])] for op in order if op in spelled]
    return table(['operator', 'works on', 'meaning'], lines)


def limits_table(sections):
    text = (ROOT / 'src/base/limits.h').read_text(encoding='utf-8')
    lines = []
    for name, (meaning,) in sections.get('limits', {}).items():
        found = re.search(r'#define ' + name + r' \(?([^/\n)]+)', text)
        lines.append([meaning, found.group(1).strip().replace(' * ', ' ') if found else fault(f'limits.h has no {name}')])
    return table(['limit', 'at most'], lines)


TABLES = {'types': types_table, 'properties': properties_table, 'functions': functions_table, 'operators': operators_table, 'limits': limits_table}


def example(name):
    path = CORPUS / name
    if path.suffix != '.test' or not path.is_file():
        return fault(f'there is no corpus file {name}')
    return f'```\n{path.read_text(encoding="utf-8").rstrip()}\n```'


def examples_of(name, template):
    """corpus/manual/TYPE.test and TYPE-*.test where the template does not show them; without one, the shortest file that has the type."""
    own = sorted((CORPUS / 'manual').glob(f'{name}.test')) + sorted((CORPUS / 'manual').glob(f'{name}-*.test'))
    if not own:
        own = [p for p in CORPUS.rglob('*.test') if f'"type": "{name}"' in p.read_text(encoding='utf-8') and 'diagnostics' not in p.parts]
        own = sorted(sorted(own), key=lambda p: p.stat().st_size)[:1]
    if not own:
        fault(f'no corpus file has the type {name}')
    names = [p.relative_to(CORPUS).as_posix() for p in own]
    return [example(n) for n in names if f'<!-- corpus {n} -->' not in template]


def type_sections(sections, template):
    return '\n\n'.join('\n\n'.join([f'### {name}', told(sections, 'types', name, 2)[1], *examples_of(name, template)]) for name, _ in types())


def manual():
    sections, out, template = words(), [], TEMPLATE.read_text(encoding='utf-8')
    for line in template.splitlines():
        marker = re.fullmatch(r'<!-- (corpus|table|each) (\S+) -->', line)
        if not marker:
            out.append(line.replace('](../', ']('))   # the template stands a folder below
        elif marker.group(1) == 'corpus':
            out.append(example(marker.group(2)))
        elif marker.group(1) == 'each':
            out.append(type_sections(sections, template))
        elif marker.group(2) in TABLES:
            out.append(TABLES[marker.group(2)](sections))
        else:
            fault(f'there is no table {marker.group(2)}')
    return '<!-- Printed by tools/manual.py from docs/templates/definition.md; change that. -->\n' + '\n'.join(out) + '\n'


def check_links(text):
    anchors = {re.sub(r'[^\w\- ]', '', h.lower()).replace(' ', '-') for h in re.findall(r'^#+ (.*)$', text, re.M)}
    for target in re.findall(r'\]\(([^)]+)\)', text):
        if target.startswith('#') and target[1:] not in anchors:
            fault(f'a link leads to #{target[1:]}, which is no heading')
        elif not target.startswith(('#', 'https:')) and not (MANUAL.parent / target).exists():
            fault(f'a link leads to {target}, which is not there')


def main():
    text = manual()
    check_links(text)
    if '--check' not in sys.argv[1:]:
        MANUAL.write_text(text, encoding='utf-8')
    elif not MANUAL.is_file() or MANUAL.read_text(encoding='utf-8') != text:
        fault('docs/definition.md is not up to date: run tools/manual.py')
    for line in faults:
        print(line)
    print(f'docs/definition.md: {text.count(chr(10))} lines, {len(faults)} faults')
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
