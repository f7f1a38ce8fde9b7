import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { signEvents } from '../../../lambdas/domain/sessions/event-signature.ts';

/** The target of a smoke test: a deployment by its public address, and the person who runs it. */
export interface SmokeTarget {
  readonly url: string;
  /** An access token of an owner. */
  readonly token: string | undefined;
  /** A site of that person, and an origin that is registered on it. @default a new site for the test */
  readonly site: string | undefined;
  readonly origin: string | undefined;
  /** False if no key is stored yet, to test only the address and the token. @default true */
  readonly mint?: boolean;
}

export interface StepResult {
  readonly step: string;
  readonly ok: boolean;
  /** One sentence with the result and, after a failure, the next step. */
  readonly says: string;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
  /** True if the response has this product's envelope. */
  readonly ours: boolean;
}

const envelope = z.union([
  z.object({ success: z.literal(true), data: z.record(z.string(), z.unknown()) }),
  z.object({ success: z.literal(false), error: z.object({ code: z.string(), message: z.string() }) }),
]);

const TIMEOUT_MS = 20_000;
const OWN_ORIGIN = 'https://smoke-test.example';
const FOREIGN_ORIGIN = 'https://not-registered.example';

/** The deployment cannot be reached, or the test cannot continue. The message is for the operator. */
class SmokeStop extends Error {
  override readonly name = 'SmokeStop';
}

const ask = async (
  { url }: SmokeTarget,
  method: string,
  path: string,
  {
    headers = {},
    body,
    text: given,
  }: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    /** A body that is sent byte for byte. */
    readonly text?: string;
  } = {},
): Promise<Answer> => {
  const sent = given ?? (body === undefined ? undefined : JSON.stringify(body));
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, ...(sent !== undefined && { 'content-type': 'application/json' }) },
      ...(sent !== undefined && { body: sent }),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new SmokeStop(
      error instanceof Error && error.name === 'TimeoutError'
        ? `Nothing has answered at ${url} within ${TIMEOUT_MS / 1_000} s.`
        : `Wrong URL: nothing listens at ${url}. Take ApiUrl of the api stack, or EdgeUrl of the edge stack.`,
    );
  }
  const text = await response.text();
  let json: unknown;
  try {
    json = text === '' ? undefined : JSON.parse(text);
  } catch {
    json = undefined;
  }
  const parsed = envelope.safeParse(json);
  const { status } = response;
  if (!parsed.success)
    return { status, headers: response.headers, code: undefined, message: undefined, data: {}, ours: false };
  const { data: content } = parsed;
  return {
    status,
    headers: response.headers,
    code: content.success ? undefined : content.error.code,
    message: content.success ? undefined : content.error.message,
    data: content.success ? content.data : {},
    ours: true,
  };
};

const said = ({ status, code, message }: Answer): string =>
  `It answered ${status}${code === undefined ? '' : ` ${code}`}${message === undefined ? '' : `: ${message}`}`;

const checkHealth = async (target: SmokeTarget): Promise<string> => {
  const health = await ask(target, 'GET', '/v1/health');
  if (health.status === 403 && health.code === 'forbidden')
    throw new SmokeStop(
      'Wrong URL: this is the API behind the edge, which answers nobody directly. Take EdgeUrl of the edge stack.',
    );
  if (!health.ours || health.status !== 200)
    throw new SmokeStop(
      `Wrong URL: what answers at ${target.url} is not this service (HTTP ${health.status}). Give the address without a path.`,
    );
  return `version ${String(health.data['version'])} answers`;
};

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const checkToken = async (target: SmokeTarget, token: string): Promise<string> => {
  const answer = await ask(target, 'GET', '/v1/workspaces?limit=1', { headers: bearer(token) });
  if (answer.status === 401)
    throw new SmokeStop(
      'Wrong token: expired, of another issuer, for another audience, or an ID token. Sign in again, and compare signIn of the stage.',
    );
  if (answer.status !== 200)
    throw new SmokeStop(`The access token is taken, but no list came. ${said(answer)}`);
  return 'the access token is taken';
};

const text = z.string();

