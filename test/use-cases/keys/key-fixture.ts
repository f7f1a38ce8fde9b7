import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { openSealedKey, type SealedKey, sealKey } from '../../../lambdas/domain/keys/sealed-key.ts';
import {
  type KeyActivity,
  type KeyAddress,
  type KeyVersionRecord,
  type LiveKey,
  type RetainedKey,
  revisionOf,
  type StoredKey,
} from '../../../lambdas/domain/keys/stored-key.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';
import type { Caller, Role, Site, VoiceSettings } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { CallEnder } from '../../../lambdas/use-cases/calls/end-live-calls.ts';
import type { KeyChangePorts } from '../../../lambdas/use-cases/keys/change-openai-key.ts';
import type { KeyTarget } from '../../../lambdas/use-cases/keys/key-target.ts';
import type { SealingPorts } from '../../../lambdas/use-cases/keys/store-openai-key.ts';
import type { TestKeyPorts } from '../../../lambdas/use-cases/keys/test-openai-key.ts';
import type { RealtimeCalls } from '../../../lambdas/use-cases/ports/calls.ts';
import type { KeyActivityReader } from '../../../lambdas/use-cases/ports/keys.ts';
import type { BackOff } from '../../../lambdas/use-cases/ports/runtime.ts';
import * as fixture from '../sessions/token-fixture.ts';

/** For sites whose visitors get client secrets. */
export const NO_CALLS: RealtimeCalls = {
  createCall: () => Promise.reject(new Error('not asked for a call')),
  hangUp: () => Promise.reject(new Error('not asked for a call')),
};

/** Stored keys, and whatever keeps, seals and opens them, in memory. */

const { ADDRESSES, aMember, aSite, aWorkspace, SITE_ID, WORKSPACE_ID } = fixture;
export const CALLER = { sub: 'admin', sourceIp: '192.0.2.1' };
export const OUTAGE = new Error('no answer');
export const outage = (): Promise<never> => Promise.reject(OUTAGE);

const DATA_KEY = { plaintext: Buffer.alloc(32, 7), wrapped: Buffer.from('wrapped'), kmsKeyArn: 'arn' };

const seal = (plaintext: Secret, binding: KeyAddress & { version: number }, masked: string): SealedKey =>
  sealKey(plaintext, { ...binding, masked, fingerprint: 'f1' }, DATA_KEY, (size) => Buffer.alloc(size));

const sealedVersion = (scope: keyof typeof ADDRESSES, version: number): SealedKey =>
  seal(Secret.fromText(`key ${version}`), { ...ADDRESSES[scope], version }, `sk-...000${version}`);

/** The third version of a key, which opens to `key 3`. */
export const aSealedKey = (scope: keyof typeof ADDRESSES, facts: Partial<LiveKey> = {}): LiveKey =>
  fixture.aKey(scope, { sealed: sealedVersion(scope, 3), ...facts });

/** The second one, which can be rolled back to for another minute. */
export const aRetainedKey = (scope: keyof typeof ADDRESSES, retainedForSeconds = 60): RetainedKey => ({
  sealed: sealedVersion(scope, 2),
  verdict: { ok: true, code: 'ok', message: '', checkedAt: '2026-10-01T00:00:00.000Z', latencyMs: 1 },
  createdAt: '2026-10-01T00:00:00.000Z',
  createdBy: 'founder',
  retainedUntil: fixture.NOW_SECONDS + retainedForSeconds,
});

export const DELETED_KEY: StoredKey = {
  revision: 4,
  lastVersion: 3,
  changedAt: '2026-11-01T00:00:00.000Z',
  changedBy: 'owner',
  state: 'deleted',
};

export const plaintextOf = (key: StoredKey | undefined): string | undefined =>
  key === undefined || key.state === 'deleted'
    ? undefined
    : openSealedKey(key.sealed, DATA_KEY.plaintext).bytes().toString();

/** The table's record of one scope. */
interface Row {
  currentKey: StoredKey | undefined;
  retained: readonly RetainedKey[];
  /** Oldest first. */
  history: readonly KeyVersionRecord[];
}

export type KeyPorts = SealingPorts & {
  readonly backOff: BackOff;
  readonly callEnder: CallEnder;
} & TestKeyPorts &
  KeyChangePorts & { readonly activity: KeyActivityReader };

/** A use case of a key, up to who asks for it. */
export type KeyPlay = (ports: KeyPorts) => (caller: Caller, target: KeyTarget) => Promise<unknown>;

export interface KeyWorld extends Partial<Row> {
  /** Whose row it is: no other has anything. */
  readonly scope?: keyof typeof ADDRESSES;
  readonly role?: Role;
  readonly activity?: KeyActivity;
  readonly budgetIsSpent?: boolean;
  /** Those of the workspace. */
  readonly sites?: readonly Site[];
  /** How OpenAI fails when it is asked to mint. */
  readonly failure?: Error | ((settings: VoiceSettings) => Error | undefined);
  /** Another person's change to the row just before a write. */
  readonly meanwhile?: (row: Row) => void;
  readonly own?: Partial<KeyPorts>;
}

