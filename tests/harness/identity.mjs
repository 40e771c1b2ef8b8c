// Identity providers for sign-in tests, on loopback: a real one (npm oidc-provider), and one that says whatever a test wants. And a browser that
// follows redirects between them and the server with a jar of cookies.
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import * as jose from 'jose';
import { Provider } from 'oidc-provider';

/** What a server under test needs so that it may call these. */
export const LOOPBACK = { COLLECT_EGRESS_ALLOW: '127.0.0.1', COLLECT_EGRESS_PORTS: '443 1024-65535', COLLECT_EGRESS_HTTP: 'true' };

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)));
const close = (server) => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); });

/**
 * The real one. accounts: {sub: {email, email_verified, name}}; `user` is who sits before it. connect(client) is called once the redirect
 * address is known; tokens carry the address only with {inToken: true}, else it is at the userinfo endpoint.
 */
export class RealProvider {
	constructor(accounts) {
		Object.assign(this, { accounts, user: Object.keys(accounts)[0], asked: [] });
	}

	async begin() {
		this.server = http.createServer((rq, rs) => this.answer(rq, rs));
		this.issuer = await listen(this.server);
		const keys = await Promise.all(['RS256', 'ES256'].map(async (alg) => {
			const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
			return { ...await jose.exportJWK(privateKey), alg, use: 'sig', kid: alg };
		}));
		this.keys = { keys };
	}

	connect(clients, { inToken = false } = {}) {
		const accounts = this.accounts;
		this.provider = new Provider(this.issuer, {
			clients, jwks: this.keys, conformIdTokenClaims: !inToken, cookies: { keys: ['k'] },
			claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
			features: { devInteractions: { enabled: false } },
			pkce: { required: () => true },
			findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub, ...accounts[sub] }) }),
			interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
			async loadExistingGrant(ctx) {
				const held = ctx.oidc.session.grantIdFor(ctx.oidc.client.clientId);
				if (held)
					return ctx.oidc.provider.Grant.find(held);
				const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
				grant.addOIDCScope('openid email profile');
				await grant.save();
				return grant;
			},
		});
		this.handle = this.provider.callback();
	}

	answer(rq, rs) {
		this.asked.push(`${rq.method} ${rq.url.split('?')[0]}`);
		if (rq.url.startsWith('/interaction/'))
			return this.provider.interactionFinished(rq, rs, { login: { accountId: this.user } }, { mergeWithLastSubmission: false });
		return this.handle(rq, rs);
	}

	end() { return close(this.server); }
}

/** One that says what a test wants: set claims, header, signer, discovery, reply ... before a sign-in. */
export class ScriptedProvider {
	async begin() {
		this.hits = {};
		this.codes = new Map();
		this.server = http.createServer((rq, rs) => {
			const path = rq.url.split('?')[0];
			this.hits[path] = (this.hits[path] ?? 0) + 1;
			Promise.resolve(this.answer(path, rq, rs)).catch((e) => { rs.statusCode = 500; rs.end(String(e)); });
		});
		this.issuer = await listen(this.server);
		await this.newKey('first');
		this.reset();
	}

	reset() {
		Object.assign(this, { claims: {}, header: {}, sign: null, discovery: {}, reply: null, published: null, raw: {}, userinfo: null });
	}

	async newKey(kid, alg = 'RS256') {
		const { privateKey, publicKey } = await jose.generateKeyPair(alg, { extractable: true });
		this.key = { privateKey, alg, kid, jwk: { ...await jose.exportJWK(publicKey), kid, alg, use: 'sig' } };
		return this.key;
	}

	/** What the provider would do with a browser that was sent to `url`: the address it sends it back to. */
	authorize(url, { more = {} } = {}) {
		const q = new URL(url).searchParams;
		const code = randomBytes(12).toString('hex');
		this.codes.set(code, { nonce: q.get('nonce'), client: q.get('client_id'), challenge: q.get('code_challenge'), method: q.get('code_challenge_method'), redirect: q.get('redirect_uri') });
		const back = new URL(q.get('redirect_uri'));
		for (const [k, v] of Object.entries({ code, state: q.get('state'), ...more })) {
			if (v !== undefined)
				back.searchParams.set(k, v);
		}
		return back.pathname + back.search;
	}

