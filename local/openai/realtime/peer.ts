import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BYTES_PER_MS } from './mu-law.ts';
import { candidateAddresses, dropForeignDatagrams } from './own-datagrams.ts';
import { hum } from './speech.ts';

/** Events on a connection. */
export type PeerHandlers = {
  /** The data channel is open: events can be sent. */
  readonly onOpen: () => void;
  /** One message of the data channel. */
  readonly onMessage: (text: string) => void;
  /** µ-law sound as it arrived, a packet at a time. */
  readonly onSound: (payload: Uint8Array) => void;
  /** Called once when the connection has ended, by either side. */
  readonly onGone: () => void;
};

export type Playing = {
  /** Ends the sound and returns how much of it was sent. Later calls return the same. */
  readonly stop: () => number;
};

/** The outgoing side of an open connection. */
export type Line = {
  readonly send: (text: string) => void;
  /** Plays a hum of `ms`. Calls `onEnd` after all of it was sent, but not after `stop`. */
  readonly play: (ms: number, onEnd: () => void) => Playing;
};

export type Peer = {
  readonly answer: string;
  /** Closes the data channel first, so that the browser notices immediately. */
  readonly hangUp: () => Promise<void>;
  /** Only stops to respond, which a browser notices after some seconds. */
  readonly close: () => Promise<void>;
};

/** Opens a peer for an offer. Throws for an offer that is not WebRTC or has no sound. */
export type OpenPeer = (offer: string, handle: (line: Line) => PeerHandlers) => Promise<Peer>;

const FRAME_MS = 20;
/** Enough time for the close message of a channel to arrive on this machine. */
const CLOSING_MS = 200;

/** The WebRTC of this machine, or undefined if its library is not installed. */
export async function loadPeers(): Promise<OpenPeer | undefined> {
  try {
    const werift = await import('werift');
    dropForeignDatagrams(werift.UdpTransport);
    return (offer, handle) => openPeer(werift, offer, handle);
  } catch {
    return undefined;
  }
}

/**
 * Offers the loopback address and the machine's own addresses: Firefox gathers no loopback candidate and reaches only the
 * latter. Datagrams of other machines are dropped before they are read (`own-datagrams.ts`). Asks no STUN server.
 */
async function openPeer(
  { RTCPeerConnection, MediaStreamTrack, usePCMU, RtpHeader, RtpPacket }: typeof import('werift'),
  offer: string,
  handle: (line: Line) => PeerHandlers,
): Promise<Peer> {
  const connection = new RTCPeerConnection({
    codecs: { audio: [usePCMU()] },
    iceServers: [],
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: candidateAddresses(offer),
  });
  const voice = new MediaStreamTrack({ kind: 'audio' });
  connection.addTrack(voice);
  const channels: { send(text: string): void; close(): void; readonly readyState: string }[] = [];
  let sequenceNumber = randomInt(2 ** 16);
  const startedMs = performance.now();
  const sendFrame = (payload: Buffer, atMs: number, isFirst: boolean): void => {
    const timestamp = Math.round(atMs / FRAME_MS) * FRAME_MS * BYTES_PER_MS;
    const header = new RtpHeader({ payloadType: 0, sequenceNumber, timestamp, marker: isFirst });
    sequenceNumber = (sequenceNumber + 1) % 2 ** 16;
    voice.writeRtp(new RtpPacket(header, payload));
  };

  const handlers = handle({
    send: (text) => {
      for (const channel of channels) if (channel.readyState === 'open') channel.send(text);
    },
    play: (ms, onEnd) => {
      // The sound's clock continues during silence.
      const fromMs = performance.now() - startedMs;
      return playFrames(ms, (payload, atMs) => sendFrame(payload, fromMs + atMs, atMs === 0), onEnd);
    },
  });

  connection.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe(({ payload }) => handlers.onSound(payload));
  });
  connection.onDataChannel.subscribe((channel) => {
    const opened = () => {
      channels.push(channel);
      handlers.onOpen();
    };
    channel.onMessage.subscribe((message) => handlers.onMessage(String(message)));
    if (channel.readyState === 'open') opened();
    channel.stateChanged.subscribe((state) => {
      if (state === 'open') opened();
      if (state === 'closed') gone();
    });
  });
  let isGone = false;
  const gone = () => {
    if (isGone) return;
    isGone = true;
    handlers.onGone();
  };
  connection.connectionStateChange.subscribe((state) => {
    if (state === 'failed' || state === 'closed') gone();
  });

  try {
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    await connection.setLocalDescription(await connection.createAnswer());
  } catch (error) {
    await connection.close();
    throw error;
  }

  // The call has ended, even if an error occurs while it closes.
  const close = (): Promise<void> => connection.close().catch(() => undefined);
  return {
    answer: connection.localDescription?.sdp ?? '',
    hangUp: async () => {
      for (const channel of channels) channel.close();
      await sleep(CLOSING_MS);
      await close();
    },
    close,
  };
}

/** Sends a frame every 20 ms, and overdue frames immediately, so that the sound keeps its length on a busy machine. */
function playFrames(
  ms: number,
  sendFrame: (payload: Buffer, atMs: number) => void,
  onEnd: () => void,
): Playing {
  const startedMs = performance.now();
  let sentMs = 0;
  const timer = setInterval(() => {
    while (sentMs < ms && sentMs <= performance.now() - startedMs) {
      sendFrame(hum(sentMs, FRAME_MS), sentMs);
      sentMs += FRAME_MS;
    }
    if (sentMs < ms) return;
    clearInterval(timer);
    onEnd();
  }, FRAME_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return Math.min(sentMs, ms);
    },
  };
}
