// The survey engine for JavaScript: the C engine as WebAssembly, its memory hidden. For Node 18 and later and for browsers. docs/engine.md
//
//     const compiler = await Compiler.load(fetch('/compiler.wasm'));        // or bytes, or a WebAssembly.Module
//     const { program, diagnostics } = compiler.compile(definition);
//     const survey = compiler.open(program!);                              // Engine.load(…).open(program) needs no compiler
//     const interview = survey.interview({ seed: 17n, now: Date.now(), language: 'vi' });
//     interview.answers = interview.form(0, new FormData(form));
//     const verdict = interview.run(0);                                    // leave page 0
//     page.innerHTML = interview.render(verdict.next_page);
//
// Everything is synchronous but load(). The same inputs give the same results as on the server, to the byte. Nothing is made from
// text by the host, so `script-src 'self' 'wasm-unsafe-eval'` is policy enough.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** By name, the answers as the API stores them. Whole numbers beyond 2^53 lose digits in JavaScript; the engine's own do not. */
export type Answers = JsonObject;

export interface Diagnostic {
	severity: 'error' | 'warning' | 'note';
	/** Stable: "E0312". docs/diagnostics.md */
	code: string;
	/** JSON pointer into the definition. */
	pointer: string;
	/** From 1, code points inside the expression; both 0 when it is not about one. */
	column: number;
	end_column: number;
	/** What is wrong, and how to mend it. */
	message: string;
}

export interface Compiled {
	valid: boolean;
	errors: number;
	warnings: number;
	diagnostics: Diagnostic[];
	/** The same definition gives the same bytes. Null when there was an error. */
	program: Uint8Array | null;
}

export interface AnswerError {
	pointer: string;
	question: string;
	code: string;
	/** For the respondent, in the interview's language. */
	message: string;
}

export type QuotaCell = { quota: string; cell: string };

export interface Verdict {
	errors: AnswerError[];
	/** Normalised, hidden ones dropped, personal ones left out. */
	answers: Answers;
	personal: Answers;
	parameters: Answers;
	/** Empty while pages are left. */
	outcome: string;
	status: 'in_progress' | 'completed' | 'screened_out' | 'quota_full';
	/** The quota cells that the interview falls into. */
	cells: (QuotaCell & { limit: number })[];
	/** Pages are counted from 0; -1: there is none. */
	next_page: number;
	previous_page: number; draws_at: number; drawn: Drawn; /* the page to be left when something new is drawn; what was by now */
	/** 0 to 1. */
	progress: number;
}

export interface PageView {
	/** Shown beside their questions and summed up on top. */
	errors?: AnswerError[];
	/** Names of the questions that were on the page before; none on its first display. */
	shown?: string[];
}

export interface Outcome {
	html: string;
	redirect: string;
	sign: boolean; /* the redirect is to be signed, which only the server can */
}

export interface InterviewOptions {
	/** Fixed when the interview starts: draws every random order. 64 bits without a sign. */
	seed: bigint | number | string;
	/** The interview's time. */
	now: Date | number;
	/** The best of the survey's languages is taken; none: its own. */
	language?: string;
	parameters?: JsonObject;
	answers?: Answers;
	full?: QuotaCell[]; /* cells that take nobody any more: whoever falls into one ends there */
	filled?: number[]; drawn?: Drawn; /* places taken in each quota cell when the interview began; what was drawn for it since */
}

export type Drawn = Record<string, (string | number)[]>; export type Choice = { value: string; label: string; code?: number };

/** What was agreed to: the words shown, their language and the time. By the question's name, as in visible(). */
export type Consents = Record<string, { text: string; language: string; at: string }>;

export interface Column {
	name: string;
	key?: string; /* in the stored answers, where that is not the name */
	label: string;
	type: string;
	personal: boolean;
	choices: Choice[];
	items: Choice[];
	sets?: boolean; /* each item holds a set of the choices */
}

export type Evaluated = { value: Json } | { error: { code: string; column: number; message: string } };

/** What load() takes: bytes, a module, or a reply (to come) whose body is streamed into the compiler. */
export type Source = BufferSource | WebAssembly.Module | Response | PromiseLike<Response | BufferSource | WebAssembly.Module>;

/** A call that the engine refused: what was asked made no sense, could not be read, or passed a limit. */
export class EngineError extends Error {
	constructor(readonly status: Status, message: string) {
		super(message);
		this.name = 'EngineError';
	}
}

