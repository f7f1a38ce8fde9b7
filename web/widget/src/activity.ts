import type { ServerEvent } from './events.ts';

export type TurnState = 'listening' | 'thinking' | 'speaking';

/** How loud the visitor and the assistant are, 0 to 1 each. */
export type Levels = readonly [visitor: number, assistant: number];

/** Peaks below this are the noise of a quiet microphone. */
const QUIET = 0.04;
/** After so much silence during speech, the event that ends the speech was lost. */
const LOST_EVENT_MS = 20_000;
/** A pause between two words is shorter. */
const PAUSE_MS = 800;
/** An answer that has not begun by then will not come. */
const LONGEST_THOUGHT_MS = 8_000;

/**
 * Knows whose turn it is, and for how long nobody has spoken. OpenAI's events may come late, twice or never: an event
 * changes only what carries its id, and the sound itself bounds speech whose end was not announced.
 */
export class Activity {
  #visitor: string | undefined;
  #assistant: string | undefined;
  #answer: string | undefined;
  #visitorLoudAt = 0;
  #assistantLoudAt = 0;
  #activeAt = 0;
  readonly #over = new Set<string>();

  get state(): TurnState {
    if (this.#visitor !== undefined) return 'listening';
    if (this.#assistant !== undefined) return 'speaking';
    return this.#answer === undefined ? 'listening' : 'thinking';
  }

  /** Forgets all turns, as a new connection does. Times are milliseconds of one steady clock. */
  restart(now: number): void {
    this.#visitor = this.#assistant = this.#answer = undefined;
    this.#over.clear();
    this.#activeAt = now;
  }

  /** Keeps the silence at zero. */
  touch(now: number): void {
    this.#activeAt = now;
  }

  silentMs(now: number): number {
    return now - this.#activeAt;
  }

  /** Takes an event in; answers false for a repetition and for one that came too late to mean anything. */
  hear({ type, item_id, response_id, response }: ServerEvent, now: number): boolean {
    const id = response?.id ?? response_id ?? item_id ?? '';
    switch (type) {
      case 'input_audio_buffer.speech_started':
        if (this.#over.has(`speech ${id}`)) return false;
        this.#visitor = id;
        this.#visitorLoudAt = now;
        break;
      case 'input_audio_buffer.speech_stopped':
        if (!this.#finish(`speech ${id}`, id)) return false;
        if (isSame(id, this.#visitor)) this.#visitor = undefined;
        break;
      case 'response.created':
        if (this.#over.has(`answer ${id}`)) return false;
        this.#answer = id;
        break;
      case 'response.done':
        if (!this.#finish(`answer ${id}`, id)) return false;
        if (isSame(id, this.#answer)) this.#answer = undefined;
        return true;
      case 'output_audio_buffer.started':
        if (this.#over.has(`sound ${id}`)) return false;
        this.#assistant = id;
        this.#assistantLoudAt = now;
        break;
      case 'output_audio_buffer.stopped':
      case 'output_audio_buffer.cleared':
        if (!this.#finish(`sound ${id}`, id)) return false;
        if (isSame(id, this.#answer)) this.#answer = undefined;
        if (isSame(id, this.#assistant)) this.#assistant = undefined;
        break;
      default:
        return true;
    }
    this.#activeAt = now;
    return true;
  }

  /** Called every second with the present levels; undefined if the browser does not measure them. */
  tick(now: number, levels: Levels | undefined): void {
    if (levels === undefined || levels[0] > QUIET) this.#visitorLoudAt = now;
    if (levels === undefined || levels[1] > QUIET) this.#assistantLoudAt = now;
    // Also where the event that starts this sound was lost.
    if (levels !== undefined && levels[1] > QUIET) this.#activeAt = now;
    if (this.#visitor !== undefined) {
      this.#activeAt = this.#visitorLoudAt;
      if (now - this.#visitorLoudAt >= LOST_EVENT_MS) this.#visitor = undefined;
      else this.#activeAt = now;
    }
    if (this.#assistant !== undefined) {
      if (now - this.#assistantLoudAt >= LOST_EVENT_MS) this.#assistant = undefined;
      else this.#activeAt = now;
    }
  }

  /** Without events: takes in the levels, several times a second. */
  listen(now: number, levels: Levels | undefined): void {
    // Where sound is not measured nobody counts as silent; the longest time still bounds the call.
    if (levels === undefined) {
      this.#activeAt = now;
      return;
    }
    const [visitor, assistant] = levels;
    if (assistant > QUIET) {
      this.#assistantLoudAt = this.#activeAt = now;
      this.#assistant = '';
      this.#visitor = this.#answer = undefined;
    } else if (now - this.#assistantLoudAt >= PAUSE_MS) this.#assistant = undefined;
    if (visitor > QUIET && this.#assistant === undefined) {
      this.#visitorLoudAt = this.#activeAt = now;
      this.#visitor = '';
    } else if (this.#visitor !== undefined && now - this.#visitorLoudAt >= PAUSE_MS) {
      this.#visitor = undefined;
      this.#answer = '';
    }
    if (now - this.#visitorLoudAt >= LONGEST_THOUGHT_MS) this.#answer = undefined;
  }

  #finish(key: string, id: string): boolean {
    if (this.#over.has(key)) return false;
    if (id !== '') this.#over.add(key);
    return true;
  }
}

/** An event without an id means whatever is going on. */
const isSame = (id: string, current: string | undefined): boolean =>
  id === '' || current === '' || id === current;
