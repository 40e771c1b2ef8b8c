// The satisfaction questionnaire in Chromium: both languages, with and without JavaScript, by mouse and by keyboard alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { checkAccess, checkMarkup, openPage, screenshot, withBrowser } from '../harness/browser.mjs';
import { expect } from '../harness/client.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, publish } from '../harness/surveys.mjs';

const server = withServer();
const chromium = withBrowser();
let f;
before(async () => { f = await publish(server.api, csat()); });
const address = (query = '') => `${server.url}/s/${f.slug}${query}`;

const TEXTS = {
	en: { title: 'How was your visit?', nps: 'How likely are you to recommend us to a friend?', low: 'What went wrong?', phone: 'Your phone number', phoneWrong: 'Please enter a phone number.', thanks: 'Thank you!', staff: 'The staff' },
	vi: { title: 'Trải nghiệm của bạn thế nào?', nps: 'Bạn có sẵn lòng giới thiệu chúng tôi cho bạn bè không?', low: 'Điều gì khiến bạn chưa hài lòng?', phone: 'Số điện thoại của bạn', phoneWrong: 'Vui lòng nhập số điện thoại.', thanks: 'Xin cảm ơn!', staff: 'Nhân viên' },
};

const choose = (page, name, value) => page.locator(`input[name="q-${name}"][value="${value}"]`).check({ force: true });
const question = (page, name) => page.locator(`#q-${name}`);
/** Presses Next and waits for what comes: another page, or the same with errors or more questions. */
async function next(page) {
	await Promise.all([page.waitForResponse((rs) => rs.request().method() === 'POST' && rs.url().includes('/s/')), page.locator('button.cc-next').click()]);
	await page.waitForLoadState('load');
}
const responses = async () => expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`, { query: { limit: 1 } }), 200).body.items;
const noFaults = (page) => assert.deepEqual(page.faults, []);

for (const javaScript of [true, false]) {
	for (const language of ['en', 'vi']) {
		const how = `${language}, ${javaScript ? 'with' : 'without'} JavaScript`;
		const t = TEXTS[language];

		test(`an unhappy visitor, ${how}`, async () => {
			const page = await openPage(chromium, { javaScript });
			await page.goto(address(`?lang=${language}&store=Q7`));
			assert.equal(await page.getAttribute('html', 'lang'), language);
			assert.ok((await page.textContent('body')).includes(t.nps));
			assert.ok(!(await page.isVisible('#q-liked')), 'what depends on an answer is not there yet');
			await choose(page, 'nps', 2);
			if (!javaScript || !(await appears(question(page, 'why_low'))))
				await next(page); // without a script the page comes back with the question that now applies
			await question(page, 'why_low').waitFor();
			assert.ok((await page.textContent('body')).includes(t.low));
			assert.equal(await page.locator('input[name="q-nps"][value="2"]').isChecked(), true, 'the first answer is still there');
			await page.locator('textarea[name="q-why_low"]').fill('Chờ lâu quá — "slow" <b>');
			await next(page);
			await question(page, 'call_back').waitFor();
			await choose(page, 'call_back', 'true');
			if (!javaScript || !(await appears(question(page, 'phone'))))
				await next(page);
			await question(page, 'phone').waitFor();
			assert.ok((await page.textContent('body')).includes(t.phone));
			await page.locator('input[name="q-phone"]').fill('at home');
			await next(page);
			assert.ok((await question(page, 'phone').textContent()).includes(t.phoneWrong), 'the error stands beside its question');
			assert.equal(await page.locator('input[name="q-phone"]').getAttribute('aria-invalid'), 'true');
			assert.equal(await page.locator('input[name="q-phone"]').inputValue(), 'at home', 'what was typed is kept');
			await page.locator('input[name="q-phone"]').fill('+84 901 234 567');
			await next(page);
			assert.ok((await page.textContent('main')).includes(t.thanks));
			const [stored] = await responses();
			assert.deepEqual(stored.answers, { nps: 2, why_low: 'Chờ lâu quá — "slow" <b>', call_back: true });
			assert.equal(stored.language, language);
			assert.deepEqual(stored.parameters, { store: 'Q7' });
			assert.equal(stored.has_personal, true);
			assert.ok(stored.duration_ms > 0);
			const csv = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`), 200).text;
			assert.ok(csv.includes(stored.id) && csv.includes('Chờ lâu quá'));
			noFaults(page);
			await page.context().close();
		});

		test(`a happy visitor, ${how}`, async () => {
			const page = await openPage(chromium, { javaScript });
			await page.goto(address(`?lang=${language}`));
			await choose(page, 'nps', 10);
			if (!javaScript || !(await appears(question(page, 'liked'))))
				await next(page);
			await question(page, 'liked').waitFor();
			assert.ok((await page.textContent('body')).includes(t.staff));
			assert.equal(await page.locator('input[name="q-liked"]').count(), 5);
			await choose(page, 'liked', 'staff');
			await choose(page, 'liked', 'price');
			await next(page);
			assert.ok((await page.textContent('main')).includes(t.thanks), 'the contact page is not for happy ones');
			const [stored] = await responses();
			assert.equal(stored.answers.nps, 10);
			assert.deepEqual([...stored.answers.liked].sort(), ['price', 'staff']);
			noFaults(page);
			await page.context().close();
		});
	}

	test(`a required answer that is missing is told beside its question, ${javaScript ? 'with' : 'without'} JavaScript`, async () => {
		const page = await openPage(chromium, { javaScript });
		await page.goto(address('?lang=en'));
		await next(page);
		assert.ok((await page.locator('#q-nps--error').textContent()).trim().length > 5);
		assert.ok(await page.locator('#q-nps[aria-describedby~="q-nps--error"], #q-nps [aria-describedby~="q-nps--error"]').count() > 0, 'the error is tied to its question');
		assert.ok(await page.locator('a[href^="#q-nps"]').count() > 0, 'the summary leads to the question');
		await page.context().close();
	});
}

