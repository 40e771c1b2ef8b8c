// A careful client of the intake: it writes down each attempt and each answer, on the disk, before it counts, and tries again with the same key until
// it was answered. What it wrote is held against the database afterwards: everything acknowledged is there once, nothing is there that nobody sent.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { fdatasync, openSync, readFileSync, write } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { rows } from './database.mjs';
import { newFolder, sleep } from './run.mjs';
import { definition } from './surveys.mjs';

export class Journal {
	async begin() {
		this.file = join(await newFolder('journal'), 'journal.jsonl');
		this.fd = openSync(this.file, 'a');
		this.lines = [];
		return this;
	}

	/** Resolves when the record is on the disk; records that come meanwhile go together. */
	note(record) {
		return new Promise((resolve, reject) => {
			this.lines.push({ text: `${JSON.stringify(record)}\n`, resolve, reject });
			if (!this.busy)
				this.flush();
		});
	}

	flush() {
		const batch = this.lines.splice(0);
		this.busy = batch.length > 0;
		if (!this.busy)
			return;
		const done = (e) => {
			for (const { resolve, reject } of batch)
				e ? reject(e) : resolve();
			this.flush();
		};
		write(this.fd, batch.map((l) => l.text).join(''), (e) => (e ? done(e) : fdatasync(this.fd, done)));
	}

	records() {
		return readFileSync(this.file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
	}
}

/** One question that numbers the answer, one that tells payloads with the same key apart, one that is counted by a quota. */
export function counted(limit = 1000000) {
	const choices = ['a', 'b'].map((value) => ({ value, label: value }));
	return definition('Counted', [{ name: 'p', questions: [
		{ type: 'text', name: 'serial', title: 'Serial', max_length: 60 }, { type: 'text', name: 'variant', title: 'Variant', max_length: 20 },
		{ type: 'single', name: 'area', title: 'Area', choices }] }],
	{ quotas: [{ name: 'areas', cells: choices.map(({ value }) => ({ name: value, when: `{area} = '${value}'`, limit })) }] });
}

export const CUTS = ['before', 'during', 'after'];

export class Sender {
	constructor(slug, journal) {
		Object.assign(this, { slug, journal, serial: 0, attempts: 0, cuts: 0, lost: 0, status: {} });
		this.agent = new http.Agent({ keepAlive: true });
	}

	/** A submission of its own key. */
	next() {
		const serial = `s${++this.serial}`;
		return { key: randomUUID(), serial, area: this.serial % 2 ? 'a' : 'b' };
	}

	/**
	 * One attempt; `cut` ends the connection before all was sent, while the server works, or before the answer was read. Answers {status, text, id}
	 * of what is on the disk by then, or {lost}.
	 */
	async attempt(port, { key, serial, area }, { variant = 'v', cut } = {}) {
		const body = JSON.stringify({ answers: { serial, variant, area } });
		await this.journal.note({ key, serial, variant });
		this.attempts++;
		const got = await this.send(port, key, body, cut);
		if (got.lost) {
			this[cut ? 'cuts' : 'lost']++;
			return got;
		}
		this.status[got.status] = (this.status[got.status] ?? 0) + 1;
		if (got.status === 201) {
			got.id = JSON.parse(got.text).id;
			await this.journal.note({ key, variant, id: got.id, text: got.text });
		}
		return got;
	}

	send(port, key, body, cut) {
		return new Promise((resolve) => {
			const bytes = Buffer.from(body);
			const rq = http.request({ host: '127.0.0.1', port, method: 'POST', path: `/api/public/v1/links/${this.slug}/responses`, agent: this.agent,
				headers: { 'Content-Type': 'application/json', 'Content-Length': bytes.length, 'Idempotency-Key': key } });
			const lose = (why) => {
				resolve({ lost: why });
				rq.destroy();
			};
			rq.on('error', (e) => lose(e.code ?? e.message));
			rq.setTimeout(60000, () => lose('no answer in 60 s'));
			rq.on('response', (rs) => {
				if (cut === 'after')
					return lose(cut);
				const chunks = [];
				rs.on('data', (chunk) => chunks.push(chunk));
				rs.on('error', (e) => lose(e.code));
				rs.on('aborted', () => lose('aborted'));
				rs.on('end', () => resolve({ status: rs.statusCode, text: Buffer.concat(chunks).toString('utf8') }));
			});
			if (cut !== 'before')
				rq.end(bytes);
			else
				rq.write(bytes.subarray(0, bytes.length / 2), () => lose(cut));
			if (cut === 'during')
				setTimeout(lose, Math.random() * 12, cut);
		});
	}

	/** Until it is acknowledged; `port` may change while it waits. */
	async insist(port, submission, seconds = 120) {
		for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(20 + Math.random() * 30)) {
			const got = await this.attempt(port(), submission);
			if (got.status === 201)
				return got;
			assert.ok(got.lost || got.status === 409 || got.status === 503, `${submission.key}: ${got.status} ${got.text}`);
		}
		throw new Error(`${submission.key} was not taken in ${seconds} s`);
	}

	close() {
		this.agent.destroy();
	}
}

/**
 * Holds the journal's file against the database: all acknowledged once and as it was sent, nothing invented, response, event and quota place together.
 * Answers {acknowledged, stored}.
 */
export async function holdAgainst(journal, survey, where) {
	const attempts = new Map(), answers = new Map();
	for (const r of journal.records()) {
		if (r.id === undefined) {
			attempts.set(r.key, { serial: r.serial, variants: (attempts.get(r.key)?.variants ?? new Set()).add(r.variant) });
			continue;
		}
		const first = answers.get(r.key);
		if (first)
			assert.deepEqual([r.text, r.variant], [first.text, first.variant], `two answers to ${r.key} differ`);
		answers.set(r.key, r);
	}
	const stored = await rows(where.name, `select idempotency_key, id, answers->>'serial', answers->>'variant' from responses where survey_id = '${survey}'`, where);
	const byKey = new Map(stored.map(([key, id, serial, variant]) => [key, { id, serial, variant }]));
	assert.equal(byKey.size, stored.length, 'an answer is stored twice');
	for (const [key, { id, variant }] of answers)
		assert.deepEqual({ id: byKey.get(key)?.id, variant: byKey.get(key)?.variant }, { id, variant }, `${key} was acknowledged`);
	for (const [key, { serial, variant }] of byKey) {
		assert.equal(attempts.get(key)?.serial, serial, `nobody sent ${key}`);
		assert.ok(attempts.get(key).variants.has(variant), `nobody sent ${key} like this`);
	}
	const apart = await rows(where.name, `select r.id from responses r left join events e on e.tenant_id = r.tenant_id and e.aggregate_id = r.id and e.type = 'completed'
		where r.survey_id = '${survey}' group by r.tenant_id, r.survey_id, r.id having count(e.id) <> 1
		union all select aggregate_id from events e where type = 'completed' and aggregate_type = 'response' and data->>'survey_id' = '${survey}'
			and not exists (select from responses r where r.tenant_id = e.tenant_id and r.id = e.aggregate_id)`, where);
	assert.deepEqual(apart, [], 'a response without its event, or an event without its response');
	const places = await rows(where.name, `select c.cell, c.used, (select count(*) from responses r where r.survey_id = c.survey_id and r.answers->>'area' = c.cell
		and r.status = 'completed') from quota_cells c where survey_id = '${survey}' and quota !~ '^@' order by 1`, where);
	for (const [cell, used, there] of places)
		assert.equal(used, there, `the places of cell ${cell}`);
	return { acknowledged: answers.size, stored: stored.length };
}
