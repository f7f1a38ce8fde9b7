import { setTimeout as sleep } from 'node:timers/promises';
import { CANNED_OFFER } from '../../../lambdas/domain/calls/canned-offer.ts';
import { type Created, type OpenAiUnderTest, type Sideband, waitFor } from './openai.ts';
import { openPeer, type Peer, type PeerEvent, silence } from './peer.ts';

/** The result of one check, in a sentence that quotes no part of the conversation. */
export interface Observation {
  readonly check: string;
  readonly seen: string;
}

export interface CheckOptions {
  readonly model: string;
  /** Timeout for an event, milliseconds. */
  readonly patienceMs: number;
  /** Time for which the sideband is observed after its browser has crashed, milliseconds. */
  readonly abandonedMs: number;
  /** Waits this long for the operator to revoke the key, milliseconds. Without it, that check is skipped. */
  readonly revokeMs?: number | undefined;
}

interface Call {
  readonly callId: string;
  readonly peer: Peer;
}

type Check = (openAi: OpenAiUnderTest, options: CheckOptions) => Promise<string>;

const sessionOf = ({ model }: CheckOptions, more: Record<string, unknown> = {}) => ({
  type: 'realtime',
  model,
  instructions: 'Count aloud from one to thirty, slowly.',
  max_output_tokens: 400,
  ...more,
});
const TURN_BY_TURN = { audio: { input: { turn_detection: { type: 'server_vad', create_response: false } } } };

const created = ({ status, callId, errorCode }: Created): string => {
  if (callId !== undefined) return callId;
  throw new Error(
    status === 201
      ? 'The answer has no call id in Location.'
      : `The creation was refused with ${status} (code ${errorCode}).`,
  );
};

/** The library's handshake can fail on a busy machine, so a call that does not connect is repeated. */
const CONNECT_ATTEMPTS = 3;

/** Runs `use` with a connected call, and hangs up every call that it has made. */
const withCall = async (
  openAi: OpenAiUnderTest,
  session: Record<string, unknown>,
  use: (call: Call) => Promise<string>,
): Promise<string> => {
  for (let attempt = 1; ; attempt += 1) {
    const peer = await openPeer({ dataChannel: true, isLocal: openAi.isLocal });
    let callId: string | undefined;
    try {
      const answer = await openAi.create(peer.offer, session);
      callId = created(answer);
      if (await peer.connect(answer.answer)) return await use({ callId, peer });
      if (attempt === CONNECT_ATTEMPTS)
        throw new Error('No connection came about. Does a firewall block UDP?');
    } finally {
      if (callId !== undefined) await openAi.hangUp(callId).catch(() => undefined);
      await peer.close();
    }
  }
};

const countOf = (events: readonly PeerEvent[], type: string): number =>
  events.filter((event) => event.type === type).length;
const arrives = (
  { events }: Pick<Sideband, 'events'>,
  type: string,
  { patienceMs }: CheckOptions,
  nth = 1,
): Promise<PeerEvent | undefined> =>
  waitFor(() => events.filter((event) => event.type === type)[nth - 1], patienceMs);
const update = { type: 'session.update', session: { type: 'realtime' } };
const yesOrNo = (value: unknown): string => (value === undefined || value === false ? 'no' : 'yes');
const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

const createAndHangUp: Check = async (openAi, options) => {
  const peer = await openPeer({ dataChannel: false, isLocal: openAi.isLocal });
  try {
    const answer = await openAi.create(peer.offer, sessionOf(options));
    const callId = created(answer);
    const first = await openAi.hangUp(callId);
    const second = await openAi.hangUp(callId);
    return `created with ${answer.status} in ${answer.ms} ms (${answer.contentType}); hung up with ${first.status} in ${first.ms} ms, then ${second.status}`;
  } finally {
    await peer.close();
  }
};

