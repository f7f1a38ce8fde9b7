import { setTimeout as sleep } from 'node:timers/promises';
import { MediaStreamTrack, RTCPeerConnection, RtpHeader, RtpPacket, usePCMU } from 'werift';
import { encodeMuLaw } from '../../../../local/openai/realtime/mu-law.ts';
import type { LocalOpenAi } from '../../../../local/openai/server.ts';

/** Fields of every event that the tests look into. */
export interface RealtimeEvent {
  readonly type: string;
  readonly response_id: string;
  readonly transcript: string;
  readonly delta: string;
  readonly audio_start_ms: number;
  readonly audio_end_ms: number;
  // biome-ignore-start lint/suspicious/noExplicitAny: tests look into objects of every kind.
  readonly session: any;
  readonly response: any;
  readonly usage: any;
  readonly error: any;
  // biome-ignore-end lint/suspicious/noExplicitAny: as above.
}

export interface Caller {
  readonly callId: string;
  readonly events: readonly RealtimeEvent[];
  /** Milliseconds of sound that came back. */
  readonly heardMs: number;
  readonly isConnected: boolean;
  send(event: Record<string, unknown>): void;
  /** A tone of that length, then silence until `quietMs` have passed. Faster than real time: sound is counted, not clocked. */
  speak(ms: number, quietMs?: number): Promise<void>;
  /** The nth event of a type, from 1, as soon as it is there. */
  event(type: string, nth?: number): Promise<RealtimeEvent>;
  close(): Promise<void>;
}

const FRAME_MS = 20;
const WAIT_MS = 30_000;

export const offerOf = async (): Promise<{ connection: RTCPeerConnection; microphone: MediaStreamTrack }> => {
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
  return { connection, microphone };
};

export const postOffer = (
  openAi: LocalOpenAi,
  secret: string,
  sdp: string,
  contentType = 'application/sdp',
) =>
  fetch(`${openAi.baseUrl}/realtime/calls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': contentType },
    body: sdp,
  });

/** A caller in Node, in the place of a browser: connects, collects the events, speaks when told. */
export const call = async (openAi: LocalOpenAi, secret: string): Promise<Caller> => {
  const { connection, microphone } = await offerOf();
  const channel = connection.createDataChannel('oai-events');
  const events: RealtimeEvent[] = [];
  let heardMs = 0;
  channel.onMessage.subscribe((message) => events.push(JSON.parse(String(message))));
  connection.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe(({ payload }) => {
      heardMs += payload.length / 8;
    });
  });
  const opened = new Promise<void>((resolve) => {
    channel.stateChanged.subscribe((state) => state === 'open' && resolve());
  });
  await connection.setLocalDescription(await connection.createOffer());
  const response = await postOffer(openAi, secret, connection.localDescription?.sdp ?? '');
  if (response.status !== 201) {
    await connection.close();
    throw new Error(`The call was refused: ${response.status}`);
  }
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  await opened;

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
  return {
    callId: response.headers.get('location')?.split('/').at(-1) ?? '',
    events,
    get heardMs() {
      return heardMs;
    },
    get isConnected() {
      return connection.connectionState === 'connected';
    },
    send: (event) => channel.send(JSON.stringify(event)),
    speak: async (ms, quietMs = 700) => {
      await sendSound(ms, 8_000);
      await sendSound(quietMs, 0);
    },
    event: async (type, nth = 1) => {
      for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += 10) {
        const found = events.filter((event) => event.type === type)[nth - 1];
        if (found !== undefined) return found;
        await sleep(10);
      }
      throw new Error(`No ${type} came. There were: ${events.map((event) => event.type).join(', ')}`);
    },
    close: () => connection.close(),
  };
};
