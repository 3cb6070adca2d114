/** Where WebKit and what drives it are. */
import { existsSync } from 'node:fs';

export const WEBKIT_PACKAGES = [
  ...['webkit2gtk-driver', 'xvfb', 'dbus', 'pulseaudio', 'pulseaudio-utils'],
  ...['gstreamer1.0-plugins-base', 'gstreamer1.0-plugins-good', 'gstreamer1.0-plugins-bad', 'gstreamer1.0-pulseaudio'],
];
const PROGRAMS = ['/usr/bin/WebKitWebDriver', '/usr/bin/Xvfb', '/usr/bin/dbus-run-session'];
const BROWSERS = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/webkit2gtk-4.1/MiniBrowser`);

/** The browser's path, or undefined where it or a program that drives it is not installed. */
export function findWebKit() {
  return PROGRAMS.every((program) => existsSync(program)) ? BROWSERS.find((place) => existsSync(place)) : undefined;
}
