import { setTimeout as sleep } from 'node:timers/promises';
import { ServerEvent } from './openai-event-schema.ts';

/** Fields of every event that the tests look into. */
export interface RealtimeEvent {
  readonly type: string;
  readonly event_id: string;
  readonly response_id: string;
  readonly item_id: string;
  readonly previous_item_id: string | null;
  readonly transcript: string;
  readonly delta: string;
  readonly audio_start_ms: number;
  readonly audio_end_ms: number;
  // biome-ignore-start lint/suspicious/noExplicitAny: tests look into objects of every kind.
  readonly session: any;
  readonly response: any;
  readonly item: any;
  readonly usage: any;
  readonly error: any;
  // biome-ignore-end lint/suspicious/noExplicitAny: as above.
}

/** The events of one connection, in order. */
export interface EventList {
  readonly events: readonly RealtimeEvent[];
  add(text: string): void;
  /** The nth event of a type, from 1, as soon as it is there. Throws if an event was not as OpenAI specifies it. */
  event(type: string, nth?: number): Promise<RealtimeEvent>;
}

const WAIT_MS = 30_000;

export const eventList = (name: string): EventList => {
  const events: RealtimeEvent[] = [];
  let unspecified: string | undefined;
  return {
    events,
    add: (text) => {
      const event = JSON.parse(text);
      events.push(event);
      const read = ServerEvent.safeParse(event);
      if (!read.success) unspecified ??= `${event.type} is not as OpenAI specifies it: ${read.error.message}`;
    },
    event: async (type, nth = 1) => {
      for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += 10) {
        if (unspecified !== undefined) throw new Error(unspecified);
        const found = events.filter((event) => event.type === type)[nth - 1];
        if (found !== undefined) return found;
        await sleep(10);
      }
      const types = events.map((event) => event.type).join(', ');
      throw new Error(`The ${name} got no ${type}. It got: ${types}`);
    },
  };
};
