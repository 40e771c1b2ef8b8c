/* device.ts - what a device can answer by itself: where it is, and a code before its camera. The buttons are made here, since
 * without a script they would do nothing; their words come with the page, in the respondent's language. */

interface Detector {
	detect(source: CanvasImageSource): Promise<{ rawValue: string }[]>;
}
type Detectors = { BarcodeDetector?: new () => Detector };

const LOOK_AGAIN_AFTER_MS = 200, LOCATE_TIMEOUT_MS = 20000;

function give(field: HTMLInputElement, value: string): void {
	field.value = value;
	field.dispatchEvent(new Event('input', { bubbles: true }));
	field.dispatchEvent(new Event('change', { bubbles: true }));
}

function addButton(box: HTMLElement, words: string, press: (button: HTMLButtonElement) => void): void {
	const button = document.createElement('button');
	button.type = 'button';
	button.className = 'cc-device';
	button.textContent = words;
	button.addEventListener('click', () => press(button));
	box.append(button);
}

/* ---- where it is ---- */

function addLocate(box: HTMLElement): void {
	const [lat, lon, accuracy] = Array.from(box.querySelectorAll('input'));
	if (!lat || !lon || !accuracy || !navigator.geolocation)
		return;
	/* What is typed is not what the device measured. */
	for (const field of [lat, lon])
		field.addEventListener('input', (event) => {
			if (event.isTrusted)
				accuracy.value = '';
		});
	const said = document.createElement('p');
	said.className = 'cc-device-said';
	said.setAttribute('role', 'status');
	addButton(box, box.dataset.locate ?? '', (button) => {
		button.disabled = true;
		said.textContent = '';
		navigator.geolocation.getCurrentPosition(({ coords }) => {
			button.disabled = false;
			accuracy.value = String(Math.round(coords.accuracy * 10) / 10);
			give(lat, coords.latitude.toFixed(6));
			give(lon, coords.longitude.toFixed(6));
			said.textContent = `\u00b1 ${Math.round(coords.accuracy)} m`;
		}, () => {
			button.disabled = false;
			said.textContent = box.dataset.notLocated ?? '';
		}, { enableHighAccuracy: true, timeout: LOCATE_TIMEOUT_MS });
	});
	box.append(said);
}

/* ---- a code before its camera ---- */

async function scan(box: HTMLElement, field: HTMLInputElement, detector: Detector): Promise<void> {
	const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
	const video = document.createElement('video');
	const stop = (): void => {
		stream.getTracks().forEach((track) => track.stop());
		video.remove();
	};
	video.className = 'cc-camera';
	video.muted = true;
	video.playsInline = true;
	video.srcObject = stream;
	box.after(video);
	try {
		await video.play();
		/* Until something is seen, or the page is another one. */
		while (video.isConnected) {
			const [code] = await detector.detect(video);
			if (code) {
				give(field, code.rawValue);
				return;
			}
			await new Promise((resolve) => { window.setTimeout(resolve, LOOK_AGAIN_AFTER_MS); });
		}
	} finally {
		stop();
		field.focus();
	}
}

function addScan(box: HTMLElement): void {
	const field = box.querySelector('input'), Maker = (window as unknown as Detectors).BarcodeDetector;
	if (!field || field.readOnly || !Maker || !navigator.mediaDevices)
		return;
	addButton(box, box.dataset.scan ?? '', (button) => {
		button.disabled = true;
		/* No camera, or not allowed: the field is there. */
		scan(box, field, new Maker()).catch(() => field.focus()).finally(() => { button.disabled = false; });
	});
}

export function addDevices(root: ParentNode): void {
	root.querySelectorAll<HTMLElement>('[data-locate]').forEach(addLocate);
	root.querySelectorAll<HTMLElement>('[data-scan]').forEach(addScan);
}
