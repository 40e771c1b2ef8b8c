// Many connections of one loop speak in the same moment: however many they are, nobody waits for the next turn. libmicrohttpd takes 128 events at a time.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { sleep } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';

const server = withServer({ env: { COLLECT_IO_THREADS: '1' } });
const REQUEST = 'GET /.well-known/jwks.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

test('127, 128, 129 and 256 requests at once are all answered in one turn', async () => {
	const sockets = await Promise.all(Array.from({ length: 256 }, () => new Promise((resolve, reject) => {
		const s = net.connect({ port: server.port, host: '127.0.0.1', noDelay: true }, () => resolve(s)).on('error', reject);
	})));
	/** The server sleeps while they send; milliseconds from its waking to the first byte. */
	const first = async (n) => {
		const some = sockets.slice(0, n), answered = some.map((s) => new Promise((resolve) => s.once('data', () => resolve(performance.now()))));
		process.kill(server.pid, 'SIGSTOP');
		await sleep(20);
		for (const s of some)
			s.write(REQUEST);
		await sleep(30);
		const woken = performance.now();
		process.kill(server.pid, 'SIGCONT');
		const times = await Promise.all(answered);
		await sleep(20);
		return Math.min(...times) - woken;
	};
	await first(20);
	for (const n of [127, 128, 129, 256]) {
		const times = [];
		for (let i = 0; i < 5 && !(Math.min(...times) < 90); i++)
			times.push(await first(n));
		assert.ok(Math.min(...times) < 90, `${n}: ${times} ms`);
	}
	sockets.forEach((s) => s.destroy());
});
