import { WebSocket } from 'ws';
import type { LocalOpenAi } from '../../local/openai/server.ts';
import { eventList, type RealtimeEvent } from './realtime-events.ts';

/** A sideband of the stand-in, as a watcher has one. */
export interface Sideband {
  readonly events: readonly RealtimeEvent[];
  /** The nth event of a type, from 1, as soon as it is there. */
  event(type: string, nth?: number): Promise<RealtimeEvent>;
  send(event: Record<string, unknown> | string): void;
  /** Sends `session.update` and resolves with the session after it. */
  update(session?: Record<string, unknown>): Promise<RealtimeEvent['session']>;
  /** Resolves with the close code once the other side has closed. */
  readonly closed: Promise<number>;
  close(): void;
}

/** Attaches to a call, or throws with the status of the refusal. */
export const attachSideband = async (
  { baseUrl }: Pick<LocalOpenAi, 'baseUrl'>,
  callId: string,
  key: string,
): Promise<Sideband> => {
  const url = `${baseUrl.replace('http', 'ws')}/realtime?call_id=${callId}`;
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${key}` } });
  const list = eventList('sideband');
  socket.on('message', (data) => list.add(String(data)));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  let updates = 0;
  const send = (event: Record<string, unknown> | string): void =>
    socket.send(typeof event === 'string' ? event : JSON.stringify(event));
  return {
    events: list.events,
    event: list.event,
    send,
    update: async (session = {}) => {
      send({ type: 'session.update', session: { type: 'realtime', ...session } });
      updates += 1;
      return (await list.event('session.updated', updates)).session;
    },
    closed,
    close: () => socket.close(),
  };
};
