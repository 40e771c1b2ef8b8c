// Mutants of statements: one that reads an object forgets that deleted ones are gone, or which parent it was asked under. Statements are constants, so the
// program is copied with the words overwritten.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../harness/run.mjs';
import { apiCatches } from './api.mjs';

const READS = /_(get|lock|take)$/;
const FORGETS = [
	['statement that finds deleted rows', /(\b\w+\.)?\bdeleted_at is null/g, () => 'true'],
	// true as well, and the parameter keeps its type: a statement that cannot be prepared stops the start
	['statement that forgets the parent', /(\b\w+\.)?\bsurvey_id = \$1(?!:)(?= and)/g, (words) => words.replace('survey_id =', 'id <>')],
];
// What says a thing twice, so that nothing can notice when one of both goes: [kind, statement, why it is said all the same].
const TWICE = [
	['statement that forgets the parent', 'interview_get', 'a link is of one survey, which its key holds; the survey is named because it finds the partition'],
];
let binary, made = 0;

/** Statements of src/ by name, as sqlgen keeps them: without comments. */
function statements() {
	const all = new Map();
	for (const file of readdirSync('src', { recursive: true }).filter((f) => f.endsWith('.sql') && !f.endsWith('_test.sql'))) {
		for (const part of readFileSync(join('src', file), 'utf8').split(/^-- name: /m).slice(1)) {
			const lines = part.split('\n');
			all.set(lines[0].trim(), lines.slice(1).filter((l) => !l.trimStart().startsWith('--')).join('\n').trim().replace(/;$/, ''));
		}
	}
	return all;
}

async function caught(text, at, words, instead) {
	const place = binary.indexOf(Buffer.from(`${text}\0`)), path = join(run.dir, 'tmp', `collect-sql-${process.pid}-${++made}`);
	assert.ok(place > 0, `the program does not hold the statement ${text.slice(0, 100)}`);
	const bytes = Buffer.from(binary);
	bytes.write(instead.padEnd(words.length), place + Buffer.byteLength(text.slice(0, at)), 'latin1');
	writeFileSync(path, bytes);
	chmodSync(path, 0o755);
	try {
		return await apiCatches(['api/matrix', 'api/interviews', 'api/project_roles'], { COTEST_BIN: path });
	} finally {
		rmSync(path);
	}
}

/** [{kind, name, run()}] */
export async function mutants() {
	const all = [];
	binary = readFileSync(run.collect);
	for (const [kind, name] of TWICE)
		assert.ok((statements().get(name) ?? '').search(FORGETS.find((f) => f[0] === kind)[1]) >= 0, `there is no mutant ${kind}: ${name}`);
	for (const [kind, pattern, instead] of FORGETS) {
		for (const [name, text] of [...statements()].filter(([n]) => READS.test(n))) {
			const last = [...text.matchAll(pattern)].at(-1); // the outermost condition of these stands last
			if (last && !TWICE.some((t) => t[0] === kind && t[1] === name))
				all.push({ kind, name, run: () => caught(text, last.index, last[0], instead(last[0])) });
		}
	}
	return all;
}
