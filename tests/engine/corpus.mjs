// Every corpus file runs in WebAssembly as it does natively (unit/engine/corpus), and every call it makes gives the same bytes in both.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corpus, corpusFiles, runCorpusFile } from '../harness/corpus.mjs';
import { Compiler, Engine, Recorder, compareWithNative, wasm } from '../harness/engine.mjs';

const module = await WebAssembly.compile(wasm.compiler), sessionModule = await WebAssembly.compile(wasm.session);
let calls = 0;

for (const path of corpusFiles())
	test(path.slice(corpus.length + 1), async () => {
		const compiler = await Compiler.load(module);
		const sessions = await Engine.load(sessionModule);
		const recorder = new Recorder(compiler), events = new Recorder(sessions);
		runCorpusFile(compiler, path, sessions);
		calls += await compareWithNative(recorder.take());
		calls += await compareWithNative(events.take());
	});

test('the corpus is not empty', () => assert.ok(calls > 300, `${calls} calls`));
