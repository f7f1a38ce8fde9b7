import { randomBytes } from 'node:crypto';
import { type ClientSecret, describeSession } from '../client-secrets.ts';
import { responseFailureOf } from '../failures.ts';
import { answerSdp } from '../sdp.ts';
import { clientError } from './client-events.ts';
import { createConversation } from './conversation.ts';
import { loadPeers, type OpenPeer, type Peer } from './peer.ts';

/** OpenAI ends a session after this, however busy it is. Source: developers.openai.com/blog/realtime-api */
export const MAX_CALL_MS = 60 * 60 * 1_000;

const NO_LIBRARY =
  'The package werift is not installed: the stand-in for OpenAI answers calls without sound or events.';

export type Calls = {
  /** Opens a call. Undefined for an offer that cannot be answered. */
  readonly open: (
    offer: string,
    secret: ClientSecret,
  ) => Promise<{ callId: string; answer: string } | undefined>;
  /** Ends a call. False when there is none of this id. */
  readonly hangUp: (callId: string) => boolean;
  /** Ends a call without a word, as an outage does. */
  readonly drop: (callId: string) => void;
  /** The calls that go on, oldest first. */
  readonly live: () => readonly string[];
  readonly close: () => Promise<void>;
};

/** Holds the calls of one stand-in. A call goes on after its secret has expired, for an hour at most. */
export function createCalls({
  now,
  maxCallMs = MAX_CALL_MS,
  say,
  load = loadPeers,
}: {
  readonly now: () => number;
  readonly maxCallMs?: number | undefined;
  readonly say: (line: string) => void;
  readonly load?: typeof loadPeers;
}): Calls {
  const live = new Map<string, Peer>();
  const take = (callId: string): Peer | undefined => {
    const peer = live.get(callId);
    live.delete(callId);
    return peer;
  };
  const ending = new Set<Promise<void>>();
  const end = (callId: string, how: 'hangUp' | 'close'): boolean => {
    const peer = take(callId);
    if (peer === undefined) return false;
    const ended = peer[how]();
    ending.add(ended);
    void ended.finally(() => ending.delete(ended));
    return true;
  };
  let peers: Promise<OpenPeer | undefined> | undefined;
  const loadOnce = () => {
    peers ??= load().then((openPeer) => {
      if (openPeer === undefined) say(NO_LIBRARY);
      return openPeer;
    });
    return peers;
  };

  const answerCall = async (openPeer: OpenPeer, offer: string, secret: ClientSecret, callId: string) => {
    const session = {
      ...describeSession(secret.session, secret.model),
      expires_at: Math.floor((now() + maxCallMs) / 1_000),
    };
    return openPeer(offer, (line) => {
      const conversation = createConversation({
        session,
        settings: secret.session,
        failure: responseFailureOf(secret.failure),
        line,
      });
      let timer: NodeJS.Timeout | undefined;
      const expire = (): void => {
        conversation.fail(
          clientError('session_expired', 'Your session hit the maximum duration of 60 minutes.'),
        );
        end(callId, 'hangUp');
      };
      return {
        onOpen: () => {
          timer = setTimeout(expire, maxCallMs);
          timer.unref();
          conversation.start();
        },
        onMessage: conversation.receive,
        onSound: conversation.hear,
        onGone: () => {
          clearTimeout(timer);
          conversation.end();
          end(callId, 'close');
        },
      };
    });
  };

  return {
    open: async (offer, secret) => {
      const callId = `rtc_${randomBytes(16).toString('hex')}`;
      const openPeer = await loadOnce();
      if (openPeer === undefined) return { callId, answer: answerSdp(offer) };
      const peer = await answerCall(openPeer, offer, secret, callId).catch(() => undefined);
      if (peer === undefined) return undefined;
      live.set(callId, peer);
      return { callId, answer: peer.answer };
    },
    hangUp: (callId) => end(callId, 'hangUp'),
    drop: (callId) => {
      end(callId, 'close');
    },
    live: () => [...live.keys()],
    close: async () => {
      const peers = [...live.values()];
      live.clear();
      await Promise.all([...peers.map((peer) => peer.close()), ...ending]);
    },
  };
}
