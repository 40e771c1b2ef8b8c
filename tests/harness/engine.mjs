// The engine as WebAssembly, as the build made it, and its native twin: the same calls to both must give the same bytes.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

if (!process.env.COTEST_BUILD)
	throw new Error('COTEST_BUILD (a build folder of meson) is not set: run this by ./test engine, or set it');
export const folder = join(process.env.COTEST_BUILD, 'web/engine');
export const { Compiler, Engine, EngineError } = await import(pathToFileURL(join(folder, 'engine.mjs')));
export const wasm = { engine: readFileSync(join(folder, 'engine.wasm')), session: readFileSync(join(folder, 'session.wasm')), compiler: readFileSync(join(folder, 'compiler.wasm')) };

/** Keeps what an engine is asked and what it answers, in the frames of web/engine/native.c. */
export class Recorder {
	calls = 0;
	#asked = [];
	#answered = [];

	constructor(engine) {
		engine.onCall = (record) => this.#add(record);
	}

	#add({ call, program, input, status, text, bytes }) {
		this.calls++;
		this.#asked.push(words(call, program, input.length), input);
		this.#answered.push(words(status, text.length, bytes.length), text, bytes);
	}

	/** What was gathered since the last time. */
	take() {
		const took = { asked: Buffer.concat(this.#asked), answered: Buffer.concat(this.#answered) };
		this.#asked = [];
		this.#answered = [];
		return took;
	}
}

const words = (...n) => Buffer.from(Uint32Array.from(n).buffer);

/** Asks a native engine the same; gives the number of calls that agree, and throws at the first that does not. */
export async function compareWithNative({ asked, answered }, program = 'engine_native') {
	const got = await native(asked, program);
	if (!got.equals(answered))
		throw new Error(firstDifference(asked, answered, got));
	return frames(answered).length;
}

function native(asked, program) {
	return new Promise((resolve, reject) => {
		const child = spawn(join(folder, program), { stdio: ['pipe', 'pipe', 'inherit'] });
		const parts = [];
		child.stdout.on('data', (bytes) => parts.push(bytes));
		child.on('error', reject);
		child.on('close', (code, signal) => (code === 0 ? resolve(Buffer.concat(parts)) : reject(new Error(`${program} ended with ${code ?? signal}`))));
		child.stdin.on('error', () => {});
		child.stdin.end(asked);
	});
}

function frames(buffer, lengths = 2) {
	const out = [];
	for (let at = 0; at + 12 <= buffer.length;) {
		const sizes = lengths === 2 ? [buffer.readUInt32LE(at + 4), buffer.readUInt32LE(at + 8)] : [buffer.readUInt32LE(at + 8)];
		const end = at + 12 + sizes.reduce((a, b) => a + b, 0);
		out.push(buffer.subarray(at, end));
		at = end;
	}
	return out;
}

function firstDifference(asked, answered, got) {
	const questions = frames(asked, 1), ours = frames(answered), theirs = frames(got);
	const i = ours.findIndex((frame, k) => !theirs[k] || !frame.equals(theirs[k]));
	if (i < 0)
		return 'the native engine answered more than it was asked';
	const show = (frame, n = 4000) => (frame ? `${frame.readUInt32LE(0)}: ${frame.subarray(12, n).toString('utf8')}` : 'nothing');
	return `call ${i} differs\nasked ${questions[i].readUInt32LE(0)} of program ${questions[i].readUInt32LE(4)}: ${questions[i].subarray(12, 8000).toString('utf8')}` +
		`\nwasm   ${show(ours[i])}\nnative ${show(theirs[i])}`;
}

