/** A slot can become free long before the time that the broker gives, so the visitor may retry early, but not immediately. */
const BUSY_PAUSE_SECONDS = 5;
const TICK_MS = 500;

/** The time after a refusal until a retry makes sense. Calls back while it passes. */
export class Wait {
  readonly #onTick: () => void;
  #beganAt = 0;
  #endsAt = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onTick: () => void) {
    this.#onTick = onTick;
  }

  begin(seconds: number): void {
    this.#beganAt = performance.now();
    this.#endsAt = this.#beganAt + seconds * 1_000;
    this.resume();
  }

  /** Ticks on, after `halt`. */
  resume(): void {
    this.halt();
    if (this.#endsAt === 0) return;
    this.#timer = setInterval(() => {
      if (this.leftSeconds() === 0) this.halt();
      this.#onTick();
    }, TICK_MS);
  }

  halt(): void {
    clearInterval(this.#timer);
  }

  /** Ends the wait. */
  clear(): void {
    this.halt();
    this.#endsAt = 0;
  }

  /** Whole seconds until a retry makes sense. */
  leftSeconds(): number {
    return Math.max(0, Math.ceil((this.#endsAt - performance.now()) / 1_000));
  }

  /** True while the retry button is disabled: after `busy`, for some seconds only. */
  isResting(isBusy: boolean): boolean {
    const restedSeconds = (performance.now() - this.#beganAt) / 1_000;
    return this.leftSeconds() > 0 && (!isBusy || restedSeconds < BUSY_PAUSE_SECONDS);
  }
}
