// Tests of the tests: one protection is taken away at a time, and something has to fail. time limit: 60 min
// What is done is kept in $COTEST_BUILD/long/mutants.jsonl, so that a run that was interrupted goes on; the report stands beside it. COTEST_MUTANTS='asks for no
// tenant' tries those alone whose "kind: name" the pattern fits.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { command, run } from '../harness/run.mjs';
import * as catalog from './mutants/catalog.mjs';
import * as gates from './mutants/gates.mjs';
import * as routes from './mutants/routes.mjs';
import * as statements from './mutants/statements.mjs';

const LONG = process.env.COTEST_LONG === '1', ONLY = process.env.COTEST_MUTANTS && new RegExp(process.env.COTEST_MUTANTS);
const SAMPLE = { catalog: 16, routes: 1, statements: 0, gates: 1 };
const MUTANTS_MIN = 100;
const folder = join(process.env.COTEST_BUILD, 'long'), state = join(folder, 'mutants.jsonl');
const results = [];
let known = new Map();

/** Results of an earlier run hold as long as neither program nor tests changed. */
async function takeUp() {
	const hash = createHash('sha256').update(readFileSync(run.collect));
	for (const file of (await command(['find', 'tests', 'migrations', 'tools', '-type', 'f', '-not', '-path', '*/node_modules/*'])).stdout.split('\n').filter(Boolean).sort())
		hash.update(file).update(readFileSync(file));
	const about = JSON.stringify({ about: hash.digest('hex') });
	mkdirSync(folder, { recursive: true });
	const lines = existsSync(state) ? readFileSync(state, 'utf8').split('\n').filter(Boolean) : [];
	if (lines[0] === about)
		known = new Map(lines.slice(1).map((l) => JSON.parse(l)).map((r) => [`${r.kind} ${r.name}`, r]));
	else
		writeFileSync(state, `${about}\n`);
}

/** Every so many, so that a sample has all kinds. */
const sample = (list, n) => (LONG ? list : list.filter((_, i) => n > 0 && i % Math.max(1, Math.floor(list.length / n)) === 0).slice(0, n));

async function tryAll(all) {
	const list = all.filter((m) => !ONLY || ONLY.test(`${m.kind}: ${m.name}`));
	let done = 0;
	for (const mutant of list) {
		const earlier = LONG && known.get(`${mutant.kind} ${mutant.name}`);
		const found = earlier?.by ? null : await mutant.run();
		const result = earlier?.by ? earlier : { kind: mutant.kind, name: mutant.name, by: found?.[0] ?? '', says: found?.[1] ?? '' };
		results.push(result);
		if (LONG && !earlier?.by)
			appendFileSync(state, `${JSON.stringify(result)}\n`);
		done++;
		if (LONG && (done % 20 === 0 || done === list.length || !result.by))
			console.log(`# progress ${done}/${list.length} ${result.by ? mutant.kind : `NOT NOTICED: ${mutant.kind}: ${mutant.name}`}`);
	}
	const survivors = results.filter((r) => list.some((m) => m.kind === r.kind && m.name === r.name) && !r.by);
	assert.deepEqual(survivors.map((r) => `${r.kind}: ${r.name}`), [], 'nobody noticed');
}

before(async () => {
	if (LONG)
		await takeUp();
	await catalog.prepare();
});
after(() => catalog.clean());

test('the schema: policies, keys, grants, functions', async () => tryAll(sample(await catalog.mutants(), SAMPLE.catalog)));
test('the table of routes: permissions', async () => tryAll(sample(await routes.mutants(), SAMPLE.routes)));
test('statements: what was deleted, whose child', async () => tryAll(sample(await statements.mutants(), SAMPLE.statements)));
test('the program: gates and checks', async () => tryAll(sample(await gates.mutants(), SAMPLE.gates)));

test('the report', () => {
	const kinds = Map.groupBy ? Map.groupBy(results, (r) => r.kind) : results.reduce((m, r) => m.set(r.kind, [...m.get(r.kind) ?? [], r]), new Map());
	for (const [kind, list] of kinds) {
		const by = {};
		for (const r of list)
			by[r.by || 'NOBODY'] = (by[r.by || 'NOBODY'] ?? 0) + 1;
		console.log(`# ${kind}: ${list.length}, noticed by ${Object.entries(by).map(([t, n]) => `${t} ${n}`).join(', ')}`);
	}
	if (!LONG || ONLY)
		return;
	writeFileSync(join(folder, 'mutants.txt'), results.map((r) => `${r.kind}: ${r.name}\n\t${r.by || 'NOBODY'}: ${r.says}\n`).join(''));
	console.log(`# progress ${results.length}/${results.length} mutants; the report is ${join(folder, 'mutants.txt')}`);
	assert.ok(results.length >= MUTANTS_MIN, `${results.length} mutants`);
	if (results.every((r) => r.by)) {
		rmSync(`${state}.done`, { force: true });
		renameSync(state, `${state}.done`);
	}
});
