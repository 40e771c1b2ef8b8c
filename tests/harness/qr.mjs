// What a QR picture says, as a scanner reads it (jsQR), from PNG (pngjs) and from our SVG.
import assert from 'node:assert/strict';
import jsqr from 'jsqr';
import { PNG } from 'pngjs';

/** The text of a picture of `width` * `height` pixels, four bytes each; null when it holds none. */
function read(pixels, width, height) {
	const found = (jsqr.default ?? jsqr)(new Uint8ClampedArray(pixels), width, height, { inversionAttempts: 'dontInvert' });
	return found && Buffer.from(found.binaryData).toString();
}

/** The text of a PNG (bytes): of the server, or a screenshot. */
export function readPng(bytes) {
	const png = PNG.sync.read(Buffer.from(bytes));
	return read(png.data, png.width, png.height);
}

/** The text of an SVG as io/qr makes it, and of no other: one path of horizontal lines. Drawn with `dot` pixels a module. */
export function readSvg(svg, dot = 4) {
	const form = /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="(\d+)" height="\1" viewBox="0 0 (\d+) \2" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h\2v\2H0z"\/><path stroke="#000" d="([Mmh\d .]+)"\/><\/svg>\n$/.exec(svg);
	assert.ok(form, svg.slice(0, 300));
	const side = Number(form[2]), width = side * dot;
	assert.equal(Number(form[1]) % side, 0, 'pixels a module');
	const pixels = Buffer.alloc(width * width * 4, 255);
	let x = 0, y = 0;
	for (const [, move, dx, dy, run] of form[3].matchAll(/([Mm])(\d+) ([\d.]+)h(\d+)/g)) {
		[x, y] = move === 'M' ? [Number(dx), Number(dy)] : [x + Number(dx), y + Number(dy)];
		for (let row = (y - 0.5) * dot; row < (y + 0.5) * dot; row++)
			for (let at = x * dot; at < (x + Number(run)) * dot; at++)
				pixels.fill(0, (row * width + at) * 4, (row * width + at) * 4 + 3);
		x += Number(run);
	}
	return read(pixels, width, width);
}
