import type { Stage } from './dockerfile.mjs';

export interface Image extends Stage {
  /** Stands for the image's root. */
  root: string;
  folder: string;
  env: Record<string, string>;
}
export interface Started {
  url: string;
  said: () => string;
  /** @returns its exit code, or the signal that ended it. */
  stop: () => Promise<number | string>;
}
export class DockerSteps {
  constructor(options: { context: string; print: (line: string) => void });
  build(text: string): Image;
  start(image: Image, settings: Record<string, string>): Promise<Started>;
  end(): void;
}
