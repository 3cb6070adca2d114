/** All that the views need to know, and all that they can ask for. Views are functions of it. */
import type { TranscriptEntry } from '../call/transcript.ts';
import type { CallError } from '../errors.ts';
import type { Labels, Standing } from '../labels/labels.ts';

export interface Face {
  labels: Labels;
  variant: 'launcher' | 'panel' | 'inline' | 'bar';
  /** The assistant's name. */
  name: string;
  standing: Standing;
  entries: readonly TranscriptEntry[];
  error: CallError | null;
  turn: 'auto' | 'hold' | 'toggle';
  /** A call is open or opening. */
  isBusy: boolean;
  isLive: boolean;
  isTalking: boolean;
  isMicOff: boolean;
  isMuted: boolean;
  isDisabled: boolean;
  showsCaptions: boolean;
  showsComposer: boolean;
  /** The agent may be stopped now. */
  isInterruptible: boolean;
  on: FaceActions;
}

export interface FaceActions {
  readonly open: () => void;
  readonly close: () => void;
  readonly end: () => void;
  readonly mute: () => void;
  readonly captions: () => void;
  readonly composer: () => void;
  readonly interrupt: () => void;
  readonly recover: () => void;
  readonly submit: (event: SubmitEvent) => void;
  readonly micClick: (event: Event) => void;
  readonly micDown: (event: Event) => void;
  readonly micUp: (event: Event) => void;
}
