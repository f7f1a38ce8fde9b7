import type { RotationRequest } from '../../domain/anomalies/rotation-request.ts';
import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import type { KeyHealth } from '../../domain/keys/key-health.ts';
import type { KeyChange } from '../../domain/keys/key-lifecycle.ts';
import type { KeyMark } from '../../domain/keys/key-mark.ts';
import type { KeyUsed, UseNote } from '../../domain/keys/key-used.ts';
import type { KeyBinding, SealedKey } from '../../domain/keys/sealed-key.ts';
import type {
  KeyActivity,
  KeyAddress,
  KeyVersionRecord,
  LiveKey,
  RetainedKey,
  StoredKey,
} from '../../domain/keys/stored-key.ts';
import type { Secret } from '../../domain/secret.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import type { Page, PageRequest } from './pages.ts';

export interface KeyStore {
  readKey(address: KeyAddress): Promise<StoredKey | undefined>;
  readRetained(address: KeyAddress, version: number): Promise<RetainedKey | undefined>;
  /** Newest first. */
  listVersions(address: KeyAddress, page: PageRequest): Promise<Page<KeyVersionRecord>>;
  /**
   * Carries out one change: head, history, retained record and audit event, all or nothing. ConflictError when the
   * head's revision has moved.
   */
  changeKey(
    address: KeyAddress,
    change: KeyChange,
    event: AuditEvent,
    /** Versions that the change shreds, and that stay readable for ending their calls, for a minute. */
    kept?: readonly SealedKey[],
  ): Promise<void>;
  /** Removes this retained record, whose time has passed, and no later one in its place. Idempotent. */
  shredRetained(address: KeyAddress, retained: RetainedKey): Promise<void>;
}

/** Looks up whether a key is stored at an address, and whether it is suspended; undefined: none is stored. */
export type KeyStates = (
  address: Pick<KeyAddress, 'scope' | 'scopeId'>,
) => 'active' | 'suspended' | undefined;

export interface StoredKeyStates {
  /** Reads no ciphertext. */
  readStates(addresses: readonly KeyAddress[]): Promise<KeyStates>;
}

export interface StoredKeyPools {
  /** Each stored key with the pool that its sessions take slots in. The same OpenAI key has one pool wherever it is stored. */
  listPools(
    addresses: readonly KeyAddress[],
  ): Promise<readonly (Pick<KeyAddress, 'scope' | 'scopeId'> & { readonly pool: string })[]>;
}

export interface KeyActivityReader {
  readActivity(address: KeyAddress): Promise<KeyActivity | undefined>;
}

export interface KeyUseNotes {
  /**
   * Notes the last use of a key. ConflictError when a later use was noted since, or the key was found unreadable after a
   * use that `isReadable`.
   */
  noteUse(used: KeyUsed, note: UseNote): Promise<void>;
}

/** Seals; can never open. */
export interface KeySealer {
  /** The record of `plaintext` for `binding`, under a fresh data key. The plaintext stays with the caller. */
  seal(plaintext: Secret, binding: KeyBinding, masked: string): Promise<SealedKey>;
}

/** Opens. The only way to a plaintext key. */
export interface KeyOpener {
  /**
   * Decrypts one record, hands the plaintext to `use`, and zeroes every buffer before it returns or throws.
   * `kmsRequestId` joins the call to CloudTrail's Decrypt. Throws SealedKeyUnreadableError (after
   * `onDecryptAttempt`, when KMS was asked), DependencyUnavailableError, or whatever `use` throws.
   */
  withPlaintext<Result>(
    sealed: SealedKey,
    use: (plaintext: Secret) => Promise<Result>,
    onDecryptAttempt: (kmsRequestId: string | undefined) => void,
  ): Promise<Result>;
}

export interface KeyExaminer {
  /**
   * `differs`: the key does not match its mark. `older`: both match and are older than the state that was examined before. `state`
   * names the found state, so that two findings of the same state are one.
   */
  examine(address: KeyAddress): Promise<{
    readonly finding: 'sound' | 'differs' | 'older';
    readonly state: string;
    /** Of the mark; 0 without one. */
    readonly revision: number;
  }>;
  /** Later examinations compare with this revision. */
  accept(address: KeyAddress, revision: number): Promise<void>;
}

export interface MarkWriter {
  /** Every current key, including the remains of deleted ones, with or without a mark. */
  listKeys(
    after: string | undefined,
  ): Promise<Page<{ readonly address: KeyAddress; readonly key: StoredKey }>>;
  isMarked(address: KeyAddress, key: StoredKey): Promise<boolean>;
  /** Writes the mark of `key` with its audit event. ConflictError if the key has changed. */
  writeMark(address: KeyAddress, key: StoredKey, event: AuditEvent): Promise<void>;
}

export interface KeyHealthStore {
  /** ConflictError when another writer was first. */
  saveHealth(
    key: Pick<ReservedSession, 'workspaceId' | 'keyScope' | 'keyScopeId'>,
    health: KeyHealth,
    now: Date,
  ): Promise<void>;
  /** Shows the owner that the key is degraded until this time; undefined: no longer. */
  noteDegraded(
    key: Pick<ReservedSession, 'keyScope' | 'keyScopeId' | 'keyVersion'>,
    until: Date | undefined,
  ): Promise<void>;
}

export interface RotationRequests {
  /** Returns when the request is accepted, not when it is carried out. At least once. */
  request(request: RotationRequest): Promise<void>;
}

/** A record in a scan. `place` names it for an operator: ids and a version, no customer data. */
export type ScannedKey =
  | {
      readonly record: 'head';
      readonly place: string;
      readonly address: KeyAddress;
      readonly currentKey: LiveKey;
    }
  | {
      readonly record: 'retained';
      readonly place: string;
      readonly address: KeyAddress;
      readonly retained: RetainedKey;
    }
  /** Not readable as a record. */
  | { readonly record: 'unreadable'; readonly place: string };

/** Goes through every head with a key and every retained record, in no particular order of scopes. */
export interface KeyScan {
  scanKeys(after: string | undefined): Promise<Page<ScannedKey>>;
}

/** A data key under another master key. */
export interface Wrapping {
  readonly kmsKeyArn: string;
  readonly wrappedDataKey: Uint8Array;
}

/** One record whose wrapping is replaced, with the audit event of it. */
export interface Rewrap {
  readonly sealed: SealedKey;
  readonly wrapping: Wrapping;
  readonly event: AuditEvent;
}

export interface WrappingWriter {
  /**
   * Replaces the wrapping of a scope's head, of its retained record, or of both, with their audit events, all or
   * nothing. Each record must still hold the very wrapped data key that was read and, unless the retained record has
   * lost its head, the head must still be at `revision` and have the mark `mark`. The revision of both then grows by one: a
   * change that was computed from the state before loses, and a head that was put back is not re-wrapped. ConflictError
   * otherwise.
   */
  replaceWrappings(
    address: KeyAddress,
    records: {
      readonly revision: number | undefined;
      readonly mark: KeyMark | undefined;
      readonly head: Rewrap | undefined;
      readonly retained: Rewrap | undefined;
    },
  ): Promise<void>;
}

export interface KeyRewrapper {
  /**
   * The same data key, wrapped under `toKeyArn`; it never leaves KMS. Throws SealedKeyUnreadableError when the record
   * names a master key that is not ours, or KMS says that it can never be opened; DependencyUnavailableError otherwise.
   */
  rewrap(
    sealed: SealedKey,
    toKeyArn: string,
  ): Promise<{ readonly wrapping: Wrapping; readonly kmsRequestId: string | undefined }>;
}
