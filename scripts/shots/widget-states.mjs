/**
 * Runs in a page with one widget and brings it into the state that the address names, with a scripted
 * call whose clock stands still afterwards; then says so on the document's element.
 */
import { mockOf } from '/testing.js';

const HOURS = 'What are your opening hours?';
/** Longest wait for something to come, in milliseconds. */
const LONGEST_WAIT_MS = 10_000;

const params = new URLSearchParams(location.search);
const element = document.querySelector('voice-jib-jab');
const inside = (selector) => element.shadowRoot.querySelector(selector);
const frame = () => new Promise(requestAnimationFrame);

async function until(get) {
  const endMs = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    const got = get();
    if (got) return got;
    if (performance.now() > endMs) throw new Error(`never: ${get}`);
    await frame();
  }
}

/** Calls somebody; resolves with the scripted call before it is open. */
async function dial(src) {
  element.src = src;
  element.show();
  const started = element.start();
  started.catch(() => undefined);
  return { call: await until(() => mockOf(element)), started };
}
async function talk(persona = 'story') {
  const { call, started } = await dial(`mock:${persona}${persona.includes('?') ? '&' : '?'}speed=manual`);
  await call.advance(300);
  await started;
  return call;
}
async function answered(persona, heardMs = 4_000) {
  const call = await talk(persona);
  element.send(HOURS);
  await call.advance(heardMs);
  return call;
}
const offered = { type: 'object', properties: { room: { type: 'string' } } };
function offer() {
  element.defineTool(
    'book_room',
    { description: 'Books a room with breakfast from Friday to Sunday.', parameters: offered, confirm: true },
    () => 'booked',
  );
}
async function press(id) {
  (await until(() => inside(`[data-id=${id}]`))).click();
  await element.updateComplete;
}

const STATES = {
  closed: async () => undefined,
  open: async () => element.show(),
  connecting: async () => void (await dial('mock:story?speed=manual')),
  listening: async () => void (await talk()),
  'you speak': async () => {
    const call = await talk();
    void call.userSays('What are your opening hours on a Sunday?');
    await call.advance(600);
  },
  thinking: async () => {
    await talk('slow');
    element.send(HOURS);
  },
  speaking: async () => void (await answered('story')),
  'a conversation': async () => {
    const call = await answered('greeter', 6_000);
    element.send('Tell me a long story about the keeper of the light, please, and do not hurry.');
    await call.advance(9_000);
    element.send('Hello again');
    await call.advance(900);
  },
  held: async () => {
    const call = await answered('story');
    void call.userCoughs();
    await call.advance(100);
  },
  interrupted: async () => {
    const call = await answered('story');
    void call.userSays('Thank you, that is enough.');
    await call.advance(1_200);
  },
  muted: async () => {
    await talk();
    element.micMuted = true;
  },
  'no sound': async () => {
    element.muted = true;
    await answered('story');
  },
  'no captions': async () => {
    element.captions = 'off';
    await answered('story');
  },
  reconnecting: async () => {
    const call = await answered('story');
    void call.loses(60_000);
    await call.advance(100);
  },
  'hold, at rest': async () => {
    element.turn = 'hold';
    element.show();
  },
  'hold, pressed': async () => {
    element.turn = 'hold';
    await talk();
    await element.updateComplete;
    inside('[data-id=mic]').dispatchEvent(
      new PointerEvent('pointerdown', { bubbles: true, composed: true, pointerId: 1, isPrimary: true }),
    );
  },
  typing: async () => {
    await answered('greeter', 6_000);
    await press('keyboard');
  },
  settings: async () => {
    await talk();
    await press('settings');
    await until(() => inside('.settings'));
  },
  consent: async () => {
    element.consent = 'required';
    element.src = 'mock:story';
    element.show();
    element.start().catch(() => undefined);
    await until(() => inside('[part~=consent]'));
  },
  confirmation: async () => {
    offer();
    const call = await talk(`caller?args=${encodeURIComponent('{"room":"Sea view","guests":2}')}`);
    element.send('Book me a room');
    await call.advance(300);
    await until(() => inside('[part~=confirmation]'));
  },
  rating: async () => {
    await answered('greeter', 6_000);
    element.stop();
    await until(() => inside('.rating'));
  },
  'rating, chosen': async () => {
    await STATES.rating();
    inside('.rating [value="4"]').click();
  },
  rated: async () => {
    await STATES.rating();
    element.rate(5).catch(() => undefined);
    await until(() => inside('.thanks'));
  },
  ended: async () => {
    element.controlsList = 'norating';
    await answered('greeter', 6_000);
    element.stop();
  },
  disabled: async () => {
    element.disabled = true;
    element.show();
  },
};
async function fails(code) {
  const { call } = await dial(`mock:fails?code=${code}&speed=manual`);
  await call.advance(300);
  await until(() => element.error);
}

try {
  await customElements.whenDefined('voice-jib-jab');
  const state = params.get('state');
  const act = STATES[state] ?? (() => fails(state));
  await act();
  for (let frames = 0; frames < 12; frames += 1) await frame();
  await element.updateComplete;
  // The words of the language come a moment later than the panel.
  const { lang } = document.documentElement;
  if (state !== 'closed') await until(() => inside(`[lang=${lang}] .panel`));
} catch (error) {
  document.body.append(`It did not come to this: ${error}`);
}
document.documentElement.dataset.ready = 'yes';
