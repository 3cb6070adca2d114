/**
 * A microphone that says what the test wants, when it wants: `getUserMedia` of the page gives the
 * stream of an AudioContext of its own.
 */
export interface ScriptedMicrophone {
  context: AudioContext;
  /** The tracks handed out so far. */
  tracks: MediaStreamTrack[];
  /** Pulled out: no microphone can be had until it is false again. */
  isGone: boolean;
  /** Speaks from now on. */
  say(samples: Float32Array, rateHz?: number): Promise<void>;
  /** Gives the browser its own microphone back. */
  remove(): Promise<void>;
}

export function scriptMicrophone(): ScriptedMicrophone {
  const context = new AudioContext();
  const devices = navigator.mediaDevices;
  const own = devices.getUserMedia.bind(devices);
  const bus = new GainNode(context);
  const tracks: MediaStreamTrack[] = [];
  devices.getUserMedia = () => {
    if (microphone.isGone) return Promise.reject(new DOMException('gone', 'NotFoundError'));
    const destination = new MediaStreamAudioDestinationNode(context);
    bus.connect(destination);
    tracks.push(...destination.stream.getAudioTracks());
    return Promise.resolve(destination.stream);
  };
  const microphone: ScriptedMicrophone = {
    context,
    tracks,
    isGone: false,
    say(samples, rateHz = 24_000) {
      const buffer = new AudioBuffer({ length: samples.length, sampleRate: rateHz });
      buffer.getChannelData(0).set(samples);
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(bus);
      source.start();
      return new Promise((resolve) => {
        source.onended = () => resolve();
      });
    },
    async remove() {
      devices.getUserMedia = own;
      await context.close();
    },
  };
  return microphone;
}
