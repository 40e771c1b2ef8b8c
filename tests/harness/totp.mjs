// What an authenticator program does (RFC 6238), written with node:crypto.
import { createHmac } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function base32(text) {
	let bits = '';
	for (const letter of text)
		bits += LETTERS.indexOf(letter).toString(2).padStart(5, '0');
	return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

/** The code of the present step, or of `off` steps later. */
export function totp(secret, off = 0, now = Date.now()) {
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(now / 30000) + off));
	const mac = createHmac('sha1', base32(secret)).update(counter).digest();
	const at = mac[19] & 15;
	return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
}

/** Waits until the present step has this many seconds left, so that a scenario does not run into the next. */
export async function roomInStep(seconds = 8) {
	const left = 30000 - (Date.now() % 30000);
	if (left < seconds * 1000)
		await new Promise((resolve) => setTimeout(resolve, left + 50));
}
