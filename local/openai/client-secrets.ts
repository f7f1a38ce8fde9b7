import { createHash, randomBytes } from 'node:crypto';
import { DEFAULT_REALTIME_MODEL } from './models.ts';
import type { MintRequest, SessionRequest } from './session-schema.ts';

const DEFAULT_SECONDS = 600;

/** The facts behind a client secret. Expiry is in unix seconds, as in the answer. */
export type ClientSecret = {
  readonly value: string;
  readonly expiresAt: number;
  readonly model: string;
  /** The requested session, which every call with the secret gets. */
  readonly session: SessionRequest | undefined;
  /** The failure suffix of the key that minted it: some failures come only when the secret is used. */
  readonly failure: string | undefined;
  /** The fingerprint of the key that minted it. */
  readonly owner: string;
};

export type ClientSecrets = {
  readonly mint: (request: MintRequest, key: string, failure: string | undefined) => ClientSecret;
  /** The secret, until it expires. One secret can open any number of sessions until then. */
  readonly find: (value: string) => ClientSecret | undefined;
  /** How many were ever minted, expired ones too. */
  readonly count: () => number;
  /** How many the key with this fingerprint ever minted. */
  readonly countOf: (keyFingerprint: string) => number;
};

/** The stored fingerprint of a key: enough to distinguish it from others, but useless as a key. */
export function fingerprint(bearer: string): string {
  return createHash('sha256').update(bearer).digest('hex').slice(0, 16);
}

/** Keeps secrets in memory until the process ends, because they are only valid for minutes. */
export function createClientSecrets(now: () => number): ClientSecrets {
  const live = new Map<string, ClientSecret>();
  const minted = new Map<string, number>();
  const hasExpired = (secret: ClientSecret) => now() >= secret.expiresAt * 1_000;

  return {
    mint: (request, key, failure) => {
      for (const secret of live.values()) if (hasExpired(secret)) live.delete(secret.value);
      const seconds = request.expires_after?.seconds ?? DEFAULT_SECONDS;
      const secret: ClientSecret = {
        value: `ek_${randomBytes(16).toString('hex')}`,
        expiresAt: Math.floor(now() / 1_000) + seconds,
        model: request.session?.model ?? DEFAULT_REALTIME_MODEL,
        session: request.session,
        failure,
        owner: fingerprint(key),
      };
      live.set(secret.value, secret);
      minted.set(secret.owner, (minted.get(secret.owner) ?? 0) + 1);
      return secret;
    },
    find: (value) => {
      const secret = live.get(value);
      return secret === undefined || hasExpired(secret) ? undefined : secret;
    },
    count: () => [...minted.values()].reduce((sum, count) => sum + count, 0),
    countOf: (keyFingerprint) => minted.get(keyFingerprint) ?? 0,
  };
}

export function newSessionId(): string {
  return `sess_${randomBytes(15).toString('base64url')}`;
}

/** The response's `session`: the requested one, completed with OpenAI's defaults. It echoes the instructions. */
export function describeSession(
  asked: SessionRequest | undefined,
  model: string,
  { id = newSessionId(), expiresAt = 0 }: { readonly id?: string; readonly expiresAt?: number } = {},
): Readonly<Record<string, unknown>> {
  const format = { type: 'audio/pcm', rate: 24_000 };
  const input = asked?.audio?.input;
  const output = asked?.audio?.output;
  return {
    output_modalities: ['audio'],
    instructions: '',
    tools: [],
    tool_choice: 'auto',
    max_output_tokens: 'inf',
    tracing: null,
    truncation: 'auto',
    prompt: null,
    include: null,
    ...asked,
    type: 'realtime',
    object: 'realtime.session',
    id,
    model,
    expires_at: expiresAt,
    audio: {
      input: {
        format,
        transcription: null,
        noise_reduction: null,
        turn_detection: defaultTurnDetection,
        ...input,
      },
      output: { format, voice: 'alloy', speed: 1, ...output },
    },
  };
}

const defaultTurnDetection = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 200,
  idle_timeout_ms: null,
  create_response: true,
  interrupt_response: true,
};
