// Builds what the server embeds: the respondent page's script and style, and the API reference.
//
//     node build.mjs --out DIR [--manifest FILE] [--depfile FILE]
//
// Every file lands in DIR three times: as it is, with gzip -9 (.gz) and with brotli 11 (.br), made once here instead of at each
// request. The manifest has a line a file, "URL path <TAB> media type <TAB> file"; tools/embed.py turns it into C. Same sources,
// same bytes.
import { build } from 'esbuild';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const options = readOptions(process.argv.slice(2));
const out = resolve(options.out);

const TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', html: 'text/html; charset=utf-8',
	svg: 'image/svg+xml', txt: 'text/plain; charset=utf-8' };

// { url, entry }: bundled and minified by esbuild.  { url, copy }: taken as it is.
const files = [
	...bundles('respondent', '/static/'),
	...bundles('api', '/static/docs/'),
	{ url: '/docs', copy: join(here, 'api/index.html') },
	{ url: '/static/docs/swagger-ui-bundle.js', copy: join(here, 'node_modules/swagger-ui-dist/swagger-ui-bundle.js') },
	{ url: '/static/docs/swagger-ui.css', copy: join(here, 'node_modules/swagger-ui-dist/swagger-ui.css') },
	{ url: '/static/docs/licences.txt', copy: join(here, 'node_modules/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt') },
];

const inputs = new Set([fileURLToPath(import.meta.url), join(here, 'package-lock.json'), join(here, 'respondent'), join(here, 'api')]);
const manifest = [];
for (const file of files) {
	const bytes = file.entry ? await bundle(file.entry) : withoutSourceMap(readFileSync(file.copy));
	inputs.add(file.entry ?? file.copy);
	const target = join(out, file.url.slice(1));
	mkdirSync(dirname(target), { recursive: true });
	writeFileSync(target, bytes);
	writeFileSync(`${target}.gz`, gzipSync(bytes, { level: 9 }));
	writeFileSync(`${target}.br`, brotliCompressSync(bytes, { params: {
		[constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
	manifest.push(`${file.url}\t${TYPES[(file.copy ?? file.url).split('.').pop()]}\t${target}\n`);
}
if (options.manifest)
	writeFileSync(options.manifest, manifest.join(''));
if (options.depfile)
	writeFileSync(options.depfile, `${options.manifest}: ${[...inputs].filter(existsSync).map((p) => p.replaceAll(' ', '\\ ')).join(' ')}\n`);

// Scripts and styles directly in a folder; those under it are imported by them.
function bundles(folder, prefix) {
	const dir = join(here, folder);
	if (!existsSync(dir))
		return [];
	return readdirSync(dir).sort().filter((name) => /^[a-z-]+\.(ts|css)$/.test(name))
		.map((name) => ({ url: prefix + name.replace(/\.ts$/, '.js'), entry: join(dir, name) }));
}

async function bundle(entry) {
	const result = await build({ entryPoints: [entry], bundle: true, minify: true, write: false, format: 'iife', target: ['es2020'],
		charset: 'utf8', legalComments: 'none', logLevel: 'warning', metafile: true, absWorkingDir: here });
	for (const input of Object.keys(result.metafile.inputs))
		inputs.add(join(here, input));
	return Buffer.from(result.outputFiles[0].contents);
}

// The maps are not served; a reference to them would be a 404 in every developer's console.
function withoutSourceMap(bytes) {
	const text = bytes.toString('utf8').replace(/\n?(\/\/|\/\*)# sourceMappingURL=[^\n]*\n?$/, '\n');
	return Buffer.from(text);
}

function readOptions(args) {
	const got = {};
	for (let i = 0; i < args.length; i += 2) {
		const name = args[i].replace(/^--/, '');
		if (!['out', 'manifest', 'depfile'].includes(name) || args[i + 1] === undefined) {
			console.error('usage: node build.mjs --out DIR [--manifest FILE] [--depfile FILE]');
			process.exit(2);
		}
		got[name] = args[i + 1];
	}
	if (!got.out) {
		console.error('build.mjs: --out DIR is missing');
		process.exit(2);
	}
	return got;
}
