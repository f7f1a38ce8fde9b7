import { randomBytes } from 'node:crypto';
import type { WebSocket } from 'ws';
import { responseFailureOf } from '../failures.ts';
import { answerSdp } from '../sdp.ts';
import type { SessionRequest } from '../session-schema.ts';
import { clientError } from './client-events.ts';
import { type Conversation, createConversation } from './conversation.ts';
import { createInvoice, type Invoice, type InvoiceWriter } from './invoice.ts';
import { type Line, loadPeers, type OpenPeer, type Peer } from './peer.ts';

/** OpenAI ends a session after this time, even if it is active. Source: developers.openai.com/blog/realtime-api */
export const MAX_CALL_MS = 60 * 60 * 1_000;
const EXPIRY_CHECK_MS = 100;
const MAX_KEPT_CALLS = 1_000;
/** Close code of sidebands at the end of their call. Our choice: OpenAI's code is not documented. */
const CALL_OVER = 1_000;

const NO_LIBRARY =
  'The package werift is not installed: the stand-in for OpenAI answers calls without sound or events.';

/** How a call ended: by a hang-up, because the browser left, at its time limit, or in an outage. */
export type CallEnd = 'hang_up' | 'browser_left' | 'max_duration' | 'outage';

/** The stand-in's record of a call, which is kept after its end. */
export type CallRecord = {
  readonly callId: string;
  /** The fingerprint of the key that may control it: the one that created it or minted its client secret. */
  readonly keyFingerprint: string;
  readonly createdWith: 'key' | 'client_secret';
  readonly hasDataChannel: boolean;
  /** Unix milliseconds on the stand-in's clock. */
  readonly createdAt: number;
  readonly ended: { readonly at: number; readonly by: CallEnd } | undefined;
  /** Sidebands that are attached now. */
  readonly sidebands: number;
  /** The session object as of now. */
  readonly session: Readonly<Record<string, unknown>>;
  /** The settings of every request for a response, oldest first; empty if turn detection asked. */
  readonly responseRequests: Conversation['responseRequests'];
  readonly invoice: Invoice;
};

export type CallRequest = {
  readonly offer: string;
  readonly settings: SessionRequest | undefined;
  readonly model: string;
  /** The failure suffix of the key. */
  readonly failure: string | undefined;
  readonly owner: string;
  readonly createdWith: CallRecord['createdWith'];
  /** A fault: the call continues after its browser has left, until a hang-up or the time limit. */
  readonly outlivesBrowser?: boolean | undefined;
};

export type Calls = {
  /** Opens a call. Undefined for an offer that cannot be answered. */
  readonly open: (request: CallRequest) => Promise<{ callId: string; answer: string } | undefined>;
  /** True while the call continues and the key may control it. For another key, the call does not exist. */
  readonly isLive: (callId: string, owner: string) => boolean;
  /** Ends a call. False if this key has no such call. */
  readonly hangUp: (callId: string, owner: string) => boolean;
  /** Connects a sideband without an event. */
  readonly attach: (callId: string, sideband: WebSocket) => void;
  readonly closeSidebands: (callId: string, code: number, reason?: string) => void;
  /** Ends a call without an event, as an outage does. */
  readonly drop: (callId: string) => void;
  /** Ends calls that exceed the time limit by the clock. Also runs automatically ten times a second. */
  readonly expire: () => void;
  /** The calls that continue, oldest first. */
  readonly live: () => readonly string[];
  /** The latest thousand calls, oldest first. */
  readonly records: () => readonly CallRecord[];
  readonly close: () => Promise<void>;
};

type Call = Pick<CallRecord, 'callId' | 'keyFingerprint' | 'createdWith' | 'hasDataChannel' | 'createdAt'> & {
  readonly expiresAt: number;
  readonly conversation: Conversation;
  readonly invoice: InvoiceWriter;
  readonly sidebands: Set<WebSocket>;
  readonly peer: Peer;
  ended: CallRecord['ended'];
};

