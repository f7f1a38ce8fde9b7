import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const BACKING_KEY_BYTES = 32;

const keySchema = z.strictObject({
  keyId: z.uuid(),
  usage: z.enum(['ENCRYPT_DECRYPT', 'GENERATE_VERIFY_MAC']),
  enabled: z.boolean(),
  /** Set while the key waits for its deletion. */
  deletionDate: z.iso.datetime().optional(),
  createdAt: z.iso.datetime(),
  backingKeys: z
    .array(z.base64().refine((text) => Buffer.from(text, 'base64').length === BACKING_KEY_BYTES))
    .min(1),
});

const stateSchema = z.strictObject({
  keys: z.array(keySchema),
  aliases: z.record(z.string().startsWith('alias/'), z.uuid()),
});

const fileSchema = z.strictObject({ format: z.literal(1), sha256: z.string(), state: z.unknown() });

/** Everything that must survive a restart, key material in base64. */
export type KeyState = z.infer<typeof stateSchema>;

/** One key; its material is oldest first, and the last one seals. */
export type StoredKey = z.infer<typeof keySchema>;

/** The state file cannot be trusted; nothing was read from it and it was left as it is. */
export class DamagedStateFileError extends Error {
  override readonly name = 'DamagedStateFileError';
  readonly stateFile: string;

  constructor(stateFile: string, reason: string) {
    super(`The local KMS state file ${stateFile} ${reason}; \`npm start -- --reset\` starts afresh.`);
    this.stateFile = stateFile;
  }
}

/**
 * The state last written, or undefined when there is no file yet.
 *
 * @throws {DamagedStateFileError} without the parser's own message, which would quote key material.
 */
export function readStateFile(stateFile: string): KeyState | undefined {
  if (!existsSync(stateFile)) return undefined;
  const state = parseState(readFileSync(stateFile, 'utf8'));
  if (state === undefined) throw new DamagedStateFileError(stateFile, 'is damaged');
  return state;
}

/** Replaces the file whole or not at all, readable by its owner only. */
export function writeStateFile(stateFile: string, state: KeyState): void {
  mkdirSync(dirname(stateFile), { recursive: true });
  const temporary = `${stateFile}.${randomUUID()}.tmp`;
  try {
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(descriptor, `${JSON.stringify({ format: 1, sha256: digest(state), state }, null, 2)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, stateFile);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function parseState(text: string): KeyState | undefined {
  const file = fileSchema.safeParse(parseJson(text));
  if (!file.success || digest(file.data.state) !== file.data.sha256) return undefined;
  const state = stateSchema.safeParse(file.data.state);
  if (!state.success) return undefined;
  const keyIds = new Set(state.data.keys.map((key) => key.keyId));
  const everyKeyIsOnce = keyIds.size === state.data.keys.length;
  const everyAliasHasItsKey = Object.values(state.data.aliases).every((keyId) => keyIds.has(keyId));
  return everyKeyIsOnce && everyAliasHasItsKey ? state.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One changed character in the material would otherwise look like damage in every record it sealed. */
function digest(state: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(state) ?? '')
    .digest('hex');
}
