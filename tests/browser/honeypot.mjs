// The field that only programs fill: not seen, not come to by the keyboard, not told to those who hear the page; with a script and without.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { openPage, withBrowser } from '../harness/browser.mjs';
import { expect } from '../harness/client.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const server = withServer();
const chromium = withBrowser();
let f;
before(async () => {
	f = await publish(server.api, definition('Trap', [{ name: 'a', questions: [{ type: 'text', name: 'why', title: 'Why?' }] }]));
});
const newest = async () => expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`, { query: { limit: 1 } }), 200).body.items[0];

for (const javaScript of [true, false]) {
	test(`${javaScript ? 'with' : 'without'} a script: nobody sees it or comes to it, and what fills it is flagged`, async () => {
		const page = await openPage(chromium, { javaScript });
		await page.goto(`${server.url}/s/${f.slug}`);
		const trap = page.locator('[name="website"]');
		const box = await trap.evaluate((e) => {
			const r = e.parentElement.getBoundingClientRect();
			return { wide: r.width, high: r.height, hidden: e.closest('[aria-hidden="true"]') !== null, clip: getComputedStyle(e.parentElement).clipPath, over: getComputedStyle(e.parentElement).overflow };
		});
		assert.deepEqual(box, { wide: 1, high: 1, hidden: true, clip: 'inset(50%)', over: 'hidden' });
		assert.equal(await page.getByRole('textbox').count(), 1, 'the question\'s alone is told');
		const names = [];
		for (let i = 0; i < 12; i++) {
			await page.keyboard.press('Tab');
			names.push(await page.evaluate(() => document.activeElement?.getAttribute('name') ?? document.activeElement?.tagName));
		}
		assert.ok(names.includes('q-why'), names.join(' '));
		assert.ok(!names.includes('website'), names.join(' '));
		await page.locator('#cc-questions input[type="text"], #cc-questions textarea').first().fill('a person');
		await page.locator('button.cc-next:not(.cc-default)').first().click();
		await page.waitForSelector('main.cc-message');
		assert.deepEqual((await newest()).flags, []);
		await page.goto(`${server.url}/s/${f.slug}`);
		await page.locator('#cc-questions input[type="text"], #cc-questions textarea').first().fill('a program');
		await trap.fill('https://example.com', { force: true });
		await page.locator('button.cc-next:not(.cc-default)').first().click();
		await page.waitForSelector('main.cc-message');
		assert.deepEqual((await newest()).flags, ['honeypot']);
	});
}
