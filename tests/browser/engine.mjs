// The engine in Chromium, under a policy that allows WebAssembly and nothing made from text.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openPage, withBrowser } from '../harness/browser.mjs';
import { Compiler, folder } from '../harness/engine.mjs';
import { Random, generateDefinition } from '../harness/generate.mjs';

const TYPES = { js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm', html: 'text/html; charset=utf-8' };
const chromium = withBrowser();
let server, url;

before(async () => {
	server = http.createServer((request, reply) => {
		const name = request.url.slice(1) || 'index.html';
		const body = name === 'index.html' ? '<!doctype html><html lang="en"><title>Engine</title><main></main><script type="module" src="page.js"></script></html>'
			: name === 'page.js' ? "import * as engine from './engine.mjs'; window.engine = engine; document.querySelector('main').id = 'ready';"
				: ['engine.mjs', 'engine.wasm', 'compiler.wasm'].includes(name) ? readFileSync(join(folder, name)) : '';
		reply.writeHead(body ? 200 : 204, { 'content-type': TYPES[name.split('.').pop()] ?? 'text/plain',
			'content-security-policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" });
		reply.end(body);
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	url = `http://127.0.0.1:${server.address().port}/`;
});
after(() => server?.close());

/** The whole way of a survey, in the page and here. */
async function wholeWay({ Compiler, Engine }, sources, definition) {
	const compiler = await Compiler.load(sources.compiler), engine = await Engine.load(sources.engine);
	const { program, diagnostics } = compiler.compile(definition);
	const survey = engine.open(program), it = survey.interview({ seed: 7, now: 1.7e12, parameters: { pid: 'x' } });
	const pages = Array.from({ length: survey.pages }, (_, page) => [it.visible(page), it.render(page)]);
	return { program: [...program], diagnostics, pages, verdict: it.run(), evaluated: compiler.evaluate('pow(1.1, 0.3)'), memory: engine.memoryBytes };
}

test('Chromium gives what Node gives, streamed, and no policy is broken', async () => {
	const page = await openPage(chromium);
	await page.goto(url);
	await page.locator('#ready').waitFor({ state: 'attached' });
	const modules = await import('../harness/engine.mjs');
	for (let seed = 1; seed <= 5; seed++) {
		const definition = generateDefinition(new Random(seed));
		const there = await page.evaluate(`(${wholeWay})(window.engine, { compiler: fetch('compiler.wasm'), engine: fetch('engine.wasm') }, ${JSON.stringify(definition)})`);
		const here = await wholeWay({ Compiler, Engine: modules.Engine }, modules.wasm, definition);
		assert.deepEqual(there, here);
	}
	assert.deepEqual(page.faults, []);
	await page.context().close();
});

test('markup of the engine goes into a page as it is; a form of it is read back', async () => {
	const page = await openPage(chromium);
	await page.goto(url);
	await page.locator('#ready').waitFor({ state: 'attached' });
	const answers = await page.evaluate(async () => {
		const { Compiler } = window.engine;
		const compiler = await Compiler.load(fetch('compiler.wasm'));
		const { program } = compiler.compile({ schema_version: '1.0', survey: { title: 'x', language: 'en', pages: [{ name: 'p', questions: [
			{ type: 'text', name: 't', title: 'Say <b>"it"</b>' }, { type: 'boolean', name: 'b', title: 'Yes?' }, { type: 'multi', name: 'm', title: 'Some', choices: ['a', 'b'].map((value) => ({ value, label: value })) }] }] } });
		const it = compiler.open(program).interview({ seed: 1, now: Date.now() });
		const form = document.createElement('form');
		form.innerHTML = it.render(0);
		document.querySelector('main').append(form);
		form.querySelector('[name=q-t]').value = 'Đà Nẵng 🙂';
		for (const box of form.querySelectorAll('[name=q-m]'))
			box.checked = true;
		return it.form(0, new FormData(form));
	});
	assert.deepEqual(answers, { t: 'Đà Nẵng 🙂', m: ['a', 'b'] });
	assert.deepEqual(page.faults, []);
	await page.context().close();
});
