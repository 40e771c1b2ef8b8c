/* respondent.ts - what a respondent's page does better with a script. Without it the page works too: every step is a form post.
 *
 * - Fields on which other questions depend (data-refresh) ask the server for the page again, in place.
 * - An exclusive choice unticks the others at once, and they it.
 * - A form is sent once, however often its button is pressed.
 * - "Select all" ticks and unticks at once, and shows whether all are.
 * - A slider moves its number; until it is touched there is no answer.
 * - A device says where it is and reads barcodes (parts/device.ts).
 * - Long answers show how many characters are left.
 * - What could not be taken just now is sent again after a while.
 * - The work that a link asks for is done while one reads (parts/proof.ts).
 * - A goodbye with words to read goes on by itself after a while.
 */

import { addDevices } from './parts/device';
import { prove, serveProofs, waitForProof } from './parts/proof';

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

const GO_ON_AFTER_MS = 5000;

function byId<T extends HTMLElement>(id: string, root: Document = document): T | null {
	return root.getElementById(id) as T | null;
}

function isField(e: EventTarget | null): e is Field {
	return e instanceof HTMLInputElement || e instanceof HTMLTextAreaElement || e instanceof HTMLSelectElement;
}

/* ---- the page again, in place ---- */

/* Fields that were touched while a reply was on its way: their newer content wins over the reply's. */
let touched = new Set<string>();
let asked = 0;

/* What a field is called on this page and on the one that takes its place. */
function nameOf(e: Field): string {
	const choice = e instanceof HTMLInputElement && /^(checkbox|radio)$/.test(e.type);
	return choice ? `${e.name}=${e.value}` : e.name;
}

function fieldsOf(root: ParentNode): Field[] {
	return Array.from(root.querySelectorAll<Field>('input, textarea, select'));
}

function copyContent(from: Field, to: Field): void {
	if (to instanceof HTMLInputElement && from instanceof HTMLInputElement && /^(checkbox|radio)$/.test(to.type))
		to.checked = from.checked;
	else
		to.value = from.value;
}

function questionIds(root: Element): string[] {
	return Array.from(root.querySelectorAll<HTMLElement>('[data-name]'), (e) => e.dataset.name ?? '');
}

function keepTouched(old: Element, fresh: Element): void {
	if (!touched.size)
		return;
	const newer = new Map(fieldsOf(old).filter((e) => touched.has(e.name)).map((e) => [nameOf(e), e]));
	for (const to of fieldsOf(fresh)) {
		const from = newer.get(nameOf(to));
		if (from)
			copyContent(from, to);
	}
}

function restoreFocus(root: Element, name: string, start: number | null, end: number | null): void {
	const again = fieldsOf(root).find((e) => nameOf(e) === name);
	if (!again)
		return;
	again.focus({ preventScroll: true });
	if (start !== null && (again instanceof HTMLTextAreaElement || (again instanceof HTMLInputElement && again.type === 'text')))
		again.setSelectionRange(start, end);
}

function selectionOf(e: Element | null): [number | null, number | null] {
	if (e instanceof HTMLTextAreaElement || (e instanceof HTMLInputElement && e.type === 'text'))
		return [e.selectionStart, e.selectionEnd];
	return [null, null];
}

/* To screen readers only: a box that comes and goes would move the page under the finger. The same words a second time are
 * news too, so the region is emptied first. */
function announce(text: string | undefined): void {
	const live = byId('cc-live');
	if (!live)
		return;
	live.textContent = '';
	window.setTimeout(() => { live.textContent = text ?? ''; }, 50);
}

