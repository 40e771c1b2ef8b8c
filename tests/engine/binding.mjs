// web/engine as a program would use it: typed results, errors as exceptions, memory that stays.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';
import { Compiler, Engine, EngineError, wasm } from '../harness/engine.mjs';

const definition = { schema_version: '1.0', survey: { title: { en: 'Tea', vi: 'Trà' }, language: 'en', languages: ['en', 'vi'],
	parameters: [{ name: 'pid', type: 'text', export: true }],
	pages: [
		{ name: 'p1', questions: [{ type: 'number', name: 'age', title: { en: 'How old?', vi: 'Bao nhiêu tuổi?' }, required: true, min: 10, max: 99 }] },
		{ name: 'p2', visible_if: '{age} >= 18', questions: [{ type: 'text', name: 'why', title: { en: 'Why at {age}?', vi: 'Sao?' }, pii: true }] }],
	rules: [{ when: '{age} = 17', do: 'end', outcome: 'screened_out' }],
	outcomes: { completed: { html: '<p>Thanks</p>' }, screened_out: { redirect: 'https://panel.example/?pid={@pid}', sign: 'hmac-sha256' } } } };

let compiler, engine, compiled;
before(async () => {
	compiler = await Compiler.load(wasm.compiler);
	engine = await Engine.load(wasm.engine);
	compiled = compiler.compile(definition);
});

test('a definition becomes a program, the same from text, object and another key order', () => {
	assert.deepEqual([compiled.valid, compiled.errors, compiled.diagnostics], [true, 0, []]);
	const { schema_version, survey } = definition;
	for (const other of [JSON.stringify(definition), { survey, schema_version }])
		assert.deepEqual(compiler.compile(other).program, compiled.program);
});

test('what is wrong with a definition is said with code, pointer and column', () => {
	const wrong = structuredClone(definition);
	wrong.survey.pages[1].visible_if = '{ages} >= 18';
	const { valid, program, diagnostics } = compiler.compile(wrong);
	assert.deepEqual([valid, program], [false, null]);
	const [first] = diagnostics;
	assert.match(first.code, /^E\d{4}$/);
	assert.equal(first.pointer, '/survey/pages/1/visible_if');
	assert.ok(first.column === 1 && first.end_column > first.column && first.message.length > 10);
	const [broken] = compiler.compile('{"schema_version": "1.0",\n "survey": }').diagnostics;
	assert.equal(broken.code, 'E0001');
	assert.match(broken.message, /line 2/);
});

test('engine.wasm runs what compiler.wasm made, page by page', () => {
	const survey = engine.open(compiled.program);
	assert.deepEqual([survey.language, survey.languages, survey.titles, survey.pages], ['en', ['en', 'vi'], { en: 'Tea', vi: 'Trà' }, 2]);
	const it = survey.interview({ seed: 2n ** 64n - 1n, now: new Date('2026-11-22T00:00:00Z'), language: 'vi-VN', parameters: { pid: 'A 7' } });
	assert.equal(it.run(-1).next_page, 0);
	assert.deepEqual(it.visible(0), ['age']);
	assert.match(it.render(0), /Bao nhiêu tuổi\?/);
	it.answers = { age: 5 };
	const [error] = it.run(0).errors;
	assert.deepEqual([error.code, error.pointer, error.question], ['min', '/answers/age', 'age']);
	assert.ok(it.render(0, { errors: [error] }).includes(error.message));
	it.answers = { age: 30 };
	it.language = 'en';
	assert.equal(it.run(0).next_page, 1);
	assert.match(it.render(1), /Why at 30\?/);
	it.answers.why = '<so>';
	assert.match(it.render(1), /&lt;so&gt;/);
	assert.deepEqual(it.run(), { errors: [], answers: { age: 30 }, personal: { why: '<so>' }, parameters: { pid: 'A 7' }, outcome: 'completed', status: 'completed',
		cells: [], next_page: -1, previous_page: -1, draws_at: -1, drawn: {}, progress: 1 });
	it.answers = { age: 17 };
	assert.equal(it.run(0).outcome, 'screened_out');
	assert.deepEqual(it.outcome('screened_out'), { html: '', redirect: 'https://panel.example/?pid=A%207', sign: true });
	survey.close();
	assert.throws(() => it.run(), EngineError);
});

test('forms are read by session.wasm and compiler.wasm; engine.wasm says so', async () => {
	for (const keeper of [compiler, await Engine.load(wasm.session)]) {
		const survey = keeper.open(compiled.program), it = survey.interview({ seed: 1, now: 0 });
		assert.deepEqual(it.form(0, new URLSearchParams({ 'q-age': '5' })), { age: 5 });
		assert.deepEqual(it.form(0, [['q-age', '30'], ['file', new Blob(['x'])]]), { age: 30 });
		survey.close();
	}
	const without = engine.open(compiled.program);
	assert.throws(() => without.interview({ seed: 1, now: 0 }).form(0, []), { name: 'EngineError', status: 'absent', message: /session\.wasm/ });
	without.close();
});

