// Three hundred hostile strings (tests/harness/hostile.mjs) through every text field of the API, and through every view in which somebody's text comes
// back: respondents' pages with and without JavaScript, files for spreadsheets, mails, the log, the pages about the API. All of it stays text.
// Without COTEST_LONG: some of each sort. time limit: 60 min
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import { before } from '../harness/hooks.mjs';
import { openPage, withBrowser } from '../harness/browser.mjs';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { calls } from '../harness/fields.mjs';
import { FORMULA, HOSTILE, some, wellFormed } from '../harness/hostile.mjs';
import { Tenant } from '../harness/matrix_world.mjs';
import { until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker } from '../harness/worker.mjs';

const LONG = Boolean(process.env.COTEST_LONG), LANES = 3;
const take = (n) => (LONG ? HOSTILE : some(n));
const server = withServer({ env: { COLLECT_ACCESS_TOKEN_S: '7200', COLLECT_PUBLIC_URL: 'https://collect.example', COLLECT_LOG_LEVEL: 'debug' } });
const chromium = withBrowser();
const BODIES = { 'POST /api/v1/me/password': { password: 'wrong and long', new_password: 'another battery staple' }, 'POST /api/v1/auth/switch': { tenant: 'nowhere' } };
let tenant;
const origin = () => `http://127.0.0.1:${server.port}`;

before(async () => {
	tenant = new Tenant(server, server.tenant);
	await tenant.begin();
});

const none = (wrong) => assert.equal(wrong.length, 0, `${wrong.length} of them:\n${wrong.slice(0, 20).join('\n')}`);
const show = (text) => JSON.stringify(text.slice(0, 80));

async function inHand(n, list, work) {
	let next = 0;
	await Promise.all(Array.from({ length: n }, async (_, lane) => {
		while (next < list.length) {
			const i = next++;
			await work(list[i], i, lane);
		}
	}));
}

// ---- the API ----

/** The call with the string in one field; `tenant.api` holds the reply against the description. */
function send(c, field, text) {
	const put = (given) => ({ ...given, [field.name]: text });
	const path = field.in === 'path' ? c.template.replace(/\{(\w+)\*?\}/g, (_, name) => encodeURIComponent(name === field.name ? wellFormed(text) : c.ids[name])) : c.path;
	const body = c.body && { ...c.body, ...BODIES[c.name] };
	return tenant.api.request(c.method, path, { query: field.in === 'query' ? { [field.name]: wellFormed(text) } : undefined, body: field.in === 'body' ? put(body) : body,
		headers: { 'If-Match': '"1"' } });
}

test('every text field of the API: an answer as described, as JSON, and no header of the string\'s', async () => {
	const api = (await calls(tenant)).filter((c) => !/second-factor/.test(c.name) || c.method === 'GET');
	const cases = api.flatMap((c) => c.fields.filter((f) => !['json', 'object', 'list', 'integer', 'boolean'].includes(f.type)).map((field) => ({ c, field })));
	const wrong = [], status = {};
	let done = 0;
	const strings = take(16);
	// an empty id is another path, a dot or two go away before they are sent, and an address of more than 8 kB is libmicrohttpd's to refuse
	const fits = (field, text) => field.in === 'body' || ((field.in !== 'path' || !/^\.{0,2}$/.test(text)) && encodeURIComponent(wellFormed(text)).length < 6000);
	await inHand(8, cases, async ({ c, field }) => {
		for (const text of strings.filter((s) => fits(field, s))) {
			const where = `${c.name}, ${field.in} ${field.name}, ${show(text)}`;
			const reply = await send(c, field, text).catch((e) => ({ fault: e.message }));
			status[reply.status] = (status[reply.status] ?? 0) + 1;
			if (reply.fault)
				wrong.push(`${where}: ${reply.fault.slice(0, 300)}`);
			else if (reply.status >= 500)
				wrong.push(`${where}: ${reply.status} ${reply.text.slice(0, 200)}`);
			else if (reply.headers['x-injected'] || /x=1/.test(reply.headers['set-cookie'] ?? '') || !/json|csv/.test(reply.headers['content-type'] ?? 'json') || reply.headers['x-content-type-options'] !== 'nosniff')
				wrong.push(`${where}: ${JSON.stringify(reply.headers)}`);
			if (++done % 5000 === 0)
				console.log(`# progress ${done}/${cases.length * strings.length} requests`);
		}
	});
	console.log(`# ${cases.length} fields, ${done} requests, ${JSON.stringify(status)}`);
	none(wrong);
	assert.ok(cases.length > 90, `${cases.length} fields`);
	assert.ok(status[200] + status[201] > done / 20 && status[422] > done / 20, JSON.stringify(status));
});

