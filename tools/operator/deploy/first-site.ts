import { z } from 'zod';
import { parseRegisteredOrigin } from '../../../lambdas/domain/tenancy/origin.ts';
import { DeployStop } from './stop.ts';

/** The owner's first workspace and site, made through the public API as the dashboard does. */
export interface FirstSite {
  readonly workspaceId: string;
  readonly siteId: string;
  readonly origin: string;
}

/** Answers of the operator. Each is requested only if neither the options nor the stored workspace define it. */
export interface FirstSiteAnswers {
  readonly payer: () => Promise<Payer>;
  /** Usage tier of the OpenAI account behind the key, 1 to 5: the number of sessions that may run at once. */
  readonly tier: () => Promise<number>;
  readonly origin: () => Promise<string>;
  readonly openAiKey: () => Promise<string>;
  /** Called when managed billing has no usable platform key. */
  readonly storePlatformKey: () => Promise<void>;
}

export type Payer = 'own' | 'platform' | 'none';

export interface FirstSiteRequest {
  readonly url: string;
  /** An access token of the owner. */
  readonly token: string;
  readonly workspace: string;
  /** Explicit options. Only these change an existing workspace. */
  readonly given: {
    readonly payer: Payer | undefined;
    readonly tier: number | undefined;
    readonly origin: string | undefined;
  };
  readonly answers: FirstSiteAnswers;
}

/** The origin of one page, as a browser sends it. */
export const isPageOrigin = (text: string): boolean =>
  /^https?:/.test(text) && !text.includes('*') && parseRegisteredOrigin(text) === text;

export const NO_ORIGIN = 'The page address must be an origin, for example https://shop.example.com.';

const TIMEOUT_MS = 30_000;
const PAGE = 100;

const envelope = z.union([
  z.object({ success: z.literal(true), data: z.record(z.string(), z.unknown()) }),
  z.object({ success: z.literal(false), error: z.object({ code: z.string(), message: z.string() }) }),
]);
const workspaces = z.object({
  items: z.array(
    z.object({
      workspace_id: z.string(),
      name: z.string(),
      role: z.string(),
      billing_mode: z.enum(['byok', 'managed']),
      openai_tier: z.number(),
      managed_available: z.boolean(),
    }),
  ),
});
const sites = z.object({
  items: z.array(z.object({ site_id: z.string(), allowed_origins: z.array(z.string()) })),
});

type Answer = z.infer<typeof envelope>;

const asker =
  ({ url, token }: Pick<FirstSiteRequest, 'url' | 'token'>) =>
  async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return envelope.parse(await response.json());
  };

const NEXT: Readonly<Record<string, string>> = {
  recent_sign_in_required:
    'Run the command again and sign in when the browser asks. If you use TOKEN, first sign in again to get a new token.',
};

const dataOf = (answer: Answer, what: string): Readonly<Record<string, unknown>> => {
  if (answer.success) return answer.data;
  throw new DeployStop(
    `${what} ${answer.error.message} (${answer.error.code})`,
    NEXT[answer.error.code] ?? 'Correct it, then run the command again. It continues here.',
  );
};

type Workspace = z.infer<typeof workspaces>['items'][number];

const BILLING = { own: 'byok', platform: 'managed' } as const;

type Ask = ReturnType<typeof asker>;

const workspaceNamed = async (ask: Ask, name: string): Promise<Workspace | undefined> => {
  const { items } = workspaces.parse(
    dataOf(await ask('GET', `/v1/workspaces?limit=${PAGE}`), 'The workspaces could not be listed:'),
  );
  return items.find((item) => item.name === name && item.role === 'owner');
};

/** The first site of the workspace that has this origin, or any origin of one page. */
const siteOf = async (
  ask: Ask,
  workspaceId: string,
  wanted: string | undefined,
): Promise<FirstSite | undefined> => {
  const listed = sites.parse(
    dataOf(
      await ask('GET', `/v1/workspaces/${workspaceId}/sites?limit=${PAGE}`),
      'The sites could not be listed:',
    ),
  );
  return listed.items
    .flatMap(({ site_id, allowed_origins }) =>
      allowed_origins.map((origin) => ({ workspaceId, siteId: site_id, origin })),
    )
    .find(({ origin }) => (wanted === undefined ? isPageOrigin(origin) : origin === wanted));
};

