import {
  attachedAgain,
  newWatchedCall,
  sawEverything,
  type WatchedCall,
} from '../../domain/calls/watched-call.ts';
import { fillInstructions } from '../../domain/sessions/embed-token.ts';
import { DEFAULT_CONVERSATION, OUTPUT_TOKENS } from '../../domain/tenancy/conversation.ts';
import { firstMessagePrompt } from '../../domain/tenancy/first-message.ts';
import type { Site, VoiceSettings } from '../../domain/tenancy/workspace.ts';
import type {
  AttachResult,
  CallRecords,
  RealtimeCalls,
  RecordedCall,
  Sideband,
  SidebandEvent,
  Sidebands,
  WatchRequest,
} from '../ports/calls.ts';
import { followCall } from './follow-call.ts';
import { type CallKeyPorts, useCallKey } from './use-call-key.ts';
import { mayTakeOver, settleEnd, takeWatch, WatchLostError } from './watch-notes.ts';
import { type FollowPorts, note, type Watcher } from './watcher.ts';

export interface WatchPorts extends FollowPorts, CallKeyPorts {
  readonly records: Pick<CallRecords, 'readCall'>;
  readonly sites: { readSite(siteId: WatchRequest['siteId']): Promise<Site | undefined> };
  readonly sidebands: Sidebands;
  readonly calls: Pick<RealtimeCalls, 'hangUp'>;
}

/**
 * `ended`: the call has ended. `not_taken`: another watcher has it, or there is no such call. `lost`: another watcher took
 * over. `left`: the call may continue without a watcher, and its usage is incomplete. `handed_over`: another watcher continues.
 */
export type WatchOutcome = 'ended' | 'not_taken' | 'lost' | 'left' | 'handed_over';

/** How often a closed sideband is attached again before the watcher leaves. */
const MAX_ATTACHES = 4;

/** Reads of a session that is not issued yet. */
const MAX_READS = 10;

/** The maximum number of events before that answer. */
const MAX_EARLY_EVENTS = 200;

/**
 * The delay before the end that a watcher saw is handled, seconds. The page's report or a hang-up in progress knows better who
 * ended the call, and the key need not be opened twice.
 */
const OTHERS_FIRST_SECONDS = 2;

/** How long the watcher waits for OpenAI's answer to the first session.update, milliseconds. */
const FIRST_ANSWER_MS = 5_000;

/**
 * Watches one call until it ends: counts each response once as OpenAI reports it, and keeps the session as it was
 * admitted. Safe to run twice, late or after a crash: only the watcher that holds the watch changes the session. For a
 * call that has ended, it settles what the previous watcher left: open reservations, and time that nobody saw.
 */
export const watchCall =
  (ports: WatchPorts) =>
  async (request: WatchRequest): Promise<WatchOutcome> => {
    const outcome = await watchIfLive(ports, request);
    if (outcome === 'not_taken') await settleEnd(ports, request);
    return outcome;
  };

const watchIfLive = async (ports: WatchPorts, request: WatchRequest): Promise<WatchOutcome> => {
  // In parallel: under strict watching the visitor waits for both.
  const [started, site] = await Promise.all([
    readStartedCall(ports, request),
    ports.sites.readSite(request.siteId),
  ]);
  const session = started?.session;
  if (session === undefined || site === undefined) return 'not_taken';
  const instructions = knownInstructions(site);
  const dataResidency = session.dataResidency ?? 'global';
  const watched: Watched = {
    ports,
    request,
    session,
    settings: {
      model: session.model,
      voice: session.voice,
      instructions,
      tools: site.tools,
      // OpenAI reports the rest: the watcher keeps the fields of the first answer.
      conversation: {
        ...DEFAULT_CONVERSATION,
        maxOutputTokens: session.maxOutputTokens ?? OUTPUT_TOKENS.default,
      },
      dataResidency,
    },
    locked: site.control === 'locked',
    turnByTurn: session.admission?.turnByTurn === true,
    // The visitor of a call that replaces another has already heard it.
    firstMessage: started?.replaces === undefined ? firstMessagePrompt(site.conversation) : null,
  };
  const startedAtMs = ports.clock().getTime();
  // If there was a watcher before, this one attaches first and then takes the watch, so that no event is missed.
  const joining = request.after !== undefined;
  const early = joining ? await attachEarly(watched) : undefined;
  if (joining && early === undefined) return 'not_taken';
  try {
    const usage = await takeWatch(ports, request, watched.turnByTurn);
    if (usage?.watch == null) return 'not_taken';
    const { generation, gapless } = usage.watch;
    const startedInTime = generation === 1 && gapless;
    const { firstMessage } = watched;
    const hangUpAtOnce = (): Promise<boolean> => hangUp(watched);
    return await watch(
      watched,
      { ports, request, session, generation, startedAtMs, startedInTime, firstMessage, hangUpAtOnce },
      early,
    );
  } catch (error) {
    if (error instanceof WatchLostError) return 'lost';
    throw error;
  } finally {
    await early?.sideband.close();
  }
};

/**
 * The instructions as admitted; empty if they have placeholders, because the filled text is not stored:
 * the watcher then neither sends instructions nor knows them before OpenAI's first answer, and keeps that text.
 */
const knownInstructions = ({ instructions }: Site): string =>
  fillInstructions(instructions, {}) === instructions ? instructions : '';

/** The facts about a call before the watcher attaches. */
interface Watched {
  readonly ports: WatchPorts;
  readonly request: WatchRequest;
  readonly session: RecordedCall['session'];
  readonly settings: VoiceSettings;
  readonly locked: boolean;
  readonly turnByTurn: boolean;
  readonly firstMessage: string | null;
}

