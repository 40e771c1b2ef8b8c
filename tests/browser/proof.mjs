// A link that asks for work: the page does it while one reads, and says so where it cannot.
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
	f = await publish(server.api, definition('Work', [{ name: 'a', questions: [{ type: 'text', name: 'why', title: 'Why?' }] }]), { link: { proof_bits: 12 } });
});
const stored = async () => expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`), 200).body.items;

test('with a script: whoever is quick waits a moment, and is sent on', async () => {
	const page = await openPage(chromium, {});
	await page.goto(`${server.url}/s/${f.slug}`);
	await page.locator('#cc-questions textarea, #cc-questions input[type="text"]').first().fill('quick');
	await page.locator('button.cc-next:not(.cc-default)').first().click();
	await page.waitForSelector('main.cc-message', { timeout: 60000 });
	assert.match(await page.innerText('main'), /saved/);
	assert.deepEqual((await stored()).length, 1);
});

test('without one: the page says what it needs, and nothing is stored', async () => {
	const before = (await stored()).length;
	const page = await openPage(chromium, { javaScript: false });
	await page.goto(`${server.url}/s/${f.slug}`);
	assert.match(await page.content(), /This survey needs JavaScript/);
	await page.locator('#cc-questions textarea, #cc-questions input[type="text"]').first().fill('kept');
	await page.locator('button.cc-next:not(.cc-default)').first().click();
	await page.waitForLoadState('load');
	assert.equal(await page.locator('#cc-questions textarea, #cc-questions input[type="text"]').first().inputValue(), 'kept');
	assert.equal((await stored()).length, before);
});
