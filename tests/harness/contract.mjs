// Holds every reply against the server's own OpenAPI document: an undeclared path, status, media type or member is a failure.
import assert from 'node:assert/strict';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** Addresses that are pages and files, not API: only the general promises are held against them. */
const UNDESCRIBED = [/^\/s\//, /^\/static\//, /^\/docs(\/|$)/, /^\/internal\//, /^\/favicon\.ico$/, /^\/$/];

/** Headers that clients act on: a reply may carry only those that its operation declares, and a success carries what FOLLOWS declares. */
const ACTED_ON = ['etag', 'location', 'retry-after', 'www-authenticate', 'content-disposition', 'idempotency-replayed', 'ratelimit-limit',
	'ratelimit-remaining', 'ratelimit-reset', 'last-modified', 'link'];
const FOLLOWS = ['etag', 'location'];

/** RFC 9457 as API.md narrows it; for replies that belong to no operation, such as a 404 of an unknown address. */
const PROBLEM = {
	type: 'object',
	required: ['type', 'title', 'status', 'code', 'request_id'],
	additionalProperties: false,
	properties: {
		type: { type: 'string', pattern: '^/docs/errors#[a-z-]+$' },
		title: { type: 'string', minLength: 1 },
		status: { type: 'integer', minimum: 400, maximum: 599 },
		detail: { type: 'string' },
		code: { type: 'string', pattern: '^[a-z-]+$' },
		request_id: { type: 'string', minLength: 1, maxLength: 64 },
		errors: {
			type: 'array',
			items: {
				type: 'object',
				required: ['pointer', 'code', 'message'],
				additionalProperties: false,
				properties: { pointer: { type: 'string', pattern: '^(/|$)' }, code: { type: 'string', minLength: 1 },
					message: { type: 'string', minLength: 1 } },
			},
		},
	},
};

export class Contract {
	constructor(document) {
		this.document = closed(structuredClone(document));
		this.ajv = new Ajv({ allErrors: true, strict: false, validateFormats: true });
		addFormats(this.ajv);
		this.ajv.addSchema(this.document, 'openapi');
		this.problem = this.ajv.compile(PROBLEM);
		this.compiled = new Map();
		this.seen = new Set(); // "GET /api/v1/me 200"
		this.templates = Object.keys(document.paths).map((path) => ({ path, pattern: pathPattern(path) }))
			.sort((a, b) => literalness(b.path) - literalness(a.path));
	}

	operation(method, path) {
		const found = this.templates.filter((t) => t.pattern.test(path));
		const wanted = method === 'HEAD' ? 'get' : method.toLowerCase();
		const hit = found.find((t) => this.document.paths[t.path][wanted]);
		return { path: (hit ?? found[0])?.path, operation: hit && this.document.paths[hit.path][wanted], wanted };
	}

	/** reply: {status, headers, bytes (decoded), text} */
	check(method, path, reply) {
		const where = `${method} ${path} -> ${reply.status}`;
		const type = (reply.headers['content-type'] ?? '').split(';')[0].trim();
		assert.ok(reply.headers['x-request-id'], `${where}: no X-Request-Id`);
		if (method === 'HEAD' || reply.status === 204 || reply.status === 304)
			assert.equal(reply.bytes.length, 0, `${where}: a body where there must be none`);
		if (method === 'OPTIONS' && reply.status < 400)
			return;
		const pathname = path.split('?')[0];
		const { path: template, operation, wanted } = this.operation(method, pathname);
		if (!operation)
			return this.checkStray(where, method, pathname, template, type, reply);
		const declared = operation.responses[reply.status];
		assert.ok(declared, `${where}: ${wanted.toUpperCase()} ${template} does not declare ${reply.status}; body ${reply.text.slice(0, 300)}`);
		this.seen.add(`${wanted.toUpperCase()} ${template} ${reply.status}`);
		const response = declared.$ref ? this.resolve(declared.$ref) : declared;
		this.checkHeaders(where, response, reply);
		if (reply.bytes.length === 0) {
			const empty = method === 'HEAD' || reply.status === 204 || reply.status === 304;
			assert.ok(empty || !response.content, `${where}: an empty body, but a ${Object.keys(response.content ?? {})} is declared`);
			return;
		}
		const media = Object.keys(response.content ?? {}).find((m) => m.split(';')[0].trim() === type);
		assert.ok(media, `${where}: media type ${type} is not declared; body ${reply.text.slice(0, 300)}`);
		if (/json$/.test(type))
			this.validate(where, ['paths', template, wanted, 'responses', String(reply.status)], declared.$ref, media, reply);
	}

	checkHeaders(where, response, reply) {
		const declared = Object.keys(response.headers ?? {}).map((name) => name.toLowerCase());
		for (const name of ACTED_ON.filter((n) => reply.headers[n] !== undefined))
			assert.ok(declared.includes(name), `${where}: the header ${name} is not declared`);
		if (reply.status < 400) {
			for (const name of FOLLOWS.filter((n) => declared.includes(n)))
				assert.ok(reply.headers[name], `${where}: the header ${name} is declared, but was not sent`);
		}
	}

	validate(where, pointer, ref, media, reply) {
		const base = ref ?? `#/${pointer.map(escapePointer).join('/')}`;
		const schema = `openapi${base}/content/${escapePointer(media)}/schema`;
		if (!this.compiled.has(schema))
			this.compiled.set(schema, this.ajv.compile({ $ref: schema }));
		const validate = this.compiled.get(schema);
		assert.ok(validate(reply.body), `${where}: not as ${schema} says: ${explain(validate.errors)}; body ${reply.text.slice(0, 500)}`);
		if (reply.status < 400 || media !== 'application/problem+json')
			return;
		assert.ok(this.problem(reply.body), `${where}: not a problem as API.md says: ${explain(this.problem.errors)}`);
		assert.equal(reply.body.status, reply.status, `${where}: the problem names another status`);
	}

	checkStray(where, method, pathname, template, type, reply) {
		if (reply.status >= 400) {
			if (method !== 'HEAD' && !(UNDESCRIBED.some((p) => p.test(pathname)) && type === 'text/html')) {
				assert.equal(type, 'application/problem+json', `${where}: errors are problem+json; body ${reply.text.slice(0, 200)}`);
				assert.ok(this.problem(reply.body), `${where}: ${explain(this.problem.errors)}; body ${reply.text.slice(0, 300)}`);
			}
			if (reply.status === 405)
				assert.ok(reply.headers.allow, `${where}: 405 without Allow`);
			return;
		}
		assert.ok(UNDESCRIBED.some((p) => p.test(pathname)) || pathname === '/openapi.json',
			`${where}: this address answers but is not described${template ? ` (only other methods of ${template})` : ''}`);
	}

	resolve(ref) {
		return ref.slice(2).split('/').reduce((o, key) => o[key.replaceAll('~1', '/').replaceAll('~0', '~')], this.document);
	}
}

function explain(errors) {
	return (errors ?? []).slice(0, 5).map((e) => `${e.instancePath || '/'} ${e.message}${e.params?.additionalProperty ? ` (${e.params.additionalProperty})` : ''}`)
		.join('; ');
}

const escapePointer = (key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

function pathPattern(path) {
	const parts = path.split(/\{[^}]+\}/).map((part) => part.replace(/[.*+?^$()|[\]\\]/g, '\\$&'));
	return new RegExp(`^${parts.join('[^/]+')}$`);
}

const literalness = (path) => path.replace(/\{[^}]+\}/g, '').length;

/** An object schema that lists its members means all of them: a reply with one more is a mistake in one of the two. */
function closed(node, inAllOf = false) {
	if (Array.isArray(node)) {
		node.forEach((item) => closed(item, inAllOf));
	} else if (node && typeof node === 'object') {
		if (node.type === 'object' && node.properties && node.additionalProperties === undefined && !inAllOf)
			node.additionalProperties = false;
		for (const [key, value] of Object.entries(node))
			closed(value, key === 'allOf');
	}
	return node;
}
