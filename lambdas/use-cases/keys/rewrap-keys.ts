import { ConflictError, DependencyUnavailableError } from '../../domain/dependency.ts';
import { markOf } from '../../domain/keys/key-mark.ts';
import { type SealedKey, SealedKeyUnreadableError } from '../../domain/keys/sealed-key.ts';
import { isLive, type KeyAddress, type LiveKey, type RetainedKey } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { KeyRewrapper, KeyScan, KeyStore, Rewrap, ScannedKey, WrappingWriter } from '../ports/keys.ts';

export interface RewrapPorts {
  readonly scan: KeyScan;
  readonly keys: Pick<KeyStore, 'readKey' | 'readRetained'>;
  readonly writer: WrappingWriter;
  readonly rewrapper: KeyRewrapper;
  readonly auditEvents: AuditEventFactory;
}

export type RewrapTrouble = 'conflicted' | 'unreadable' | 'failed';
type Outcome = 'done' | 'skipped' | RewrapTrouble;

/** The number of records by result. */
export type RewrapCounts = Readonly<Record<Outcome, number>>;

export interface RewrapReport {
  /** `done` of all passes; everything else of the last pass. */
  readonly counts: RewrapCounts;
  /** True if the last pass found every record under the target key. */
  readonly complete: boolean;
}

export interface RewrapRequest {
  readonly toKeyArn: string;
  /** Reports without KMS and without a write. `done` then counts the remaining records. */
  readonly dryRun: boolean;
  readonly onProgress: (counts: RewrapCounts) => void;
  /** `errorName`: the error of the service that prevented it. */
  readonly onTrouble: (place: string, trouble: RewrapTrouble, errorName: string | undefined) => void;
}

const NOTHING: RewrapCounts = { done: 0, skipped: 0, conflicted: 0, unreadable: 0, failed: 0 };

/** A pass that moved a record is followed by another one that checks the rest; conflicts rarely happen twice. */
const MAX_PASSES = 3;

/** Records handled in parallel. KMS allows far more, but the tables are in use meanwhile. */
const PARALLEL = 8;

/**
 * Operator. Re-wraps the data key of every stored key under `toKeyArn` by KMS ReEncrypt; ciphertexts are not touched
 * and nothing is decrypted outside KMS. A record that is already under it is skipped, so another run finishes one that
 * was cut off. No concurrent change is lost: the first writer wins, and the other reads again.
 */
export const rewrapKeys =
  (ports: RewrapPorts) =>
  async (caller: Caller, request: RewrapRequest): Promise<RewrapReport> => {
    let done = 0;
    for (let pass = 1; ; pass++) {
      const counts = await onePass(ports, caller, request);
      done += counts.done;
      const settled = counts.done + counts.conflicted === 0;
      const complete = settled && counts.unreadable + counts.failed === 0;
      if (settled || request.dryRun || pass === MAX_PASSES) return { counts: { ...counts, done }, complete };
    }
  };

const onePass = async (ports: RewrapPorts, caller: Caller, request: RewrapRequest): Promise<RewrapCounts> => {
  const counts = { ...NOTHING };
  for (let after: string | undefined; ; ) {
    const page = await ports.scan.scanKeys(after);
    for (let i = 0; i < page.items.length; i += PARALLEL) {
      const outcomes = await Promise.all(
        page.items.slice(i, i + PARALLEL).map((scanned) => takeRecord(ports, caller, request, scanned)),
      );
      for (const { place, outcome, errorName } of outcomes.flat()) {
        counts[outcome]++;
        if (outcome !== 'done' && outcome !== 'skipped') request.onTrouble(place, outcome, errorName);
      }
    }
    request.onProgress(counts);
    if (page.next === undefined) return counts;
    after = page.next;
  }
};

interface Result {
  readonly place: string;
  readonly outcome: Outcome;
  readonly errorName?: string | undefined;
}

/** The content of one scope at one moment. */
interface Scope {
  readonly address: KeyAddress;
  readonly currentKey: LiveKey | undefined;
  readonly retained: RetainedKey | undefined;
}

const takeRecord = async (
  ports: RewrapPorts,
  caller: Caller,
  request: RewrapRequest,
  scanned: ScannedKey,
): Promise<Result[]> => {
  const { place } = scanned;
  if (scanned.record === 'unreadable') return [{ place, outcome: 'unreadable' }];
  try {
    const scope =
      scanned.record === 'head' ? await scopeOfHead(ports, scanned) : await strayScope(ports, scanned);
    return scope === undefined ? [] : await rewrapScope(ports, caller, request, place, scope);
  } catch (error) {
    if (error instanceof DependencyUnavailableError)
      return [{ place, outcome: 'failed', errorName: error.errorName }];
    throw error;
  }
};

