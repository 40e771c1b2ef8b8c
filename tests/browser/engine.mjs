// The engine in Chromium, under a policy that allows WebAssembly and nothing made from text.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openPage, withBrowser } from '../harness/browser.mjs';
import { corpusFiles, corpusLines, surveyOf } from '../harness/corpus.mjs';
import { Compiler, Recorder, compareWithNative, folder } from '../harness/engine.mjs';
import { Random, generateDefinition, questionsByPage, randomEvents } from '../harness/generate.mjs';

const TYPES = { js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm', html: 'text/html; charset=utf-8' };
const chromium = withBrowser();
let server, url;

before(async () => {
	server = http.createServer((request, reply) => {
		const name = request.url.slice(1) || 'index.html';
		const body = name === 'index.html' ? '<!doctype html><html lang="en"><title>Engine</title><main></main><script type="module" src="page.js"></script></html>'
			: name === 'page.js' ? "import * as engine from './engine.mjs'; window.engine = engine; document.querySelector('main').id = 'ready';"
				: ['engine.mjs', 'engine.wasm', 'session.wasm', 'compiler.wasm'].includes(name) ? readFileSync(join(folder, name)) : '';
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
	const strict = Array.from({ length: 20 }, (_, seed) => generateDefinition(new Random(seed))).filter(({ survey }) => !survey.settings.compat);
	for (const definition of strict.slice(0, 5)) {
		const there = await page.evaluate(`(${wholeWay})(window.engine, { compiler: fetch('compiler.wasm'), engine: fetch('engine.wasm') }, ${JSON.stringify(definition)})`);
		const here = await wholeWay({ Compiler, Engine: modules.Engine }, modules.wasm, definition);
		assert.deepEqual(there, here);
	}
	assert.deepEqual(page.faults, []);
	await page.context().close();
});

/** Interviews by engine.wasm and session.wasm, every call and its answer: what a Recorder keeps, in a form that leaves a page. */
async function interviews({ Engine }, sources, surveys) {
	const calls = { engine: [], session: [] }, engines = { engine: await Engine.load(sources.engine), session: await Engine.load(sources.session) };
	const binary = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
	for (const [name, engine] of Object.entries(engines))
		engine.onCall = ({ input, text, bytes, ...rest }) => {
			if (rest.status !== 5) // the native engine has everything
				calls[name].push({ ...rest, input: binary(input), text: binary(text), bytes: binary(bytes) });
		};
	const refused = (f) => { try { return f(); } catch (e) { if (e.name !== 'EngineError') throw e; } };
	for (const { program, events, start } of surveys) {
		const keeper = engines.session.open(Uint8Array.from(program)), session = keeper.session(start);
		// engine.wasm does not have the ways of SurveyJS
		const survey = refused(() => engines.engine.open(Uint8Array.from(program))) ?? engines.session.open(Uint8Array.from(program)), it = survey.interview(start);
		for (const event of events) {
			if ('answer' in event && event.value !== null)
				it.answers[event.answer] = event.value;
			refused(() => session.events([event]));
			session.hash();
			if (!('page' in event) || session.page < 0)
				continue;
			it.visible(session.page);
			it.render(session.page, { errors: it.run(session.page).errors });
			session.render();
		}
		const { outcome } = it.run();
		it.outcome(outcome);
		session.verdict(true);
		keeper.resume(session.write()).end();
		session.end();
		survey.close();
		keeper.close();
	}
	return calls;
}

/** Programs of the corpus, one survey a folder at least, and events for each. */
async function corpusInterviews() {
	const compiler = await Compiler.load(new Uint8Array(readFileSync(join(folder, 'compiler.wasm'))));
	const texts = [...new Set(corpusFiles().flatMap((path) => corpusLines(path).map(surveyOf).filter((text) => text !== null)))];
	return texts.map((text, i) => ({ text, r: new Random(i) })).filter((_, i) => i % 3 === 0).flatMap(({ text, r }) => {
		const { program } = compiler.compile(text);
		if (!program)
			return [];
		const definition = JSON.parse(text);
		return [{ program: [...program], events: randomEvents(r, questionsByPage(definition), definition.survey.choice_lists),
			start: { seed: String(r.next()), now: 1.7e12, parameters: { pid: 'x' } } }];
	});
}

test('interviews of the corpus by engine.wasm and session.wasm in Chromium are what the native engine has', async (t) => {
	const surveys = await corpusInterviews();
	assert.ok(surveys.length >= 40, `${surveys.length} surveys`);
	const page = await openPage(chromium);
	await page.goto(url);
	await page.locator('#ready').waitFor({ state: 'attached' });
	const calls = await page.evaluate(`(${interviews})(window.engine, { engine: fetch('engine.wasm'), session: fetch('session.wasm') }, ${JSON.stringify(surveys)})`);
	const bytes = (text) => new Uint8Array(Buffer.from(text, 'latin1'));
	let agreed = 0;
	for (const list of Object.values(calls)) {
		const listener = {}, recorder = new Recorder(listener);
		list.forEach((call) => listener.onCall({ ...call, input: bytes(call.input), text: bytes(call.text), bytes: bytes(call.bytes) }));
		agreed += await compareWithNative(recorder.take());
	}
	t.diagnostic(`${surveys.length} surveys, ${agreed} calls`);
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
