import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { PeerEvent } from './peer.ts';

/** The parts of OpenAI's API that the checks use. */
export interface OpenAiUnderTest {
  /** A server of this machine. */
  readonly isLocal: boolean;
  create(offer: string, session: Record<string, unknown>): Promise<Created>;
  hangUp(callId: string): Promise<Answered>;
  attach(callId: string): Promise<Sideband>;
}

export interface Answered {
  readonly status: number;
  readonly ms: number;
}

export interface Created extends Answered {
  /** Undefined if `Location` has none. */
  readonly callId: string | undefined;
  readonly contentType: string | null;
  readonly answer: string;
  /** OpenAI's code for a refusal; its message is not kept, because it can quote the key. */
  readonly errorCode: string | undefined;
}

export interface Sideband {
  readonly events: readonly PeerEvent[];
  send(event: Record<string, unknown>): void;
  /** The close code, after the connection is closed. */
  closeCode(): number | undefined;
  close(): void;
}

const CREATE_MS = 15_000;
const HANG_UP_MS = 5_000;
const CALL_ID = /^\/v1\/realtime\/calls\/(rtc_[A-Za-z0-9_-]+)$/;
const OPENAI_HOST = /^(?:[a-z]{2}\.)?api\.openai\.com$/;
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** True for OpenAI's own hosts and for this machine. A key is never sent elsewhere. */
export const mayHaveKey = (url: string): boolean => {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return (protocol === 'https:' && OPENAI_HOST.test(hostname)) || LOOPBACK.has(hostname);
};

/** @param baseUrl With its `/v1`. */
export const openAiUnderTest = (baseUrl: string, key: string): OpenAiUnderTest => {
  const headers = { authorization: `Bearer ${key}` };
  const post = async (path: string, timeoutMs: number, body?: FormData) => {
    const startedMs = performance.now();
    const response = await fetch(`${baseUrl}${path}`, {
      method: 'POST',
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    return { response, text, ms: Math.round(performance.now() - startedMs) };
  };
  return {
    isLocal: LOOPBACK.has(new URL(baseUrl).hostname),
    create: async (offer, session) => {
      const form = new FormData();
      form.set('sdp', new Blob([offer], { type: 'application/sdp' }));
      form.set('session', new Blob([JSON.stringify(session)], { type: 'application/json' }));
      const { response, text, ms } = await post('/realtime/calls', CREATE_MS, form);
      return {
        status: response.status,
        ms,
        callId: CALL_ID.exec(response.headers.get('location') ?? '')?.[1],
        contentType: response.headers.get('content-type'),
        answer: response.ok ? text : '',
        errorCode: response.ok ? undefined : errorCodeOf(text),
      };
    },
    hangUp: async (callId) => {
      const { response, ms } = await post(`/realtime/calls/${callId}/hangup`, HANG_UP_MS);
      return { status: response.status, ms };
    },
    attach: async (callId) => {
      const socket = new WebSocket(`${baseUrl.replace(/^http/, 'ws')}/realtime?call_id=${callId}`, {
        headers,
      });
      const events: PeerEvent[] = [];
      let code: number | undefined;
      socket.on('message', (data) => events.push(JSON.parse(String(data))));
      socket.on('close', (closed) => {
        code = closed;
      });
      await new Promise<void>((resolve, reject) => {
        socket.once('open', resolve);
        socket.once('unexpected-response', (_, { statusCode }) => {
          socket.terminate();
          reject(new Error(`The sideband was refused with ${statusCode}.`));
        });
        socket.once('error', () => reject(new Error('The sideband did not connect.')));
      });
      return {
        events,
        send: (event) => socket.send(JSON.stringify(event)),
        closeCode: () => code,
        close: () => socket.close(),
      };
    },
  };
};

const errorCodeOf = (text: string): string => {
  try {
    const code = JSON.parse(text)?.error?.code;
    return typeof code === 'string' && /^[a-z_]{1,60}$/.test(code) ? code : 'none';
  } catch {
    return 'none';
  }
};

/** Waits until `find` returns a value; undefined after a timeout. */
export const waitFor = async <Found>(
  find: () => Found | undefined,
  timeoutMs: number,
): Promise<Found | undefined> => {
  const untilMs = performance.now() + timeoutMs;
  for (let found = find(); ; found = find()) {
    if (found !== undefined) return found;
    if (performance.now() >= untilMs) return undefined;
    await sleep(10);
  }
};