/** A head moves together with the record that a rollback would restore: one write covers the whole scope. */
const scopeOfHead = async (
  ports: RewrapPorts,
  { address, currentKey }: { readonly address: KeyAddress; readonly currentKey: LiveKey },
): Promise<Scope> => ({
  address,
  currentKey,
  retained:
    currentKey.previousVersion === null
      ? undefined
      : await ports.keys.readRetained(address, currentKey.previousVersion),
});

/** A retained record that its head names moves with the head; any other moves alone. */
const strayScope = async (
  ports: RewrapPorts,
  { address, retained }: { readonly address: KeyAddress; readonly retained: RetainedKey },
): Promise<Scope | undefined> => {
  const currentKey = await ports.keys.readKey(address);
  const known = isLive(currentKey) && currentKey.previousVersion === retained.sealed.version;
  return known ? undefined : { address, currentKey: undefined, retained };
};

const rewrapScope = async (
  ports: RewrapPorts,
  caller: Caller,
  request: RewrapRequest,
  place: string,
  first: Scope,
): Promise<Result[]> => {
  try {
    return await attempt(ports, caller, request, place, first);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
  const again = await readAgain(ports, first);
  // Deleted or shredded meanwhile: nothing is left to wrap.
  if (again === undefined) return [];
  try {
    return await attempt(ports, caller, request, place, again);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    return [{ place, outcome: 'conflicted' }];
  }
};

const readAgain = async (
  ports: RewrapPorts,
  { address, currentKey, retained }: Scope,
): Promise<Scope | undefined> => {
  if (currentKey === undefined) {
    const version = retained?.sealed.version;
    const current = version === undefined ? undefined : await ports.keys.readRetained(address, version);
    return current && { address, currentKey: undefined, retained: current };
  }
  const current = await ports.keys.readKey(address);
  return isLive(current) ? scopeOfHead(ports, { address, currentKey: current }) : undefined;
};

/** One write for the whole scope. A record that cannot be re-wrapped does not block the other one. */
const attempt = async (
  ports: RewrapPorts,
  caller: Caller,
  request: RewrapRequest,
  place: string,
  { address, currentKey, retained }: Scope,
): Promise<Result[]> => {
  const current = currentKey && (await prepare(ports, caller, request, place, 'current', currentKey.sealed));
  const earlier =
    retained &&
    (await prepare(
      ports,
      caller,
      request,
      `${place}, retained ${retained.sealed.version}`,
      'retained',
      retained.sealed,
    ));
  if (current?.rewrap !== undefined || earlier?.rewrap !== undefined)
    await ports.writer.replaceWrappings(address, {
      revision: currentKey?.revision,
      mark: currentKey && markOf(currentKey),
      head: current?.rewrap,
      retained: earlier?.rewrap,
    });
  return [current, earlier].flatMap((prepared) => (prepared === undefined ? [] : [prepared.result]));
};

interface Prepared {
  readonly result: Result;
  readonly rewrap: Rewrap | undefined;
}

const prepare = async (
  { rewrapper, auditEvents }: RewrapPorts,
  caller: Caller,
  { toKeyArn, dryRun }: RewrapRequest,
  place: string,
  record: 'current' | 'retained',
  sealed: SealedKey,
): Promise<Prepared> => {
  if (sealed.kmsKeyArn === toKeyArn) return { result: { place, outcome: 'skipped' }, rewrap: undefined };
  if (dryRun) return { result: { place, outcome: 'done' }, rewrap: undefined };
  try {
    const { wrapping, kmsRequestId } = await rewrapper.rewrap(sealed, toKeyArn);
    const event = await auditEvents.event(caller, 'key.rewrapped', {
      workspaceId: sealed.workspaceId,
      facts: {
        scope: sealed.scope,
        scope_id: sealed.scopeId,
        version: sealed.version,
        record,
        master_key_before: keyIdOf(sealed.kmsKeyArn),
        master_key: keyIdOf(toKeyArn),
        ...(kmsRequestId !== undefined && { kms_reencrypt_request_id: kmsRequestId }),
      },
    });
    return { result: { place, outcome: 'done' }, rewrap: { sealed, wrapping, event } };
  } catch (error) {
    if (error instanceof SealedKeyUnreadableError)
      return { result: { place, outcome: 'unreadable' }, rewrap: undefined };
    if (error instanceof DependencyUnavailableError)
      return { result: { place, outcome: 'failed', errorName: error.errorName }, rewrap: undefined };
    throw error;
  }
};

/** Keeps the AWS account id out of the audit trail. */
const keyIdOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);
