// A client of the API that holds every reply against the contract.
import assert from 'node:assert/strict';
import http from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

export class Client {
	/** contract may be null (before the document was read); token may be null (nobody). */
	constructor(port, { contract = null, token = null, headers = {}, host = '127.0.0.1' } = {}) {
		Object.assign(this, { port, contract, token, headers, host });
		this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
	}

	as(token) {
		return new Client(this.port, { ...this, token });
	}

	/**
	 * options: body (sent as JSON), raw + type (bytes as they are), query, headers, token.
	 * Answers {status, headers, bytes, text, body, encoding, ms}; body is parsed when the reply is JSON.
	 */
	async request(method, path, options = {}) {
		const target = path + queryText(options.query);
		const reply = await this.send(method, target, options);
		reply.text = reply.bytes.toString('utf8');
		if (/json(;|$)/.test(reply.headers['content-type'] ?? '') && reply.bytes.length)
			reply.body = JSON.parse(reply.text);
		reply.where = `${method} ${target}`;
		if (this.contract && !options.unchecked)
			this.contract.check(method, target, reply);
		return reply;
	}

	send(method, target, { body, raw, type, headers = {}, token = this.token }) {
		const bytes = raw !== undefined ? Buffer.from(raw) : body !== undefined ? Buffer.from(JSON.stringify(body)) : undefined;
		const all = { ...this.headers, ...headers };
		if (token)
			all.Authorization = `Bearer ${token}`;
		if (bytes) {
			all['Content-Type'] ??= type ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
			all['Content-Length'] = bytes.length;
		}
		const started = process.hrtime.bigint();
		return new Promise((resolve, reject) => {
			const rq = http.request({ host: this.host, port: this.port, method, path: target, headers: all, agent: this.agent }, (rs) => {
				const chunks = [];
				rs.on('data', (chunk) => chunks.push(chunk));
				rs.on('error', reject);
				rs.on('end', () => {
					const encoding = rs.headers['content-encoding'] ?? '';
					const received = Buffer.concat(chunks);
					resolve({ status: rs.statusCode, headers: rs.headers, encoding, received: received.length, bytes: decode(encoding, received),
						ms: Number(process.hrtime.bigint() - started) / 1e6 });
				});
			});
			rq.on('error', reject);
			rq.setTimeout(90000, () => rq.destroy(new Error(`${method} ${target}: no answer in 90 s`)));
			rq.end(bytes);
		});
	}

	get(path, options) { return this.request('GET', path, options); }
	head(path, options) { return this.request('HEAD', path, options); }
	options(path, options) { return this.request('OPTIONS', path, options); }
	post(path, body, options) { return this.request('POST', path, { body, ...options }); }
	patch(path, body, version, options = {}) {
		const headers = { ...(version === undefined ? {} : { 'If-Match': `"${version}"` }), ...options.headers };
		return this.request('PATCH', path, { body, ...options, headers });
	}
	delete(path, version, options = {}) {
		const headers = { ...(version === undefined ? {} : { 'If-Match': `"${version}"` }), ...options.headers };
		return this.request('DELETE', path, { ...options, headers });
	}

	close() {
		this.agent.destroy();
	}
}

/** The reply when it has the status expected; else a failure that shows the body. */
export function expect(reply, status, code) {
	assert.equal(reply.status, status, `${reply.where}: ${reply.status} instead of ${status}: ${reply.text.slice(0, 800)}`);
	if (code)
		assert.equal(reply.body.code, code, `${reply.where}: ${reply.text.slice(0, 400)}`);
	return reply;
}

/** The pointers of a 422, sorted. */
export const pointers = (reply) => (reply.body.errors ?? []).map((e) => e.pointer).sort();

function queryText(query) {
	const text = new URLSearchParams(Object.entries(query ?? {}).filter(([, v]) => v !== undefined)).toString();
	return text ? `?${text}` : '';
}

function decode(encoding, bytes) {
	if (encoding === 'gzip')
		return bytes.length ? gunzipSync(bytes) : bytes;
	if (encoding === 'br')
		return bytes.length ? brotliDecompressSync(bytes) : bytes;
	return bytes;
}
