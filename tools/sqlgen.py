#!/usr/bin/env python3
"""Turns src/**/*.sql, migrations/*.sql, tools/global_tables.txt and tools/definer_functions.txt into sql.h and sql.c.

    sqlgen.py SOURCE_ROOT HEADER SOURCE DEPFILE [--tests]

--tests takes the statements of *_test.sql in too; a test program links that source in place of the program's own.

A statement file holds named statements:

    -- name: survey_by_id
    -- role: app public
    select ... where id = $1

A statement ends at the next "-- name:" or the end of the file. Names are unique in the whole program. "-- role:" says which logins
run it (app, public, worker, owner; default app). A migration is one file NNNN_verb_noun.sql; "-- as: migrator" in its first
line means that it runs as the login that migrates instead of collect_owner. Outputs are rewritten only when they change, and the depfile
names the folders too, so that a new file is noticed.
"""
import hashlib
import pathlib
import re
import sys

ROLES = {'app': 'PG_APP', 'public': 'PG_PUBLIC', 'worker': 'PG_WORKER', 'owner': 'PG_OWNER'}
FORBIDDEN = [
    (re.compile(r'set_config\s*\([^;]*,\s*false\s*\)', re.I), 'set_config(..., false) would leak into the next transaction'),
    (re.compile(r'\bmerge\s+into\b', re.I), 'MERGE is not used (its row-security history)'),
    (re.compile(r'^\s*set\s+(?!local\b)(session|role)\b', re.I | re.M), 'SET ROLE and SET SESSION have no place in a statement'),
]
PARTS_BYTES = 2000   # ISO C promises 4095 characters a literal; adjacent ones are joined


class Fault(Exception):
    pass


def c_text(text):
    """A C string literal, one source line for each line of text."""
    out = []
    for line in text.splitlines(keepends=True):
        for at in range(0, len(line), PARTS_BYTES):
            piece = line[at:at + PARTS_BYTES].replace('\\', '\\\\').replace('"', '\\"').replace('\t', '\\t')
            piece = piece.replace('\n', '\\n').replace('?', '\\?')
            out.append('"%s"' % piece)
    return '\n\t'.join(out) if out else '""'


def without_comments(text):
    """Text without its quoted strings and comments, for the checks; length is not kept."""
    text = re.sub(r'(\$[a-z_]*\$).*?\1', "''", text, flags=re.S)
    text = re.sub(r"'(?:[^']|'')*'", "''", text)
    text = re.sub(r'--[^\n]*', '', text)
    return re.sub(r'/\*.*?\*/', '', text, flags=re.S)


def read_statements(path, root):
    where = path.relative_to(root)
    statements, current = [], None
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        name = re.fullmatch(r'--\s*name:\s*(.*?)\s*', line)
        role = re.fullmatch(r'--\s*role:\s*(.*?)\s*', line)
        if name:
            if not re.fullmatch(r'[a-z][a-z0-9_]*', name.group(1)):
                raise Fault('%s:%d: a name is lower case letters, digits and _' % (where, number))
            current = {'name': name.group(1), 'roles': None, 'lines': [], 'where': '%s:%d' % (where, number)}
            statements.append(current)
        elif role:
            if current is None or current['lines'] or current['roles'] is not None:
                raise Fault('%s:%d: "-- role:" stands below "-- name:"' % (where, number))
            current['roles'] = role.group(1).replace(',', ' ').split()
            for word in current['roles']:
                if word not in ROLES:
                    raise Fault('%s:%d: no role %s (there are %s)' % (where, number, word, ', '.join(ROLES)))
        elif current is not None:
            current['lines'].append(line)
        elif line.strip() and not line.startswith('--'):
            raise Fault('%s:%d: "-- name:" comes before the first statement' % (where, number))
    for statement in statements:
        finish_statement(statement)
    return statements


def finish_statement(statement):
    lines = [line for line in statement['lines'] if not line.lstrip().startswith('--')]
    text = '\n'.join(lines).strip().rstrip(';').rstrip()
    plain = without_comments(text)
    if not text:
        raise Fault('%s: %s is empty' % (statement['where'], statement['name']))
    if ';' in plain:
        raise Fault('%s: %s holds more than one statement' % (statement['where'], statement['name']))
    for pattern, why in FORBIDDEN:
        if pattern.search(text):
            raise Fault('%s: %s: %s' % (statement['where'], statement['name'], why))
    numbers = {int(n) for n in re.findall(r'\$(\d+)', plain)}
    if numbers != set(range(1, len(numbers) + 1)):
        raise Fault('%s: %s: parameters are not numbered $1 to $%d' % (statement['where'], statement['name'], len(numbers)))
    statement['text'] = text
    statement['params'] = len(numbers)
    statement['roles'] = statement['roles'] or ['app']


