// Numbers agree to the bit: what expressions make of hard cases and of random ones, natively and in WebAssembly.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compiler, Recorder, compareWithNative, wasm } from '../harness/engine.mjs';
import { Random } from '../harness/generate.mjs';

const HARD = [0, -0, 1, -1, 0.1, 0.5, 1.5, 2.5, -2.5, 1 / 3, 1.005, 1e15 + 0.5, 2 ** 53, 2 ** 53 + 2, 2 ** 63, -(2 ** 63), 2 ** 64, 1e21, 1e22, 1e-7, 5e-324, 2.2250738585072014e-308,
	1.7976931348623157e308, 4.35, 0.29, 123456789.987654321, Math.PI, Math.E, 9007199254740991, 4294967295, 4294967296, 2147483648];
const BINARY = ['{a} + {b}', '{a} - {b}', '{a} * {b}', '{a} / {b}', '{a} div {b}', '{a} mod {b}', '{a} ^ {b}', 'pow({a}, {b})', 'round({a}, {b})', 'trunc({a}, {b})', '{a} < {b}', '{a} = {b}',
	'min({a}, {b})', 'avg({a}, {b})', "concat({a}, '|', {b})"];
const UNARY = ['{a}', '-{a}', 'abs({a})', 'sqrt({a})', 'round({a})', 'trunc({a})', 'pow({a}, 0.5)', 'pow({a}, 1.7)', 'pow({a}, -3)', 'pow(1.0000001, {a})', 'round({a}, 2)', "concat({a}, '')",
	'iif({a} > 0, 1 / {a}, {a})', "date_add(date('2024-01-31'), {a}, 'months')", "date_add(date('2024-01-31'), {a}, 'days')", "substring('abcdef', {a}, {a})"];

/** Any double that is a number. */
function anyDouble(r) {
	const view = new DataView(new ArrayBuffer(8));
	do {
		view.setUint32(0, r.next());
		view.setUint32(4, r.next());
	} while (!Number.isFinite(view.getFloat64(0)));
	return view.getFloat64(0);
}

test('arithmetic, powers, rounding and their texts', async (t) => {
	const compiler = await Compiler.load(wasm.compiler), recorder = new Recorder(compiler);
	const value = (expression, values) => compiler.evaluate(expression, values, { now: 0 });
	for (const a of HARD) {
		UNARY.forEach((expression) => value(expression, { a }));
		for (const b of HARD)
			BINARY.forEach((expression) => value(expression, { a, b }));
	}
	let compared = await compareWithNative(recorder.take());
	const r = new Random(11);
	for (let i = 0; i < 3000; i++) {
		const a = r.chance(50) ? anyDouble(r) : r.number(), b = r.chance(30) ? anyDouble(r) : r.number();
		value(r.of(BINARY), { a, b });
		value(r.of(UNARY), { a });
		// literals are read by the compiler, values by the JSON reader
		value(`${Math.abs(a)} * 1`, {});
	}
	compared += await compareWithNative(recorder.take());
	t.diagnostic(`${compared} values`);
});

test('the text of a number is the shortest that reads back, as JavaScript writes it', async () => {
	const compiler = await Compiler.load(wasm.compiler), r = new Random(12);
	for (let i = 0; i < 3000; i++) {
		const a = i < HARD.length ? HARD[i] : anyDouble(r);
		const { value } = compiler.evaluate('{a}', { a });
		assert.ok(value === a, `${a} became ${value}`);
	}
	for (const a of HARD.filter((v) => !Object.is(v, -0) && Math.abs(v) < 1e21))
		assert.equal(compiler.evaluate("concat({a}, '')", { a }).value, String(a));
});