/** Whether the script brings it by itself. */
async function appears(locator) {
	return locator.waitFor({ timeout: 1500 }).then(() => true, () => false);
}

test('the language follows Accept-Language, and can be changed on the page without losing answers', async () => {
	const page = await openPage(chromium, { locale: 'vi-VN' });
	await page.goto(address());
	assert.equal(await page.getAttribute('html', 'lang'), 'vi');
	await choose(page, 'nps', 5);
	await page.locator('button[name="language"][value="en"]').click();
	await page.waitForLoadState('load');
	assert.equal(await page.getAttribute('html', 'lang'), 'en');
	assert.equal(await page.locator('input[name="q-nps"][value="5"]').isChecked(), true);
	noFaults(page);
	const other = await openPage(chromium, { locale: 'fr-FR' });
	await other.goto(address());
	assert.equal(await other.getAttribute('html', 'lang'), 'en');
	await page.context().close();
	await other.context().close();
});

test('by keyboard alone', async () => {
	const page = await openPage(chromium);
	await page.goto(address('?lang=en'));
	const focused = () => page.evaluate(() => ({ name: document.activeElement.getAttribute('name'), text: document.activeElement.textContent.trim(), tag: document.activeElement.tagName }));
	await page.keyboard.press('Tab');
	assert.match((await focused()).text, /skip/i);
	await page.keyboard.press('Enter');
	for (let i = 0; i < 12 && (await focused()).name !== 'q-nps'; i++)
		await page.keyboard.press('Tab');
	assert.equal((await focused()).name, 'q-nps');
	await page.keyboard.press('Space');
	for (let i = 0; i < 7; i++)
		await page.keyboard.press('ArrowRight');
	assert.equal(await page.locator('input[name="q-nps"]:checked').getAttribute('value'), '7');
	await Promise.all([page.waitForResponse((rs) => rs.request().method() === 'POST'), page.keyboard.press('Enter')]);
	await page.waitForLoadState('load');
	assert.ok((await page.textContent('main')).includes('Thank you!'));
	assert.equal((await responses())[0].answers.nps, 7);
	noFaults(page);
	await page.context().close();
});

test('back keeps the answers, and a conditional page comes and goes', async () => {
	const page = await openPage(chromium, { javaScript: false });
	await page.goto(address('?lang=en'));
	await choose(page, 'nps', 3);
	await next(page);
	await page.locator('textarea[name="q-why_low"]').fill('too dark');
	await next(page);
	await question(page, 'call_back').waitFor();
	await page.locator('button.cc-back').click();
	await page.waitForLoadState('load');
	assert.equal(await page.locator('textarea[name="q-why_low"]').inputValue(), 'too dark');
	await choose(page, 'nps', 8);
	await next(page);
	if (await page.locator('button.cc-next').count() && !(await page.textContent('main')).includes('Thank you!'))
		await next(page);
	assert.ok((await page.textContent('main')).includes('Thank you!'));
	assert.deepEqual((await responses())[0].answers, { nps: 8 });
	await page.context().close();
});

