import type { Levels } from './activity.ts';
import { followLevels, type LevelMeter } from './meter.ts';

/** The assistant's sound, and how loud both sides are. */
export class Sound {
  /** True if the sound is refused or paused: browsers refuse it before a gesture, and the system pauses it for a phone call. */
  isBlocked = false;
  readonly #audio = new Audio();
  readonly #onBlocked: (isBlocked: boolean) => void;
  #levels: LevelMeter | undefined;

  /** `onBlocked` is called whenever `isBlocked` has changed in a call. */
  constructor(onBlocked: (isBlocked: boolean) => void) {
    this.#onBlocked = onBlocked;
    this.#audio.autoplay = true;
    this.#audio.addEventListener('pause', () => this.hearAgain());
  }

  /** Plays the assistant; gives the level of each side to `draw`, once per frame. */
  play(
    visitor: MediaStream | undefined,
    assistant: MediaStream,
    draw: (visitor: number, assistant: number) => void,
  ): void {
    this.#audio.srcObject = assistant;
    void this.#play();
    this.#levels?.stop();
    this.#levels = followLevels([visitor, assistant], draw);
  }

  /** Resumes sound that the browser refused or paused. No effect outside of a call. */
  hearAgain(): void {
    this.#levels?.resume();
    if (this.#audio.srcObject !== null && (this.isBlocked || this.#audio.paused)) void this.#play();
  }

  /** The levels at this moment; undefined where they are not measured. */
  levels(): Levels | undefined {
    return this.#levels?.now();
  }

  stop(): void {
    this.#levels?.stop();
    this.#levels = undefined;
    this.#audio.srcObject = null;
    this.isBlocked = false;
  }

  async #play(): Promise<void> {
    const isBlocked = await this.#audio.play().then(
      () => false,
      // Not if a newer sound has replaced this one.
      (error: unknown) => error instanceof DOMException && error.name === 'NotAllowedError',
    );
    if (this.#audio.srcObject === null || isBlocked === this.isBlocked) return;
    this.isBlocked = isBlocked;
    this.#onBlocked(isBlocked);
  }
}