	async token(body) {
		const q = new URLSearchParams(body);
		const known = this.codes.get(q.get('code'));
		this.codes.delete(q.get('code'));
		const challenge = createHash('sha256').update(q.get('code_verifier') ?? '').digest('base64url');
		if (!known || known.method !== 'S256' || known.challenge !== challenge || known.redirect !== q.get('redirect_uri'))
			return [400, { error: 'invalid_grant' }];
		const now = Math.floor(Date.now() / 1000);
		const claims = { iss: this.issuer, aud: known.client, sub: 'someone', nonce: known.nonce, iat: now, exp: now + 300, ...this.claims };
		const header = { alg: this.key.alg, kid: this.key.kid, ...this.header };
		const clean = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));
		const id_token = this.sign ? await this.sign(clean(claims), clean(header)) : await new jose.SignJWT(clean(claims)).setProtectedHeader(clean(header)).sign(this.key.privateKey);
		return [200, { id_token, access_token: 'at-1', token_type: 'Bearer' }];
	}

	async answer(path, rq, rs) {
		const send = (status, value) => {
			rs.writeHead(status, { 'Content-Type': 'application/json' });
			rs.end(JSON.stringify(value));
		};
		if (this.raw[path])
			return this.raw[path](rq, rs);
		if (path.endsWith('/.well-known/openid-configuration')) {
			return send(200, { issuer: this.issuer, authorization_endpoint: `${this.issuer}/authorize`, token_endpoint: `${this.issuer}/token`,
				jwks_uri: `${this.issuer}/jwks`, ...(this.userinfo ? { userinfo_endpoint: `${this.issuer}/userinfo` } : {}), ...this.discovery });
		}
		if (path === '/jwks')
			return send(200, { keys: this.published ?? [this.key.jwk] });
		if (path === '/userinfo')
			return send(rq.headers.authorization === 'Bearer at-1' ? 200 : 401, this.userinfo);
		if (path === '/token') {
			let body = '';
			for await (const part of rq)
				body += part;
			this.lastToken = { body, authorization: rq.headers.authorization };
			const [status, value] = this.reply ?? await this.token(body);
			return send(status, value);
		}
		return send(404, {});
	}

	end() { return close(this.server); }
}

/** A browser: cookies by place, redirects one at a time. */
export class Browser {
	constructor(server) {
		Object.assign(this, { server, jar: new Map() });
	}

	/** GET of an address; answers {status, location, text, headers}. */
	get(url, headers = {}) {
		const at = new URL(url, this.server.url);
		const cookies = [...(this.jar.get(at.host) ?? new Map()).entries()].map(([k, v]) => `${k}=${v}`).join('; ');
		return new Promise((resolve, reject) => {
			const rq = http.get(at, { headers: { ...(cookies ? { Cookie: cookies } : {}), ...headers } }, (rs) => {
				let text = '';
				rs.setEncoding('utf8');
				rs.on('data', (part) => { text += part; });
				rs.on('end', () => {
					for (const line of rs.headers['set-cookie'] ?? [])
						this.keep(at.host, line);
					const location = rs.headers.location;
					resolve({ status: rs.statusCode, headers: rs.headers, text, location: location === undefined ? undefined : new URL(location, at).href,
						body: /json/.test(rs.headers['content-type'] ?? '') && text ? JSON.parse(text) : undefined });
				});
			});
			rq.on('error', reject);
		});
	}

	keep(host, line) {
		const [pair] = line.split(';');
		const at = pair.indexOf('=');
		if (!this.jar.has(host))
			this.jar.set(host, new Map());
		if (/max-age=0/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line))
			this.jar.get(host).delete(pair.slice(0, at));
		else
			this.jar.get(host).set(pair.slice(0, at), pair.slice(at + 1));
	}

	cookie(name) { return this.jar.get(new URL(this.server.url).host)?.get(name); }

	/** Follows redirects until one leads to `stop` on the server, or none comes. */
	async follow(url, stop = '/console') {
		let reply;
		for (let hop = 0; hop < 12; hop++) {
			reply = await this.get(url);
			if (reply.location === undefined || reply.location.startsWith(`${this.server.url}${stop}`))
				return reply;
			url = reply.location;
		}
		throw new Error(`too many redirects, at last to ${url}`);
	}
}

/** What stands behind '#' in an address. */
export const fragment = (url) => Object.fromEntries(new URLSearchParams(new URL(url).hash.slice(1)));
