// Another build of the program than the one that ./test made, for what takes long; it is kept and gone on with the next time.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './run.mjs';

/** Builds `collect` and `test_worker` with these options of meson; answers the path of `collect`. */
export async function build(name, options) {
	const long = join(process.env.COTEST_BUILD, 'long');
	const folder = join(long, name);
	mkdirSync(long, { recursive: true });
	if (!existsSync(join(folder, 'build.ninja'))) {
		const made = await command(['meson', 'setup', folder, '.', ...options], { timeout: 120000 });
		assert.equal(made.code, 0, made.stdout.slice(-3000));
	}
	const built = await command(['ninja', '-C', folder, 'src/main/collect', 'src/main/test_worker'], { timeout: 1200000 });
	assert.equal(built.code, 0, built.stdout.slice(-3000));
	return join(folder, 'src/main/collect');
}
