/**
 * What comes from the page, one text message or binary frame after the other: within the rates, in its
 * form, counted, and then brought to whom it concerns. What is not so ends the session.
 */
import { WidgetMessage, readMessage } from '#wire';
import type { FaultCode } from '../errors.ts';
import type { Line } from './line.ts';
import type { Page } from './page.ts';
import type { Uplink } from './uplink.ts';

export interface IntakeOptions {
  uplink: Uplink;
  line: Line;
  page: Page;
  /** Largest JSON message, in bytes. */
  maxMessageBytes: number;
  /** Something came that only a page sends which has read the greeting of its newest connection. */
  arrived: () => void;
  refuse: (code: FaultCode, at: string) => void;
  /** After each message. */
  afterwards: () => void;
  /** After each message and each frame. */
  tookIn: () => void;
}

/** @returns what takes it in. */
export function createIntake(options: IntakeOptions): (bytes: Buffer, isBinary: boolean) => void {
  const { uplink, line, page, arrived, refuse } = options;

  function came(): void {
    line.came();
    arrived();
  }

  function hear(bytes: Buffer): void {
    const frame = uplink.frame(bytes);
    came();
    if (frame.ok) page.sound(frame.samples);
    else refuse(frame.code, frame.at);
  }

  function read(bytes: Buffer): void {
    if (!uplink.message()) {
      refuse('rate-limited', 'messages');
      return;
    }
    if (bytes.length > options.maxMessageBytes) {
      refuse('too-large', 'message');
      return;
    }
    const result = readMessage(WidgetMessage, bytes.toString());
    if (!result.ok) {
      refuse('protocol', result.at);
      return;
    }
    const { message } = result;
    if (message.type === 'ack') {
      arrived();
      if (!line.acknowledged(message)) refuse('protocol', 'ack');
      return;
    }
    // Of the connection, not of the conversation.
    if (message.type !== 'ping' && message.type !== 'auth') {
      line.received.message();
      came();
    }
    page.message(message);
    options.afterwards();
  }

  return (bytes, isBinary) => {
    if (isBinary) hear(bytes);
    else read(bytes);
    options.tookIn();
  };
}
