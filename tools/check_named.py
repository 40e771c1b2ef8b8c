#!/usr/bin/env python3
"""Checks that what the documents name is there: each file of tests/, src/, tools/, bench/, fuzz/ and docs/, and each part of ./test by which docs/security.md
says that a promise is held; and that each decision has a number of its own. Prints what is missing; exit 1 when something is."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = re.compile(r'`([^`\n]+)`')
FILE = re.compile(r'(?:tests|src|tools|bench|fuzz|docs|web|migrations)/[\w./*-]+')
PART = re.compile(r'(unit|api|system|browser|engine|sql|long|check)/([\w/]+)')
EXAMPLE = re.compile(r'ROOM|/x[._]')   # how things are called, in CONTRIBUTING.md
FOLDERS = {'api': 'tests/api/{}.mjs', 'system': 'tests/system/{}.mjs', 'browser': 'tests/browser/{}.mjs', 'engine': 'tests/engine/{}.mjs',
           'sql': 'tests/sql/{}_test.sql', 'long': 'tests/long/{}.*', 'check': 'tools/check_{}.py'}


def part_is_there(kind, name):
    """A part of ./test: a file by its name; of unit tests unit/ROOM, or unit/ROOM/x for src/ROOM/x_test.c."""
    if kind != 'unit':
        return any(ROOT.glob(FOLDERS[kind].format(name)))
    room, _, what = name.partition('/')
    return any((ROOT / 'src' / room).glob(f'*{what}_test.c'))


def faults_of(path):
    faults, named = [], 0
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        for word in CODE.findall(line):
            if EXAMPLE.search(word):
                continue
            part = PART.fullmatch(word)
            if FILE.fullmatch(word):
                there = any(ROOT.glob(word.rstrip('/')))
            elif part and path.name == 'security.md':
                there = part_is_there(*part.groups())
            elif re.fullmatch(r'\w+_test\.(c|sql)', word):
                there = any(ROOT.glob(f'src/*/{word}')) or any(ROOT.glob(f'tests/sql/{word}'))
            else:
                continue
            named += 1
            if not there:
                faults.append(f'{path.relative_to(ROOT)}:{number}: {word} is not there')
    return faults, named


def numbered():
    """Decisions are named by their number elsewhere, so each has its own, in its first line too where that has one."""
    faults, before = [], {}
    for path in sorted((ROOT / 'docs' / 'decisions').glob('[0-9]*.md')):
        number = path.name[:4]
        if number in before:
            faults.append(f'docs/decisions: {before[number]} and {path.name} have one number')
        first = re.match(r'# 0*(\d+)\. ', path.read_text(encoding='utf-8'))
        if first and int(first.group(1)) != int(number):
            faults.append(f'docs/decisions/{path.name} says {first.group(1)} in its first line')
        before[number] = path.name
    return faults


def main():
    faults, named = numbered(), 0
    for path in [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').glob('*.md'))]:
        found, n = faults_of(path)
        faults += found
        named += n
    for text in faults:
        print(text)
    print(f'{named} files and tests named, {len(faults)} faults')
    return 1 if faults or not named else 0


if __name__ == '__main__':
    sys.exit(main())
