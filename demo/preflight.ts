/**
 * Whether a call would work here, before anybody makes one: the element's own verdict, a microphone
 * meter, a chirp to listen for, the round trip to the relay, and what to do in this very browser.
 */
import { copies, find, make } from './page.ts';

type SupportVerdict = Awaited<ReturnType<HTMLElementTagNameMap['voice-jib-jab']['checkSupport']>>;

const PINGS = 5;
const METER_MS = 8_000;

type Browser = 'chromium' | 'firefox' | 'safari' | 'ios';

export function browserOf(userAgent: string): Browser {
  if (/iPhone|iPad|iPod/.test(userAgent)) return 'ios';
  if (/Firefox\//.test(userAgent)) return 'firefox';
  if (/Safari\//.test(userAgent) && !/Chrom(e|ium)\//.test(userAgent)) return 'safari';
  return 'chromium';
}

const ALLOW: Record<Browser, string> = {
  chromium: 'Press the icon left of the address, set Microphone to Allow, and reload the page.',
  firefox: 'Press the crossed-out microphone left of the address, remove the block, and reload the page.',
  safari: 'Choose Safari › Settings › Websites › Microphone, allow this page, and reload it.',
  ios: 'Open Settings › Apps › Safari › Microphone, choose Ask or Allow, and reload the page.',
};
const DEVICE: Record<Browser, string> = {
  chromium: 'Plug one in. Then look under chrome://settings/content/microphone whether it is chosen.',
  firefox: 'Plug one in. Firefox asks which one to use when the call starts.',
  safari: 'Plug one in, and choose it in System Settings › Sound › Input.',
  ios: 'Take off headphones that are only half connected, and try again.',
};

/** What a person can do about it, in this browser. */
export function helpFor(code: string, userAgent: string): string {
  const browser = browserOf(userAgent);
  switch (code) {
    case 'MIC_DENIED':
    case 'MIC_DISMISSED':
      return ALLOW[browser];
    case 'MIC_NOT_FOUND':
      return DEVICE[browser];
    case 'MIC_IN_USE':
      return 'Close the other program or tab that holds the microphone.';
    case 'INSECURE_CONTEXT':
      return 'Open the page by https, or on localhost.';
    case 'POLICY_BLOCKED':
      return 'The page around this one must say allow="microphone; autoplay" on the frame.';
    default:
      return 'This browser is too old for a voice call. Typing works.';
  }
}

function row(list: HTMLElement, title: string, value: string, isGood: boolean | null = null): void {
  const box = make('div');
  const detail = make('dd', value, isGood === null ? '' : isGood ? 'good' : 'bad');
  box.append(make('dt', title), detail);
  list.append(box);
}

function show(verdict: SupportVerdict): void {
  const list = find('dl', 'verdict');
  list.replaceChildren();
  const { code, permission, inputs, outputs, echoCancellation, opus, secureContext, audioWorklet } = verdict;
  row(list, 'A voice call', verdict.ok ? 'can be tried' : `would fail: ${code ?? ''}`, verdict.ok);
  row(list, 'Microphone', `${inputs} found, permission: ${permission}`, inputs > 0 && permission !== 'denied');
  row(list, 'Speakers', outputs === 0 ? 'the default one' : `${outputs} found`);
  row(list, 'Secure page', secureContext ? 'yes' : 'no', secureContext);
  row(list, 'Audio worklet', audioWorklet ? 'yes' : 'no', audioWorklet);
  row(list, 'Echo cancellation', echoCancellation ? 'yes' : 'no', echoCancellation);
  row(list, 'Compressed sound', opus ? 'yes' : 'no');
  const help = find('p', 'verdict-help');
  help.textContent = code === null ? '' : helpFor(code, verdict.browser);
  help.hidden = code === null;
  find('code', 'verdict-json').textContent = JSON.stringify(verdict, null, 2);
  find('details', 'verdict-whole').hidden = false;
}

/** Round trips over a socket that asks for no token, in milliseconds. @throws when the relay does not answer. */
function roundTrips(url: string): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, ['vjj.1']);
    const times: number[] = [];
    let sentAtMs = 0;
    const ping = () => {
      sentAtMs = performance.now();
      socket.send('{"type":"ping"}');
    };
    socket.addEventListener('open', ping);
    socket.addEventListener('message', () => {
      times.push(performance.now() - sentAtMs);
      if (times.length < PINGS) ping();
      else {
        socket.close(1000);
        resolve(times);
      }
    });
    socket.addEventListener('close', () => reject(new Error('the relay did not answer')));
  });
}

async function measureRoundTrip(): Promise<void> {
  const output = find('output', 'trip');
  output.textContent = '…';
  const url = new URL('/ws', location.origin);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  try {
    const times = (await roundTrips(url.href)).sort((a, b) => a - b);
    const middle = times[Math.floor(times.length / 2)] ?? 0;
    output.textContent = `${middle.toFixed(1)} ms, the middle one of ${times.length}`;
  } catch (error) {
    output.textContent = error instanceof Error ? error.message : String(error);
  }
}

/** @param loudest - The highest peak, 0 … 1. */
function judged(loudest: number): string {
  const db = Math.round(20 * Math.log10(Math.max(loudest, 1e-4)));
  if (loudest < 0.02) return `Nearly nothing was heard (${db} dB). Is it muted?`;
  return loudest > 0.98 ? `Too loud: it clips at ${db} dB.` : `Loudest: ${db} dB. Good.`;
}

/** Listens for some seconds and keeps nothing. */
async function meter(): Promise<void> {
  const bar = find('meter', 'mic-level');
  const output = find('output', 'mic-said');
  const context = new AudioContext();
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    const denied = error instanceof DOMException && error.name === 'NotAllowedError';
    output.textContent = helpFor(denied ? 'MIC_DENIED' : 'MIC_NOT_FOUND', navigator.userAgent);
    await context.close();
    return;
  }
  const analyser = new AnalyserNode(context, { fftSize: 2_048 });
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const endsAtMs = performance.now() + METER_MS;
  let loudest = 0;
  output.textContent = stream.getAudioTracks()[0]?.label ?? '';
  const step = () => {
    analyser.getFloatTimeDomainData(samples);
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    loudest = Math.max(loudest, peak);
    bar.value = Math.sqrt(peak);
    if (performance.now() < endsAtMs) {
      requestAnimationFrame(step);
      return;
    }
    for (const track of stream.getTracks()) track.stop();
    void context.close();
    bar.value = 0;
    output.textContent = judged(loudest);
  };
  step();
}

/** Two rising tones, soft at both ends. */
function chirp(): void {
  const context = new AudioContext();
  const gain = new GainNode(context, { gain: 0 });
  const tone = new OscillatorNode(context, { frequency: 440 });
  const at = context.currentTime + 0.05;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.25, at + 0.04);
  gain.gain.setValueAtTime(0.25, at + 0.5);
  gain.gain.linearRampToValueAtTime(0, at + 0.56);
  tone.frequency.setValueAtTime(440, at);
  tone.frequency.exponentialRampToValueAtTime(1_320, at + 0.56);
  tone.connect(gain).connect(context.destination);
  tone.addEventListener('ended', () => void context.close());
  tone.start(at);
  tone.stop(at + 0.6);
}

export function placePreflight(check: () => Promise<SupportVerdict>): void {
  find('button', 'check').addEventListener('click', () => {
    void check().then(show);
    void measureRoundTrip();
  });
  find('button', 'mic-test').addEventListener('click', () => void meter());
  find('button', 'chirp').addEventListener('click', chirp);
  copies(find('button', 'verdict-copy'), () => find('code', 'verdict-json').textContent);
}
