// The API page works without the internet, and its policy is not broken by it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAccess, checkMarkup, openPage, screenshot, withBrowser } from '../harness/browser.mjs';
import { withServer } from '../harness/server.mjs';

const server = withServer();
const chromium = withBrowser();

test('the reference shows every operation, loads from us alone and violates no policy', async () => {
	const page = await openPage(chromium);
	const elsewhere = [];
	await page.route('**/*', (route) => {
		const url = route.request().url();
		if (!url.startsWith(server.url) && !url.startsWith('data:') && !url.startsWith('blob:'))
			elsewhere.push(url);
		return route.continue();
	});
	await page.goto(`${server.url}/docs`);
	await page.locator('.opblock').first().waitFor();
	const shown = await page.locator('.opblock').count();
	const described = Object.values(server.contract.document.paths).flatMap((item) => Object.keys(item).filter((m) => ['get', 'post', 'patch', 'delete', 'put'].includes(m))).length;
	assert.equal(shown, described);
	await page.locator('.opblock-summary-control').first().click();
	await page.locator('.opblock-body').first().waitFor();
	assert.deepEqual(elsewhere, []);
	assert.deepEqual(page.faults, []);
	await screenshot(page, 'docs');
	await page.context().close();
});

test('a call can be tried from the page', async () => {
	const page = await openPage(chromium);
	await page.goto(`${server.url}/docs`);
	await page.locator('button.authorize').first().click();
	await page.locator('.auth-container input').first().fill(server.api.token);
	await page.locator('.auth-btn-wrapper button.authorize').first().click();
	await page.locator('.auth-btn-wrapper button.btn-done').first().click();
	await page.locator('.opblock-get .opblock-summary-path[data-path="/api/v1/me"]').click();
	const block = page.locator('.opblock-get', { has: page.locator('[data-path="/api/v1/me"]') });
	const execute = block.locator('button.execute');
	if (!(await execute.isVisible()))
		await block.locator('button.try-out__btn').click();
	await execute.click();
	await block.locator('.live-responses-table .response-col_status').first().waitFor();
	assert.match(await block.locator('.live-responses-table').textContent(), /200/);
	await page.context().close();
});

test('its own markup is valid; the page before the script runs is accessible', async () => {
	await checkMarkup((await server.anyone.get('/docs')).text, 'docs');
	const page = await openPage(chromium);
	await page.route('**/swagger-ui-bundle.js', (route) => route.abort());
	await page.goto(`${server.url}/docs`);
	await checkAccess(page, 'docs');
	await page.context().close();
});
