/**
 * For pages that cannot have a module script: `<script src=".../voice-jib-jab.classic.js">` brings the
 * very module that others load, from the same folder. A page that has both gets one element.
 */
const { currentScript } = document;
const from = currentScript instanceof HTMLScriptElement ? currentScript.src : document.baseURI;

void import(new URL('./voice-jib-jab.js', from).href);
