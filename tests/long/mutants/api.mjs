// Scenario files as lookers: run with another program or another template database, do they notice?
import { existsSync } from 'node:fs';
import { command } from '../../harness/run.mjs';

const SECONDS_MAX = 240;

/** What a part says that failed, or null; how it is run is an error of ours. */
async function failure(part, env) {
	const [name, pattern] = part.split(': '), file = `tests/${name}.mjs`;
	if (!existsSync(file))
		throw new Error(`there is no ${file}`);
	const got = await command(['node', '--test-reporter=tap', ...(pattern ? [`--test-name-pattern=${pattern}`] : []), file], { env, timeout: SECONDS_MAX * 1000 });
	if (/collect serve (ended|to listen)|spawn \S+ ENOENT/.test(got.stdout))
		throw new Error(`a program that does not start shows nothing: ${/error: .*\n.*\n.*/.exec(got.stdout)?.[0].slice(0, 400)}`);
	if (got.code === 'SIGTERM') {
		// with the program as it is that is an error; a changed one that keeps its test waiting is noticed
		if (Object.keys(env).length === 0)
			throw new Error(`${part} took longer than ${SECONDS_MAX} s`);
		return `not ended after ${SECONDS_MAX} s`;
	}
	const failed = got.stdout.split('\n').find((l) => /^\s*not ok/.test(l))?.trim();
	if (got.code !== 0 && !failed)
		throw new Error(`${part} ended with ${got.code} and no test that failed: ${got.stderr.slice(0, 400)}`);
	return got.code === 0 ? null : failed;
}

const sound = new Map(); // by part: a promise that it passes with what is not changed

/** A part that fails anyway notices nothing. */
function passes(part) {
	if (!sound.has(part))
		sound.set(part, failure(part, {}).then((failed) => {
			if (failed)
				throw new Error(`${part} fails with the program as it is: ${failed}`);
		}));
	return sound.get(part);
}

/** The first of the parts ("api/matrix", or "api/matrix: pattern of tests") that fails with this environment: [part, what it says], or null. */
export async function apiCatches(parts, env) {
	for (const part of parts) {
		await passes(part);
		const failed = await failure(part, env);
		if (failed)
			return [part, failed];
	}
	return null;
}
