// `before` in the order written. node:test starts the hooks of a file side by side, but a survey needs its server first.
import { after, before as beforeOfNode } from 'node:test';

let last = Promise.resolve();

export function before(work) {
	beforeOfNode(() => {
		last = last.then(work);
		return last;
	});
}
export { after };