test('a survey under compat surveyjs is for session.wasm and compiler.wasm; engine.wasm says so', async () => {
	const loose = structuredClone(definition);
	loose.survey.settings = { compat: 'surveyjs' };
	loose.survey.rules = [];
	const { program, diagnostics } = compiler.compile(loose);
	assert.deepEqual(diagnostics, []);
	for (const keeper of [compiler, await Engine.load(wasm.session)]) {
		const survey = keeper.open(program);
		assert.equal(survey.interview({ seed: 1, now: 0, answers: { age: 30 } }).run(0).next_page, 1);
		survey.close();
	}
	assert.throws(() => engine.open(program), { name: 'EngineError', status: 'absent', message: /session\.wasm/ });
	engine.open(compiled.program).close();
});

test('a session goes event by event, is written, and goes on elsewhere', async () => {
	const keeper = await Engine.load(wasm.session), survey = keeper.open(compiled.program), start = { seed: 7, now: 1.7e12, language: 'vi', parameters: { pid: 'x' } };
	const session = survey.session(start);
	assert.deepEqual([session.page, session.over, session.outcome, session.next()], [0, false, '', false]);
	session.answer('age', 30);
	assert.equal(session.next(), true);
	assert.equal(session.page, 1);
	session.speak('en');
	assert.match(session.render(), /Why at 30\?/);
	const bytes = session.write(), elsewhere = await Engine.load(wasm.session);
	assert.throws(() => survey.close(), { status: 'invalid', message: 'sessions in it are open' });
	session.end();
	survey.close();
	const again = elsewhere.open(compiled.program), resumed = again.resume(bytes);
	assert.deepEqual(resumed.verdict().answers, { age: 30 });
	resumed.answer('why', 'so');
	assert.deepEqual([resumed.back(), resumed.page, resumed.next(), resumed.next(), resumed.over, resumed.outcome], [true, 0, true, true, true, 'completed']);
	assert.deepEqual([resumed.verdict(true).personal, resumed.state().language], [{ why: 'so' }, 'en']);
	const events = [{ answer: 'age', value: 30 }, { page: 'next' }, { language: 'en' }, { answer: 'why', value: 'so' }, { page: 'back' }, { page: 'next' }, { page: 'next' }];
	assert.equal(again.replay({ seed: 7, now_ms: 1.7e12, language: 'vi', parameters: { pid: 'x' }, events }), resumed.hash());
	assert.throws(() => resumed.answer('age', 31), { status: 'invalid', message: 'the interview is over' });
	assert.throws(() => again.replay({ seed: 7, now_ms: 0, events: [{ answer: 'nobody', value: 1 }] }), { status: 'invalid', message: 'there is no question of this name' });
	assert.throws(() => again.resume(bytes.slice(1)), { status: 'invalid' });
	resumed.end();
	assert.throws(() => resumed.hash(), { status: 'invalid' });
	again.close();
	const without = engine.open(compiled.program);
	assert.throws(() => without.session(start), { status: 'absent' });
	without.close();
});

test('expressions on their own come with the compiler, columns and the disassembly with sessions', async () => {
	assert.deepEqual(compiler.evaluate('{a} * 2', { a: 21 }), { value: 42 });
	assert.deepEqual(compiler.evaluate('age(date({b}))', { b: '2000-02-29' }, { now: Date.UTC(2026, 1, 28) }), { value: 25 });
	assert.ok(compiler.evaluate('1 +').error.column > 0);
	const survey = (await Engine.load(wasm.session)).open(compiled.program);
	assert.deepEqual(survey.columns('vi').map(({ name, type, personal }) => [name, type, personal]), [['pid', 'parameter', false], ['age', 'number', false], ['why', 'text', true]]);
	assert.match(survey.disassemble(), /page/);
	survey.close();
	const without = engine.open(compiled.program);
	assert.throws(() => without.disassemble(), { name: 'EngineError', status: 'absent' });
	without.close();
});

test('bytes that are no sound program are refused, and harm nothing', () => {
	assert.throws(() => engine.open(new Uint8Array()), { status: 'invalid' });
	let refused = 0;
	for (let at = 0; at < compiled.program.length; at++) {
		const hostile = compiled.program.slice();
		hostile[at] ^= 0xff;
		try {
			const survey = engine.open(hostile);
			const it = survey.interview({ seed: 1, now: 0, answers: { age: 30, why: 'x' } });
			it.run();
			for (let page = 0; page < survey.pages; page++)
				it.render(page);
			survey.close();
		} catch (e) {
			assert.equal(e.name, 'EngineError', `byte ${at}: ${e.stack}`);
			refused++;
		}
	}
	assert.ok(refused > compiled.program.length / 4, `${refused} of ${compiled.program.length}`);
});

