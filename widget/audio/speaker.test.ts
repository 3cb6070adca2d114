import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { outputLatencyMs, setSink, watchOutput, whenRunning } from './speaker.ts';

const CHROMIUM =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';

/** A context whose state a test changes. */
class Context extends EventTarget {
  state: AudioContextState = 'suspended';
  resumed = 0;
  resume(): Promise<void> {
    this.resumed++;
    return Promise.reject(new Error('not yet'));
  }
  become(state: AudioContextState): void {
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
  get audio(): AudioContext {
    return this as unknown as AudioContext;
  }
}

const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('document', page);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('how late the output is', () => {
  const base = { currentTime: 10, baseLatency: 0.01, outputLatency: 0.04 };
  const at = (contextTime: number) => ({ getOutputTimestamp: () => ({ contextTime, performanceTime: 1000 }) });

  it('is what the browser says, else what its two clocks say, else at least its own buffer', () => {
    expect(outputLatencyMs({ ...base, ...at(0) }, 1000, CHROMIUM)).toBe(40);
    expect(outputLatencyMs({ ...base, outputLatency: 0, ...at(9.9) }, 1020, CHROMIUM)).toBeCloseTo(80);
    expect(outputLatencyMs({ ...base, outputLatency: 0, ...at(0) }, 1000, CHROMIUM)).toBe(10);
    const old = { currentTime: 10, baseLatency: 0.02 } as unknown as AudioContext;
    expect(outputLatencyMs(old, 0, CHROMIUM)).toBe(20);
    expect(outputLatencyMs({ currentTime: 1 } as unknown as AudioContext, 0, CHROMIUM)).toBe(0);
    const empty = { currentTime: 1, getOutputTimestamp: () => ({}) } as unknown as AudioContext;
    expect(outputLatencyMs(empty, 0, CHROMIUM)).toBe(0);
  });

  it('is not asked of Firefox on Linux, which may stand still for good while it looks', () => {
    const deadly = {
      currentTime: 10,
      baseLatency: 0.01,
      get outputLatency(): number {
        throw new Error('asked');
      },
      getOutputTimestamp: (): never => {
        throw new Error('asked');
      },
    };
    const firefox = (system: string) => `Mozilla/5.0 (${system}; rv:153.0) Gecko/20100101 Firefox/153.0`;
    expect(outputLatencyMs(deadly, 0, firefox('X11; Linux x86_64'))).toBe(40);
    expect(
      outputLatencyMs({ ...base, ...at(0), outputLatency: 0.06 }, 0, firefox('Macintosh; Intel Mac OS X 10.15')),
    ).toBe(60);
    expect(() => outputLatencyMs(deadly, 0, firefox('Windows NT 10.0; Win64; x64'))).toThrow('asked');
    expect(() => outputLatencyMs(deadly, 0, CHROMIUM)).toThrow('asked');
  });

  it('is never more than a second, whatever a device claims', () => {
    expect(outputLatencyMs({ ...base, outputLatency: 7, ...at(0) }, 0, CHROMIUM)).toBe(1000);
  });
});

describe('waiting for the output to run', () => {
  it('ends when it runs', async () => {
    const context = new Context();
    const waiting = whenRunning(context.audio, new AbortController().signal, 1000);
    context.become('suspended');
    context.become('running');
    await waiting;
    await whenRunning(context.audio, new AbortController().signal, 1000);
  });

  it('ends with AUTOPLAY when the page was never touched', async () => {
    const waiting = whenRunning(new Context().audio, new AbortController().signal, 1000);
    vi.advanceTimersByTime(1000);
    await expect(waiting).rejects.toMatchObject({ code: 'AUTOPLAY' });
  });

  it('ends with the call', async () => {
    const ending = new AbortController();
    const waiting = whenRunning(new Context().audio, ending.signal, 1000);
    ending.abort(new Error('hung up'));
    await expect(waiting).rejects.toThrow('hung up');
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('watching the output', () => {
  it('tells each change once, and a hidden page that goes on playing is none', () => {
    const context = new Context();
    context.become('running');
    let isOff = false;
    const told: boolean[] = [];
    const watch = watchOutput(
      context.audio,
      () => isOff,
      (suspended) => told.push(suspended),
    );
    page.dispatchEvent(new Event('visibilitychange'));
    expect(context.resumed).toBe(0);
    context.become('suspended');
    isOff = true;
    watch.look();
    context.become('running');
    isOff = false;
    watch.look();
    expect(told).toEqual([true, false]);
    watch.stop();
    context.become('suspended');
    page.dispatchEvent(new Event('pointerdown'));
    expect(told).toHaveLength(2);
    expect(context.resumed).toBe(0);
  });

  it('tries again when a page whose sound was taken away is seen or touched', () => {
    const context = new Context();
    const watch = watchOutput(
      context.audio,
      () => false,
      () => undefined,
    );
    page.visibilityState = 'hidden';
    page.dispatchEvent(new Event('visibilitychange'));
    expect(context.resumed).toBe(0);
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    page.dispatchEvent(new Event('pointerdown'));
    expect(context.resumed).toBe(2);
    watch.stop();
  });
});

describe('choosing the output', () => {
  it('is left alone where the browser cannot', async () => {
    await setSink(new Context().audio, 'usb');
    const sinks: string[] = [];
    const context = { setSinkId: (sink: string) => Promise.resolve(void sinks.push(sink)) } as unknown as AudioContext;
    await setSink(context, 'usb');
    expect(sinks).toEqual(['usb']);
  });
});
