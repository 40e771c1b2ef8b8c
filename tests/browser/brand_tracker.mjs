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

test('the questions of built types make a questionnaire that can be answered', async () => {
	const document = builtPart(brandTracker());
	const { body: verdict } = expect(await server.api.post('/api/v1/surveys/validate', document), 200);
	assert.equal(verdict.errors, 0, JSON.stringify(verdict.diagnostics.slice(0, 5)));
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
	assert.equal(await page.locator('button.cc-next').count(), 0, 'the end was reached');
	const { items } = expect(await server.api.get(`/api/v1/surveys/${survey.id}/responses`), 200).body;
	assert.equal(items.length, 1);
	assert.ok(Object.keys(items[0].answers).length >= 1);
	assert.deepEqual(page.faults, []);
	await page.context().close();
});

/** Keeps rating, text, multi and boolean questions that depend on nothing left out. */
function builtPart(document) {
	const { survey } = document;
	const keep = (q) => ['rating', 'text', 'multi', 'boolean'].includes(q.type);
	const names = new Set(survey.pages.flatMap((p) => p.questions ?? []).filter(keep).map((q) => q.name));
	const sound = (value) => value === undefined || [...JSON.stringify(value).matchAll(/\{([A-Za-z_]\w*)/g)].every((m) => names.has(m[1]));
	const pages = survey.pages.map((page) => ({ ...page, questions: (page.questions ?? []).filter((q) => keep(q) && sound([q.visible_if, q.title, q.validators, q.required_if, q.choice_filter, q.choices_from]) && !q.choices_from) }))
		.filter((page) => page.questions.length && sound(page.visible_if));
	return { schema_version: document.schema_version, survey: { title: survey.title, language: survey.language, languages: survey.languages, parameters: survey.parameters,
		choice_lists: survey.choice_lists, pages, outcomes: { completed: { html: 'Thank you' } } } };
}

/** Takes the first choice of every question and fills every field. */
async function answerAll(page) {
	const names = await page.locator('input[type="radio"][name^="q-"]').evaluateAll((all) => [...new Set(all.map((i) => i.name))]);
	for (const name of names)
		await page.locator(`input[name="${name}"]`).first().check({ force: true });
	const boxes = await page.locator('input[type="checkbox"][name^="q-"]').evaluateAll((all) => [...new Set(all.map((i) => i.name))]);
	for (const name of boxes)
		await page.locator(`input[name="${name}"]`).first().check({ force: true });
	for (const field of await page.locator('textarea[name^="q-"], input[type="text"][name^="q-"]').all())
		await field.fill('x');
}