test('a call that makes no sense is an EngineError', () => {
	const other = compiler.open(compiled.program);
	assert.throws(() => other.interview({ seed: 1, now: 0 }).render(7), { status: 'invalid' });
	assert.throws(() => other.interview({ seed: 1, now: NaN }).run(), { status: 'invalid' });
	assert.throws(() => other.interview({ seed: 1, now: 0, answers: { why: 'a\ud800b' } }).run(), { status: 'unreadable' });
	other.close();
	assert.throws(() => compiler.call(99, 0, new Uint8Array()), { status: 'invalid' });
	const open = [];
	assert.throws(() => { for (;;) open.push(compiler.open(compiled.program)); }, { status: 'limit' });
	assert.equal(open.length, 64);
	open.forEach((program) => program.close());
});

test('a definition beyond memory is refused, and the engine goes on', async () => {
	const small = await Compiler.load(wasm.compiler);
	assert.throws(() => small.compile(' '.repeat(300e6)), { status: 'memory' });
	assert.equal(small.compile(definition).valid, true);
});

test('memory: calls leave nothing behind, and an interview of 500 questions stays under 2 MB', async () => {
	const questions = Array.from({ length: 500 }, (_, i) => ({ type: 'single', name: `q${i}`, title: `Question ${i}`, choice_list: 'scale', ...(i && { visible_if: `{q${i - 1}} != 5` }) }));
	const pages = Array.from({ length: 50 }, (_, i) => ({ name: `p${i}`, questions: questions.slice(i * 10, i * 10 + 10) }));
	const large = compiler.compile({ schema_version: '1.0', survey: { title: 'Large', language: 'en', pages,
		choice_lists: { scale: [1, 2, 3, 4, 5].map((value) => ({ value, label: `Point ${value}` })) } } });
	assert.deepEqual(large.diagnostics, []);
	const fresh = await Engine.load(wasm.engine);
	const it = fresh.open(large.program).interview({ seed: 1, now: 0, answers: Object.fromEntries(questions.map(({ name }, i) => [name, 1 + (i % 4)])) });
	assert.equal(Object.keys(it.run().answers).length, 500);
	for (let page = 0; page < 50; page++)
		it.render(page);
	const grown = fresh.memoryBytes;
	for (let i = 0; i < 300; i++) {
		it.run(i % 50);
		it.render(i % 50);
	}
	assert.equal(fresh.memoryBytes, grown);
	assert.ok(grown < 2 * 1024 * 1024, `${grown} bytes`);
});

test('opening and closing programs, and compiling, leaves nothing behind', () => {
	const round = () => {
		const survey = compiler.open(compiler.compile(definition).program);
		survey.interview({ seed: 1, now: 0 }).run();
		survey.close();
	};
	for (let i = 0; i < 20; i++)
		round();
	const grown = compiler.memoryBytes;
	for (let i = 0; i < 500; i++)
		round();
	assert.equal(compiler.memoryBytes, grown);
});

test('the deepest expressions do not run out of stack', () => {
	const survey = (expression) => ({ schema_version: '1.0', survey: { title: 'x', language: 'en', pages: [{ name: 'p', questions: [
		{ type: 'number', name: 'a', title: 'A' }, { type: 'text', name: 'b', title: 'B', visible_if: expression }] }] } });
	for (const expression of [`${'1 + '.repeat(1990)}{a} > 0`, `${'('.repeat(60)}{a} > 0${')'.repeat(60)}`, `${'1 + ('.repeat(60)}{a}${')'.repeat(60)} > 0`,
		`${'!('.repeat(60)}{a} > 0${')'.repeat(60)}`, `${'('.repeat(16000)}`, `{a} > 0${' and {a} > 1'.repeat(1200)}`]) {
		const { program } = compiler.compile(survey(expression));
		if (program) {
			const small = engine.open(program);
			assert.equal(small.interview({ seed: 1, now: 0, answers: { a: 3, b: 'x' } }).run().errors.length, 0);
			small.close();
		}
	}
	const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`;
	assert.equal(compiler.compile(deep).diagnostics[0].code, 'E0001');
});

test('the modules import nothing, and keep to their size', () => {
	const packed = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;
	for (const bytes of Object.values(wasm))
		assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), []);
	// what they take today; 35,000 and 80,000 is where they have to get
	for (const [name, most] of [['engine', 42100], ['session', 66100], ['compiler', 100200]])
		assert.ok(packed(wasm[name]) <= most, `${name}.wasm: ${packed(wasm[name])}`);
});