const STATUS = ['ok', 'invalid', 'unreadable', 'limit', 'memory', 'absent'] as const; // as in calls.h
const ABSENT = 'this module does not have it: load session.wasm (forms, sessions, columns, surveys under compat surveyjs) or compiler.wasm';
export type Status = (typeof STATUS)[number];
// As in calls.h.
const enum Call { Open, Close, Run, Visible, Render, Form, Outcome, Compile, Eval, Columns, Disasm, Replay, Begin, Resume, Events, Verdict, Show, State, Write, End, Hashes, Consents }
const LEAVE_OUT_UNBUILT = 1, NO_MEDIA = 2;

interface Exports {
	memory: WebAssembly.Memory;
	input(n: number): number;
	call(call: number, program: number, at: number, n: number): number;
	reply(): number;
}

/** One call, as a host of tests may want to repeat it elsewhere. */
export interface CallRecord {
	call: number;
	program: number;
	input: Uint8Array;
	status: number;
	text: Uint8Array;
	bytes: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

async function instantiate(source: Source): Promise<WebAssembly.Instance> {
	const got = await source;
	if (got instanceof WebAssembly.Module)
		return WebAssembly.instantiate(got, {});
	if (typeof Response === 'undefined' || !(got instanceof Response))
		return (await WebAssembly.instantiate(got as BufferSource, {})).instance;
	if (!got.ok)
		throw new Error(`the engine could not be loaded: ${got.status} ${got.url}`);
	// streaming insists on the media type
	if (WebAssembly.instantiateStreaming && got.headers.get('content-type') === 'application/wasm')
		return (await WebAssembly.instantiateStreaming(got, {})).instance;
	return (await WebAssembly.instantiate(await got.arrayBuffer(), {})).instance;
}

/** engine.wasm: runs and renders programs. */
export class Engine {
	/** Set by tests: hears of every call. */
	onCall?: (record: CallRecord) => void;
	readonly #exports: Exports;

	protected constructor(instance: WebAssembly.Instance) {
		this.#exports = instance.exports as unknown as Exports;
	}

	static async load(source: Source): Promise<Engine> {
		return new Engine(await instantiate(source));
	}

	/** A program is verified before it is taken, whoever made it. EngineError otherwise. At most 64 are open at a time. */
	open(program: Uint8Array): Program {
		const about = this.json<ProgramFacts>(Call.Open, 0, program);
		return new Program(this, about);
	}

	/** What the module's memory has grown to. It is used again, never given back. */
	get memoryBytes(): number {
		return this.#exports.memory.buffer.byteLength;
	}

	/** @internal */
	call(call: number, program: number, input: Uint8Array): { text: Uint8Array; bytes: Uint8Array } {
		const x = this.#exports;
		const at = x.input(input.length);
		if (at === 0)
			throw new EngineError('memory', 'the engine is out of memory');
		new Uint8Array(x.memory.buffer).set(input, at);
		const status = x.call(call, program, at, input.length);
		// the memory may have grown, and with it its buffer
		const words = new Uint32Array(x.memory.buffer, x.reply(), 4);
		const text = new Uint8Array(x.memory.buffer, words[0], words[1]);
		const bytes = new Uint8Array(x.memory.buffer, words[2], words[3]);
		this.onCall?.({ call, program, input, status, text: text.slice(), bytes: bytes.slice() });
		if (status !== 0)
			throw new EngineError(STATUS[status], decoder.decode(text) || (STATUS[status] === 'absent' ? ABSENT : STATUS[status]));
		return { text, bytes };
	}

	/** @internal */
	json<T>(call: number, program: number, input: Uint8Array | object): T {
		return JSON.parse(this.text(call, program, input)) as T;
	}

	/** @internal */
	text(call: number, program: number, input: Uint8Array | object): string {
		const bytes = input instanceof Uint8Array ? input : encoder.encode(JSON.stringify(input));
		return decoder.decode(this.call(call, program, bytes).text);
	}
}

/** compiler.wasm: all of engine.wasm, and the compiler. */
export class Compiler extends Engine {
	static async load(source: Source): Promise<Compiler> {
		return new Compiler(await instantiate(source));
	}

	/** The definition as JSON text or as an object; a text keeps line and column in what is said about broken JSON. */
	compile(definition: string | object, options: { leaveOutUnbuilt?: boolean; noMedia?: boolean } = {}): Compiled {
		const text = typeof definition === 'string' ? definition : JSON.stringify(definition);
		const got = this.call(Call.Compile, (options.leaveOutUnbuilt ? LEAVE_OUT_UNBUILT : 0) | (options.noMedia ? NO_MEDIA : 0), encoder.encode(text));
		const about = JSON.parse(decoder.decode(got.text)) as Omit<Compiled, 'program'>;
		return { ...about, program: about.valid ? got.bytes.slice() : null };
	}

