// QR pictures are read again by a scanner: both forms, every kind of text, any scale, and as a browser draws them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { openPage, withBrowser } from '../harness/browser.mjs';
import { readPng, readSvg } from '../harness/qr.mjs';

const browser = withBrowser();
const program = join(process.env.COTEST_BUILD, 'src/io/test_io_qr');
const made = async (form, scale, text) => (await promisify(execFile)(program, [form, String(scale), text], { encoding: 'buffer', maxBuffer: 1 << 22 })).stdout;
const texts = {
	'one letter': 'a',
	'an address': 'https://survey.example/s/customer-satisfaction-2026?source=poster&lang=vi',
	'capital letters and digits only': 'HTTPS://EXAMPLE.COM/S/0123456789',
	'Vietnamese': 'https://survey.example/s/khảo-sát?tên=Nguyễn Thị Ánh',
	'markup': '"><script>alert(1)</script>&amp;\'',
	'other scripts': '调查 опрос استبيان 🗳️',
	'a long address': 'https://survey.example/s/x?' + Array.from({ length: 60 }, (_, i) => `p${i}=${i * 7919}`).join('&'),
};

for (const [what, text] of Object.entries(texts))
	test(`SVG and PNG of ${what} say it`, async () => {
		assert.equal(readSvg((await made('svg', 1, text)).toString()), text);
		for (const scale of [3, 8])
			assert.equal(readPng(await made('png', scale, text)), text, `scale ${scale}`);
	});

test('the longest text', async () => {
	const text = 'https://survey.example/s/x?k=' + 'Aa0-'.repeat(600).slice(0, 2048 - 29);
	assert.equal(readSvg((await made('svg', 1, text)).toString()), text);
	assert.equal(readPng(await made('png', 4, text)), text);
	await assert.rejects(made('svg', 1, text + 'x'));
});

test('as a browser draws it, in any size', async () => {
	const page = await openPage(browser);
	const svg = await made('svg', 4, texts['an address']);
	for (const width of [180, 251, 640]) {
		await page.setContent(`<body style="margin:0;background:#234"><img style="width:${width}px" alt="" src="data:image/svg+xml;base64,${svg.toString('base64')}">`);
		assert.equal(readPng(await page.locator('img').screenshot()), texts['an address'], `${width} pixels`);
	}
	assert.deepEqual(page.faults, []);
	await page.context().close();
});
