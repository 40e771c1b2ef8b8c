// The description printed from the routes: a linter finds no error, and it tells what API.md promises.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command } from '../harness/run.mjs';
import { expect } from '../harness/client.mjs';
import { withServer } from '../harness/server.mjs';

const server = withServer();
const operations = () => Object.entries(server.contract.document.paths).flatMap(([path, item]) =>
	Object.entries(item).filter(([method]) => ['get', 'post', 'put', 'patch', 'delete'].includes(method)).map(([method, operation]) => ({ path, method, operation })));

test('redocly lint finds no error', async () => {
	const file = join(server.dir, 'openapi.json');
	writeFileSync(file, (await server.anyone.get('/openapi.json')).text);
	const redocly = fileURLToPath(new URL('../node_modules/.bin/redocly', import.meta.url));
	const got = await command([redocly, 'lint', '--extends', 'recommended', '--format', 'stylish', file], { env: { REDOCLY_TELEMETRY: 'off',
		REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', CI: 'true' }, cwd: server.dir });
	assert.equal(got.code, 0, got.stdout + got.stderr);
});

test('`collect print openapi` prints the same', async () => {
	const { code, stdout, stderr } = await server.collect('print', 'openapi');
	assert.equal(code, 0, stderr);
	const printed = JSON.parse(stdout), served = JSON.parse((await server.anyone.get('/openapi.json')).text);
	delete printed.servers;
	delete served.servers;
	assert.deepEqual(printed, served);
});

test('every route of the issue is there', () => {
	const all = operations().map(({ method, path }) => `${method} ${path}`);
	for (const wanted of ['post /api/v1/auth/login', 'get /api/v1/me', 'post /api/v1/projects', 'get /api/v1/projects', 'get /api/v1/projects/{id}',
		'patch /api/v1/projects/{id}', 'delete /api/v1/projects/{id}', 'post /api/v1/surveys', 'get /api/v1/surveys', 'get /api/v1/surveys/{id}',
		'patch /api/v1/surveys/{id}', 'delete /api/v1/surveys/{id}', 'post /api/v1/surveys/validate', 'post /api/v1/surveys/{id}/publish',
		'get /api/v1/surveys/{id}/versions', 'post /api/v1/surveys/{id}/links', 'get /api/v1/surveys/{id}/links', 'get /api/v1/surveys/{id}/responses',
		'get /api/v1/surveys/{id}/responses/{response_id}', 'get /api/v1/surveys/{id}/responses.csv', 'get /api/public/v1/links/{slug}',
		'post /api/public/v1/links/{slug}/responses'])
		assert.ok(all.includes(wanted), wanted);
	assert.ok(!all.some((o) => o.includes('/internal') || o.includes('/s/')));
});

test('each operation has a summary, an id of its own, and says who may call it', () => {
	const ids = new Set();
	for (const { path, method, operation } of operations()) {
		const where = `${method} ${path}`;
		assert.ok(operation.summary, where);
		assert.ok(operation.operationId && !ids.has(operation.operationId), `${where}: ${operation.operationId}`);
		ids.add(operation.operationId);
		const signsIn = ['/api/v1/auth/login', '/api/v1/auth/refresh', '/api/v1/auth/second-factor', '/api/v1/auth/accept-invitation', '/api/v1/auth/oidc/confirm', '/api/v1/oauth/token'].includes(path);
		const open = path.startsWith('/api/public/') || path.startsWith('/.well-known/') || path.startsWith('/api/v1/oidc/')
			|| path.startsWith('/api/v1/auth/password-reset') || signsIn;
		const interview = path.startsWith('/api/public/v1/links/{slug}/responses/{response_id}'); // its respondent's own token, which is no account's; it has no versions
		const link = path.startsWith('/api/public/v1/'); // which may ask for a password
		const security = operation.security ?? server.contract.document.security;
		assert.equal(security?.some((s) => Object.keys(s).length > 0) ?? false, !open, where);
		assert.equal(Boolean(operation.responses['401']), !open || signsIn || link, `${where}: 401`);
		if (['patch', 'delete'].includes(method) && !path.startsWith('/api/v1/me/sessions') && path !== '/api/v1/me' && !interview && !path.includes('/codes/')) // a session and a code have no versions, and nobody else changes oneself
			assert.ok(operation.responses['412'] && operation.responses['428'], `${where}: 412 and 428`);
	}
});

test('errors are problem+json everywhere, and besides what RFC 6749 says where it does', () => {
	for (const { path, method, operation } of operations()) {
		for (const [status, response] of Object.entries(operation.responses).filter(([s]) => Number(s) >= 400)) {
			const content = (response.$ref ? server.contract.resolve(response.$ref) : response).content;
			const besides = path === '/api/v1/oauth/token' && ['400', '401'].includes(status) ? ['application/json'] : [];
			assert.deepEqual(Object.keys(content), [...besides, 'application/problem+json'], `${method} ${path} ${status}`);
		}
	}
});

test('the API page loads from us alone', async () => {
	const { text, headers } = expect(await server.anyone.get('/docs'), 200);
	assert.match(headers['content-type'], /^text\/html/);
	for (const [, url] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
		if (url.startsWith('data:'))
			continue;
		assert.ok(url.startsWith('/'), url);
		expect(await server.anyone.get(url), 200);
	}
	assert.doesNotMatch(text, /<script>|<style>| on[a-z]+=/);
});
