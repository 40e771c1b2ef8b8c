// What somebody finds in his mailbox: the files that a worker without a mail server writes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import { until } from './run.mjs';

/** The mails of a kind to this address so far, oldest first. */
export async function mailsOf(server, kind, email) {
	const folder = join(server.dir, 'mail');
	const files = existsSync(folder) ? readdirSync(folder).filter((f) => f.includes(`-${kind}-`) && f.endsWith('.eml')).sort() : [];
	return (await Promise.all(files.map((f) => simpleParser(readFileSync(join(folder, f)))))).filter((m) => m.to.text === email);
}

/** The same, once there are so many. */
export const mailsWhen = (server, kind, email, count = 1) => until(`${count} mails to ${email}`, async () => {
	const all = await mailsOf(server, kind, email);
	return all.length >= count && all;
});

export const tokenIn = (mail) => /#token=([\w.-]+)/.exec(mail.text.replaceAll('\u2060', ''))[1];