/** A sideband that hears the call, with the events so far. */
interface EarlySideband {
  readonly sideband: Sideband;
  readonly events: readonly SidebandEvent[];
}

/** The watcher and the answer start at the same time, so a session may still be `reserved`. */
const readStartedCall = async (
  { records, backOff }: WatchPorts,
  { siteId, sessionId, callId }: WatchRequest,
): Promise<RecordedCall | undefined> => {
  for (let attempt = 1; ; attempt++) {
    const call = await records.readCall(siteId, sessionId);
    if (call === undefined || call.endedBy !== undefined) return undefined;
    if (call.state === 'reserved' && call.callId === undefined) return call;
    if (call.state === 'issued') return call.callId === callId ? call : undefined;
    if (call.state === 'refused' || call.state === 'used' || attempt === MAX_READS) return undefined;
    await backOff(attempt);
  }
};

/** Attaches while another watcher watches; undefined if the other is gone, or OpenAI refuses a second sideband. */
const attachEarly = async (watched: Watched): Promise<EarlySideband | undefined> => {
  const { ports, request } = watched;
  if (!(await mayTakeOver(ports, request))) return undefined;
  const attached = await attach(watched);
  if (attached.result !== 'attached') return undefined;
  const { sideband } = attached;
  const events: SidebandEvent[] = [];
  let isHeard = false;
  try {
    sideband.begin();
    while (events.length < MAX_EARLY_EVENTS && !isHeard) {
      const event = await sideband.next(FIRST_ANSWER_MS);
      if (event === undefined || event.type === 'closed') break;
      events.push(event);
      isHeard = event.type === 'session';
    }
  } finally {
    if (!isHeard) await sideband.close();
  }
  return isHeard ? { sideband, events } : undefined;
};

const watch = async (
  watched: Watched,
  watcher: Watcher,
  early: EarlySideband | undefined,
): Promise<WatchOutcome> => {
  const { ports, request, settings, locked, turnByTurn } = watched;
  let call: WatchedCall = newWatchedCall({
    locked,
    turnByTurn,
    maxOutputTokens: settings.conversation.maxOutputTokens,
    expected: ports.sidebands.admittedFields(settings, turnByTurn),
    strict: early !== undefined || (request.strict && watcher.generation === 1),
    joined: early !== undefined,
    // On other sites the page sends it. Only a watcher that joined before the page knows that nobody has spoken yet.
    greets:
      watched.firstMessage !== null && (locked || turnByTurn) && request.strict && watcher.generation === 1,
  });
  if (early !== undefined) {
    const followed = await followCall(watcher, early.sideband, call, early.events);
    if (followed.outcome === 'handed_over') return 'handed_over';
    call = followed.call;
  }
  let lostAtMs = ports.clock().getTime();
  for (let attaches = 1; ; attaches++) {
    const attached = await attach(watched);
    if (attached.result === 'no_call') {
      if (!sawEverything(call)) await note(watcher, { type: 'gap' });
      await note(watcher, { type: 'ended' });
      // OpenAI may not yet know a call that it has just created, so only a call that was heard is known to have ended.
      if (call.attached) await queueEnd(watcher);
      return 'ended';
    }
    if (attached.result === 'attached') {
      const { sideband } = attached;
      try {
        if (call.attached) {
          const toMs = ports.clock().getTime();
          await note(watcher, { type: 'gap', missed: { fromMs: lostAtMs, toMs } });
          call = attachedAgain(call);
        }
        sideband.begin();
        const followed = await followCall(watcher, sideband, call, []);
        if (followed.outcome === 'handed_over') return 'handed_over';
        call = followed.call;
      } finally {
        await sideband.close();
      }
      lostAtMs = ports.clock().getTime();
    }
    if (attaches >= MAX_ATTACHES) {
      await note(watcher, { type: 'left' });
      return 'left';
    }
    await ports.backOff(attaches);
  }
};

/**
 * Makes the hang-up function release the slots of an ended call once, after OpenAI has confirmed the end. If the queue
 * refuses the message, the sweeper frees them.
 */
const queueEnd = async ({ ports, request: { siteId, sessionId } }: Watcher): Promise<void> => {
  await Promise.allSettled([
    ports.hangUps.send({ kind: 'end', siteId, sessionId, by: 'openai' }, OTHERS_FIRST_SECONDS),
  ]);
};

/** After the socket is open, this code has no reference to the key. */
const attach = async (watched: Watched): Promise<AttachResult> => {
  const { ports, request, settings, turnByTurn } = watched;
  const opened: Sideband[] = [];
  try {
    const attached = await useCallKey(
      watched,
      'watch',
      async (plaintext) => {
        const result = await ports.sidebands.attach(plaintext, {
          callId: request.callId,
          settings,
          turnByTurn,
        });
        if (result.result === 'attached') opened.push(result.sideband);
        return result;
      },
      ({ result }) => ({ result: result === 'refused' ? 'refused' : 'ok' }),
    );
    return attached ?? { result: 'refused' };
  } catch (error) {
    // The use of the key could not be recorded. Nobody else knows this socket.
    for (const sideband of opened) await sideband.close();
    throw error;
  }
};

/** False if no key is left that can hang the call up. */
const hangUp = async (watched: Watched): Promise<boolean> => {
  const { ports, request, session } = watched;
  const call = { callId: request.callId, dataResidency: session.dataResidency ?? 'global' } as const;
  const hungUp = await useCallKey(
    watched,
    'hangup',
    (plaintext) => ports.calls.hangUp(plaintext, call),
    ({ openAiRequestId }) => ({ result: 'ok', openAiRequestId }),
  );
  return hungUp !== undefined;
};
