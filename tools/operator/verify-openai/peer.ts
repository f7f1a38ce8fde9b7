import { setTimeout as sleep } from 'node:timers/promises';
import { MediaStreamTrack, RTCPeerConnection, RtpHeader, RtpPacket, usePCMU } from 'werift';

/** A browser's side of a call, in Node. */
export interface Peer {
  readonly offer: string;
  /** False if there was no connection in time. */
  connect(answer: string): Promise<boolean>;
  send(event: Record<string, unknown>): void;
  /** Types and contents of the events of the data channel, in order. */
  readonly events: readonly PeerEvent[];
  /** Received sound, as packets of G.711 µ-law. */
  readonly heard: readonly Buffer[];
  /** Plays packets in real time, 20 ms each. */
  play(packets: readonly Buffer[]): Promise<void>;
  /** True once the other side has ended the data channel or the connection. */
  hasEnded(): boolean;
  /** Leaves without a message, like a crashed tab. */
  close(): Promise<void>;
}

export interface PeerEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

const PACKET_MS = 20;
const SAMPLES_PER_PACKET = 160;
const CONNECT_MS = 8_000;

/** Prepares a call up to its offer. G.711 µ-law needs no codec library, and OpenAI accepts it over WebRTC. */
export const openPeer = async ({
  dataChannel,
  isLocal,
}: {
  readonly dataChannel: boolean;
  /** Calls a server of this machine, over the loopback address. */
  readonly isLocal: boolean;
}): Promise<Peer> => {
  const connection = new RTCPeerConnection({
    codecs: { audio: [usePCMU()] },
    iceServers: [],
    bundlePolicy: 'max-bundle',
    iceUseIpv4: !isLocal,
    iceUseIpv6: false,
    ...(isLocal && { iceAdditionalHostAddresses: ['127.0.0.1'] }),
  });
  const microphone = new MediaStreamTrack({ kind: 'audio' });
  connection.addTrack(microphone);
  const channel = dataChannel ? connection.createDataChannel('oai-events') : undefined;
  const events: PeerEvent[] = [];
  const heard: Buffer[] = [];
  let ended = false;
  channel?.onMessage.subscribe((message) => events.push(JSON.parse(String(message))));
  channel?.stateChanged.subscribe((state) => {
    if (state === 'closed') ended = true;
  });
  connection.connectionStateChange.subscribe((state) => {
    if (state === 'closed' || state === 'failed' || state === 'disconnected') ended = true;
  });
  connection.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe(({ payload }) => heard.push(payload));
  });
  await connection.setLocalDescription(await connection.createOffer());
  const isReady = (): boolean =>
    connection.connectionState === 'connected' && (channel === undefined || channel.readyState === 'open');

  let packets = 0;
  return {
    offer: connection.localDescription?.sdp ?? '',
    events,
    heard,
    connect: async (answer) => {
      await connection.setRemoteDescription({ type: 'answer', sdp: answer });
      for (let waitedMs = 0; waitedMs < CONNECT_MS && !isReady(); waitedMs += PACKET_MS)
        await sleep(PACKET_MS);
      return isReady();
    },
    send: (event) => channel?.send(JSON.stringify(event)),
    play: async (sound) => {
      for (const payload of sound) {
        const timestamp = packets * SAMPLES_PER_PACKET;
        microphone.writeRtp(
          new RtpPacket(
            new RtpHeader({ payloadType: 0, sequenceNumber: packets % 2 ** 16, timestamp }),
            payload,
          ),
        );
        packets += 1;
        await sleep(PACKET_MS);
      }
    },
    hasEnded: () => ended,
    close: () => connection.close(),
  };
};

/** Silence of that length, for a voice activity detection that counts what it hears. */
export const silence = (ms: number): readonly Buffer[] =>
  Array.from({ length: Math.ceil(ms / PACKET_MS) }, () => Buffer.alloc(SAMPLES_PER_PACKET, 0xff));
