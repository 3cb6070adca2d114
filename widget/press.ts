/**
 * The microphone button's gestures: a tap where the assistant's ear decides, tap and tap again, or
 * hold, by pointer and by key alike. Knows what was pressed and not what it does.
 */
export interface PressOptions {
  turn: () => 'auto' | 'hold' | 'toggle';
  isTalking: () => boolean;
  talk: (isPressed: boolean) => void;
  tap: () => void;
}

export class Press {
  readonly #options: PressOptions;
  /** A click follows a press that was already answered. */
  #wasPressed = false;

  constructor(options: PressOptions) {
    this.#options = options;
  }

  readonly click = () => {
    const { turn, talk, isTalking, tap } = this.#options;
    if (turn() === 'auto') tap();
    else if (turn() === 'toggle') talk(!isTalking());
    // A screen reader's click comes without a press: then each click is one end of the holding.
    else if (!this.#wasPressed) talk(!isTalking());
    this.#wasPressed = false;
  };

  readonly down = (event: Event) => {
    if (this.#options.turn() !== 'hold' || !isPress(event)) return;
    if (event instanceof PointerEvent) (event.currentTarget as Element).setPointerCapture(event.pointerId);
    // Space would scroll, and both keys would click.
    else event.preventDefault();
    this.#wasPressed = true;
    this.#options.talk(true);
  };

  readonly up = (event: Event) => {
    if (this.#options.turn() !== 'hold' || !this.#wasPressed) return;
    if (event instanceof KeyboardEvent && !isTalkKey(event)) return;
    // After a key no click follows; after a pointer one does, and clears it.
    if (!(event instanceof PointerEvent)) this.#wasPressed = false;
    this.#options.talk(false);
  };
}

const isTalkKey = ({ key }: KeyboardEvent) => key === ' ' || key === 'Enter';

function isPress(event: Event): boolean {
  if (event instanceof PointerEvent) return event.button === 0;
  return event instanceof KeyboardEvent && !event.repeat && isTalkKey(event);
}