test('sending the last page twice stores one answer', async () => {
	const count = async () => expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`, { query: { count: true, limit: 1 } }), 200).body.total;
	const before = await count();
	const page = await openPage(chromium, { javaScript: false });
	await page.goto(address('?lang=en'));
	await choose(page, 'nps', 7);
	await next(page);
	await page.goBack();
	await choose(page, 'nps', 7);
	await next(page);
	assert.equal(await count(), before + 1);
	await page.context().close();
});

test('no serious accessibility faults on any of its pages, light or dark, large or small', async () => {
	for (const [scheme, viewport] of [['light', { width: 1280, height: 900 }], ['dark', { width: 390, height: 844 }]]) {
		const page = await openPage(chromium, { viewport });
		await page.emulateMedia({ colorScheme: scheme });
		await page.goto(address('?lang=vi'));
		await checkAccess(page, `first page, ${scheme}`);
		await next(page);
		await checkAccess(page, `first page with errors, ${scheme}`);
		await choose(page, 'nps', 1);
		if (!(await appears(question(page, 'why_low'))))
			await next(page);
		await checkAccess(page, `with the conditional question, ${scheme}`);
		await next(page);
		await question(page, 'call_back').waitFor();
		await choose(page, 'call_back', 'false');
		await checkAccess(page, `second page, ${scheme}`);
		await next(page);
		await checkAccess(page, `thank-you page, ${scheme}`);
		noFaults(page);
		await page.context().close();
	}
});

test('on a phone: nothing is cut off, everything can be touched', async () => {
	const page = await openPage(chromium, { viewport: { width: 360, height: 740 } });
	await page.goto(address('?lang=vi'));
	const width = await page.evaluate(() => document.documentElement.scrollWidth);
	assert.ok(width <= 360, `the page is ${width} px wide`);
	for (const box of await Promise.all((await page.locator('label:has(input[name="q-nps"]), button.cc-next').all()).map((l) => l.boundingBox())))
		assert.ok(box && box.height >= 24 && box.width >= 24, JSON.stringify(box));
	await screenshot(page, 'csat-phone');
	await page.context().close();
});

test('the markup is valid, page by page', async () => {
	const first = expect(await server.anyone.get(`/s/${f.slug}?lang=en`), 200).text;
	await checkMarkup(first, 'first page');
	const state = /name="state" value="([^"]*)"/.exec(first)[1];
	const post = (fields) => server.anyone.request('POST', `/s/${f.slug}`, { raw: new URLSearchParams({ state, ...fields }).toString(), type: 'application/x-www-form-urlencoded' });
	await checkMarkup((await post({ action: 'next' })).text, 'with errors');
	await checkMarkup((await post({ 'q-nps': '3', action: 'next' })).text, 'with the conditional question');
	await checkMarkup((await post({ 'q-nps': '8', action: 'next' })).text, 'thank-you page');
	await checkMarkup((await server.anyone.get('/s/no-such-survey')).text, 'unknown link');
});

test('a state that was tampered with, or garbage in the form, does no harm', async () => {
	const first = expect(await server.anyone.get(`/s/${f.slug}?lang=en`), 200).text;
	const state = /name="state" value="([^"]*)"/.exec(first)[1];
	const post = (raw) => server.anyone.request('POST', `/s/${f.slug}`, { raw, type: 'application/x-www-form-urlencoded' });
	const changed = state.slice(0, -6) + (state.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA');
	for (const raw of ['', 'state=', 'state=x', `state=${encodeURIComponent(changed)}&q-nps=7`, `state=${encodeURIComponent(state)}&q-nps=%00`, `state=${encodeURIComponent(state)}&q-nps=%zz`,
		`state=${encodeURIComponent(state)}&q-nps=99`, `state=${encodeURIComponent(state)}&q-nps=7&q-nps=8`, `state=${encodeURIComponent(state)}&q-shoe=42&q-nps=`, 'x'.repeat(300000)]) {
		const reply = await post(raw);
		assert.ok(reply.status < 500, `${raw.slice(0, 60)}: ${reply.status}`);
		assert.ok(!reply.text.includes('Thank you!') || raw.includes('q-nps=7&q-nps=8'), raw.slice(0, 60));
	}
});
