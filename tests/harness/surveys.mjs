// Questionnaires for the scenarios, and the way from a definition to an open link.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from './client.mjs';

const corpus = new URL('../../src/engine/corpus/surveys/', import.meta.url);
export const csat = () => JSON.parse(readFileSync(fileURLToPath(new URL('csat.json', corpus)), 'utf8'));
export const brandTracker = () => JSON.parse(readFileSync(fileURLToPath(new URL('brand-tracker.json', corpus)), 'utf8'));

/** A definition around the given pages. */
export function definition(title, pages, more = {}) {
	return { schema_version: '1.0', survey: { title, language: 'en', languages: ['en'], pages, ...more } };
}

/** Forty short questions, as a longer tracker has. */
export function forty() {
	const questions = Array.from({ length: 40 }, (_, i) => i % 2
		? { type: 'rating', name: `q${i}`, title: `Statement ${i}`, min: 0, max: 10 }
		: { type: 'text', name: `q${i}`, title: `Remark ${i}`, max_length: 200 });
	return definition('Forty', [{ name: 'all', questions }]);
}

let slugs = 0;

/** Project, survey, publication and link: {project, survey, version, link, slug}. */
export async function publish(api, document, { slug = `s${process.pid}x${++slugs}`, link = {} } = {}) {
	const project = expect(await api.post('/api/v1/projects', { name: 'Fieldwork' }), 201).body;
	const title = typeof document.survey.title === 'string' ? document.survey.title : document.survey.title.en;
	const survey = expect(await api.post('/api/v1/surveys', { project_id: project.id, title, definition: document }), 201).body;
	const version = expect(await api.post(`/api/v1/surveys/${survey.id}/publish`), 200).body;
	const made = expect(await api.post(`/api/v1/surveys/${survey.id}/links`, { slug, ...link }), 201).body;
	return { project, survey, version, link: made, slug };
}

export const submit = (client, slug, body, options) => client.post(`/api/public/v1/links/${slug}/responses`, body, options);
