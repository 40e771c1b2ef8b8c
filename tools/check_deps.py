#!/usr/bin/env python3
"""Checks every #include "room/header.h" under src/ against tools/deps.txt. Prints what is wrong; exit 1 when something is."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def read_rules():
    rules, special = {}, {'toolboxes': set(), 'everywhere': set(), 'pure': set()}
    for line in (ROOT / 'tools' / 'deps.txt').read_text().splitlines():
        line = line.split('#', 1)[0].strip()
        if not line:
            continue
        room, below = line.split(':', 1)
        (special if room in special else rules)[room] = set(below.split())
    return rules, special


def fault(room, header, rules, special):
    """Why `room` must not include `header`, or None."""
    if '/' not in header:
        return None   # generated (sql.h), or beside a test
    target, name = header.split('/', 1)
    if target == room:
        return None
    if header in special['everywhere'] and room not in special['pure']:
        return None
    if target not in rules:
        return f'{target} is no room of tools/deps.txt'
    allowed = rules[room]
    if '*' not in allowed and target not in allowed:
        return f'{room} may not include {target}'
    if target not in special['toolboxes'] and name != f'{target}.h':
        return f'outside of {target} only {target}/{target}.h is seen'
    return None


def main():
    rules, special = read_rules()
    faults, files = [], 0
    for path in sorted((ROOT / 'src').rglob('*')):
        if path.suffix not in ('.c', '.h', '.def') or not path.is_file():
            continue
        room = path.relative_to(ROOT / 'src').parts[0]
        text = path.read_text(encoding='utf-8')
        files += 1
        if room not in rules:
            faults.append(f'{path.relative_to(ROOT)}: {room} is no room of tools/deps.txt')
            continue
        for match in INCLUDE.finditer(text):
            if path.stem.endswith('_test') and match.group(1).endswith('test.h'):
                continue   # fixtures are shared between rooms
            why = fault(room, match.group(1), rules, special)
            if why:
                line = text.count('\n', 0, match.start(1)) + 1
                faults.append(f'{path.relative_to(ROOT)}:{line}: {match.group(1)}: {why}')
    for text in faults:
        print(text)
    print(f'{files} files, {len(faults)} faults')
    return 1 if faults or not files else 0


if __name__ == '__main__':
    sys.exit(main())