def read_migration(path, root):
    if not re.fullmatch(r'\d{4}_[a-z0-9]+(_[a-z0-9]+)+\.sql', path.name):
        raise Fault('%s: a migration is named NNNN_verb_noun.sql' % path.relative_to(root))
    raw = path.read_bytes()
    text = raw.decode('utf-8')
    if re.search(r'set_config\s*\([^;]*,\s*false\s*\)', text, re.I):
        raise Fault('%s: set_config(..., false) would leak into the next transaction' % path.relative_to(root))
    return {'name': path.stem, 'text': text, 'sha256': hashlib.sha256(raw).hexdigest(),
            'as_owner': not text.startswith('-- as: migrator\n')}


def header(statements, guard):
    rows = ''.join('extern const struct pg_statement SQL_%s;\n' % s['name'] for s in statements)
    return ('/* Made by tools/sqlgen.py from src/ and migrations/; do not edit. */\n'
            '#ifndef %s\n#define %s\n\n' % (guard, guard) + '#include <stdbool.h>\n#include "io/pg.h"\n\n' + rows +
            '\n/* sql_all and sql_count are declared in io/pg.h. */\n'
            'struct sql_migration {\n\tconst char *name, *text, *sha256;\n\tbool as_owner;   /* runs as collect_owner */\n};\n'
            'extern const struct sql_migration sql_migrations[];   /* in order */\n'
            'extern const unsigned sql_migration_count;\n'
            'extern const char *const sql_global_tables;       /* tools/global_tables.txt, separated by spaces */\n'
            'extern const char *const sql_definer_functions;   /* tools/definer_functions.txt, likewise */\n'
            'extern const char *const sql_lint_exceptions[];   /* the lines of tools/lint_exceptions.txt, then NULL */\n\n#endif\n')


def source(statements, migrations, lists, name):
    out = ['/* Made by tools/sqlgen.py from src/ and migrations/; do not edit. */\n#include "%s"\n' % name]
    for index, s in enumerate(statements):
        roles = ' | '.join('1u << %s' % ROLES[r] for r in s['roles'])
        out.append('const struct pg_statement SQL_%s = {\n\t"%s",\n\t%s,\n\t%s, %d, %d};\n' % (
            s['name'], s['name'], c_text(s['text']), roles, index, s['params']))
    out.append('const struct pg_statement *const sql_all[] = {\n%s\tNULL,\n};\nconst unsigned sql_count = %d;\n' % (
        ''.join('\t&SQL_%s,\n' % s['name'] for s in statements), len(statements)))
    rows = ''.join('\t{"%s",\n\t%s,\n\t"%s", %s},\n' % (
        m['name'], c_text(m['text']), m['sha256'], 'true' if m['as_owner'] else 'false') for m in migrations)
    out.append('const struct sql_migration sql_migrations[] = {\n%s\t{NULL, NULL, NULL, false},\n};\n'
               'const unsigned sql_migration_count = %d;\n' % (rows, len(migrations)))
    out.append('const char *const sql_global_tables = "%s";\nconst char *const sql_definer_functions = "%s";\n' % tuple(map(' '.join, lists[:2])))
    out.append('const char *const sql_lint_exceptions[] = {\n%s\tNULL,\n};\n' % ''.join('\t%s,\n' % c_text(line) for line in lists[2]))
    return '\n'.join(out)


def write_if_changed(path, text):
    if not path.exists() or path.read_text(encoding='utf-8') != text:
        path.write_text(text, encoding='utf-8')


def main():
    root, header_path, source_path, depfile = (pathlib.Path(a) for a in sys.argv[1:5])
    tests = '--tests' in sys.argv[5:]
    sources = sorted(p for p in (root / 'src').rglob('*.sql') if tests or not p.name.endswith('_test.sql'))
    migration_files = sorted((root / 'migrations').glob('*.sql'))
    list_files = [root / 'tools' / 'global_tables.txt', root / 'tools' / 'definer_functions.txt', root / 'tools' / 'lint_exceptions.txt']
    statements = [s for path in sources for s in read_statements(path, root)]
    seen = {}
    for s in statements:
        if s['name'] in seen:
            raise Fault('%s: %s is also at %s' % (s['where'], s['name'], seen[s['name']]))
        seen[s['name']] = s['where']
    migrations = [read_migration(path, root) for path in migration_files]
    for number, m in enumerate(migrations, 1):
        if int(m['name'][:4]) != number:
            raise Fault('migrations/%s.sql: number %04d was expected' % (m['name'], number))
    lists = [[l.strip() for l in f.read_text().splitlines() if l.strip() and not l.startswith('#')] for f in list_files]
    write_if_changed(header_path, header(statements, header_path.name.upper().replace('.', '_')))
    write_if_changed(source_path, source(statements, migrations, lists, header_path.name))
    folders = [root / 'src', root / 'migrations'] + [p for p in (root / 'src').rglob('*') if p.is_dir()]
    inputs = sources + migration_files + list_files + folders
    depfile.write_text('%s %s: %s\n' % (header_path, source_path, ' '.join(str(p).replace(' ', '\\ ') for p in inputs)))


if __name__ == '__main__':
    try:
        main()
    except Fault as fault:
        sys.exit('sqlgen: %s' % fault)
