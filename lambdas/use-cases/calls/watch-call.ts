import { newKeyUse } from '../../domain/calls/key-use.ts';
import {
  afterEvent,
  isQuiet,
  newWatchedCall,
  sawEverything,
  type WatchedCall,
  type WatchedStep,
} from '../../domain/calls/watched-call.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { RandomBytes } from '../../domain/identifiers.ts';
import { SealedKeyUnreadableError } from '../../domain/keys/sealed-key.ts';
import { MAX_OUTPUT_TOKENS } from '../../domain/openai-models.ts';
import { fillInstructions } from '../../domain/sessions/embed-token.ts';
import type { SessionUsage } from '../../domain/sessions/session-usage.ts';
import {
  WATCH_RENEWAL_MS,
  type WatchNote,
  withWatchNote,
  withWatchTaken,
} from '../../domain/sessions/watched-usage.ts';
import type { Site, VoiceSettings } from '../../domain/tenancy/workspace.ts';
import type {
  AttachResult,
  CallRecords,
  EndingKeys,
  HangUpQueue,
  KeyUseLog,
  RecordedCall,
  Sideband,
  Sidebands,
  WatcherInvoker,
  WatchRequest,
} from '../ports/calls.ts';
import type { KeyOpener } from '../ports/keys.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import type { SessionReader, SessionUsageStore } from '../ports/sessions.ts';

export interface WatchPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly backOff: BackOff;
  readonly records: Pick<CallRecords, 'readCall'>;
  readonly sites: { readSite(siteId: WatchRequest['siteId']): Promise<Site | undefined> };
  readonly meterReader: Pick<SessionReader, 'readSessionUsage'>;
  readonly sessionUsage: Pick<SessionUsageStore, 'saveUsage'>;
  readonly keys: Pick<EndingKeys, 'findKey'>;
  readonly keyUses: KeyUseLog;
  readonly opener: KeyOpener;
  readonly sidebands: Sidebands;
  readonly hangUps: HangUpQueue;
  readonly watchers: WatcherInvoker;
}

/**
 * `ended`: the call is over. `not_taken`: another watcher has it, or there is no such call. `lost`: another watcher took
 * over. `left`: the call may go on without a watcher, and its usage is incomplete. `handed_over`: another watcher was started.
 */
export type WatchOutcome = 'ended' | 'not_taken' | 'lost' | 'left' | 'handed_over';

/** A Lambda function runs for 15 minutes: it looks for a quiet moment from here, milliseconds after its start. */
const HAND_OVER_FROM_MS = 11 * 60_000;
const HAND_OVER_BY_MS = 14 * 60_000;

/** Longest wait for one event, milliseconds: so often the clock is looked at. */
const TICK_MS = 250;

/** Number of times that the watcher reattaches a closed sideband before it leaves. */
const MAX_ATTACHES = 4;

/** Writes that met another one of the same session. */
const MAX_ATTEMPTS = 10;

/** Another watcher has taken over: nothing may be written any more. */
class WatchLostError extends Error {}

/**
 * Watches one call until it ends: counts each response once as OpenAI reports it, and keeps the session as it was
 * admitted. Safe to run twice, late or after a crash: only the watcher that holds the watch writes.
 */
export const watchCall =
  (ports: WatchPorts) =>
  async (request: WatchRequest): Promise<WatchOutcome> => {
    const call = await readStartedCall(ports, request);
    if (call === undefined) return 'not_taken';
    const site = await ports.sites.readSite(request.siteId);
    const { session } = call;
    if (site === undefined) return 'not_taken';
    const usage = await takeWatch(ports, request);
    if (usage?.watch == null) return 'not_taken';
    const watcher: Watcher = {
      ports,
      request,
      session,
      generation: usage.watch.generation,
      settings: {
        model: session.model,
        voice: session.voice,
        instructions: knownInstructions(site),
        dataResidency: session.dataResidency ?? 'global',
      },
      locked: site.control === 'locked',
      startedAtMs: ports.clock().getTime(),
    };
    try {
      return await watch(watcher, request.strict && usage.watch.generation === 1);
    } catch (error) {
      if (error instanceof WatchLostError) return 'lost';
      throw error;
    }
  };

/**
 * The instructions as admitted; empty where they have placeholders. Nothing stores what visitors' values made of those:
 * the watcher then neither sends instructions nor knows them before OpenAI's first answer, and keeps that text.
 */
const knownInstructions = ({ instructions }: Site): string =>
  fillInstructions(instructions, {}) === instructions ? instructions : '';

interface Watcher {
  readonly ports: WatchPorts;
  readonly request: WatchRequest;
  readonly session: RecordedCall['session'];
  readonly generation: number;
  readonly settings: VoiceSettings;
  readonly locked: boolean;
  readonly startedAtMs: number;
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
    if (call.state === 'refused' || call.state === 'used' || attempt === MAX_ATTEMPTS) return undefined;
    await backOff(attempt);
  }
};

const readUsage = async (
  { meterReader }: WatchPorts,
  { siteId, sessionId }: WatchRequest,
): Promise<SessionUsage | undefined> =>
  (await meterReader.readSessionUsage(siteId, [sessionId])).get(sessionId);