function swap(form: HTMLFormElement, reply: Document): void {
	const old = byId('cc-questions');
	const fresh = byId('cc-questions', reply);
	const state = form.elements.namedItem('state');
	const freshState = reply.querySelector<HTMLInputElement>('#cc-form input[name="state"]');
	const status = byId('cc-status');
	if (!old || !fresh || !freshState || !(state instanceof HTMLInputElement))
		return;
	const before = questionIds(old);
	const active = document.activeElement;
	const name = isField(active) && old.contains(active) ? nameOf(active) : '';
	const [start, end] = selectionOf(active);
	keepTouched(old, fresh);
	old.replaceWith(document.adoptNode(fresh));
	state.value = freshState.value;
	if (!byId('cc-proof', reply))
		byId('cc-proof')?.remove();
	prove(form);
	if (name)
		restoreFocus(fresh, name, start, end);
	countAll(fresh, form);
	addDevices(fresh);
	settleEveryAll(fresh, form);
	showRanges(fresh);
	if (status)
		status.textContent = '';
	if (questionIds(fresh).some((q) => !before.includes(q)))
		announce(form.dataset.textChanged);
}

async function refresh(form: HTMLFormElement): Promise<void> {
	const turn = ++asked;
	/* Not form.action: that is the button of this name. */
	const address = form.getAttribute('action') ?? location.pathname;
	const body = new URLSearchParams();
	new FormData(form).forEach((value, name) => {
		if (typeof value === 'string')
			body.append(name, value);
	});
	body.append('action', 'refresh');
	touched = new Set();
	try {
		const reply = await fetch(address, { method: 'POST', body, credentials: 'same-origin' });
		const text = await reply.text();
		/* A later change has asked again, or the form is being sent: this reply is old. */
		if (turn !== asked || form.dataset.sending || !reply.ok)
			return;
		swap(form, new DOMParser().parseFromString(text, 'text/html'));
	} catch {
		/* Offline: the page still works by its buttons. */
	}
}

/* ---- exclusive choices ---- */

function settleExclusive(changed: HTMLInputElement, form: HTMLFormElement): void {
	if (changed.type !== 'checkbox' || !changed.checked)
		return;
	const alone = changed.hasAttribute('data-exclusive');
	for (const other of Array.from(form.elements)) {
		if (!(other instanceof HTMLInputElement) || other === changed || other.type !== 'checkbox' || other.name !== changed.name)
			continue;
		if (alone || other.hasAttribute('data-exclusive'))
			other.checked = false;
	}
}

/* ---- all at once ---- */

/* The choices that "select all" stands for: not those that stand alone or ask for words. */
function boxesOf(all: HTMLInputElement): HTMLInputElement[] {
	const frame = all.closest('.cc-question');
	return frame ? Array.from(frame.querySelectorAll<HTMLInputElement>('.cc-choice-input:not([data-all], [data-apart], :disabled)')) : [];
}

function optionsOf(all: HTMLInputElement): HTMLOptionElement[] {
	const select = all.closest('.cc-question')?.querySelector('select');
	return select ? Array.from(select.options).filter((option) => !option.disabled && !option.hasAttribute('data-apart')) : [];
}

function settleAll(changed: Element, form: HTMLFormElement): void {
	const frame = changed.closest('.cc-question');
	const all = frame?.querySelector<HTMLInputElement>('[data-all]');
	if (!all)
		return;
	const boxes = boxesOf(all);
	const options = optionsOf(all);
	if (changed === all) {
		boxes.forEach((box) => { box.checked = all.checked; });
		options.forEach((option) => { option.selected = all.checked; });
		boxes.slice(0, 1).forEach((box) => { settleExclusive(box, form); });
	}
	const chosen = boxes.filter((box) => box.checked).length + options.filter((option) => option.selected).length;
	all.checked = chosen > 0 && chosen === boxes.length + options.length;
	all.indeterminate = chosen > 0 && !all.checked;
}

function settleEveryAll(root: ParentNode, form: HTMLFormElement): void {
	root.querySelectorAll('[data-all]').forEach((all) => {
		const other = all.closest('.cc-question')?.querySelector('.cc-choice-input:not([data-all]), select');
		if (other)
			settleAll(other, form);
	});
}