/**
 * Plays one action on the key of a scope. Returns the result or the error, the row afterwards, the audit events that
 * were written with it, the calls in order (`log`), those to OpenAI (`asked`) and the noted uses (`uses`).
 */
export const playWithKey = async (play: KeyPlay, given: KeyWorld = {}) => {
  const { scope = 'site', role = 'admin' } = given;
  const { ports, log } = fixture.recordingPorts(fixture.aContext());
  const row: Row = {
    currentKey: given.currentKey,
    retained: given.retained ?? [],
    history: given.history ?? [],
  };
  const events: unknown[] = [];
  const asked: unknown[] = [];
  const uses: { readonly step: string; readonly session: unknown; readonly what: unknown }[] = [];
  const note =
    (step: string) =>
    async (session: unknown, what: unknown): Promise<void> => {
      log.push(step);
      uses.push({ step, session, what });
    };
  const rowAt = (address: KeyAddress): Row => {
    const { scopeId, workspaceId } = ADDRESSES[scope];
    const isOurs =
      address.scope === scope && address.scopeId === scopeId && address.workspaceId === workspaceId;
    return isOurs ? row : { currentKey: undefined, retained: [], history: [] };
  };
  const membership = { workspace: aWorkspace(), site: aSite({ voice: 'cedar' }), member: aMember(role) };
  const all: KeyPorts = {
    callEnder: { end: async () => 0 },
    calls: NO_CALLS,
    ...ports,
    retainSeconds: 3_600,
    tenancy: {
      readMembership: async () => membership,
      readSiteMembership: async () => membership,
      listSites: async () => ({ items: given.sites ?? [], next: undefined }),
    },
    activity: { readActivity: async (address) => (rowAt(address) === row ? given.activity : undefined) },
    auditEvents: {
      event: async (caller, type, subject) => ({ caller, type, ...subject }) as unknown as AuditEvent,
    },
    limiter: {
      spend: async (subject, { perMinute }) => {
        log.push(`spend one of ${perMinute} of ${subject}`);
        return given.budgetIsSpent ? { allowed: false, retryAfterSeconds: 9 } : { allowed: true };
      },
    },
    keys: {
      readKey: async (address) => {
        log.push('read key');
        return rowAt(address).currentKey;
      },
      readRetained: async (address, version) => {
        log.push(`read retained ${version}`);
        return rowAt(address).retained.find(({ sealed }) => sealed.version === version);
      },
      listVersions: async (address, { limit, after = '0' }) => {
        const newestFirst = rowAt(address).history.toReversed();
        const end = Number(after) + limit;
        return {
          items: newestFirst.slice(Number(after), end),
          next: end < newestFirst.length ? String(end) : undefined,
        };
      },
      changeKey: async (address, { expectedRevision, currentKey, created, retain, shred }, event) => {
        log.push('write');
        given.meanwhile?.(row);
        const changed = rowAt(address);
        if (revisionOf(changed.currentKey) !== expectedRevision) throw new ConflictError();
        changed.currentKey = currentKey;
        if (created !== undefined) changed.history = [...changed.history, created];
        changed.retained = changed.retained.filter(({ sealed }) => sealed.version !== shred);
        if (retain !== undefined) changed.retained = [...changed.retained, retain];
        events.push(event);
      },
      shredRetained: async (address, over) => {
        log.push(`shred ${over.sealed.version}`);
        const changed = rowAt(address);
        changed.retained = changed.retained.filter((kept) => kept !== over);
      },
    },
    sealer: {
      seal: async (...record) => {
        log.push('seal');
        return seal(...record);
      },
    },
    opener: {
      withPlaintext: async (record, use, onDecryptAttempt) => {
        log.push('open');
        onDecryptAttempt('kms-1');
        return use(openSealedKey(record, DATA_KEY.plaintext));
      },
    },
    sessions: {
      reserve: note('reserve'),
      settle: note('settle'),
      noteVerdict: note('note verdict'),
      noteUnreadable: async () => undefined,
    },
    openAi: {
      listModels: async () => {
        log.push('list models');
        return [];
      },
      mintClientSecret: async (key, { settings }) => {
        log.push('mint');
        asked.push({ key: key.bytes().toString(), settings });
        const failure = typeof given.failure === 'function' ? given.failure(settings) : given.failure;
        if (failure !== undefined) throw failure;
        return { value: 'ek_1', expiresAt: 0, openAiRequestId: 'req_1', openAiSessionId: undefined };
      },
      realtimeUrl: () => '',
    },
    ...given.own,
  };
  const target: KeyTarget =
    scope === 'workspace' ? { scope, workspaceId: WORKSPACE_ID } : { scope: 'site', siteId: SITE_ID };
  const result = await play(all)(CALLER, target).catch((error: unknown) => error);
  return { result, row, events, log, asked, uses };
};

/** The activity of version 3 since it was stored. */
export const ACTIVITY = {
  used: { version: 3, at: '2026-11-20T00:00:00.000Z' },
  verified: { version: 3, at: '2026-11-21T00:00:00.000Z' },
  test: null,
  unreadableVersion: null,
  unreadableAt: null,
  degraded: { version: 3, until: new Date(fixture.NOW.getTime() + 1).toISOString() },
} satisfies KeyActivity;