/**
 * The site of the workspace with this name, if the workspace has a key or managed billing that can serve it; otherwise
 * undefined. Asks nothing and changes nothing. Throws DeployStop with the refusal of the API.
 */
export const existingFirstSite = async (
  request: Pick<FirstSiteRequest, 'url' | 'token' | 'workspace'>,
): Promise<FirstSite | undefined> => {
  const ask = asker(request);
  const existing = await workspaceNamed(ask, request.workspace);
  if (existing === undefined) return undefined;
  const { workspace_id: id, managed_available: isManagedAvailable } = existing;
  if (payerOf(existing) === 'platform') return isManagedAvailable ? siteOf(ask, id, undefined) : undefined;
  const stored = await ask('GET', `/v1/workspaces/${id}/openai-key`);
  if (!stored.success && stored.error.code === 'openai_key_missing') return undefined;
  dataOf(stored, 'The OpenAI key could not be looked up:');
  return siteOf(ask, id, undefined);
};

/**
 * A workspace with this name, its OpenAI key or managed billing, and a site. Existing settings answer the questions
 * and stay unchanged: only an explicit option changes the payer or the tier of a workspace, or adds a site for another origin.
 * undefined if the operator does not want a key now. Throws DeployStop with the refusal of the API.
 */
export const ensureFirstSite = async (request: FirstSiteRequest): Promise<FirstSite | undefined> => {
  const { workspace: name, given, answers } = request;
  if (given.payer === 'none') return undefined;
  const ask = asker(request);
  const existing = await workspaceNamed(ask, name);
  const payer = given.payer ?? payerOf(existing) ?? (await answers.payer());
  if (payer === 'none') return undefined;
  const { origin: newOrigin, ...settings } =
    existing === undefined
      ? {
          billing_mode: BILLING[payer],
          openai_tier: given.tier ?? (await answers.tier()),
          origin: given.origin ?? (await answers.origin()),
        }
      : { ...changesOf(existing, payer, given.tier), origin: given.origin };
  const save = async (method: string, path: string, body: unknown, what: string) => {
    const answer = await ask(method, path, body);
    if (answer.success || answer.error.code !== 'managed_unavailable') return dataOf(answer, what);
    await answers.storePlatformKey();
    return dataOf(await ask(method, path, body), what);
  };
  const workspaceId =
    existing?.workspace_id ??
    z
      .string()
      .parse(
        (await save('POST', '/v1/workspaces', { name, ...settings }, 'The workspace could not be created:'))[
          'workspace_id'
        ],
      );
  if (existing !== undefined && Object.keys(settings).length > 0)
    await save('PATCH', `/v1/workspaces/${workspaceId}`, settings, 'The workspace could not be changed:');
  else if (existing !== undefined && payer === 'platform' && !existing.managed_available)
    await answers.storePlatformKey();

  if (payer === 'own') {
    const stored = await ask('GET', `/v1/workspaces/${workspaceId}/openai-key`);
    if (!stored.success && stored.error.code === 'openai_key_missing')
      dataOf(
        await ask('PUT', `/v1/workspaces/${workspaceId}/openai-key`, { api_key: await answers.openAiKey() }),
        'The OpenAI key was not stored:',
      );
    else dataOf(stored, 'The OpenAI key could not be looked up:');
  }

  const found = await siteOf(ask, workspaceId, newOrigin);
  if (found !== undefined) return found;
  const origin = newOrigin ?? (await answers.origin());
  const created = dataOf(
    await ask('POST', `/v1/workspaces/${workspaceId}/sites`, {
      name: new URL(origin).host,
      allowed_origins: [origin],
    }),
    'The site could not be created:',
  );
  return { workspaceId, siteId: z.string().parse(created['site_id']), origin };
};

const payerOf = (workspace: Workspace | undefined): 'own' | 'platform' | undefined =>
  workspace === undefined ? undefined : workspace.billing_mode === 'managed' ? 'platform' : 'own';

/** Settings that the explicit options change; empty if there are none. */
const changesOf = (
  existing: Workspace,
  payer: 'own' | 'platform',
  tier: number | undefined,
): { readonly billing_mode?: string; readonly openai_tier?: number } => ({
  ...(BILLING[payer] !== existing.billing_mode && { billing_mode: BILLING[payer] }),
  ...(tier !== undefined && tier !== existing.openai_tier && { openai_tier: tier }),
});
