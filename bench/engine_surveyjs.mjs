// engine_surveyjs.mjs FOLDER SECONDS - the survey-core side of bench/engine: the same surveys and answers, without a page (no UI package,
// no DOM), as its documentation has it for servers. Prints "name nanoseconds" for each thing measured, and writes what the interviews
// gave, so that both sides can be held against each other.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Model } = createRequire(new URL('../web/package.json', import.meta.url))('survey-core');
const [folder, seconds] = [process.argv[2], Number(process.argv[3])];
const text = (name) => readFileSync(`${folder}/${name}`, 'utf8');
const events = { 25: JSON.parse(text('events-25.json')), 500: JSON.parse(text('events-500.json')) };
const definition25 = JSON.parse(text('surveyjs-25.json'));

/** Nanoseconds for one call, of as many as fit into the time; `warm` of them are run before. */
function measure(name, work, warm = 3) {
	for (let i = 0; i < warm; i++) work(i);
	const start = process.hrtime.bigint(), until = start + BigInt(Math.round(seconds * 1e9));
	let n = 0, now = start;
	while (now < until) {
		work(n++);
		now = process.hrtime.bigint();
	}
	console.log(`${name} ${Number(now - start) / n}`);
}

/** Page by page, as a respondent goes: the answers of the page that are asked for, then on. */
function interview(model, pages) {
	for (const page of pages) {
		for (const [name, value] of page)
			if (model.getQuestionByName(name).isVisible) model.setValue(name, value);
		if (model.isLastPage ? !model.completeLastPage() : !model.nextPage()) throw new Error(`refused: page ${model.currentPageNo}`);
	}
	if (model.state !== 'completed') throw new Error(`not at the end: ${model.state}`);
	return model.data;
}

const kept = new Model(definition25);
measure('interview_25', () => {
	kept.clear();
	interview(kept, events[25]);
});
measure('interview_25_with_making', () => interview(new Model(definition25), events[25]));
// As a server holds a whole submission to the survey.
const answers25 = JSON.parse(text('answers-25.json'));
measure('submission_25', () => {
	kept.clear();
	kept.data = answers25;
	if (!kept.validate(false) || !kept.doComplete()) throw new Error('refused');
});
const source = text('surveyjs-500.json');
measure('compile_500', () => new Model(JSON.parse(source)), 1);

// One answer on which another question depends, now this way, now the other, everything else answered.
const large = new Model(JSON.parse(source));
for (const [name, value] of events[500].flat()) large.setValue(name, value);
large.setValue('number_254', 2);
const dependent = large.getQuestionByName('number_260');
measure('answer_500', (i) => {
	large.setValue('choice_252', i % 2 ? 'range' : 'staff');
	if (dependent.isVisible !== (i % 2 === 1)) throw new Error('the condition was not looked at');
});
writeFileSync(`${folder}/surveyjs-results.json`, JSON.stringify({
	25: interview(new Model(definition25), events[25]),
	500: interview(new Model(JSON.parse(source)), events[500]),
}));
