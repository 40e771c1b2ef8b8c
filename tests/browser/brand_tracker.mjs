// The brand tracker from its first page to its last, in Vietnamese on a telephone: conditions, choices carried forward, a roster, quotas.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAccess, checkMarkup, openPage, screenshot, withBrowser } from '../harness/browser.mjs';
import { expect } from '../harness/client.mjs';
import { withServer } from '../harness/server.mjs';
import { brandTracker } from '../harness/surveys.mjs';

const server = withServer();
const chromium = withBrowser();

test('the whole of it can be answered, brand by brand', async () => {
	const project = expect(await server.api.post('/api/v1/projects', { name: 'Tracker' }), 201).body;
	const survey = expect(await server.api.post('/api/v1/surveys', { project_id: project.id, title: 'Tracker', definition: brandTracker() }), 201).body;
	expect(await server.api.post(`/api/v1/surveys/${survey.id}/publish`), 200);
	expect(await server.api.post(`/api/v1/surveys/${survey.id}/links`, { slug: 'tracker' }), 201);
	const page = await openPage(chromium, { viewport: { width: 390, height: 844 } });
	await page.goto(`${server.url}/s/tracker?lang=vi`);
	await checkMarkup(await (await page.request.get(`${server.url}/s/tracker?lang=vi`)).text(), 'first page');
	const pages = [];
	await page.route('**/s/tracker', async (route) => {
		if (!route.request().isNavigationRequest())
			return route.continue();
		const reply = await route.fetch();
		pages.push(await reply.text());
		await route.fulfill({ response: reply });
	});
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
	const { answers } = items[0];
	assert.ok(answers.brand.length >= 1 && answers.brand.length <= 3);
	for (const record of answers.brand) {
		assert.ok(answers.used_p3m.includes(record._item));
		assert.equal(record.liking, 1);
		assert.equal(Object.keys(record.image).length, 5);
		assert.equal(record.improve, 'x');
	}
	for (const [i, html] of pages.entries())
		await checkMarkup(html, `reply ${i + 1}`);
	assert.ok(pages.some((html) => html.includes('cc-record-title')));
	assert.deepEqual(page.faults, []);
	await page.context().close();
});

/** Takes the first choice of every question and fills every field. */
async function answerAll(page) {
	const names = await page.locator('input[type="radio"][name^="q-"]').evaluateAll((all) => [...new Set(all.map((i) => i.name))]);
	for (const name of names)
		await tick(page, page.locator(`input[name="${name}"]`).first());
	const boxes = await page.locator('input[type="checkbox"][name^="q-"]').evaluateAll((all) => [...new Set(all.map((i) => i.name))]);
	for (const name of boxes) {
		const all = page.locator(`input[name="${name}"]`);
		await tick(page, name === 'q-industry' ? all.last() : all.first()); // the first industries are screened out
	}
	for (const [place, list] of (await page.locator('select[name^="q-"]').all()).entries())
		await list.selectOption({ index: place + 1 }); // the places of a ranking want different choices
	for (const field of await page.locator('textarea[name^="q-"], input[name^="q-"]:not([type="radio"], [type="checkbox"], [type="hidden"])').all()) {
		if (!(await field.isVisible()))
			continue; // the text of an `other` that is not chosen
		const kind = (await field.getAttribute('type')) ?? 'text';
		const name = await field.getAttribute('name');
		const byName = { 'q-age': '30', 'q-price_max': '20000' }[name] ?? (name.startsWith('q-spend') ? '25' : undefined);
		const byKind = { email: 'an@example.com', tel: '+84 901 234 567', url: 'https://example.com', date: '2026-04-01', time: '12:00', number: '30' }[kind];
		await field.fill(byName ?? byKind ?? 'x');
	}
}

/** Ticks a choice. Where others depend on it the page is asked for again, and the choice is another element then. */
async function tick(page, choice) {
	const element = await choice.elementHandle();
	const refreshes = await element.evaluate((e) => !e.checked && e.closest('[data-refresh]') !== null);
	await choice.check({ force: true });
	if (refreshes)
		await page.waitForFunction((e) => !e.isConnected, element);
}