const cannedOffer: Check = async (openAi, options) => {
  const answer = await openAi.create(CANNED_OFFER, sessionOf(options));
  const { status } = await openAi.hangUp(created(answer));
  return `created with ${answer.status} in ${answer.ms} ms, hung up with ${status}`;
};

const pageNotices: Check = (openAi, options) =>
  withCall(openAi, sessionOf(options), async ({ callId, peer }) => {
    const startedMs = performance.now();
    await openAi.hangUp(callId);
    const ended = await waitFor(() => peer.hasEnded() || undefined, options.patienceMs);
    const ms = Math.round(performance.now() - startedMs);
    return ended === undefined
      ? `the page noticed nothing within ${ms} ms`
      : `the page noticed after ${ms} ms`;
  });

const silentAttach: Check = (openAi, options) =>
  withCall(openAi, sessionOf(options), async ({ callId }) => {
    const sideband = await openAi.attach(callId);
    await sleep(Math.min(1_000, options.patienceMs));
    const before = sideband.events.map(({ type }) => type);
    const startedMs = performance.now();
    sideband.send(update);
    const updated = await arrives(sideband, 'session.updated', options);
    const ms = Math.round(performance.now() - startedMs);
    sideband.close();
    return `events before session.update: ${before.join(', ') || 'none'}; session.updated: ${updated === undefined ? 'no' : `after ${ms} ms`}`;
  });

const sameUsage: Check = (openAi, options) =>
  withCall(openAi, sessionOf(options), async ({ callId, peer }) => {
    const sideband = await openAi.attach(callId);
    sideband.send({ type: 'response.create' });
    const [watched, page] = await Promise.all([
      arrives(sideband, 'response.done', options),
      arrives(peer, 'response.done', options),
    ]);
    const usageOf = (event: PeerEvent | undefined): unknown => fieldOf(event?.['response'], 'usage');
    const item = await arrives(sideband, 'conversation.item.added', options);
    sideband.close();
    const isSame = JSON.stringify(usageOf(watched)) === JSON.stringify(usageOf(page));
    return `usage on the sideband: ${yesOrNo(usageOf(watched) ?? undefined)}, the same as on the page: ${yesOrNo(isSame)}; previous_item_id of the first item: ${item?.['previous_item_id'] === null ? 'null' : typeof item?.['previous_item_id']}`;
  });

const twoSidebands: Check = (openAi, options) =>
  withCall(openAi, sessionOf(options), async ({ callId }) => {
    const first = await openAi.attach(callId);
    const second = await openAi.attach(callId).catch((error: Error) => error.message);
    if (typeof second === 'string') return `the second one: ${second}`;
    second.send(update);
    const [heardFirst, heardSecond] = await Promise.all([
      arrives(first, 'session.updated', options),
      arrives(second, 'session.updated', options),
    ]);
    const closed = [first, second].map((sideband) => sideband.closeCode() ?? 'open');
    first.close();
    second.close();
    return `both attached; session.updated of the second one seen by the first: ${yesOrNo(heardFirst)}, by itself: ${yesOrNo(heardSecond)}; first ${closed[0]}, second ${closed[1]}`;
  });

const foreignUpdate: Check = (openAi, options) =>
  withCall(openAi, sessionOf(options), async ({ callId, peer }) => {
    const sideband = await openAi.attach(callId);
    peer.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Say nothing.' } });
    const page = await arrives(peer, 'session.updated', options);
    const watched = await arrives(sideband, 'session.updated', options);
    sideband.close();
    return `session.update of a page accepted: ${yesOrNo(page)}, seen by the sideband: ${yesOrNo(watched)}`;
  });

const deadTab: Check = (openAi, options) =>
  withCall(openAi, sessionOf(options), async ({ callId, peer }) => {
    const sideband = await openAi.attach(callId);
    await peer.close();
    const startedMs = performance.now();
    const code = await waitFor(() => sideband.closeCode(), options.abandonedMs);
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    const { status } = await openAi.hangUp(callId);
    sideband.close();
    return `the sideband ${code === undefined ? `was still open after ${seconds} s` : `closed with ${code} after ${seconds} s`}; the hang-up then: ${status}`;
  });

