/** Where Firefox and the sound server for its tests are, and how Firefox is started. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PLACES = [
  process.env.FIREFOX_PATH,
  '/usr/bin/firefox-esr',
  '/usr/bin/firefox',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
];
const SOUND = ['pulseaudio', 'pactl', 'pacat', 'parec'];

/** The browser's path, or undefined where none is installed. */
export function findFirefox() {
  return PLACES.find((place) => place && existsSync(place));
}

export function hasPulseAudio() {
  const folders = ['/usr/bin', '/usr/local/bin', ...(process.env.PATH ?? '').split(delimiter)];
  return SOUND.every((program) => folders.some((folder) => existsSync(join(folder, program))));
}

/** A microphone and sound without a question, and nothing that asks the internet. */
export const FIREFOX_PREFS = {
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  // Without a screen no window would ever have the focus.
  'focusmanager.testmode': true,
  // Its window would take the focus from the page.
  'privacy.webrtc.hideGlobalIndicator': true,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};
