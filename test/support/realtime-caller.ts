import { setTimeout as sleep } from 'node:timers/promises';
import { MediaStreamTrack, RTCPeerConnection, RtpHeader, RtpPacket, usePCMU } from 'werift';
import { encodeMuLaw } from '../../local/openai/realtime/mu-law.ts';
import { type EventList, eventList, type RealtimeEvent } from './realtime-events.ts';

/** A browser's side of a call, in Node: an honest page or a hostile one. */
export interface RealtimeCaller {
  /** The SDP offer, for any route. */
  readonly offer: string;
  /** Events from the data channel, in order. Stays empty without one. */
  readonly events: readonly RealtimeEvent[];
  /** Milliseconds of audio received. */
  readonly heardMs: number;
  readonly isConnected: boolean;
  /** True once the other side has closed the data channel or the connection. */
  readonly hasEnded: boolean;
  /** Accepts the SDP answer. Resolves when audio, and events on a data channel, can flow. */
  connect(answer: string): Promise<void>;
  /** Sends a client event, well-formed or not. Throws without a data channel. */
  send(event: Record<string, unknown> | string): void;
  /**
   * A tone of that length, then silence until `quietMs` have passed (default: 700). Faster than real time: the stand-in
   * counts sound by its length.
   */
  speak(ms: number, quietMs?: number): Promise<void>;
  /** The nth event of a type, from 1, as soon as it is there. */
  event(type: string, nth?: number): Promise<RealtimeEvent>;
  /** Resolves when the other side has ended the call. */
  ended(): Promise<void>;
  /** Leaves like a closed tab. */
  close(): Promise<void>;
}

export interface CallerOptions {
  /** false: an audio-only offer, as on locked sites. Default: true. */
  readonly dataChannel?: boolean;
}

const FRAME_MS = 20;
const WAIT_MS = 30_000;

/** Prepares a call up to its offer. Always close it. */
export const prepareCall = async ({ dataChannel = true }: CallerOptions = {}): Promise<RealtimeCaller> => {
  const connection = new RTCPeerConnection({
    codecs: { audio: [usePCMU()] },
    iceServers: [],
    bundlePolicy: 'max-bundle',
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: ['127.0.0.1'],
  });
  const microphone = new MediaStreamTrack({ kind: 'audio' });
  connection.addTrack(microphone);
  const channel = dataChannel ? connection.createDataChannel('oai-events') : undefined;
  const list: EventList = eventList('data channel');
  let heardMs = 0;
  let hasEnded = false;
  channel?.onMessage.subscribe((message) => list.add(String(message)));
  channel?.stateChanged.subscribe((state) => {
    if (state === 'closed') hasEnded = true;
  });
  connection.connectionStateChange.subscribe((state) => {
    if (state === 'closed' || state === 'failed' || state === 'disconnected') hasEnded = true;
  });
  connection.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe(({ payload }) => {
      heardMs += payload.length / 8;
    });
  });
  const isReady = (): boolean =>
    connection.connectionState === 'connected' && (channel === undefined || channel.readyState === 'open');
  await connection.setLocalDescription(await connection.createOffer());

  let frames = 0;
  const sendSound = async (ms: number, amplitude: number): Promise<void> => {
    for (let at = 0; at < ms; at += FRAME_MS) {
      const payload = Buffer.alloc(FRAME_MS * 8);
      for (let i = 0; i < payload.length; i += 1)
        payload[i] = encodeMuLaw(Math.round(amplitude * Math.sin((i / 8) * Math.PI)));
      const header = new RtpHeader({ payloadType: 0, sequenceNumber: frames, timestamp: frames * 160 });
      microphone.writeRtp(new RtpPacket(header, payload));
      frames += 1;
      await sleep(2);
    }
  };
  const until = async (isTrue: () => boolean, otherwise: string): Promise<void> => {
    for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += 10) {
      if (isTrue()) return;
      await sleep(10);
    }
    throw new Error(otherwise);
  };
  return {
    offer: connection.localDescription?.sdp ?? '',
    events: list.events,
    get heardMs() {
      return heardMs;
    },
    get isConnected() {
      return connection.connectionState === 'connected';
    },
    get hasEnded() {
      return hasEnded;
    },
    connect: async (answer) => {
      await connection.setRemoteDescription({ type: 'answer', sdp: answer });
      await until(isReady, 'The call does not connect.');
    },
    send: (event) => {
      if (channel === undefined) throw new Error('This caller has no data channel.');
      channel.send(typeof event === 'string' ? event : JSON.stringify(event));
    },
    speak: async (ms, quietMs = 700) => {
      await sendSound(ms, 8_000);
      await sendSound(quietMs, 0);
    },
    event: list.event,
    ended: () => until(() => hasEnded, 'The call continues.'),
    close: () => connection.close(),
  };
};
