import { randomBytes, randomUUID } from 'node:crypto';
import { DynamoDBClient, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { TABLES, type TableDefinition } from '../lambdas/contract/tables.ts';
import { signEvents } from '../lambdas/domain/sessions/event-signature.ts';
import type { LocalStack } from '../local/local-stack.ts';
import { makeFakeKey } from '../local/openai/server.ts';

/** The target of the benches' requests, and the parts of a response that they need. */

export const ORIGIN = 'https://shop.example';

/** Rate limits of the functions, so high that no request of a bench is refused. */
export const NO_BUDGETS: Readonly<Record<string, string>> = {
  IP_LIMIT_PER_MINUTE: '1000000',
  IP_LIMIT_PER_SECOND: '1000000',
  SITE_LIMIT_PER_MINUTE: '1000000',
  ADDRESS_SLOT_PERCENT: '100',
  WORKSPACES_PER_DAY: '1000000',
};

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of several routes.
  readonly data: any;
  /** `ok`, or the error code. */
  readonly code: string;
}

export const send = async (
  url: string,
  method: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', origin: ORIGIN, ...headers },
    body: JSON.stringify(body),
  });
  const { data, error } = (await response.json()) as { data: unknown; error?: { code: string } };
  return { status: response.status, data, code: error?.code ?? 'ok' };
};

/**
 * Ends the audit trail and its source streams. At AWS, a stream does not slow down writes. In the local engine, each
 * write takes longer the more stream records exist, which would look like growth in our code.
 */
export const withoutStreams = async (stack: LocalStack): Promise<void> => {
  await stack.streams.close();
  const engine = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
  for (const { name, stream } of Object.values<TableDefinition>(TABLES))
    if (stream !== undefined)
      await engine.send(
        new UpdateTableCommand({ TableName: name, StreamSpecification: { StreamEnabled: false } }),
      );
  engine.destroy();
};

/** A workspace and one site of it. */
export interface Place {
  readonly workspaceId: string;
  readonly siteId: string;
}

export interface Session extends Place {
  readonly session_id: string;
  readonly signing_secret: string;
}

export interface Owner {
  /** `data` of the response. Any response but a success ends the bench. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of several routes.
  ask(method: string, path: string, body?: unknown): Promise<any>;
  /** Makes a workspace with a site and, by default, a key. */
  makePlace(
    workspace?: Readonly<Record<string, unknown>>,
    options?: {
      readonly site?: Readonly<Record<string, unknown>>;
      readonly key?: 'workspace' | 'site' | 'none';
    },
  ): Promise<Place>;
}

/** A person who prepares the data for a bench. */
export const signIn = async (stack: LocalStack): Promise<Owner> => {
  const authorization = `Bearer ${await stack.issuer.issue({ sub: 'owner', expiresInSeconds: 3_600 })}`;
  const ask: Owner['ask'] = async (method, path, body) => {
    const { status, data, code } = await send(stack.url, method, path, body, { authorization });
    if (status >= 300) throw new Error(`Preparation was refused: ${status} ${code}`);
    return data;
  };
  return {
    ask,
    makePlace: async (workspace = {}, { site = {}, key = 'workspace' } = {}) => {
      const { workspace_id: workspaceId } = await ask('POST', '/v1/workspaces', {
        name: 'Bench',
        concurrency_limit: 1_000,
        ...workspace,
      });
      const { site_id: siteId } = await ask('POST', `/v1/workspaces/${workspaceId}/sites`, {
        name: 'Bench',
        allowed_origins: [ORIGIN],
        ...site,
      });
      const holder = { workspace: `workspaces/${workspaceId}`, site: `sites/${siteId}`, none: undefined }[
        key
      ];
      if (holder !== undefined)
        await ask('PUT', `/v1/${holder}/openai-key`, { api_key: makeFakeKey(randomBytes) });
      return { workspaceId, siteId };
    },
  };
};

export const mintAt = (url: string, { siteId }: Pick<Place, 'siteId'>): Promise<Answer> =>
  send(url, 'POST', `/v1/${siteId}/token`, {});

/** One signed report of a session. */
export const reportAt = (
  url: string,
  { siteId, session_id, signing_secret }: Session,
  now: Date,
  type: string,
  fields: object = {},
): Promise<Answer> => {
  const body = { events: [{ id: randomUUID(), type, at: now.toISOString(), ...fields }] };
  const t = Math.floor(now.getTime() / 1_000);
  const v1 = signEvents(signing_secret, t, JSON.stringify(body));
  return send(url, 'POST', `/v1/${siteId}/sessions/${session_id}/events`, body, {
    'x-spelo-signature': `t=${t},v1=${v1}`,
  });
};

export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

export const median = (values: readonly number[]): number =>
  percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