	/** An expression on its own; the names in `values` are untyped variables. */
	evaluate(expression: string, values: JsonObject = {}, options: { compat?: 'strict' | 'surveyjs'; now?: Date | number; seed?: bigint | number | string } = {}): Evaluated {
		return this.json<Evaluated>(Call.Eval, 0, { expression, values, compat: options.compat ?? 'strict', now_ms: Number(options.now ?? Date.now()), seed: BigInt.asUintN(64, BigInt(options.seed ?? 1)).toString() });
	}
}

interface ProgramFacts {
	program: number;
	language: string;
	languages: string[];
	titles: Record<string, string>;
	pages: number;
	show_back: boolean;
	show_progress: boolean;
}

/** A verified program, open in an engine until close(). */
export class Program {
	/** The survey's own language, and all of them. */
	readonly language: string;
	readonly languages: string[];
	readonly titles: Record<string, string>;
	readonly pages: number;
	readonly showBack: boolean;
	readonly showProgress: boolean;
	#number: number;

	/** @internal */
	constructor(readonly engine: Engine, about: ProgramFacts) {
		this.#number = about.program;
		this.language = about.language;
		this.languages = about.languages;
		this.titles = about.titles;
		this.pages = about.pages;
		this.showBack = about.show_back;
		this.showProgress = about.show_progress;
	}

	interview(options: InterviewOptions): Interview {
		return new Interview(this, options);
	}

	/** What exports know of the answers. session.wasm only. */
	columns(language = ''): Column[] {
		return this.json<Column[]>(Call.Columns, { language });
	}

	/** The program for people. session.wasm only. */
	disassemble(): string {
		return this.text(Call.Disasm, {});
	}

	/** An interview that is kept between events. session.wasm only. At most 64 are open at a time. */
	session(options: InterviewOptions): Session {
		return new Session(this.engine, this.json<Opened>(Call.Begin, startOf(this, options)));
	}

