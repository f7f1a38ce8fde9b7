import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Runtime } from '../../lambdas/composition/runtime.ts';
import { type Assembly, readAssembly } from '../../local/bundled/assembly.ts';
import { newSigningKey } from '../../local/issuer/signing-key.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import { type LocalStack, type LocalStackOptions, startLocalStack } from '../../local/local-stack.ts';

/**
 * With E2E_BUNDLED the same tests run against what `cdk synth` has written to cdk.out: its routes, its authorizer, its
 * environments and its bundles. Of the world a test then chooses the clock alone.
 */
export const BUNDLED = process.env['E2E_BUNDLED'] === '1';

let assembly: Assembly | undefined;
const deployedAssembly = (): Assembly => {
  assembly ??= readAssembly(fileURLToPath(new URL('../../cdk.out', import.meta.url)));
  return assembly;
};

/** The stacks of a worker share the key of their issuers. Each issuer has another address, which its tokens name. */
let issuerKey: ReturnType<typeof newSigningKey> | undefined;

/** A local stack with a clock that tests move and logs that they read. */
export interface TestStack extends LocalStack {
  readonly logs: readonly string[];
  /** The handlers' current time, if the test has not set a clock. */
  now(): Date;
  /** Moves the clock of the handlers; OpenAI, KMS and the issuer keep real time. */
  advance(milliseconds: number): void;
  call(method: string, path: string, options?: CallOptions): Promise<TestAnswer>;
  /** An access token for `sub`, not older than a minute. */
  tokenFor(sub: string): Promise<string>;
}

export interface CallOptions {
  /** `sub` of a signed-in caller; none for a public route. */
  readonly as?: string;
  readonly body?: unknown;
  /** Sent unchanged, instead of `body`. */
  readonly rawBody?: string;
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** `data` of a success. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every route.
  readonly data: any;
  /** `error` of a failure. */
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly request_id: string;
    readonly retry_after?: number;
    readonly details?: readonly { readonly path: string; readonly message: string }[];
  };
}

export interface TestStackOptions
  extends Partial<Pick<LocalStackOptions, 'dataDir' | 'openAiBaseUrl' | 'variables' | 'pages' | 'webhooks'>> {
  readonly runtime?: Partial<Runtime>;
  /** false: the functions behind streams, which cost as much as the requests, run only while `streams.drain()` waits. */
  readonly audited?: boolean;
}

/** Starts a stack in memory, or in `dataDir`. Limits per address are high unless a test sets them. */
export const startTestStack = async ({
  audited = true,
  ...options
}: TestStackOptions = {}): Promise<TestStack> => {
  const logs: string[] = [];
  let offsetMs = 0;
  issuerKey ??= newSigningKey();
  const clock = options.runtime?.clock ?? (() => new Date(Date.now() + offsetMs));
  const stack = await startLocalStack({
    port: 0,
    ...(BUNDLED && { assembly: deployedAssembly() }),
    onLine: (line) => {
      // A function also writes metrics, which tests of logs do not need.
      if (!line.includes('"_aws"')) logs.push(line);
    },
    path: process.env['PATH'],
    issuerKey,
    followsStreams: audited,
    ...options,
    // The clocks that tests make stand still until they are moved.
    clockStands: options.runtime?.clock !== undefined,
    runtime: {
      ...localRuntime((line) => logs.push(line)),
      ...options.runtime,
      clock,
    },
    variables: {
      IP_LIMIT_PER_MINUTE: '100000',
      IP_LIMIT_PER_SECOND: '100000',
      SITE_LIMIT_PER_MINUTE: '100000',
      ADDRESS_SLOT_PERCENT: '100',
      WORKSPACES_PER_DAY: '100000',
      // Tests of watched calls turn it on: a watcher opens the key once more.
      WATCH: 'off',
      ...options.variables,
    },
  });
  // A bundle checks the expiry by the clock of the test.
  const aheadSeconds = (): number => (BUNDLED ? Math.max(0, (clock().getTime() - Date.now()) / 1_000) : 0);
  const newToken = (sub: string): Promise<string> =>
    stack.issuer.issue({
      sub,
      expiresInSeconds: Math.ceil(aheadSeconds()) + 3_600,
      // The recent sign-in is checked by the same clock.
      ...(aheadSeconds() > 0 && { claims: { auth_time: Math.floor(clock().getTime() / 1_000) } }),
    });
  const tokenFor = reusedFor(TOKEN_REUSE_MS, clock, newToken);
  return {
    ...stack,
    logs,
    now: () => new Date(Date.now() + offsetMs),
    advance: (milliseconds) => {
      offsetMs += milliseconds;
    },
    tokenFor,
    call: callerAt(() => stack.url, tokenFor),
  };
};

/** How long a person uses a token before the tests ask for another one. Programs use one until it expires. */
const TOKEN_REUSE_MS = 60_000;

/** Makes one token of each person serve for `reuseMs` of real time and of the clock of the test, which may also go back. */
const reusedFor = (
  reuseMs: number,
  clock: () => Date,
  newToken: (sub: string) => Promise<string>,
): TestStack['tokenFor'] => {
  const issued = new Map<string, { readonly token: Promise<string>; readonly at: readonly number[] }>();
  return (sub) => {
    const at = [Date.now(), clock().getTime()];
    const known = issued.get(sub);
    const ages = known?.at.map((issuedAt, i) => (at[i] ?? 0) - issuedAt) ?? [];
    if (known !== undefined && ages.every((age) => age >= 0 && age < reuseMs)) return known.token;
    const token = newToken(sub);
    issued.set(sub, { token, at });
    return token;
  };
};

/** Kept between requests. They do not keep a process alive. */
const connections = new Agent({ keepAlive: true });

/** Sends a request as it is. `fetch` adds headers, and takes more CPU. */
const send = (
  url: URL,
  method: string,
  content: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<Pick<TestAnswer, 'status' | 'headers' | 'text'>> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: connections }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const received = new Headers();
        for (let i = 0; i < answer.rawHeaders.length; i += 2)
          received.append(answer.rawHeaders[i] ?? '', answer.rawHeaders[i + 1] ?? '');
        resolve({
          status: answer.statusCode ?? 0,
          headers: received,
          text: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    // As bytes: with a text, Node would write the headers as UTF-8 too.
    sent.on('error', reject).end(content === undefined ? undefined : Buffer.from(content));
  });

/** Calls the API at `url` like a browser or a person's program. */
export const callerAt =
  (url: () => string, tokenFor: TestStack['tokenFor']): TestStack['call'] =>
  async (method, path, { as, body, rawBody, origin, headers } = {}) => {
    const content = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await send(new URL(`${url()}${path}`), method, content, {
      ...(as !== undefined && { authorization: `Bearer ${await tokenFor(as)}` }),
      ...(origin !== undefined && { origin }),
      ...(content !== undefined && {
        'content-type': 'application/json',
        // Node sends no length of the body of a DELETE by itself.
        'content-length': String(Buffer.byteLength(content)),
      }),
      ...headers,
    });
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    const json = isJson ? JSON.parse(response.text) : {};
    return { ...response, data: json.data, error: json.error };
  };
