// A device without a network: it holds interviews with the engine in WebAssembly by a clock of its own, keeps each as the session's journal, sends them
// in batches, and deletes its copy of one only against a receipt that it has checked.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { Compiler, Engine, wasm } from './engine.mjs';

/** A UUIDv7 by this clock. */
export function uuid7(ms) {
	const b = randomBytes(16);
	b.writeUIntBE(Math.max(0, ms), 0, 6);
	b[6] = 0x70 | (b[6] & 0x0f);
	b[8] = 0x80 | (b[8] & 0x3f);
	return b.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}

const canonical = (v) => (Array.isArray(v) ? `[${v.map(canonical).join(',')}]` : v && typeof v === 'object'
	? `{${Object.keys(v).sort().map((k) => `${JSON.stringify(k)}:${canonical(v[k])}`).join(',')}}` : JSON.stringify(v).replaceAll('</', '<\\/'));
/** What a receipt names an interview's payload by. */
export const digest = (interview) => createHash('sha256').update(canonical(interview)).digest('hex');

/** The program of a definition in session.wasm, as a device has it. */
export async function programOf(definition) {
	const compiler = await Compiler.load(wasm.compiler), engine = await Engine.load(wasm.session);
	const { program } = compiler.compile(definition);
	assert.ok(program, 'the definition compiles');
	return engine.open(program);
}

export class Device {
	/** `wrong_ms`: how far its clock is ahead. */
	constructor({ program, slug, survey_version = 1, wrong_ms = 0 }) {
		Object.assign(this, { program, slug, survey_version, wrong_ms, kept: new Map() });
	}

	now() {
		return Date.now() + this.wrong_ms;
	}

	/**
	 * Holds an interview that began `ago_ms` before now. `steps`: pairs [name, value] for answers, 'next', 'back', or {language}, a second and a half apart
	 * (`pace_ms`). Answers the interview as it is sent, and keeps it.
	 */
	hold(steps, { ago_ms = 3600000, pace_ms = 1500, seed = 7, parameters, language, more = {} } = {}) {
		const began = this.now() - ago_ms;
		const session = this.program.session({ seed, now: began, parameters, language });
		const events = steps.map((step, i) => {
			const event = step === 'next' || step === 'back' ? { page: step } : Array.isArray(step) ? { answer: step[0], value: step[1] } : step;
			return { ...event, at_ms: (i + 1) * pace_ms };
		});
		session.events(events);
		const held = { id: uuid7(began), survey_version: this.survey_version,
			journal: { seed, now_ms: began, ...(parameters && { parameters }), ...(language && { language }), events }, ...more };
		this.kept.set(held.id, held);
		const seen = { over: session.over, outcome: session.outcome, verdict: session.verdict(true) };
		session.end();
		return { held, ...seen };
	}

	/** What it sends for these (all it keeps, at most 500). */
	batch(interviews = [...this.kept.values()].slice(0, 500)) {
		return { link: this.slug, sent_at: new Date(this.now()).toISOString(), interviews };
	}

	/** Deletes what a checked receipt says is stored; answers the items by id. */
	async settle(items, keys) {
		const byId = new Map();
		for (const item of items) {
			byId.set(item.id, item);
			if (item.receipt === undefined)
				continue;
			const { payload } = await checkReceipt(item.receipt, keys);
			assert.equal(payload.sub, item.id);
			if (this.kept.has(item.id))
				assert.equal(payload.sha256, digest(this.kept.get(item.id)), 'a receipt for something else');
			this.kept.delete(item.id);
		}
		return byId;
	}
}

export const checkReceipt = (receipt, keys) => jwtVerify(receipt, createLocalJWKSet(keys), { algorithms: ['ES256'], typ: 'receipt+jwt', audience: 'collect-device' });
