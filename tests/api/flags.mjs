// What is doubtful about completed answers: noted within seconds by the job that follows the log, shown, filtered by, and measured as the survey says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { Device, programOf } from '../harness/device.mjs';
import { sleep, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';
import { Worker } from '../harness/worker.mjs';

const server = withServer();
let worker;
before(async () => {
	worker = await new Worker(server).start();
});
after(() => worker.stop());

const ROWS = ['a', 'b', 'c', 'd', 'e', 'f'];
const survey = () => definition('Doubt', [{ name: 'p', questions: [
	{ type: 'matrix', name: 'like', title: 'Like', rows: ROWS.map((value) => ({ value, label: value })), columns: [1, 2, 3].map((n) => ({ value: `c${n}`, label: `${n}` })) },
	{ type: 'allocation', name: 'share', title: 'Share', total: 60, items: ROWS.map((value) => ({ value, label: value })) },
	{ type: 'text', name: 'why', title: 'Why' }] }]);
const like = (of) => Object.fromEntries(ROWS.map((row, i) => [row, of(i)]));
const mixed = like((i) => `c${i % 3 + 1}`), same = like(() => 'c2');
// equal shares are an answer like any other
const shares = like(() => 10);

async function field() {
	const document = survey();
	const f = await publish(server.api, document);
	await sleep(1200); // what begins from now on began after the survey was published
	return { ...f, responses: `/api/v1/surveys/${f.survey.id}/responses`, device: new Device({ program: await programOf(document), slug: f.slug }) };
}
/** Sends interviews that lasted so long; answers their ids. */
async function send(f, n, { pace_ms = 150, answers = mixed, ...more } = {}) {
	const held = Array.from({ length: n }, (_, i) => f.device.hold([['like', answers], ['share', shares], ['why', `n${i}`], 'next'], { ago_ms: 4 * pace_ms + 5, pace_ms, ...more }).held);
	const { items } = expect(await server.api.post('/api/public/v1/sync', f.device.batch(held)), 200).body;
	assert.ok(items.every((i) => i.result === 'accepted'), JSON.stringify(items));
	return items.map((i) => i.id);
}
const flagsOf = async (f, id) => expect(await server.api.get(`${f.responses}/${id}`), 200).body.flags;
const flagged = (f, id, flags) => until(`${id} to have ${flags}`, async () => JSON.stringify(await flagsOf(f, id)) === JSON.stringify(flags));
const list = async (f, query) => expect(await server.api.get(f.responses, { query: { count: true, limit: 200, ...query } }), 200).body;
/** Whatever was sent before has been looked at: a marked one that came after it has its flag. */
async function looked(f) {
	const [id] = await send(f, 1, { ago_ms: 86400000 });
	await flagged(f, id, ['time_travel']);
}

test('one answer in all rows, a clock that went astray, and nothing at all', async () => {
	const f = await field();
	const [plain] = await send(f, 1), [straight] = await send(f, 1, { answers: same });
	const [early] = await send(f, 1, { ago_ms: 86400000 });
	await flagged(f, straight, ['straight_lining']);
	await flagged(f, early, ['time_travel']);
	assert.deepEqual(await flagsOf(f, plain), []);
	for (const id of [plain, straight, early])
		assert.equal(expect(await server.api.get(`${f.responses}/${id}`), 200).body.version, 1, 'a flag is no change of the answer');
	const both = await list(f, { flag: 'straight_lining,time_travel' });
	assert.deepEqual([both.total, both.items.map((i) => i.id).sort()], [2, [straight, early].sort()]);
	for (const [query, ids] of [[{ flag: 'time_travel' }, [early]], [{ flag: 'speeder' }, []], [{ flag: 'time_travel', sort: 'completed_at' }, [early]],
		[{ flag: 'straight_lining', q: 'n0' }, [straight]], [{}, [plain, straight, early]]]) {
		const got = await until(JSON.stringify(query), async () => {
			const page = await list(f, query);
			return page.total === ids.length && page;
		});
		assert.deepEqual(got.items.map((i) => i.id).sort(), ids.sort(), JSON.stringify(query));
	}
	expect(await server.api.get(f.responses, { query: { flag: 'handsome' } }), 422);
});

test('faster than a third of the median of the others, once there are thirty', async () => {
	const f = await field();
	const [first] = await send(f, 1, { pace_ms: 10 });
	await looked(f);
	await send(f, 30);
	await looked(f);
	assert.deepEqual(await flagsOf(f, first), [], 'nobody knew then what is fast');
	const [fast] = await send(f, 1, { pace_ms: 40 }), [usual] = await send(f, 1, { pace_ms: 60 });
	await flagged(f, fast, ['speeder']);
	await looked(f);
	assert.deepEqual(await flagsOf(f, usual), []);
});

test('a survey says what it takes for doubtful', async () => {
	const f = await field(), path = `/api/v1/surveys/${f.survey.id}`;
	const change = async (body, status = 200) => expect(await server.api.patch(path, body, expect(await server.api.get(path), 200).body.version), status).body;
	const as = await change({ straight_rows: 7, speeder_percent: 0 });
	assert.deepEqual([as.straight_rows, as.speeder_percent], [7, 0]);
	const [straight] = await send(f, 1, { answers: same });
	await looked(f);
	assert.deepEqual(await flagsOf(f, straight), []);
	assert.equal((await change({ straight_rows: null })).straight_rows, null);
	const [next] = await send(f, 1, { answers: same });
	await flagged(f, next, ['straight_lining']);
	assert.deepEqual(await flagsOf(f, straight), [], 'what came before is left as it was');
	await change({ straight_rows: 1 }, 422);
	await change({ speeder_percent: 101 }, 422);
});

test('actions on many mean the flagged ones alone', async () => {
	const f = await field();
	const [plain] = await send(f, 1), [straight] = await send(f, 1, { answers: same });
	await flagged(f, straight, ['straight_lining']);
	expect(await server.api.post(`${f.responses}/actions`, { action: 'reject', reason: 'Straight', filter: { flag: ['straight_lining'] } }), 202);
	const status = async (id) => expect(await server.api.get(`${f.responses}/${id}`), 200).body.status;
	await until('the rejection', async () => await status(straight) === 'rejected');
	assert.equal(await status(plain), 'completed');
});