/** Holds the calls of one stand-in. A call continues after its client secret has expired, for an hour at most. */
export function createCalls({
  now,
  say,
  load = loadPeers,
}: {
  readonly now: () => number;
  readonly say: (line: string) => void;
  readonly load?: typeof loadPeers;
}): Calls {
  const calls = new Map<string, Call>();
  const ending = new Set<Promise<void>>();
  const liveCalls = (): readonly Call[] => [...calls.values()].filter(({ ended }) => ended === undefined);
  const liveCall = (callId: string, owner?: string): Call | undefined => {
    const call = calls.get(callId);
    const isOwn = owner === undefined || call?.keyFingerprint === owner;
    return isOwn && call?.ended === undefined ? call : undefined;
  };
  const end = (call: Call, by: CallEnd): void => {
    if (call.ended !== undefined) return;
    call.ended = { at: now(), by };
    call.conversation.end();
    const ended = by === 'hang_up' || by === 'max_duration' ? call.peer.hangUp() : call.peer.close();
    ending.add(ended);
    void ended.finally(() => ending.delete(ended));
    for (const sideband of call.sidebands) {
      if (by === 'outage') sideband.terminate();
      else sideband.close(CALL_OVER, 'The call has ended.');
    }
  };
  const expire = (): void => {
    for (const call of liveCalls().filter(({ expiresAt }) => now() >= expiresAt)) {
      const message = 'Your session hit the maximum duration of 60 minutes.';
      call.conversation.fail(clientError('session_expired', message));
      end(call, 'max_duration');
    }
  };
  const timer = setInterval(expire, EXPIRY_CHECK_MS);
  timer.unref();

  let peers: Promise<OpenPeer | undefined> | undefined;
  const loadOnce = () => {
    peers ??= load().then((openPeer) => {
      if (openPeer === undefined) say(NO_LIBRARY);
      return openPeer;
    });
    return peers;
  };

  const openCall = async (openPeer: OpenPeer, callId: string, request: CallRequest): Promise<Call> => {
    const createdAt = now();
    const expiresAt = createdAt + MAX_CALL_MS;
    const invoice = createInvoice();
    const sidebands = new Set<WebSocket>();
    const converse = (line: Line) =>
      createConversation({
        settings: request.settings,
        model: request.model,
        expiresAt: Math.floor(expiresAt / 1_000),
        failure: responseFailureOf(request.failure),
        play: line.play,
        broadcast: (text) => {
          line.send(text);
          for (const sideband of sidebands) sideband.send(text);
        },
        invoice,
      });
    // The peer opens within the promise below and reports events only afterwards, so both are set when they are needed.
    let conversation: Conversation | undefined;
    let call: Call | undefined;
    const peer = await openPeer(request.offer, (line) => {
      const begun = converse(line);
      conversation = begun;
      return {
        onOpen: () => begun.greet(line.send),
        onMessage: (text) => begun.receive(text, line.send),
        onSound: begun.hear,
        onGone: () => {
          if (call !== undefined && request.outlivesBrowser !== true) end(call, 'browser_left');
        },
      };
    });
    if (conversation === undefined) throw new Error('The peer has no line.');
    call = {
      callId,
      keyFingerprint: request.owner,
      createdWith: request.createdWith,
      hasDataChannel: /^m=application /m.test(request.offer),
      createdAt,
      expiresAt,
      conversation,
      invoice,
      sidebands,
      peer,
      ended: undefined,
    };
    return call;
  };

  return {
    open: async (request) => {
      const callId = `rtc_${randomBytes(16).toString('hex')}`;
      const openPeer = await loadOnce();
      if (openPeer === undefined) return { callId, answer: answerSdp(request.offer) };
      const call = await openCall(openPeer, callId, request).catch(() => undefined);
      if (call === undefined) return undefined;
      calls.set(callId, call);
      const oldest = calls.size > MAX_KEPT_CALLS && [...calls.values()].find(({ ended }) => ended);
      if (oldest) calls.delete(oldest.callId);
      return { callId, answer: call.peer.answer };
    },
    isLive: (callId, owner) => liveCall(callId, owner) !== undefined,
    hangUp: (callId, owner) => {
      const call = liveCall(callId, owner);
      if (call !== undefined) end(call, 'hang_up');
      return call !== undefined;
    },
    attach: (callId, sideband) => {
      const call = liveCall(callId);
      if (call === undefined) return sideband.close(CALL_OVER, 'The call has ended.');
      call.sidebands.add(sideband);
      sideband.on('close', () => call.sidebands.delete(sideband));
      sideband.on('message', (data) =>
        call.conversation.receive(String(data), (text) => sideband.send(text)),
      );
      return undefined;
    },
    closeSidebands: (callId, code, reason) => {
      for (const sideband of calls.get(callId)?.sidebands ?? []) closeSideband(sideband, code, reason);
    },
    drop: (callId) => {
      const call = liveCall(callId);
      if (call !== undefined) end(call, 'outage');
    },
    expire,
    live: () => liveCalls().map(({ callId }) => callId),
    records: () => [...calls.values()].map(recordOf),
    close: async () => {
      clearInterval(timer);
      for (const call of liveCalls()) end(call, 'outage');
      await Promise.all(ending);
    },
  };
}

/** Closes a sideband with a code of RFC 6455; 1006 means without a closing handshake. */
export function closeSideband(sideband: WebSocket, code: number, reason?: string): void {
  if (code === 1_006) sideband.terminate();
  else sideband.close(code, reason);
}

function recordOf(call: Call): CallRecord {
  const { callId, keyFingerprint, createdWith, hasDataChannel, createdAt, ended } = call;
  return {
    callId,
    keyFingerprint,
    createdWith,
    hasDataChannel,
    createdAt,
    ended,
    sidebands: call.sidebands.size,
    session: call.conversation.session(),
    responseRequests: call.conversation.responseRequests,
    invoice: call.invoice.read(),
  };
}