/** A managed workspace with one site, only for this test. */
const makeSite = async (
  target: SmokeTarget,
  token: string,
): Promise<{ readonly workspaceId: string; readonly siteId: string; readonly name: string }> => {
  const name = `Smoke test ${new Date().toISOString()}`;
  const workspace = await ask(target, 'POST', '/v1/workspaces', { headers: bearer(token), body: { name } });
  if (workspace.status !== 201) throw new SmokeStop(`No workspace could be created. ${said(workspace)}`);
  const workspaceId = text.parse(workspace.data['workspace_id']);
  const managed = await ask(target, 'PATCH', `/v1/workspaces/${workspaceId}`, {
    headers: bearer(token),
    body: { billing_mode: 'managed' },
  });
  const site = await ask(target, 'POST', `/v1/workspaces/${workspaceId}/sites`, {
    headers: bearer(token),
    body: { name: 'Smoke test', allowed_origins: [OWN_ORIGIN] },
  });
  if (managed.status !== 200 || site.status !== 201) {
    await ask(target, 'DELETE', `/v1/workspaces/${workspaceId}`, {
      headers: bearer(token),
      body: { confirm: name },
    });
    if (managed.code === 'managed_unavailable') throw new SmokeStop(MISSING_PLATFORM_KEY);
    throw new SmokeStop(`No site could be created. ${said(managed.status === 200 ? site : managed)}`);
  }
  return { workspaceId, siteId: text.parse(site.data['site_id']), name };
};

const checkForeignOrigin = async (target: SmokeTarget, site: string): Promise<string> => {
  const answer = await ask(target, 'POST', `/v1/${site}/token`, {
    headers: { origin: FOREIGN_ORIGIN },
    body: {},
  });
  if (answer.code === 'site_not_found')
    throw new SmokeStop(`There is no site ${site} here. Copy its id from GET /v1/workspaces/…/sites.`);
  if (answer.code !== 'origin_not_allowed')
    throw new SmokeStop(`A page that is not registered was not refused as it should be. ${said(answer)}`);
  return 'a page that is not registered is refused';
};

const checkPreflight = async (target: SmokeTarget, site: string, origin: string): Promise<string> => {
  const answer = await ask(target, 'OPTIONS', `/v1/${site}/token`, {
    headers: { origin, 'access-control-request-method': 'POST' },
  });
  if (answer.status === 403)
    throw new SmokeStop(
      `Origin not registered: the site does not list ${origin}. Add it to allowed_origins, with scheme and without a path.`,
    );
  if (answer.status !== 204 || answer.headers.get('access-control-allow-origin') !== origin)
    throw new SmokeStop(`A browser on ${origin} is not allowed. ${said(answer)}`);
  return `a browser on ${origin} is allowed`;
};

/** Advice after a deployment for each refusal of a mint. */
const REFUSALS: Readonly<Record<string, string>> = {
  openai_key_missing:
    'Key missing: neither the site nor its workspace has an OpenAI key. Store one with PUT …/openai-key.',
  openai_key_rejected:
    'OpenAI refuses the key. It may be revoked, lack access to Realtime or belong to another region.',
  openai_key_suspended: 'The key is suspended. An admin can resume it with POST …/openai-key/resume.',
  openai_quota_exhausted: 'The OpenAI account behind the key has no credit left.',
  minutes_exhausted: "The plan's minutes are used up.",
  openai_error:
    'OpenAI did not start a session: try again, then see "Visitors get no session" in docs/runbook.md.',
  openai_timeout:
    'OpenAI did not answer in time: try again, then see "Visitors get no session" in docs/runbook.md.',
  busy: 'Every line of the key is in use: try again in a moment.',
  rate_limited: 'Too many requests from this address: try again in a minute.',
};

const MISSING_PLATFORM_KEY =
  'Missing platform key: managed sites have no key to use. Store it with npm run platform-key (docs/deploy.md; add -- --local while npm start runs), or give --site and --origin.';

const explainRefusal = (answer: Answer): string => {
  if (answer.code === 'unavailable' && answer.message?.includes('platform key') === true)
    return MISSING_PLATFORM_KEY;
  if (answer.code === 'unavailable')
    return 'KMS or DynamoDB refuses or fails: see "Visitors get no session" in docs/runbook.md.';
  return REFUSALS[answer.code ?? ''] ?? said(answer);
};

