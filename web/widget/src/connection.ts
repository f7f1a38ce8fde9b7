import { deadline } from './deadline.ts';
import { codeOf, Failure, type OpenAiError, problemOfOpenAi } from './strings.ts';

const CONNECT_TIMEOUT_MS = 15_000;
/** A connection that is only shaken comes back within this; OpenAI cannot be asked to restart ICE. */
const SHAKEN_MS = 4_000;

export interface ConnectionHandlers {
  readonly onEvent: (event: ServerEvent) => void;
  readonly onSound: (stream: MediaStream) => void;
  /** It was open and is gone, without `close`. Comes once. */
  readonly onLost: () => void;
}

/** The fields of OpenAI's events that the widget reads. Source: developers.openai.com/api/docs/guides/realtime */
export interface ServerEvent {
  readonly type: string;
  readonly item_id?: string;
  readonly delta?: string;
  readonly transcript?: string;
  readonly response?: {
    readonly id?: string;
    readonly status?: string;
    readonly usage?: Readonly<Record<string, unknown>> | null;
    readonly status_details?: { readonly error?: OpenAiError | null } | null;
  };
  readonly error?: OpenAiError | null;
}

export interface Connection {
  close(): void;
}

/** Connects to OpenAI with an ephemeral secret; resolves when events flow. Throws a `Failure`. */
export const connect = async (
  options: { readonly url: string; readonly secret: string; readonly microphone: MediaStream },
  handlers: ConnectionHandlers,
  signal: AbortSignal,
): Promise<Connection> => {
  const peer = new RTCPeerConnection();
  const events = peer.createDataChannel('oai-events');
  let isClosed = false;
  const close = (): void => {
    isClosed = true;
    events.close();
    peer.close();
  };
  try {
    for (const track of options.microphone.getAudioTracks()) peer.addTrack(track, options.microphone);
    peer.ontrack = ({ track }) => handlers.onSound(new MediaStream([track]));
    events.onmessage = ({ data }) => {
      const event = parseEvent(data);
      if (event !== undefined && !isClosed) handlers.onEvent(event);
    };
    await peer.setLocalDescription();
    const sdp = await exchange(options, peer.localDescription?.sdp ?? '', signal);
    await peer.setRemoteDescription({ type: 'answer', sdp });
    await opened(peer, events, signal);
  } catch (error) {
    close();
    throw error instanceof Failure ? error : new Failure({ code: 'connection_failed' }, 'connection_failed');
  }
  watch(peer, events, () => {
    if (isClosed) return;
    close();
    handlers.onLost();
  });
  return { close };
};

const exchange = async (
  { url, secret }: { readonly url: string; readonly secret: string },
  offer: string,
  signal: AbortSignal,
): Promise<string> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/sdp' },
    body: offer,
    credentials: 'omit',
    signal: deadline(signal, CONNECT_TIMEOUT_MS),
  });
  if (response.ok) return response.text();
  const answer = (await response.json().catch(() => null)) as { error?: OpenAiError | null } | null;
  const code = codeOf(answer?.error);
  const retryAfter = Number(response.headers.get('retry-after')) || undefined;
  throw new Failure({ code: problemOfOpenAi(code), retryAfter }, code ?? `http_${response.status}`);
};

const opened = (peer: RTCPeerConnection, events: RTCDataChannel, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = () => reject(new Failure({ code: 'connection_failed' }, 'connection_failed'));
    const timer = setTimeout(fail, CONNECT_TIMEOUT_MS);
    signal.addEventListener('abort', fail);
    events.onopen = () => {
      clearTimeout(timer);
      resolve();
    };
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === 'failed') fail();
    };
  });

const watch = (peer: RTCPeerConnection, events: RTCDataChannel, onLost: () => void): void => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  events.onclose = onLost;
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
