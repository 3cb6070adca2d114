/** Whole conversations in WebKitGTK through a sound card, on a strict page: what `npm run test:webkit` runs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../relay/emulator/emulator.ts';
import { createVoice } from '../relay/emulator/voice/voice.ts';
import { levelOf, locate, resampleTo, silentFrom, toFloat } from '../relay/testing/listening.ts';
import { concat, silence, speech } from '../relay/testing/speech.ts';
import { RATE_HZ } from '../relay/wire/index.ts';
import { embedPage, startCustomerSite, startRelay, type CustomerSite, type RunningRelay } from './testing/e2e.ts';
import { startSoundCard, type SoundCard } from './testing/pulse.ts';
import { startWebKit, type WebKitPage } from './testing/webkit.ts';

const STORY = 'Once upon a time there was a lighthouse keeper who lived alone on a small island.';
/** Enough to tell one half second of speech from another. */
const COARSE_HZ = 6_000;
/** Of what is found to what was looked for. */
const ALIKE = 0.6;
const ENTER = '\uE007';
const WIDGET = `document.querySelector('voice-jib-jab')`;
const PHASE = `[${WIDGET}.phase, String(${WIDGET}.error)]`;

let card: SoundCard;
let emulator: Emulator;
let site: CustomerSite;
let relay: RunningRelay;
let page: WebKitPage;

beforeAll(async () => {
  card = await startSoundCard();
  [page, emulator, site] = await Promise.all([startWebKit(card), startEmulator(), startCustomerSite()]);
  relay = await startRelay({
    ALLOWED_ORIGINS: site.origin,
    OPENAI_API_KEY: 'sk-for-the-emulator',
    OPENAI_BASE_URL: emulator.url,
    // A verdict that is late, on a machine with a browser beside, would refuse the answer.
    POLICY_BUDGET_MS: '10000',
  });
  const sockets = relay.origin.replace('http', 'ws');
  site.headers = {
    'content-security-policy': `default-src 'none'; img-src 'self' data:; connect-src ${relay.origin} ${sockets}; script-src ${relay.origin}; style-src 'self'`,
  };
});
afterAll(async () => {
  await page.stop();
  await relay.stop();
  await site.close();
  await emulator.close();
  await card.stop();
});
beforeEach(() => page.goto('about:blank'));

async function open(attributes: string): Promise<void> {
  site.html = embedPage(relay.origin, attributes);
  await page.goto(site.origin);
  await page.until(`customElements.get('voice-jib-jab')`);
  await page.run(`
    window.turns = [];
    window.refused = [];
    document.addEventListener('securitypolicyviolation', (event) => window.refused.push(event.violatedDirective));
    const assistant = ${WIDGET};
    assistant.addEventListener('turnend', (event) => window.turns.push(event.outcome));
    const button = document.createElement('button');
    button.id = 'begin';
    button.textContent = 'Begin';
    button.onclick = () => void assistant.start();
    document.body.prepend(button);`);
}
async function begin(): Promise<void> {
  await page.click('#begin');
  await page.until(`${WIDGET}.phase === 'listening'`, 20_000, PHASE);
  await card.untilListening(1);
}
const say = async (phrase: string) => card.say(concat(silence(1_200), await speech(phrase)));
const turnsEnded = (count: number) => page.until(`window.turns.length >= ${count}`, 40_000, `[window.turns, ${PHASE}]`);
const refused = () => page.run<string[]>('return window.refused');
type Item = { content: { transcript?: string | null }[]; truncated_at_ms: number | null };
const itemsOf = (role: string) =>
  (emulator.sessions().at(-1)?.items ?? []).filter((item) => item['role'] === role) as unknown as Item[];
const words = (role: string) => itemsOf(role).map(({ content }) => content[0]?.transcript ?? '');
async function voiceOf(text: string): Promise<Float32Array> {
  const voice = await createVoice();
  return toFloat(await voice.speak(text, { voice: 'marin' }));
}

/** How like the newest sound is to half a second near the beginning of what is expected, and where that began. */
function find(heard: Float32Array, expected: Float32Array) {
  const [whole, voice] = [heard, expected].map((sound) => resampleTo(sound, RATE_HZ, COARSE_HZ)) as [
    Float32Array,
    Float32Array,
  ];
  const at = COARSE_HZ * 0.3;
  const { offset, likeness } = locate(whole, voice.subarray(at, at + COARSE_HZ / 2));
  return { likeness, startsAt: Math.round(((offset - at) * RATE_HZ) / COARSE_HZ) };
}

describe('in WebKitGTK', () => {
  it('a spoken question is understood, and its answer is heard at the loudspeaker', async () => {
    await open('open');
    const from = card.speaker.length;
    await begin();
    await say('What are your opening hours?');
    // What the browser makes of a voice may come as one sentence or as two.
    await page.until(`window.turns.includes('answered')`, 40_000, `[window.turns, ${PHASE}]`);
    expect(words('assistant').at(-1)).not.toBe('');
    const expected = await voiceOf(words('assistant').at(-1) ?? '');
    expect(find(card.speaker.samples(from), expected).likeness, 'the answer').toBeGreaterThan(ALIKE);
    expect(await refused()).toEqual([]);
  });

  it('the loudspeaker falls silent when somebody speaks over the answer', async () => {
    await open('open');
    const from = card.speaker.length;
    await begin();
    await page.run(`${WIDGET}.send('Tell me a long story')`);
    await card.speaker.until((newest) => levelOf(newest.subarray(0, RATE_HZ / 10)) > 0.01, 3_000);
    await card.say(await speech('What is two plus three?'));
    await turnsEnded(2);
    expect(await page.run('return window.turns')).toEqual(['superseded', 'answered']);
    const heard = card.speaker.samples(from);
    const story = find(heard, await voiceOf(STORY));
    expect(story.likeness, 'the story').toBeGreaterThan(ALIKE);
    const end = silentFrom(heard, RATE_HZ, story.startsAt + RATE_HZ, 400);
    expect(end).toBeGreaterThan(0);
    expect(itemsOf('assistant')[0]?.truncated_at_ms).toBeGreaterThan(0);
    expect(await refused()).toEqual([]);
  });

  it('what is typed is answered, and Escape ends the call and lets go of the microphone', async () => {
    await open('');
    await page.run(`document.querySelector('#begin').focus()`);
    await page.run(`${WIDGET}.shadowRoot.querySelector('.launcher').focus()`);
    await page.press(ENTER);
    await page.until(`${WIDGET}.phase === 'listening'`, 20_000, PHASE);
    await card.untilListening(1);
    await page.run(`${WIDGET}.send('What is two plus three?')`);
    await turnsEnded(1);
    expect(words('assistant')).toEqual(['Two plus three is five.']);
    await page.press('\uE00C');
    await page.until(`!${WIDGET}.open`);
    await card.untilListening(0);
    expect(await refused()).toEqual([]);
  });

  it('a key that is held holds the turn, and letting it go asks', async () => {
    await open('open turn="hold"');
    await begin();
    await page.run(`${WIDGET}.shadowRoot.querySelector('[part~="mic"]').focus()`);
    await page.key('keyDown', ' ');
    await say('What is two plus three?');
    await page.key('keyUp', ' ');
    await turnsEnded(1);
    expect(words('user')).toHaveLength(1);
    expect(emulator.sessions().at(-1)?.config.audio.input.turn_detection).toBeNull();
  });
});