interface Minted {
  readonly says: string;
  /** Undefined if the site accepts only calls. */
  readonly session: { readonly id: string; readonly signingSecret: string } | undefined;
}

const checkMint = async (target: SmokeTarget, site: string, origin: string): Promise<Minted> => {
  const startedAt = performance.now();
  const answer = await ask(target, 'POST', `/v1/${site}/token`, { headers: { origin }, body: {} });
  const elapsedMs = Math.round(performance.now() - startedAt);
  if (answer.code === 'calls_only')
    return {
      says: 'the settings of the site allow only calls, so no client secret was minted. Place a call with "Test voice" in the dashboard',
      session: undefined,
    };
  if (answer.status !== 200) throw new SmokeStop(explainRefusal(answer));
  // The secret itself is never shown.
  return {
    says: `a client secret was minted in ${elapsedMs} ms (${String(answer.data['mode'])}, ${String(answer.data['model'])})`,
    session: {
      id: text.parse(answer.data['session_id']),
      signingSecret: text.parse(answer.data['signing_secret']),
    },
  };
};

/** Ends the session as a widget does, so that its slot is free for the first visitor. */
const checkEnd = async (
  target: SmokeTarget,
  site: string,
  origin: string,
  { id, signingSecret }: NonNullable<Minted['session']>,
): Promise<string> => {
  const now = new Date();
  const body = JSON.stringify({
    events: [{ id: randomUUID(), type: 'ended', at: now.toISOString(), reason: 'hung_up' }],
  });
  const t = Math.floor(now.getTime() / 1_000);
  const answer = await ask(target, 'POST', `/v1/${site}/sessions/${id}/events`, {
    headers: { origin, 'x-spelo-signature': `t=${t},v1=${signEvents(signingSecret, t, body)}` },
    text: body,
  });
  if (answer.status !== 200)
    throw new SmokeStop(
      `The session could not be ended, so its slot stays taken for two minutes. ${said(answer)} Check the clock of this machine.`,
    );
  return 'the session has ended, and its slot is free';
};

/**
 * Tests a deployment from outside, step by step, as an owner and as a visitor's browser. Stops at the first failed step,
 * and deletes everything that it created.
 */
export const smokeTest = async (
  target: SmokeTarget,
  tell: (result: StepResult) => void,
): Promise<{ readonly ok: boolean }> => {
  let cleanUp = async (): Promise<void> => undefined;
  const run = async (step: string, check: () => Promise<string>): Promise<void> => {
    try {
      tell({ step, ok: true, says: await check() });
    } catch (error) {
      if (!(error instanceof SmokeStop)) throw error;
      tell({ step, ok: false, says: error.message });
      throw error;
    }
  };
  try {
    await run('address', () => checkHealth(target));
    const { token } = target;
    if (token !== undefined) await run('token', () => checkToken(target, token));
    if (target.mint === false) return { ok: true };
    let { site, origin = OWN_ORIGIN } = target;
    if (site === undefined) {
      await run('site', async () => {
        if (token === undefined)
          throw new SmokeStop(
            'Without a token, only the address can be checked. Set TOKEN, or give --site and --origin.',
          );
        const made = await makeSite(target, token);
        site = made.siteId;
        cleanUp = async () => {
          await ask(target, 'DELETE', `/v1/workspaces/${made.workspaceId}`, {
            headers: bearer(token),
            body: { confirm: made.name },
          });
        };
        return 'a managed workspace with a site was created; it is deleted at the end';
      });
      origin = OWN_ORIGIN;
    }
    const siteId = site ?? '';
    await run('foreign page', () => checkForeignOrigin(target, siteId));
    await run('preflight', () => checkPreflight(target, siteId, origin));
    let session: Minted['session'];
    await run('mint', async () => {
      const minted = await checkMint(target, siteId, origin);
      session = minted.session;
      return minted.says;
    });
    const begun = session;
    if (begun !== undefined) await run('end', () => checkEnd(target, siteId, origin, begun));
    return { ok: true };
  } catch (error) {
    if (error instanceof SmokeStop) return { ok: false };
    throw error;
  } finally {
    await cleanUp().catch(() => undefined);
  }
};