test('headers of requests', async () => {
	const wrong = [];
	for (const text of take(40).filter((s) => s.length < 1000 && /^[\t\x20-\x7e\x80-\xff]*$/.test(s))) {
		// libmicrohttpd reads cookies itself, and answers 431 to quotes that do not end
		const headers = Object.fromEntries(['X-Request-Id', 'Idempotency-Key', 'User-Agent', 'Referer', 'Accept-Language', 'Cookie', 'X-Forwarded-For', 'If-Match', 'Origin'].filter((h) => h !== 'Cookie' || !text.includes('"')).map((h) => [h, text]));
		for (const path of ['/api/v1/projects', `/s/${tenant.ids.slug.id}`, '/docs']) {
			const reply = await tenant.api.get(path, { headers }).catch((e) => { throw new Error(`${path} ${show(text)}: ${e.message}`); });
			if (reply.status >= 500 || reply.headers['x-injected'] || (text.length > 1 && /[<>"'\r\n]/.test(text) && reply.text.includes(text) && /html/.test(reply.headers['content-type'])))
				wrong.push(`${path} ${show(text)}: ${reply.status} ${JSON.stringify(reply.headers)}`);
		}
	}
	none(wrong);
});

// ---- pages ----

/** A questionnaire with the string wherever an author may write. */
function everywhere(text) {
	const choices = [{ value: 'a', label: text }, { value: 'b', label: `b ${text}` }];
	return definition(text, [
		{ name: 'one', title: text, description: text, questions: [
			{ type: 'text', name: 't', title: text, description: text, required_message: text },
			{ type: 'text', name: 'm', title: 'M', multiline: true },
			{ type: 'single', name: 's', title: text, choices },
			{ type: 'multi', name: 'u', title: text, choices },
			{ type: 'boolean', name: 'o', title: text, label_true: text, label_false: text },
			{ type: 'number', name: 'n', title: text, unit: text }] },
		{ name: 'two', title: 'Said: {t}', questions: [{ type: 'text', name: 'p', title: 'You said {t} and {m}', description: text }] },
	], { outcomes: { completed: { html: text } } });
}

/** What is on a page that must not be: elements and attributes that load or run something. */
const LOOK = () => {
	const found = [], own = location.origin;
	for (const e of document.querySelectorAll('*')) {
		for (const a of e.attributes)
			if (/^on/i.test(a.name) || a.name === 'srcdoc' || a.name === 'style' || (['href', 'src', 'action', 'formaction', 'data', 'xlink:href'].includes(a.name) && (e.tagName === 'LINK' ? /^(javascript|vbscript):/i : /^(javascript|data|vbscript):/i).test(a.value.replace(/[\u0000-\u0020]/g, ''))))
				found.push(`${e.tagName} ${a.name}=${a.value.slice(0, 60)}`);
		if (['SCRIPT', 'LINK', 'IMG', 'VIDEO', 'SOURCE', 'FORM'].includes(e.tagName)) {
			const at = e.src || e.href || e.action;
			if (at && !(e.tagName === 'LINK' && at === 'data:,') && new URL(at, own).origin !== own || e.tagName === 'SCRIPT' && !e.src && !/json|wasm/.test(e.type))
				found.push(`${e.tagName} ${at}`);
		}
		if (['IFRAME', 'OBJECT', 'EMBED', 'BASE', 'STYLE', 'SVG', 'MATH'].includes(e.tagName.toUpperCase()) || (e.tagName === 'META' && e.httpEquiv === 'refresh'))
			found.push(e.outerHTML.slice(0, 80));
	}
	return found;
};

/** A page that tells of dialogs and of requests that leave the server. */
async function watched(javaScript) {
	const page = await openPage(chromium, { javaScript });
	page.on('dialog', (dialog) => { page.faults.push(`dialog: ${dialog.message()}`); dialog.dismiss().catch(() => {}); });
	page.on('request', (rq) => { if (!rq.url().startsWith(origin()) && !/^(about|data|blob):/.test(rq.url())) page.faults.push(`request to ${rq.url()}`); });
	return page;
}

async function look(page, what) {
	// a page that goes on by itself, as the reference does to its first chapter, is looked at where it ends
	page.faults.push(...(await page.evaluate(LOOK).catch(() => page.waitForLoadState('load').then(() => page.evaluate(LOOK)))));
	const faults = page.faults.filter((f) => !/^response: .* (404|410|400|414|431|403)$/.test(f));
	page.faults.length = 0;
	return faults.map((f) => `${what}: ${f.slice(0, 200)}`);
}

/** A page with JavaScript keeps answers that do not pass to itself. */
async function next(page) {
	await Promise.all([page.waitForResponse((rs) => rs.request().method() === 'POST' && rs.url().includes('/s/'), { timeout: 2000 }).catch(() => {}), page.locator('button.cc-next').click({ force: true })]);
	await page.waitForLoadState('load');
}

/** What the end of an interview says is the author's HTML, which may show a picture of any https address (docs/definition.md): it loads, and does no more. */
const PICTURE = /: (IMG|request to|request:) https:\/\/evil\.example\/pixel( net::ERR_NAME_NOT_RESOLVED)?$/;

/** Answers the questionnaire with the string, twice over: the page comes back with the error, then the next one repeats what was said. */
async function interview(page, javaScript, slug, text, what) {
	const wrong = [];
	await page.goto(`${origin()}/s/${slug}`);
	wrong.push(...await look(page, what));
	await page.locator('input[name="q-t"]').fill(text);
	await page.locator('textarea[name="q-m"]').fill(text);
	if (!javaScript) {
		await page.locator('input[name="q-n"]').fill('x');
		await next(page);
		wrong.push(...await look(page, `${what}, second look`));
		// what has a NUL is refused at the door, by a page without the form: no keyboard makes one
		if (text.includes('\0')) {
			assert.equal(await page.title(), 'This could not be read', what);
			return wrong;
		}
		await page.locator('input[name="q-n"]').fill('');
	}
	await next(page);
	wrong.push(...await look(page, `${what}, the next page`));
	if (await page.locator('input[name="q-p"]').count()) {
		await page.locator('input[name="q-p"]').fill(text);
		await next(page);
		wrong.push(...(await look(page, `${what}, the end`)).filter((f) => !PICTURE.test(f)));
	}
	return wrong;
}

/** Each string by one of a few lanes with pages of its own, since a page mostly waits: work(pages, text) answers what is wrong. */
async function inLanes(strings, javaScripts, what, work) {
	const lanes = await Promise.all(Array.from({ length: LANES }, () => Promise.all(javaScripts.map(watched)))), wrong = [];
	await inHand(LANES, strings, async (text, i, lane) => {
		if (i % 20 === 0)
			console.log(`# progress ${i}/${strings.length} strings ${what}`);
		wrong.push(...await work(lanes[lane], text).catch(async (e) => {
			const pages = await Promise.all(lanes[lane].map((page) => page.title().then((title) => `${page.url()}: ${title}`, (why) => why.message)));
			throw new Error(`string ${i} of ${strings.length}, ${show(text)}: ${e.message}\n${pages.join('\n')}`);
		}));
	});
	for (const page of lanes.flat())
		await page.context().close();
	none(wrong);
}

test('questionnaires of hostile words, answered with hostile words, in Chromium', async () => {
	const strings = take(6), plain = (await publish(server.api, everywhere('plain'))).slug;
	let published = 0;
	await inLanes(strings, [true, false], 'through pages', async (pages, text) => {
		// what the check of a questionnaire refuses (markup that runs, expressions that are none) is no page
		const slug = await publish(server.api, everywhere(text)).then((f) => f.slug, () => ''), wrong = [];
		published += slug !== '';
		for (const page of pages)
			wrong.push(...await interview(page, page === pages[0], slug || plain, text, `${show(text)}, ${page === pages[0] ? 'with' : 'without'} JavaScript`));
		return wrong;
	});
	console.log(`# ${published} of ${strings.length} were published`);
	assert.ok(published >= strings.length / 3, `${published} published`);
});

test('addresses: pages that are not there, the pages about the API', async () => {
	await inLanes(take(6), [true], 'in addresses', async ([page], text) => {
		const word = encodeURIComponent(wellFormed(text)).slice(0, 2000), wrong = [];
		for (const path of [`/s/${word}`, `/s/${tenant.ids.slug.id}?lang=${word}&x=${word}`, `/docs?url=${word}&configUrl=${word}&spec=${word}`, `/docs/errors?x=${word}#${word}`, `/${word}`]) {
			await page.goto(origin() + path).catch((e) => { if (!/ERR_(ABORTED|INVALID|HTTP_RESPONSE)|Download/.test(e.message)) wrong.push(`${path}: ${e.message.slice(0, 100)}`); });
			wrong.push(...(await look(page, path)).filter((f) => !/style=|<svg|SVG/i.test(f) || !path.startsWith('/docs')));
		}
		return wrong;
	});
});

// ---- files, mails, the log ----

test('files for spreadsheets: no cell is a formula, and each string is told apart', async () => {
	const { survey, slug } = await publish(server.api, definition('Cells', [{ name: 'one', questions: [{ type: 'text', name: 't', title: 'T', max_length: 6000 }] }],
		{ parameters: [{ name: 'from', type: 'text', export: true }] }));
	const taken = [];
	await inHand(4, take(60), async (text) => {
		const reply = await submit(server.anyone, slug, { answers: { t: text }, parameters: { from: text.slice(0, 50) } });
		assert.ok([201, 422, 400].includes(reply.status), `${show(text)}: ${reply.status} ${reply.text.slice(0, 200)}`);
		if (reply.status === 201)
			taken.push(text);
	});
	for (const query of [{}, { header: 'labels' }]) {
		const { text } = expect(await server.api.get(`/api/v1/surveys/${survey.id}/responses.csv`, { query }), 200);
		const cells = [...text.matchAll(/(?:^|[,\n])(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)].map((m) => (m[1] ?? m[2] ?? '').replaceAll('""', '"'));
		none(cells.filter((cell) => FORMULA.test(cell)).map(show));
	}
	assert.ok(taken.length > take(60).length / 2, `${taken.length} taken`);
});

test('mails: a tenant, a person and a role of any name add no header, no link and no markup', async () => {
	const strings = (LONG ? some(60) : some(8)).filter((s) => s && !s.includes('\0'));
	const folder = join(server.dir, 'mail'), wrong = [];
	const worker = await new Worker(server).start();
	let sent = 0;
	for (const text of strings) {
		const name = wellFormed(text).slice(0, 100);
		await rows(server.database.name, `update tenants set name = $q$${name}$q$ where id = '${tenant.id}'; update users set name = $q$${name}$q$ where email = '${tenant.email}'`).catch(() => {});
		expect(await server.api.post('/api/v1/invitations', { email: `guest${++sent}@example.com`, role: 'viewer' }), 201);
		const raw = await until(`the mail ${sent}`, () => readdirSync(folder).filter((f) => f.endsWith('.eml')).map((f) => readFileSync(join(folder, f), 'utf8')).find((m) => m.includes(`guest${sent}@example.com`)));
		const mail = await simpleParser(raw);
		const links = [...(mail.html || '').matchAll(/(?:href|src|action)="([^"]*)"/g)].map((m) => m[1]);
		if (mail.headers.has('x-injected') || mail.headers.has('bcc') || mail.headers.has('set-cookie') || mail.to.value.length !== 1 || mail.attachments.length)
			wrong.push(`${show(name)}: headers ${[...mail.headers.keys()]}`);
		if (links.some((l) => !l.startsWith('https://collect.example/')) || /<(script|img|svg|iframe|style|form|base|object)\b|\son\w+=/i.test((mail.html || '').replace(/>[^<]*</g, '><')))
			wrong.push(`${show(name)}: ${links} ${mail.html.slice(0, 300)}`);
	}
	await worker.stop();
	none(wrong);
});

test('the log: one line of JSON for each event, whatever was sent', async () => {
	const lines = readFileSync(server.logFile, 'utf8').split('\n').filter((line) => line !== '');
	const wrong = lines.filter((line) => {
		try {
			return /[\u0000-\u001f\u007f\u2028\u2029]/.test(line) || JSON.parse(line).event === 'forged';
		} catch {
			return true;
		}
	});
	none(wrong.map(show));
	assert.ok(lines.length > 500, `${lines.length} lines`);
});
