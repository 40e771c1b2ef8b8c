#!/usr/bin/env python3
"""Checks the house rules that a machine can check: files of at most 500 lines, functions of at most 60 (the VM's loop excepted) with at most
8 parameters (more than 5 are for people to judge), clang-format, words that do not belong into finished work. Prints what is wrong; exit 1
when something is.

    tools/check_style.py [FILE...]      all tracked C files and scripts without arguments
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILE_LINES, FUNCTION_LINES, PARAMETERS = 500, 60, 8
LONG_FUNCTIONS = {('src/engine/vm.c', 'vm_run')}   # one switch over all opcodes reads better in one piece
# Split, so that this file does not contain them.
WORDS = re.compile('|'.join([r'\bTO' r'DO\b', r'\bFIX' r'ME\b', r'\bX' r'XX\b', r'\bHA' r'CK\b', r'place' r'holder code', r'\bfor n' r'ow\b']))
TAP_DIRECTIVE = ('test',)   # reads the word out of test reports
FUNCTION = re.compile(r'^[A-Za-z_][^;={}#]*?\b([A-Za-z_]\w*)\(([^;{}]*)\)\n\{\n', re.M)


def tracked():
    out = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '-z'], cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return [p for p in out.split('\0') if p and (ROOT / p).is_file()]


def count_parameters(text):
    depth, count = 0, 1
    if text.strip() in ('', 'void'):
        return 0
    for c in text:
        depth += (c == '(') - (c == ')')
        count += c == ',' and depth == 0
    return count


def check_functions(path, text, faults):
    for match in FUNCTION.finditer(text):
        name, parameters = match.group(1), match.group(2)
        first = text.count('\n', 0, match.start()) + 1
        end = text.find('\n}\n', match.end() - 1)
        lines = text.count('\n', match.end() - 2, end) if end >= 0 else 0
        if lines > FUNCTION_LINES and (path, name) not in LONG_FUNCTIONS:
            faults.append(f'{path}:{first}: {name}() has {lines} lines, at most {FUNCTION_LINES}')
        if count_parameters(parameters) > PARAMETERS:
            faults.append(f'{path}:{first}: {name}() takes {count_parameters(parameters)} parameters, at most {PARAMETERS}')


def check_text(path, text, faults):
    lines = text.count('\n')
    if lines > FILE_LINES:
        faults.append(f'{path}: {lines} lines, at most {FILE_LINES}')
    for match in WORDS.finditer(text) if path not in TAP_DIRECTIVE else ():
        faults.append(f'{path}:{text.count(chr(10), 0, match.start()) + 1}: "{match.group(0)}" has no place in finished work')
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip():
            faults.append(f'{path}:{number}: white space at the end')


def check_format(paths, faults):
    tool = next((t for t in ('clang-format-14', 'clang-format') if subprocess.run(['sh', '-c', f'command -v {t}'], capture_output=True).returncode == 0),
                None)
    if not tool:
        print('clang-format is not there (apt-get install clang-format-14): the format is not checked')
        return
    out = subprocess.run([tool, '--dry-run', '--ferror-limit=1', *paths], cwd=ROOT, capture_output=True, text=True).stderr
    faults.extend(sorted({line.split(':')[0] + ': clang-format would change it' for line in out.splitlines() if ': warning: ' in line}))


def main():
    given = [str(pathlib.Path(p).resolve().relative_to(ROOT)) for p in sys.argv[1:]]
    paths = given or [p for p in tracked() if not p.startswith('fuzz/corpus/')]
    code = [p for p in paths if p.endswith(('.c', '.h'))]
    other = [p for p in paths if p.endswith(('.py', '.sh', '.mjs', '.ts', '.css', '.sql', '.def', '.build')) or '.' not in pathlib.Path(p).name]
    faults = []
    for path in code + other:
        try:
            text = (ROOT / path).read_text(encoding='utf-8')
        except UnicodeDecodeError:
            continue
        check_text(path, text, faults)
        if path.endswith('.c'):
            check_functions(path, text, faults)
    if code:
        check_format([p for p in code if p.endswith('.c')], faults)
    for fault in faults:
        print(fault)
    print(f'{len(code) + len(other)} files, {len(faults)} faults')
    return 1 if faults or not code else 0


if __name__ == '__main__':
    sys.exit(main())
