// The brand tracker, as far as the engine goes: what is built works, what is not built was left out by the demonstration with a diagnostic.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAccess, checkMarkup, openPage, screenshot, withBrowser } from '../harness/browser.mjs';
import { expect } from '../harness/client.mjs';
import { withServer } from '../harness/server.mjs';
import { brandTracker } from '../harness/surveys.mjs';

const server = withServer();
const chromium = withBrowser();

test('what this release does not build is refused with a diagnostic that says so', async () => {
	const { body } = expect(await server.api.post('/api/v1/surveys/validate', brandTracker()), 200);
	if (body.valid)
		return; // by then all of it is built
	const errors = body.diagnostics.filter((d) => d.severity === 'error');
	assert.ok(errors.length > 0);
	for (const d of errors) {
		assert.match(d.code, /^E09/, JSON.stringify(d));
		assert.ok(d.pointer.startsWith('/survey/'), JSON.stringify(d));
	}
});

test('what is built of it makes a questionnaire that can be answered', async () => {
	const document = await builtPart(brandTracker());
	assert.ok(document.survey.pages.flatMap((p) => p.questions).length >= 8);
	const project = expect(await server.api.post('/api/v1/projects', { name: 'Tracker' }), 201).body;
	const survey = expect(await server.api.post('/api/v1/surveys', { project_id: project.id, title: 'Tracker', definition: document }), 201).body;
	expect(await server.api.post(`/api/v1/surveys/${survey.id}/publish`), 200);
	expect(await server.api.post(`/api/v1/surveys/${survey.id}/links`, { slug: 'tracker' }), 201);
	const page = await openPage(chromium, { viewport: { width: 390, height: 844 } });
	await page.goto(`${server.url}/s/tracker?lang=vi`);
	await checkMarkup(await (await page.request.get(`${server.url}/s/tracker?lang=vi`)).text(), 'first page');
	for (let i = 0; i < 40 && await page.locator('button.cc-next').count(); i++) {
		await checkAccess(page, `page ${i + 1}`);
		await screenshot(page, `tracker-${i + 1}`);
		await answerAll(page);
		await Promise.all([page.waitForResponse((rs) => rs.request().method() === 'POST'), page.locator('button.cc-next').click()]);
		await page.waitForLoadState('load');
	}
	assert.equal(await page.locator('button.cc-next').count(), 0, `the end was reached; at last ${await page.textContent('main')}`);
	const { items } = expect(await server.api.get(`/api/v1/surveys/${survey.id}/responses`), 200).body;
	assert.equal(items.length, 1);
	assert.equal(items[0].status, 'completed');
	assert.ok(Object.keys(items[0].answers).length >= 1);
	assert.deepEqual(page.faults, []);
	await page.context().close();
});

/** Takes out what the diagnostics point at (and then what referred to it) until nothing is wrong. */
async function builtPart(document) {
	for (let round = 0; round < 10; round++) {
		const { body } = expect(await server.api.post('/api/v1/surveys/validate', document), 200);
		const errors = body.diagnostics.filter((d) => d.severity === 'error');
		if (errors.length === 0)
			return document;
		const parts = [...new Set(errors.map((d) => partOf(d.pointer)))].sort((x, y) => y.localeCompare(x, 'en', { numeric: true }));
		for (const part of parts)
			remove(document, part.slice(1).split('/'));
		document.survey.pages = document.survey.pages.filter((page) => page.questions.length);
	}
	return assert.fail('it never becomes sound');
}

/** The smallest part of a definition that can be left out as a whole. */
function partOf(pointer) {
	return /^\/survey\/pages\/\d+\/questions\/\d+/.exec(pointer)?.[0] ?? /^\/survey\/(pages|rules|calculated|parameters)\/\d+/.exec(pointer)?.[0] ??
		/^\/survey\/outcomes\/\w+/.exec(pointer)?.[0] ?? /^\/survey\/\w+/.exec(pointer)[0];
}

function remove(value, [key, ...rest]) {
	if (rest.length)
		return remove(value[key], rest);
	return Array.isArray(value) ? value.splice(Number(key), 1) : delete value[key];
}

/** Takes the first choice of every question and fills every field. */
async function answerAll(page) {
	const names = await page.locator('input[type="radio"][name^="q-"]').evaluateAll((all) => [...new Set(all.map((i) => i.name))]);
	for (const name of names)
		await page.locator(`input[name="${name}"]`).first().check({ force: true });
	const boxes = await page.locator('input[type="checkbox"][name^="q-"]').evaluateAll((all) => [...new Set(all.map((i) => i.name))]);
	for (const name of boxes) {
		const all = page.locator(`input[name="${name}"]`);
		await (name === 'q-industry' ? all.last() : all.first()).check({ force: true }); // the first industries are screened out
	}
	for (const [place, list] of (await page.locator('select[name^="q-"]').all()).entries())
		await list.selectOption({ index: place + 1 }); // the places of a ranking want different choices
	for (const field of await page.locator('textarea[name^="q-"], input[name^="q-"]:not([type="radio"], [type="checkbox"], [type="hidden"])').all()) {
		const kind = (await field.getAttribute('type')) ?? 'text';
		const name = await field.getAttribute('name');
		const byName = { 'q-age': '30', 'q-price_max': '20000' }[name] ?? (name.startsWith('q-spend') ? '25' : undefined);
		const byKind = { email: 'an@example.com', tel: '+84 901 234 567', url: 'https://example.com', date: '2026-04-01', time: '12:00', number: '30' }[kind];
		await field.fill(byName ?? byKind ?? 'x');
	}
}
