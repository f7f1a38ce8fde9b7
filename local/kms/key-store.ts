import { randomBytes, randomUUID } from 'node:crypto';
import { KmsError } from './kms-error.ts';
import { DamagedStateFileError, readStateFile, type StoredKey, writeStateFile } from './state-file.ts';

export const ACCOUNT_ID = '000000000000';
export const REGION = 'us-east-1';
const ARN_PREFIX = `arn:aws:kms:${REGION}:${ACCOUNT_ID}:`;
const BACKING_KEY_BYTES = 32;

/** The allowed use of a key. `GENERATE_VERIFY_MAC` is an HMAC_256 key. */
export type KeyUsage = StoredKey['usage'];

/** A key that exists from the start, under this alias (`alias/…`). */
export interface LocalKmsKey {
  readonly alias: string;
  readonly usage: KeyUsage;
}

export type Key = Readonly<StoredKey>;

/** The ARN that every answer names the key by. */
export function arnOf(key: Key): string {
  return `${ARN_PREFIX}key/${key.keyId}`;
}

/** The keys and aliases; with a state file, every change is on disk before the call that made it is answered. */
export class KeyStore {
  readonly #keys = new Map<string, Key>();
  readonly #aliases = new Map<string, string>();
  readonly #stateFile: string | undefined;

  /** @throws {DamagedStateFileError} when the state file cannot be used. */
  constructor(keys: readonly LocalKmsKey[], stateFile?: string) {
    this.#stateFile = stateFile;
    if (stateFile !== undefined) this.#load(stateFile);
    for (const key of keys) this.#ensure(key);
    this.#save();
  }

  create(usage: KeyUsage): Key {
    const key = this.#add(usage);
    this.#save();
    return key;
  }

  setEnabled(key: Key, enabled: boolean): void {
    this.#keys.set(key.keyId, { ...key, enabled });
    this.#save();
  }

  /** Undefined cancels the deletion. The key is then disabled, as at AWS. */
  setDeletion(key: Key, date: Date | undefined): void {
    const { deletionDate: _, ...rest } = key;
    const deletion = date === undefined ? {} : { deletionDate: date.toISOString() };
    this.#keys.set(key.keyId, { ...rest, enabled: false, ...deletion });
    this.#save();
  }

  /** The key with this id, if there is one. */
  get(keyId: string): Key | undefined {
    return this.#keys.get(keyId);
  }

  /**
   * The key named by a key id or key ARN.
   *
   * @throws {KmsError} NotFoundException, also for an alias, which KMS does not accept in operations that manage a key.
   */
  resolveId(identifier: string): Key {
    const keyId = withoutPrefix(withoutPrefix(identifier, ARN_PREFIX), 'key/');
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new KmsError('NotFoundException', `Key '${identifier}' does not exist`);
    return key;
  }

  /**
   * The key named by a key id, key ARN, alias name or alias ARN.
   *
   * @throws {KmsError} NotFoundException
   */
  resolve(identifier: string): Key {
    const name = withoutPrefix(identifier, ARN_PREFIX);
    if (!name.startsWith('alias/')) return this.resolveId(identifier);
    const key = this.#keys.get(this.#aliases.get(name) ?? '');
    if (key === undefined)
      throw new KmsError('NotFoundException', `Alias ${ARN_PREFIX}${name} is not found.`);
    return key;
  }

  #load(stateFile: string): void {
    const state = readStateFile(stateFile);
    for (const key of state?.keys ?? []) this.#keys.set(key.keyId, key);
    for (const [alias, keyId] of Object.entries(state?.aliases ?? {})) this.#aliases.set(alias, keyId);
  }

  #ensure({ alias, usage }: LocalKmsKey): void {
    if (!alias.startsWith('alias/')) throw new TypeError(`A KMS alias starts with "alias/", not "${alias}"`);
    const existing = this.#keys.get(this.#aliases.get(alias) ?? '');
    if (existing === undefined) {
      this.#aliases.set(alias, this.#add(usage).keyId);
      return;
    }
    if (existing.usage === usage) return;
    if (this.#stateFile === undefined) throw new TypeError(`${alias} is given twice with different usages`);
    throw new DamagedStateFileError(this.#stateFile, `holds ${alias} as ${existing.usage}, not ${usage}`);
  }

  #add(usage: KeyUsage): Key {
    const key: Key = {
      keyId: randomUUID(),
      usage,
      enabled: true,
      createdAt: new Date().toISOString(),
      backingKeys: [randomBytes(BACKING_KEY_BYTES).toString('base64')],
    };
    this.#keys.set(key.keyId, key);
    return key;
  }

  #save(): void {
    if (this.#stateFile === undefined) return;
    writeStateFile(this.#stateFile, {
      keys: [...this.#keys.values()],
      aliases: Object.fromEntries(this.#aliases),
    });
  }
}

function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}
