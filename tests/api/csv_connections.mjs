// A download of personal answers holds one connection of the database while it lasts, not a second one for the keys: others have the rest.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer({ env: { COLLECT_DATABASE_POOL_SIZE: '3', COLLECT_DATABASE_POOL_MAX: '3', COLLECT_RATE_LIMITS: 'false' } });

test('with three connections, two downloads that stand still leave one for everybody else', async () => {
	const s = await publish(server.api, definition('Long', [{ name: 'p', questions: [{ type: 'text', name: 'remark', title: 'Remark', max_length: 60000 },
		{ type: 'text', name: 'email', title: 'E-mail', input: 'email', pii: true }] }]));
	for (let i = 0; i < 120; i++)
		expect(await submit(server.anyone, s.slug, { answers: { remark: 'x'.repeat(60000), email: `p${i}@example.com` } }), 201);
	const path = `/api/v1/surveys/${s.survey.id}/responses.csv?personal=true`;
	await new Promise((resolve) => setTimeout(resolve, 3500)); // until the process holds no key any more: the first download has to fetch it
	const downloads = await Promise.all([1, 2].map(() => new Promise((resolve, reject) => {
		http.get({ host: '127.0.0.1', port: server.port, path, headers: { Authorization: `Bearer ${server.api.token}` } }, (reply) => {
			const d = { reply, text: '' };
			reply.on('data', (chunk) => {
				d.text += chunk;
				if (!d.paused && d.text.includes('@example.com')) {
					d.paused = true;
					reply.pause();
					resolve(d);
				}
			});
			d.end = new Promise((done, fail) => { reply.on('end', done); reply.on('error', fail); });
		}).on('error', reject);
	})));
	for (let i = 0; i < 10; i++)
		expect(await server.api.get('/api/v1/projects'), 200);
	for (const d of downloads)
		assert.ok(d.text.length < 120 * 60000 && !d.reply.complete, 'it stands still');
	for (const d of downloads)
		d.reply.resume();
	await Promise.all(downloads.map((d) => d.end));
	for (const { text } of downloads)
		assert.equal(text.match(/@example\.com/g).length, 120);
});