	/** A session again, from what its write() gave, here or elsewhere. session.wasm only. */
	resume(bytes: Uint8Array): Session {
		return new Session(this.engine, this.engine.json<Opened>(Call.Resume, this.#open(), bytes));
	}

	/** An interview again from its events, as an object or a line of an events file: its state hash. session.wasm only. */
	replay(interview: EventsLine | string): string {
		const line = typeof interview === 'string' ? interview : JSON.stringify(interview);
		return this.engine.text(Call.Replay, this.#open(), encoder.encode(line));
	}

	/** Gives its memory back; nothing of it may be used afterwards. Its sessions have to be ended first. */
	close(): void {
		this.engine.call(Call.Close, this.#open(), new Uint8Array());
		this.#number = 0;
	}

	/** @internal */
	json<T>(call: number, input: object): T {
		return this.engine.json<T>(call, this.#open(), input);
	}

	/** @internal */
	text(call: number, input: object): string {
		return this.engine.text(call, this.#open(), input);
	}

	#open(): number {
		if (this.#number === 0)
			throw new EngineError('invalid', 'the program was closed');
		return this.#number;
	}
}

/** What an events file has on a line. */
export interface EventsLine {
	seed: number | string; /* a whole number from 0, or 16 hexadecimal digits */
	now_ms: number;
	language?: string;
	parameters?: JsonObject;
	full?: [string, string][]; /* quota and cell */
	filled?: number[]; drawn?: Drawn;
	events: InterviewEvent[];
}

export type InterviewEvent = ({ answer: string; value: Json } | { page: 'next' | 'back' } | { language: string }) & { at_ms?: number /* for who reads it */ };

interface Where {
	page: number;
	over: boolean;
	outcome: string;
}

type Opened = Where & { session: number };

/** An interview from its start, event by event; after each only what depends on it is worked out again. Its memory is held until end(). */
export class Session {
	/** Where the respondent is; -1: not begun, because a required parameter is missing. */
	page = -1;
	over = false;
	/** Empty until it is over. */
	outcome = '';
	#number: number;

	/** @internal */
	constructor(readonly engine: Engine, opened: Opened) {
		this.#number = opened.session;
		this.#take(opened);
	}

	/** Null takes an answer back. `name` is a question's, or NAME_other. */
	answer(name: string, value: Json): void {
		this.events([{ answer: name, value }]);
	}

	/** To the next page, if nothing on the pages so far is wrong. Says whether it moved. */
	next(): boolean {
		return this.#move('next');
	}

	/** To the page before, if the survey shows a way back. */
	back(): boolean {
		return this.#move('back');
	}

	speak(language: string): void {
		this.events([{ language }]);
	}

	/** In order; those before one that is refused stand. */
	events(events: InterviewEvent[]): void {
		this.#take(this.engine.json<Where>(Call.Events, this.#open(), events));
	}

	/** As Interview.run() with the answers so far and this page; `complete`: every visible question is held to its rules. */
	verdict(complete = false): Verdict {
		return this.engine.json<Verdict>(Call.Verdict, this.#open(), { complete });
	}

	/** Its page as HTML. */
	render(view: PageView = {}): string {
		return this.engine.text(Call.Show, this.#open(), view);
	}

	/** What the hash is of: answers, language, page, visible questions, orders drawn. */
	state(): JsonObject {
		return this.engine.json<JsonObject>(Call.State, this.#open(), new Uint8Array());
	}

	/** SHA-256 of the state, hexadecimal. */
	hash(): string {
		return [...this.engine.call(Call.State, this.#open(), new Uint8Array()).bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
	}

	/** For Program.resume(), on any machine. */
	write(): Uint8Array {
		return this.engine.call(Call.Write, this.#open(), new Uint8Array()).bytes.slice();
	}

	/** Gives its memory back; nothing of it may be used afterwards. */
	end(): void {
		this.engine.call(Call.End, this.#open(), new Uint8Array());
		this.#number = 0;
	}

	#move(page: 'next' | 'back'): boolean {
		const before = this.page, over = this.over;
		this.events([{ page }]);
		return this.page !== before || this.over !== over;
	}

	#take({ page, over, outcome }: Where): void {
		this.page = page;
		this.over = over;
		this.outcome = outcome;
	}

	#open(): number {
		if (this.#number === 0)
			throw new EngineError('invalid', 'the session was ended');
		return this.#number;
	}
}

/** The start of an interview, as calls.h has it. */
function startOf(program: Program, options: InterviewOptions) {
	return { seed: BigInt.asUintN(64, BigInt(options.seed)).toString(), now_ms: Number(options.now), language: options.language ?? program.language,
		parameters: options.parameters ?? {}, answers: options.answers ?? {}, full: options.full ?? [], filled: options.filled ?? [], drawn: options.drawn ?? null };
}

/** Program + seed + time + language + parameters + answers: everything else follows from these and is worked out at each call. */
export class Interview {
	readonly program: Program;
	readonly seed: string;
	readonly now: number;
	language: string;
	parameters: JsonObject;
	answers: Answers;
	full: QuotaCell[];
	filled: number[]; drawn: Drawn | null;

	/** @internal */
	constructor(program: Program, options: InterviewOptions) {
		const start = startOf(program, options);
		this.program = program;
		this.seed = start.seed;
		this.now = start.now_ms;
		this.language = start.language;
		this.parameters = start.parameters;
		this.answers = start.answers;
		this.full = start.full;
		this.filled = start.filled; this.drawn = start.drawn;
	}

	/** Leaves a page (-1: is about to start), or without one completes the interview: every visible question is held to its rules. */
	run(page?: number): Verdict {
		return this.program.json<Verdict>(Call.Run, this.#state(page === undefined ? {} : { page }));
	}

	/** Names of the questions of a page that are visible now, in order of display. */
	visible(page: number): string[] {
		return this.program.json<string[]>(Call.Visible, this.#state({ page }));
	}

	/** The questions of a page as HTML: safe to insert, no <form>, no buttons. */
	render(page: number, view: PageView = {}): string {
		return this.program.text(Call.Render, this.#state({ page, ...view }));
	}

	/** The answers, with those of a page taken from the fields of its form. Files among them are left out. session.wasm and compiler.wasm. */
	form(page: number, fields: Iterable<readonly [string, unknown]>): Answers {
		const texts = [...fields].filter(([, value]) => typeof value === 'string').map(([name, value]) => [name, value]);
		return this.program.json<Answers>(Call.Form, this.#state({ page, fields: texts }));
	}

	/** Text and redirect of an outcome, everything piped in. */
	outcome(name: string): Outcome {
		return this.program.json<Outcome>(Call.Outcome, this.#state({ outcome: name }));
	}

	/** What is agreed to as the answers stand, at the interview's time; `personal` are those of personal questions. session.wasm only. */
	consents(): { consents: Consents; personal: Consents } {
		return this.program.json<{ consents: Consents; personal: Consents }>(Call.Consents, this.#state({}));
	}

	#state(more: object): object {
		return { seed: this.seed, now_ms: this.now, language: this.language, parameters: this.parameters, answers: this.answers, full: this.full, filled: this.filled, drawn: this.drawn, ...more };
	}
}
