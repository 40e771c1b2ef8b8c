// A page that has to wait: what was filled in is sent again, by itself or by the button, and stored once. And pages in frames, where a link allows it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { checkAccess, checkMarkup, openPage, withBrowser } from '../harness/browser.mjs';
import { expect } from '../harness/client.mjs';
import { until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

// Two posts at once and one more every two seconds: what the third page needs is there soon.
const server = withServer({ env: { COLLECT_RATE_LIMITS: 'true', COLLECT_RATE_LIMIT_LOOPBACK: 'true', COLLECT_RATE_INTAKE: 'address=30/1', COLLECT_RATE_READ: '',
	COLLECT_RATE_LOGIN: 'address=6000/1000' } });
const chromium = withBrowser();
const LONG = 'Chờ lâu quá — "slow" <b> & so on';
let f, framed, host;

before(async () => {
	const document = definition('Waiting', [{ name: 'a', questions: [{ type: 'text', name: 'why', title: 'Why?' }] }]);
	f = await publish(server.api, document);
	host = createServer((rq, rs) => {
		rs.setHeader('Content-Type', 'text/html');
		rs.end(`<!doctype html><title>Panel</title><iframe id="f" src="${server.url}/s/${rq.url.slice(1)}" width="600" height="600"></iframe>`);
	});
	await new Promise((resolve) => host.listen(0, '127.0.0.1', resolve));
	framed = await publish(server.api, document, { link: { embed: [`http://127.0.0.1:${host.address().port}`] } });
});
after(() => host?.close());
const stored = async () => expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`), 200).body.items;
/** Nothing left for this machine's posts, for two seconds from now on. */
const useUp = async () => {
	await until('a place to be there', async () => (await server.anyone.post(`/api/public/v1/links/${f.slug}/responses`, {}, { unchecked: true })).status !== 429);
};

for (const [how, javaScript, itself] of [['by itself', true, true], ['by its button', true, false], ['by its button, without JavaScript', false, false]]) {
	test(`a page that has to wait is sent again ${how}`, async () => {
		const before = (await stored()).length;
		const page = await openPage(chromium, { javaScript });
		await page.goto(`${server.url}/s/${f.slug}`);
		await page.locator('#cc-questions textarea, #cc-questions input[type="text"]').first().fill(LONG);
		await useUp();
		const [reply] = await Promise.all([page.waitForResponse((rs) => rs.status() === 429), page.locator('button.cc-next').first().click()]);
		const markup = itself ? '' : await reply.text();
		await page.waitForSelector('#cc-again');
		assert.equal(await page.inputValue('#cc-again input[name="q-why"]'), LONG);
		if (!itself) {
			if (javaScript) {
				await page.evaluate(() => { for (let i = 0; i < 1000; i++) clearTimeout(i); });
				await checkAccess(page, 'a page that waits');
			}
			await checkMarkup(markup, 'a page that waits');
			await until('its turn', async () => {
				await page.locator('#cc-again button').click();
				await page.waitForLoadState('load');
				return !(await page.locator('#cc-again').count());
			});
		}
		await page.waitForSelector('main.cc-message:not(:has(#cc-again))', { timeout: 30000 });
		const items = await stored();
		assert.equal(items.length, before + 1);
		assert.equal(items[0].answers.why, LONG);
		assert.deepEqual(page.faults.filter((fault) => !/ 429$/.test(fault)), []);
	});
}

test('a frame of an origin that the link names shows the survey; other frames and other links show nothing', async () => {
	const page = await openPage(chromium);
	const text = async (slug) => {
		await page.goto(`http://127.0.0.1:${host.address().port}/${slug}`);
		const frame = await (await page.waitForSelector('#f')).contentFrame();
		await frame.waitForLoadState('load').catch(() => {});
		return frame.textContent('body', { timeout: 5000 }).catch(() => '');
	};
	assert.match(await text(framed.slug), /Why\?/);
	assert.deepEqual(page.faults, []);
	assert.ok(!/Why\?/.test(await text(f.slug)));
	assert.ok(page.faults.some((fault) => /frame-ancestors|frame/i.test(fault)), page.faults.join());
});
