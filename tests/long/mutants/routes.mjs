// Mutants of the table of routes: one row's permission becomes "any member", or of those that any member has "everybody". The rows are constants, so the
// program is copied with four bytes changed, which `collect print routes` has to confirm.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, run } from '../../harness/run.mjs';
import { apiCatches } from './api.mjs';

const PERMISSION_OFFSET = 16; // in struct route: method, padding, path, permission
const EVERYBODY = 0, ANY_MEMBER = 1;
let binary, printed, made = 0;

/** Where each array of rows stands in the file: name to {offset, size}. */
async function arrays() {
	const sections = (await command(['readelf', '-S', '-W', run.collect])).stdout, symbols = (await command(['nm', '-S', run.collect])).stdout;
	const [, address, offset] = /\.data\.rel\.ro\s+PROGBITS\s+([0-9a-f]+)\s+([0-9a-f]+)/.exec(sections).map((x) => parseInt(x, 16));
	return new Map([...symbols.matchAll(/^([0-9a-f]+) ([0-9a-f]+) [dDrR] (\w+_routes)$/gm)]
		.map(([, value, size, name]) => [name, { offset: parseInt(value, 16) - address + offset, size: parseInt(size, 16) }]));
}

async function print(program) {
	const got = await command([program, 'print', 'routes']);
	assert.equal(got.code, 0, got.stderr);
	return JSON.parse(got.stdout);
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

/** A copy of the program whose row has another permission: its path. */
async function changed(place, row, permission) {
	const path = join(run.dir, 'tmp', `collect-${process.pid}-${++made}`), bytes = Buffer.from(binary);
	bytes.writeInt32LE(permission, place);
	writeFileSync(path, bytes);
	chmodSync(path, 0o755);
	const now = await print(path), different = now.map((r, i) => i).filter((i) => JSON.stringify(now[i]) !== JSON.stringify(printed[i]));
	assert.deepEqual(different, [row], 'another row than the one meant was changed');
	return path;
}

async function caught(name, place, row, permission) {
	const path = await changed(place, row, permission);
	try {
		// by what the program does, not by what it says of itself: the list of permissions would notice that
		return await apiCatches(['api/matrix: each role may do'], { COTEST_BIN: path, COTEST_ROUTE: name });
	} finally {
		rmSync(path);
	}
}

/** [{kind, name, run()}] */
export async function mutants() {
	const places = await arrays(), all = [];
	const names = [.../\bof_rooms\[\] = \{([^}]*)\}/.exec(readFileSync('src/main/domains.c', 'utf8'))[1].matchAll(/\w+/g)].map(([n]) => n);
	const size = [...places.values()].map((p) => p.size).reduce(gcd);
	binary = readFileSync(run.collect);
	printed = await print(run.collect);
	let row = 0;
	for (const name of names) {
		const { offset, size: bytes } = places.get(name);
		for (let i = 0; i < bytes / size - 1; i++, row++) {
			const { permission } = printed[row], route = `${printed[row].method} ${printed[row].path}`, here = row, place = offset + i * size + PERMISSION_OFFSET;
			if (permission !== '')
				all.push({ kind: 'route without its permission', name: route, run: () => caught(route, place, here, permission === 'signed-in' ? EVERYBODY : ANY_MEMBER) });
		}
	}
	return all;
}