const takeWatch = async (ports: WatchPorts, request: WatchRequest): Promise<SessionUsage | undefined> => {
  for (let attempt = 1; ; attempt++) {
    const before = await readUsage(ports, request);
    const after = before && withWatchTaken(before, request.openedAtMs, ports.clock());
    if (after === undefined) return undefined;
    try {
      await ports.sessionUsage.saveUsage(after);
      return after;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === MAX_ATTEMPTS) throw error;
      await ports.backOff(attempt);
    }
  }
};

/** Writes one note. @throws WatchLostError where another watcher has taken over. */
const note = async ({ ports, request, generation }: Watcher, what: WatchNote): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    const before = await readUsage(ports, request);
    const after = before && withWatchNote(before, generation, what, ports.clock());
    if (before === undefined || after === undefined) throw new WatchLostError();
    if (after === before) return;
    try {
      await ports.sessionUsage.saveUsage(after);
      return;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === MAX_ATTEMPTS) throw error;
      await ports.backOff(attempt);
    }
  }
};

const watch = async (watcher: Watcher, strict: boolean): Promise<WatchOutcome> => {
  const { ports, settings, locked } = watcher;
  let call = newWatchedCall({
    locked,
    maxOutputTokens: MAX_OUTPUT_TOKENS,
    expected: ports.sidebands.admittedFields(settings),
    strict,
  });
  for (let attaches = 1; ; attaches++) {
    const attached = await attach(watcher);
    if (attached.result === 'no_call') {
      if (!sawEverything(call)) await note(watcher, { type: 'gap' });
      await note(watcher, { type: 'ended' });
      return 'ended';
    }
    if (attached.result === 'attached') {
      // What came between two sidebands, nobody saw.
      if (call.attached) await note(watcher, { type: 'gap' });
      const { outcome, call: seen } = await follow(watcher, attached.sideband, call);
      call = seen;
      if (outcome !== 'closed') return outcome;
    }
    if (attaches >= MAX_ATTACHES) {
      await note(watcher, { type: 'left' });
      return 'left';
    }
    await ports.backOff(attaches);
  }
};

/** One audited use of the key. It is not reachable from here once the socket is open. */
const attach = async ({ ports, request, session, settings }: Watcher): Promise<AttachResult> => {
  const { clock, keys, keyUses, opener, sidebands, random } = ports;
  const sealed = await keys.findKey(session, clock());
  if (sealed === undefined) return { result: 'refused' };
  const use = newKeyUse(session, sealed, 'watch', clock(), random);
  await keyUses.intend(use);
  let kmsRequestId: string | undefined;
  const settle = (result: string): Promise<void> =>
    keyUses.settle(use, { at: clock().toISOString(), result, kmsRequestId });
  try {
    const attached = await opener.withPlaintext(
      sealed,
      (plaintext) => sidebands.attach(plaintext, { callId: request.callId, settings }),
      (requestId) => {
        kmsRequestId = requestId;
      },
    );
    await settle(attached.result === 'refused' ? 'refused' : 'ok');
    return attached;
  } catch (error) {
    await Promise.allSettled([settle('failed')]);
    if (error instanceof SealedKeyUnreadableError) return { result: 'refused' };
    throw error;
  }
};

/** Follows one sideband to its end, to the watcher's, or to the end of the watch. */
const follow = async (
  watcher: Watcher,
  sideband: Sideband,
  begun: WatchedCall,
): Promise<{ readonly outcome: WatchOutcome | 'closed'; readonly call: WatchedCall }> => {
  const { ports, request } = watcher;
  let call = begun;
  let renewedAtMs = ports.clock().getTime();
  try {
    sideband.begin();
    for (;;) {
      const event = await sideband.next(TICK_MS);
      if (event?.type === 'closed') return { outcome: 'closed', call };
      if (event !== undefined) {
        const next = afterEvent(call, event);
        call = next.call;
        for (const step of next.steps) await take(watcher, sideband, call, step);
      }
      const nowMs = ports.clock().getTime();
      if (nowMs - renewedAtMs >= WATCH_RENEWAL_MS) {
        await note(watcher, { type: 'renewed' });
        renewedAtMs = nowMs;
      }
      const ranMs = nowMs - watcher.startedAtMs;
      if (ranMs >= HAND_OVER_BY_MS || (ranMs >= HAND_OVER_FROM_MS && isQuiet(call))) {
        // This one leaves first: OpenAI may allow one sideband only.
        await sideband.close();
        await note(watcher, { type: 'left' });
        await ports.watchers.start({ ...request, strict: false });
        return { outcome: 'handed_over', call };
      }
    }
  } finally {
    await sideband.close();
  }
};

const take = async (
  watcher: Watcher,
  sideband: Sideband,
  call: WatchedCall,
  step: WatchedStep,
): Promise<void> => {
  const { ports, request } = watcher;
  switch (step.do) {
    case 'count':
      return note(watcher, { type: 'response', responseId: step.responseId, tokens: step.tokens });
    case 'note_attached':
      return note(watcher, { type: 'attached' });
    case 'gap':
      return note(watcher, { type: 'gap' });
    case 'restore':
      return sideband.restore(call.expected);
    case 'hang_up':
      sideband.silence();
      return ports.hangUps.send({
        kind: 'end',
        siteId: request.siteId,
        sessionId: request.sessionId,
        by: 'tampered',
      });
  }
};
