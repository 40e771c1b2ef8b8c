/* proof.ts - the work that some links ask for before anything is sent: a number that makes a hash begin with zeros. Done in a worker, which is this same script, while the
 * respondent reads; who is quicker waits a moment. */

const K = new Uint32Array(64);
const START = new Uint32Array(8);

/* The constants are what SHA-256 says they are: the fractions of the roots of the first primes. */
function fillConstants(): void {
	let n = 0;
	for (let candidate = 2; n < 64; candidate++) {
		let prime = true;
		for (let d = 2; d * d <= candidate && prime; d++)
			prime = candidate % d !== 0;
		if (!prime)
			continue;
		const cube = Math.cbrt(candidate);
		const square = Math.sqrt(candidate);
		if (n < 8)
			START[n] = Math.floor((square - Math.floor(square)) * 4294967296);
		K[n++] = Math.floor((cube - Math.floor(cube)) * 4294967296);
	}
}

const rotate = (x: number, by: number): number => (x >>> by) | (x << (32 - by));
const w = new Uint32Array(64);

function mix(h: Uint32Array, block: DataView): void {
	for (let i = 0; i < 16; i++)
		w[i] = block.getUint32(4 * i);
	for (let i = 16; i < 64; i++) {
		const a = w[i - 15] ?? 0, b = w[i - 2] ?? 0;
		const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
		const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
		w[i] = ((w[i - 16] ?? 0) + s0 + (w[i - 7] ?? 0) + s1) | 0;
	}
	let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, k = 0] = h;
	for (let i = 0; i < 64; i++) {
		const t1 = (k + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + (K[i] ?? 0) + (w[i] ?? 0)) | 0;
		const t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
		k = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
	}
	[a, b, c, d, e, f, g, k].forEach((v, i) => { h[i] = (h[i] ?? 0) + v; });
}

/* Of a text whose first `from` bytes (whole blocks) are in h already. */
function finish(h: Uint32Array, rest: Uint8Array, total: number): void {
	const padded = new Uint8Array((rest.length + 9 + 63) & ~63);
	const view = new DataView(padded.buffer);
	padded.set(rest);
	padded[rest.length] = 0x80;
	view.setUint32(padded.length - 4, total * 8);
	for (let at = 0; at < padded.length; at += 64)
		mix(h, new DataView(padded.buffer, at, 64));
}

export function sha256(bytes: Uint8Array): Uint32Array {
	if (!K[0])
		fillConstants();
	const h = START.slice();
	finish(h, bytes, bytes.length);
	return h;
}

/** The first number, written with 0-9 and a-z, whose hash together with the text's begins with so many zero bits. */
export function solve(text: string, bits: number): string {
	const encoder = new TextEncoder();
	const digest = Array.from(sha256(encoder.encode(text)), (v) => v.toString(16).padStart(8, '0')).join('');
	const head = START.slice();
	const bytes = encoder.encode(digest);
	mix(head, new DataView(bytes.buffer, bytes.byteOffset, 64));
	for (let n = 0; ; n++) {
		const nonce = n.toString(36);
		const h = head.slice();
		finish(h, encoder.encode(`:${nonce}`), 65 + nonce.length);
		if ((h[0] ?? 1) >>> (32 - bits) === 0)
			return nonce;
	}
}

/** In the worker: {text, bits} comes, the nonce goes. */
export function serveProofs(): void {
	self.onmessage = (event: MessageEvent<{ text: string; bits: number }>) => {
		self.postMessage(solve(event.data.text, event.data.bits));
	};
}

const FIELD = '@proof';
const address = typeof document === 'undefined' ? '' : (document.currentScript as HTMLScriptElement | null)?.src ?? '';
let worker: Worker | null = null;
let waiting: { form: HTMLFormElement; button: HTMLElement | null } | null = null;

function field(form: HTMLFormElement): HTMLInputElement {
	let input = Array.from(form.querySelectorAll<HTMLInputElement>('input[type="hidden"]')).find((e) => e.name === FIELD);
	if (!input) {
		input = document.createElement('input');
		input.type = 'hidden';
		input.name = FIELD;
		form.append(input);
	}
	return input;
}

const bitsOf = (form: HTMLFormElement): number => Number(form.querySelector<HTMLElement>('#cc-proof')?.dataset.bits ?? 0);

/** Begins the work that the form asks for, anew when its state has changed. */
export function prove(form: HTMLFormElement): void {
	const bits = bitsOf(form);
	const state = form.querySelector<HTMLInputElement>('input[name="state"]');
	worker?.terminate();
	worker = null;
	if (!bits || !state)
		return;
	field(form).value = '';
	const done = (nonce: string): void => {
		field(form).value = nonce;
		const next = waiting;
		waiting = null;
		if (next)
			next.form.requestSubmit(next.button instanceof HTMLButtonElement ? next.button : undefined);
	};
	try {
		worker = new Worker(address);
		worker.onmessage = (event: MessageEvent<string>) => done(event.data);
		worker.postMessage({ text: state.value, bits });
	} catch {
		window.setTimeout(() => done(solve(state.value, bits)));
	}
}

/** Who presses the button before the work is done is sent on when it is. */
export function waitForProof(form: HTMLFormElement): void {
	form.addEventListener('submit', (event) => {
		if (!bitsOf(form) || field(form).value)
			return;
		event.preventDefault();
		event.stopImmediatePropagation();
		waiting = { form, button: event.submitter };
	});
}
