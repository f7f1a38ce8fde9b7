import type { ListedModel } from '../../domain/keys/verdict.ts';
import type { Secret } from '../../domain/secret.ts';
import type { VoiceSettings } from '../../domain/tenancy/workspace.ts';

export interface MintedClientSecret {
  /** `ek_…` */
  readonly value: string;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly openAiRequestId: string | undefined;
  readonly openAiSessionId: string | undefined;
}

/** OpenAI, at the operator's configured base URL. Every method throws OpenAiFailure and nothing else. */
export interface OpenAi {
  /**
   * Mints one client secret. Never repeated blindly: one retry when the connection failed before the request was
   * sent, or when OpenAI itself says `x-should-retry`, both inside `timeoutMs`.
   */
  mintClientSecret(
    key: Secret,
    request: {
      readonly settings: VoiceSettings;
      readonly ttlSeconds: number;
      readonly safetyIdentifier: string | undefined;
      readonly timeoutMs: number;
    },
  ): Promise<MintedClientSecret>;
  listModels(
    key: Secret,
    request: { readonly settings: VoiceSettings; readonly timeoutMs: number },
  ): Promise<readonly ListedModel[]>;
  /** Where a browser posts its SDP offer for a session with these settings. */
  realtimeUrl(settings: VoiceSettings): string;
}