/** Plays the assistant's own voice as the visitor's, which is real speech without a file. */
const bargeIn: Check = (openAi, options) =>
  withCall(openAi, sessionOf(options, TURN_BY_TURN), async ({ callId, peer }) => {
    const sideband = await openAi.attach(callId);
    sideband.send({ type: 'response.create' });
    if ((await arrives(sideband, 'response.done', options)) === undefined)
      return 'no response came to record';
    await waitFor(() => (peer.heard.length >= 50 ? true : undefined), options.patienceMs);
    const speech = peer.heard.slice(0, 50);
    await arrives(sideband, 'output_audio_buffer.stopped', options);

    await peer.play([...speech, ...silence(1_500)]);
    const turn = await arrives(sideband, 'input_audio_buffer.committed', options);
    const unasked = countOf(sideband.events, 'response.created') - 1;
    sideband.send({ type: 'response.create' });
    await arrives(sideband, 'response.created', options, 2);
    const playing = peer.play([...speech, ...silence(1_500)]);
    const done = await arrives(sideband, 'response.done', options, 2);
    await playing;
    const status = fieldOf(done?.['response'], 'status');
    const reason = fieldOf(fieldOf(done?.['response'], 'status_details'), 'reason');
    sideband.close();
    return `turn detected: ${yesOrNo(turn)}, responses without response.create: ${unasked}; a response that is spoken over ends as ${String(status)} (${String(reason ?? 'no reason')})`;
  });

const revokedKey: Check = async (openAi, options) => {
  const { revokeMs } = options;
  if (revokeMs === undefined)
    return 'not tried. Run again with --revoke and a key that you can spare: the command then holds a call open while you revoke the key at platform.openai.com';
  return withCall(openAi, sessionOf(options), async ({ callId, peer }) => {
    const sideband = await openAi.attach(callId);
    const startedMs = performance.now();
    const ended = await waitFor(
      () => (peer.hasEnded() ? 'the page' : sideband.closeCode() === undefined ? undefined : 'the sideband'),
      revokeMs,
    );
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    const { status } = await openAi.hangUp(callId);
    sideband.close();
    return ended === undefined
      ? `the call continued for the ${seconds} s that you had; the hang-up then: ${status}`
      : `${ended} noticed an end after ${seconds} s; the hang-up then: ${status}`;
  });
};

const CHECKS: readonly (readonly [string, Check])[] = [
  ['create and hang up', createAndHangUp],
  ['canned offer', cannedOffer],
  ['page notices', pageNotices],
  ['silent attach', silentAttach],
  ['same usage', sameUsage],
  ['two sidebands', twoSidebands],
  ['foreign update', foreignUpdate],
  ['dead tab', deadTab],
  ['barge-in', bargeIn],
  ['revoked key', revokedKey],
];

/**
 * Tests the product's assumptions about OpenAI's calls one after another, and hangs up every call. A failed check does
 * not stop the others, except the first one, without which the key cannot create calls.
 */
export const verifyOpenAi = async (
  openAi: OpenAiUnderTest,
  options: CheckOptions,
  report: (observation: Observation) => void,
): Promise<{ readonly ok: boolean }> => {
  let ok = true;
  for (const [check, run] of CHECKS) {
    try {
      report({ check, seen: await run(openAi, options) });
    } catch (error) {
      ok = false;
      report({ check, seen: `could not be observed: ${failureOf(error)}` });
      if (run === createAndHangUp) return { ok };
    }
  }
  return { ok };
};

/** Our own messages, or only the name of any other error. */
const failureOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'an unknown error';
  if (error.name !== 'Error') return error.name === 'TimeoutError' ? 'no answer in time.' : error.name;
  return error.message;
};
