import { BrokerError } from '../../domain/broker-error.ts';
import type { Control, ManagedTokens } from '../../domain/calls/control.ts';
import { ConflictError, DependencyUnavailableError } from '../../domain/dependency.ts';
import type { LiveKey } from '../../domain/keys/stored-key.ts';
import { OpenAiFailure } from '../../domain/openai-failure.ts';
import type { ReservedSession, SessionOutcome } from '../../domain/sessions/session.ts';
import { HEARTBEAT_SECONDS } from '../../domain/sessions/session-usage.ts';
import { MOST_SILENT_SESSIONS } from '../../domain/sessions/silent-sessions.ts';
import { firstMessagePrompt } from '../../domain/tenancy/first-message.ts';
import type { BillingMode, VisitedSite, Workspace } from '../../domain/tenancy/workspace.ts';
import { controlOf } from '../budgets/control-of.ts';
import { withOpenedKey } from '../keys/with-opened-key.ts';
import type { KeyOpener } from '../ports/keys.ts';
import type { MintedClientSecret, OpenAi } from '../ports/openai.ts';
import type { PseudonymService, SessionLog } from '../ports/sessions.ts';
import type { Admitted } from './admit-session.ts';
import { admitVisitor, type VisitorPorts, type VisitorSettings } from './admit-visitor.ts';
import { arrive, type VisitorRequest } from './arrive.ts';
import type { KnownVisitor } from './check-visitor.ts';
import { freeCapacity, giveBack } from './give-back.ts';
import { refusalOf } from './refusal-of.ts';
import { reportRefusal } from './report-refusal.ts';

export interface MintPorts extends VisitorPorts {
  readonly pseudonyms: PseudonymService;
  readonly sessions: SessionLog;
  readonly opener: KeyOpener;
  readonly openAi: OpenAi;
}

export interface MintSettings extends VisitorSettings {
  /** How long OpenAI may take to answer, milliseconds. */
  readonly openAiTimeoutMs: number;
  readonly managedTokens: ManagedTokens;
}

export type MintRequest = VisitorRequest;

export interface MintedToken {
  readonly clientSecret: MintedClientSecret;
  readonly session: ReservedSession;
  readonly signingSecret: string;
  readonly realtimeUrl: string;
  readonly mode: BillingMode;
  /** How often the widget reports that its session is live. */
  readonly heartbeatSeconds: number;
  readonly maxDurationSeconds: number;
  /** null when the key has no limit on concurrent sessions. */
  readonly remainingSlots: number | null;
  /** The message with which the page begins the conversation; null: the assistant waits. */
  readonly firstMessage: string | null;
}

/**
 * Admits one visitor and mints one client secret, which is handed out once. Refuses in the order of the contract. A
 * refused request never reaches KMS; no key is opened without its session on record; a secret whose session could not be
 * recorded is not handed out.
 *
 * Three sequential hops before OpenAI and one after: read and IP budget; admission; decrypt; then the outcome.
 */
export const mintToken =
  (ports: MintPorts, settings: MintSettings) =>
  async (request: MintRequest): Promise<MintedToken> => {
    const now = ports.clock();
    const arrival = await arrive(ports, settings, request, now);
    const { site: configured, workspace, context } = arrival;
    const control = controlOf(configured, workspace, context.budgets);
    if (!tokensAllowed(control, workspace, settings)) throw new BrokerError('calls_only');
    if (workspace.billingMode === 'managed' && context.silentSessions >= MOST_SILENT_SESSIONS)
      await refuseSilentSite(ports, configured);
    const { admitted, payer, site, visitor } = await admitVisitor(
      ports,
      settings,
      request,
      arrival,
      'token',
      now,
    );
    const minted = await mintForSession(ports, settings, {
      request,
      site,
      admitted,
      key: payer.key,
      visitor,
    });
    await settleIssued(ports, admitted, minted);
    return {
      clientSecret: minted.clientSecret,
      session: admitted.session,
      signingSecret: minted.signingSecret,
      realtimeUrl: ports.openAi.realtimeUrl(site),
      mode: payer.mode,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      maxDurationSeconds: admitted.session.admission?.maxDurationSeconds ?? site.maxDurationSeconds,
      remainingSlots: admitted.remainingSlots,
      firstMessage: firstMessagePrompt(site.conversation),
    };
  };

