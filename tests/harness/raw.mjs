// Bytes on a socket, for requests that no HTTP client would send.
import net from 'node:net';
import { sleep } from './run.mjs';

/**
 * Sends `parts` (strings or buffers; a number waits that many ms), reads until the server closes, or until a whole reply has arrived.
 * Answers {status, headers, body, ms, closed, text}: ms from the last byte sent to the first byte received; status 0 when nothing came.
 */
export function exchange(port, parts, { timeout = 15000, untilClose = false } = {}) {
	return new Promise((resolve, reject) => {
		const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
		const chunks = [];
		let sentAt = 0n, firstAt = 0n, closed = false, settled = false;
		const settle = () => {
			if (settled)
				return;
			settled = true;
			clearTimeout(timer);
			socket.destroy();
			const text = Buffer.concat(chunks).toString('latin1');
			resolve({ ...parse(text), text, closed, ms: firstAt ? Number(firstAt - sentAt) / 1e6 : Infinity });
		};
		const timer = setTimeout(settle, timeout);
		socket.on('data', (chunk) => {
			firstAt ||= process.hrtime.bigint();
			chunks.push(chunk);
			if (!untilClose && whole(Buffer.concat(chunks).toString('latin1')))
				setImmediate(settle);
		});
		socket.on('close', () => { closed = true; settle(); });
		socket.on('error', (e) => (['ECONNRESET', 'EPIPE'].includes(e.code) ? (closed = true, settle()) : reject(e)));
		socket.on('connect', async () => {
			for (const part of parts) {
				if (settled)
					return;
				if (typeof part === 'number')
					await sleep(part);
				else
					socket.write(part);
				sentAt = process.hrtime.bigint();
			}
		});
	});
}

function parse(text) {
	const end = text.indexOf('\r\n\r\n');
	const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
	if (end < 0)
		return { status, headers: {}, body: '' };
	const headers = Object.fromEntries(text.slice(0, end).split('\r\n').slice(1).map((line) => {
		const colon = line.indexOf(':');
		return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
	}));
	return { status, headers, body: text.slice(end + 4) };
}

function whole(text) {
	const { headers, body } = parse(text);
	return text.includes('\r\n\r\n') && headers['content-length'] !== undefined && body.length >= Number(headers['content-length']);
}
