import { z } from 'zod';
import { DeployStop } from './stop.ts';

/** The owner's first workspace and site, made through the public API as the dashboard does. */
export interface FirstSite {
  readonly workspaceId: string;
  readonly siteId: string;
  readonly origin: string;
}

export interface FirstSiteRequest {
  readonly url: string;
  /** An access token of the owner. */
  readonly token: string;
  readonly workspace: string;
  readonly origin: string;
  /** Usage tier of the OpenAI account behind the key, 1 to 5: the number of sessions that may run at once. */
  readonly tier: number;
  readonly payer: 'own' | 'platform';
  /** Asked for only when the workspace has no key yet. */
  readonly openAiKey: () => Promise<string>;
  /** Called when managed billing is refused because the platform has no key yet. */
  readonly storePlatformKey: () => Promise<void>;
}

const TIMEOUT_MS = 30_000;
const PAGE = 100;

const envelope = z.union([
  z.object({ success: z.literal(true), data: z.record(z.string(), z.unknown()) }),
  z.object({ success: z.literal(false), error: z.object({ code: z.string(), message: z.string() }) }),
]);
const workspaces = z.object({
  items: z.array(z.object({ workspace_id: z.string(), name: z.string(), role: z.string() })),
});
const sites = z.object({
  items: z.array(z.object({ site_id: z.string(), allowed_origins: z.array(z.string()) })),
});

type Answer = z.infer<typeof envelope>;

const asker =
  ({ url, token }: FirstSiteRequest) =>
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

const dataOf = (answer: Answer, what: string): Readonly<Record<string, unknown>> => {
  if (answer.success) return answer.data;
  throw new DeployStop(
    `${what} ${answer.error.message} (${answer.error.code})`,
    'Correct it and run the command again: it continues here.',
  );
};

/**
 * A workspace with this name, its OpenAI key or managed billing, and a site for this origin. What exists is used, so a
 * second run changes nothing but the tier. Throws DeployStop with the refusal of the API.
 */
export const ensureFirstSite = async (request: FirstSiteRequest): Promise<FirstSite> => {
  const ask = asker(request);
  const { workspace: name, origin, tier, payer } = request;
  const settings = { openai_tier: tier, billing_mode: payer === 'platform' ? 'managed' : 'byok' };
  const mine = workspaces.parse(
    dataOf(await ask('GET', `/v1/workspaces?limit=${PAGE}`), 'The workspaces could not be listed:'),
  );
  const save = async (method: string, path: string, body: unknown, what: string) => {
    const answer = await ask(method, path, body);
    if (answer.success || answer.error.code !== 'managed_unavailable') return dataOf(answer, what);
    await request.storePlatformKey();
    return dataOf(await ask(method, path, body), what);
  };
  const existing = mine.items.find((item) => item.name === name && item.role === 'owner')?.workspace_id;
  const saved =
    existing === undefined
      ? await save('POST', '/v1/workspaces', { name, ...settings }, 'The workspace could not be created:')
      : await save('PATCH', `/v1/workspaces/${existing}`, settings, 'The workspace could not be changed:');
  const workspaceId = z.string().parse(saved['workspace_id']);

  if (payer === 'own') {
    const stored = await ask('GET', `/v1/workspaces/${workspaceId}/openai-key`);
    if (!stored.success && stored.error.code === 'openai_key_missing')
      dataOf(
        await ask('PUT', `/v1/workspaces/${workspaceId}/openai-key`, { api_key: await request.openAiKey() }),
        'The OpenAI key was not stored:',
      );
    else dataOf(stored, 'The OpenAI key could not be looked up:');
  }

  const listed = sites.parse(
    dataOf(
      await ask('GET', `/v1/workspaces/${workspaceId}/sites?limit=${PAGE}`),
      'The sites could not be listed:',
    ),
  );
  const siteId =
    listed.items.find(({ allowed_origins }) => allowed_origins.includes(origin))?.site_id ??
    z.string().parse(
      dataOf(
        await ask('POST', `/v1/workspaces/${workspaceId}/sites`, {
          name: new URL(origin).host,
          allowed_origins: [origin],
        }),
        'The site could not be created:',
      )['site_id'],
    );
  return { workspaceId, siteId, origin };
};
