// Chromium for the scenarios: with or without JavaScript, and with an ear for policy violations and errors.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { HtmlValidate } from 'html-validate';
import { chromium } from 'playwright-core';
import { after, before } from './hooks.mjs';
import { run } from './run.mjs';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync'];

export function withBrowser() {
	const holder = {};
	before(async () => { holder.browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS }); });
	after(async () => { await holder.browser?.close(); });
	return holder;
}

/** A fresh page (own context, no cookies). options: javaScript, locale, viewport. page.faults gathers what must stay empty. */
export async function openPage(holder, { javaScript = true, locale = 'en', viewport = { width: 1280, height: 900 } } = {}) {
	const context = await holder.browser.newContext({ javaScriptEnabled: javaScript, locale, viewport, bypassCSP: false });
	const page = await context.newPage();
	page.faults = [];
	page.on('console', (message) => {
		if ((message.type() === 'error' && !message.text().startsWith('Failed to load resource')) || /Content Security Policy/i.test(message.text()))
			page.faults.push(`console: ${message.text()}`);
	});
	page.on('pageerror', (e) => page.faults.push(`script: ${e.message}`));
	page.on('requestfailed', (rq) => {
		if (rq.failure()?.errorText !== 'net::ERR_ABORTED')
			page.faults.push(`request: ${rq.url()} ${rq.failure()?.errorText}`);
	});
	page.on('response', (rs) => {
		if (rs.status() >= 400 && rs.status() !== 422)
			page.faults.push(`response: ${rs.url()} ${rs.status()}`);
	});
	return page;
}

/** Violations that a respondent with a screen reader would meet. Axe needs a page with JavaScript. */
export async function checkAccess(page, what) {
	const result = await new AxeBuilder({ page }).analyze();
	const serious = result.violations.filter((v) => ['serious', 'critical'].includes(v.impact));
	assert.deepEqual(serious.map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')})`), [],
		`${what}: accessibility`);
}

const validator = new HtmlValidate({
	extends: ['html-validate:recommended'],
	rules: {
		// a doctype in lower case and void elements without a slash are as good as their opposites
		'doctype-style': 'off',
		'void-style': 'off',
		'no-trailing-whitespace': 'off',
		'long-title': 'off',
		// checkboxes of one name are one list of values
		'form-dup-name': 'off',
	},
});

/** Holds the markup as the server sent it against the HTML standard. */
export async function checkMarkup(html, what) {
	const report = await validator.validateString(html);
	const faults = report.results.flatMap((r) => r.messages).filter((m) => m.severity === 2)
		.map((m) => `${m.line}:${m.column} ${m.ruleId} ${m.message}`);
	assert.deepEqual(faults, [], `${what}: markup`);
}

export const screenshot = (page, name) => page.screenshot({ path: join(run.dir, 'shots', `${name}.png`), fullPage: true });