/* ---- sliders ---- */

/* The number beside the range is the answer; the range follows it and moves it. A range that is pressed where it stands says so too. */
function showRanges(root: ParentNode): void {
	root.querySelectorAll<HTMLInputElement>('.cc-range').forEach((range) => {
		const field = range.nextElementSibling;
		if (!(field instanceof HTMLInputElement))
			return;
		const take = (): void => {
			if (field.value === range.value)
				return;
			field.value = range.value;
			range.classList.remove('cc-unset');
			field.dispatchEvent(new Event('input', { bubbles: true }));
			field.dispatchEvent(new Event('change', { bubbles: true }));
		};
		range.hidden = false;
		range.addEventListener('input', take);
		range.addEventListener('click', take);
		range.addEventListener('keydown', (event) => {
			if (event.key === ' ')
				take();
		});
		field.addEventListener('input', () => {
			range.classList.toggle('cc-unset', !field.value);
			if (field.value)
				range.value = field.value;
		});
	});
}

/* ---- characters left ---- */

function count(area: HTMLTextAreaElement, form: HTMLFormElement): void {
	let shown = area.nextElementSibling;
	if (!shown || !shown.classList.contains('cc-count')) {
		shown = document.createElement('p');
		shown.className = 'cc-count';
		shown.setAttribute('aria-hidden', 'true');
		area.after(shown);
	}
	shown.textContent = `${area.maxLength - area.value.length} ${form.dataset.textCharacters ?? ''}`;
}

function countAll(root: ParentNode, form: HTMLFormElement): void {
	root.querySelectorAll<HTMLTextAreaElement>('textarea[maxlength]').forEach((area) => count(area, form));
}

/* ---- sending once ---- */

function sendOnce(form: HTMLFormElement): void {
	form.addEventListener('submit', (event) => {
		if (form.dataset.sending) {
			event.preventDefault();
			return;
		}
		form.dataset.sending = '1';
		form.setAttribute('aria-busy', 'true');
		announce(form.dataset.textSending);
	});
	/* Back from the browser's memory of pages: it may be sent again. */
	window.addEventListener('pageshow', () => {
		delete form.dataset.sending;
		form.removeAttribute('aria-busy');
	});
}

/* Many pages may have been told to wait at once: they come back one after the other. */
function sendAgain(form: HTMLFormElement): void {
	const afterMs = (Number(form.dataset.afterS) + 2 * Math.random()) * 1000;
	sendOnce(form);
	window.setTimeout(() => form.requestSubmit(), afterMs);
}

/* ---- start ---- */

function watch(form: HTMLFormElement): void {
	form.addEventListener('input', (event) => {
		if (!isField(event.target))
			return;
		touched.add(event.target.name);
		if (event.target instanceof HTMLTextAreaElement && event.target.maxLength > 0)
			count(event.target, form);
	});
	form.addEventListener('change', (event) => {
		if (!isField(event.target))
			return;
		if (event.target instanceof HTMLInputElement)
			settleExclusive(event.target, form);
		settleAll(event.target, form);
		if (event.target.closest('[data-refresh]'))
			void refresh(form);
	});
}

function start(): void {
	const form = byId<HTMLFormElement>('cc-form');
	const again = byId<HTMLFormElement>('cc-again');
	const onward = document.querySelector<HTMLAnchorElement>('#cc-continue[data-go]');
	if (again)
		sendAgain(again);
	if (form) {
		waitForProof(form);
		prove(form);
		sendOnce(form);
		watch(form);
		countAll(form, form);
		addDevices(form);
		settleEveryAll(form, form);
		showRanges(form);
		byId('cc-errors')?.focus();
	}
	if (onward)
		window.setTimeout(() => window.location.assign(onward.href), GO_ON_AFTER_MS);
}

/* The same script is the worker's. */
if (typeof document === 'undefined')
	serveProofs();
else
	start();
