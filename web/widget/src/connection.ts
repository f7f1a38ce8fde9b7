import { deadline } from './deadline.ts';
import type { ClientEvent, ServerEvent } from './events.ts';
import { Failure } from './strings.ts';

/** Time within which an interrupted connection recovers by itself; OpenAI has no ICE restart. */
const SHAKEN_MS = 4_000;

export interface ConnectionHandlers {
  readonly onEvent: (event: ServerEvent) => void;
  readonly onSound: (stream: MediaStream) => void;
  /** Called once, if an open connection was lost without `close`. */
  readonly onLost: () => void;
}

export interface Connection {
  /** Does nothing if there are no events. */
  send(event: ClientEvent): void;

  /** Sends another microphone from now on, on the same call. */
  replaceTrack(track: MediaStreamTrack): Promise<void>;
  close(): void;
}

export interface ConnectOptions {
  /** Undefined if the visitor types: the connection then only receives sound. */
  readonly microphone: MediaStreamTrack | undefined;
  /** Milliseconds from the answer until sound flows. */
  readonly timeoutMs: number;
  /** Without events there are no captions; the site decides. */
  readonly hasEvents: boolean;
  /** Sends the offer to the broker and returns OpenAI's answer. */
  readonly exchange: (offer: string) => Promise<string>;
}

/** Connects to OpenAI; resolves when events flow, or sound if there are no events. Throws a `Failure`. */
export const connect = async (
  { microphone, timeoutMs, hasEvents, exchange }: ConnectOptions,
  handlers: ConnectionHandlers,
  signal: AbortSignal,
): Promise<Connection> => {
  const peer = new RTCPeerConnection();
  const events = hasEvents ? peer.createDataChannel('oai-events') : undefined;
  const { sender } = peer.addTransceiver(microphone ?? 'audio', {
    direction: microphone === undefined ? 'recvonly' : 'sendrecv',
  });
  let isClosed = false;
  const close = (): void => {
    isClosed = true;
    events?.close();
    peer.close();
  };
  signal.addEventListener('abort', close);
  try {
    peer.ontrack = ({ track }) => handlers.onSound(new MediaStream([track]));
    if (events)
      events.onmessage = ({ data }) => {
        const event = parseEvent(data);
        if (event !== undefined && !isClosed) handlers.onEvent(event);
      };
    await peer.setLocalDescription();
    signal.throwIfAborted();
    const sdp = await exchange(peer.localDescription?.sdp ?? '');
    await peer.setRemoteDescription({ type: 'answer', sdp });
    await opened(peer, events, deadline(signal, timeoutMs));
  } catch (error) {
    close();
    throw error instanceof Failure ? error : new Failure({ code: 'connection_failed' }, 'connection_failed');
  }
  watch(peer, events, () => {
    if (isClosed) return;
    close();
    handlers.onLost();
  });
  return {
    send: (event) => {
      if (events?.readyState === 'open') events.send(JSON.stringify(event));
    },
    replaceTrack: (track) => sender.replaceTrack(track),
    close,
  };
};

const opened = (
  peer: RTCPeerConnection,
  events: RTCDataChannel | undefined,
  signal: AbortSignal,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = () => reject(new Failure({ code: 'connection_failed' }, 'connection_failed'));
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail);
    if (events) events.onopen = () => resolve();
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === 'failed') fail();
      if (!events && peer.connectionState === 'connected') resolve();
    };
  });

const watch = (peer: RTCPeerConnection, events: RTCDataChannel | undefined, onLost: () => void): void => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (events) events.onclose = onLost;
  peer.onconnectionstatechange = () => {
    clearTimeout(timer);
    if (peer.connectionState === 'failed' || peer.connectionState === 'closed') onLost();
    if (peer.connectionState === 'disconnected') timer = setTimeout(onLost, SHAKEN_MS);
  };
};

const parseEvent = (data: unknown): ServerEvent | undefined => {
  try {
    const event = JSON.parse(String(data)) as ServerEvent | null;
    return typeof event?.type === 'string' ? event : undefined;
  } catch {
    return undefined;
  }
};