/** A client secret gives up control, which the site or the operator of a managed key may not want. */
const tokensAllowed = (control: Control, workspace: Workspace, { managedTokens }: MintSettings): boolean =>
  control === 'open' && (workspace.billingMode === 'byok' || managedTokens === 'allow');

/** The cost of sessions without reports is unknown, so the platform's key opens only calls, which the broker can end. */
const refuseSilentSite = async (ports: MintPorts, site: VisitedSite): Promise<never> => {
  const refusal = new BrokerError('calls_only', {
    details: [
      {
        path: 'silent_sessions',
        message: `${MOST_SILENT_SESSIONS} sessions of this site never reported today. Client secrets are available again after 00:00 UTC. Until then, open calls, and check that your pages can reach the events route.`,
      },
    ],
  });
  await reportRefusal(ports, site, { refusal });
  throw refusal;
};

interface Mint {
  readonly request: MintRequest;
  readonly site: VisitedSite;
  readonly admitted: Admitted;
  readonly key: LiveKey;
  readonly visitor: KnownVisitor | undefined;
}

interface Minted {
  readonly clientSecret: MintedClientSecret;
  readonly signingSecret: string;
  readonly kmsRequestId: string | undefined;
}

/** Managed secrets live this long at most, seconds: each can open several sessions until it expires. */
const LONGEST_MANAGED_TTL_SECONDS = 60;

/** Hop 3 and OpenAI. On any failure the slot is released and the refusal recorded before the answer. */
const mintForSession = async (ports: MintPorts, settings: MintSettings, mint: Mint): Promise<Minted> => {
  const { request, site, admitted, key, visitor } = mint;
  const { session } = admitted;
  let kmsRequestId: string | undefined;
  try {
    const [safetyIdentifier, signingSecret] = await Promise.all([
      ports.pseudonyms.safetyIdentifier(site.siteId, visitor?.sub ?? request.visitorId ?? request.sourceIp),
      ports.pseudonyms.signingSecret(session.sessionId),
    ]);
    const clientSecret = await withOpenedKey(ports)(
      session,
      key,
      (plaintext) =>
        ports.openAi.mintClientSecret(plaintext, {
          settings: site,
          ttlSeconds:
            session.mode === 'managed'
              ? Math.min(site.clientSecretTtlSeconds, LONGEST_MANAGED_TTL_SECONDS)
              : site.clientSecretTtlSeconds,
          safetyIdentifier,
          timeoutMs: settings.openAiTimeoutMs,
        }),
      (requestId) => {
        kmsRequestId = requestId;
      },
    );
    return { clientSecret, signingSecret, kmsRequestId };
  } catch (error) {
    const refusal = refusalOf(error, session.mode);
    const failure = error instanceof OpenAiFailure ? error : undefined;
    await Promise.all([
      giveBack(ports, admitted, refusal.code, { kmsRequestId, openAiFailure: failure }),
      reportRefusal(ports, site, { refusal, failure, session }),
    ]);
    throw error instanceof DependencyUnavailableError ? error : refusal;
  }
};

/**
 * Hop 4, awaited before the answer: a secret that is not recorded is discarded, its slot is released, and its session
 * stays an open intent.
 */
const settleIssued = async (
  ports: MintPorts,
  admitted: Admitted,
  { clientSecret, kmsRequestId }: Minted,
): Promise<void> => {
  const { clock, sessions } = ports;
  const { session } = admitted;
  const at = clock().toISOString();
  const { openAiRequestId, openAiSessionId } = clientSecret;
  const outcome: SessionOutcome = {
    state: 'issued',
    at,
    ...(kmsRequestId !== undefined && { kmsRequestId }),
    ...(openAiRequestId !== undefined && { openAiRequestId }),
    ...(openAiSessionId !== undefined && { openAiSessionId }),
  };
  try {
    await sessions.settle(session, outcome);
  } catch (error) {
    await freeCapacity(ports, admitted);
    throw error instanceof ConflictError ? new BrokerError('unavailable') : error;
  }
};
