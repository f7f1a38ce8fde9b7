import { failure } from '../../../lambdas/contract/common.ts';
import { PROBLEMS, type ProblemName } from '../../../lambdas/contract/problems.ts';
import { commonRefusals, ROUTES, type Route, routeKeyOf } from '../../../lambdas/contract/routes.ts';
import { SECURITY_HEADERS } from '../../../lambdas/contract/security-headers.ts';
import { type SecretFinder, secretFinder } from '../../support/find-secret.ts';
import type { Answer } from './send.ts';
import type { HostileTenant, HostileWorld, ServiceCall } from './world.ts';

type Taken = ReturnType<HostileWorld['take']>;

/** Refused for what was sent or for who sent it: before anything was written, opened or asked for. */
const FREE_REFUSALS: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_site_id',
  'invalid_signature',
  'unauthorized',
  'forbidden',
  'route_not_found',
  'workspace_not_found',
  'member_not_found',
  'session_not_found',
  'webhook_not_found',
  'delivery_not_found',
]);

/** Internals that could show in an answer. */
const INSIDES =
  /\bat [\w.<>]+ \(|node:internal|node_modules|\.[cm]?[jt]s:\d+|\b[A-Z]\w*(?:Error|Exception)\b|arn:aws|amazonaws|[dD]ynamo|[zZ]od\b|WORKSPACE#|MEMBER#|\[object |\bundefined\b|\bNaN\b/;

/** Everything that is wrong with an answer and with what was done for it; nothing when all is well. */
export const faultsOf = (world: HostileWorld, route: Route, answer: Answer, taken: Taken): string[] => [
  ...envelopeFaults(route, answer),
  ...statusFaults(route, answer),
  ...costFaults(route, answer, taken.calls),
  ...logFaults(answer, taken.lines),
  ...secretFaults(world, answer, taken.lines),
];

const envelopeFaults = (route: Route, { status, headers, text, requestId }: Answer): string[] => {
  const faults: string[] = [];
  const say = (isFault: boolean, fault: string) => {
    if (isFault) faults.push(fault);
  };
  for (const [name, value] of Object.entries(SECURITY_HEADERS))
    say(headers[name] !== value, `header ${name} is ${headers[name]}`);
  say(requestId === '' || headers['x-request-id'] !== requestId, `request id is ${headers['x-request-id']}`);
  say(headers['vary']?.includes('Origin') !== true, `vary is ${headers['vary']}`);
  if (status < 300) {
    if (route.data === undefined) say(text !== '', 'an answer without data has a body');
    else if (headers['content-type']?.startsWith('text/csv') === true)
      say(route.csv === undefined, 'CSV of what is no table');
    else {
      const json = JSON.parse(text);
      say(json.success !== true || !route.data.safeParse(json.data).success, 'the data is not as described');
    }
    return faults;
  }
  const parsed = failure.strict().safeParse(parseJson(text));
  if (!parsed.success) return [...faults, `no failure of the contract: ${text.slice(0, 300)}`];
  const { error } = parsed.data;
  say(!/^[A-Z].{10,}\.$/s.test(error.message), 'the message is no sentence');
  say(error.request_id !== requestId, 'the request id of the body is another one');
  say(
    (headers['retry-after'] ?? '') !== String(error.retry_after ?? ''),
    'Retry-After differs from the body',
  );
  say([429, 503].includes(status) && !/^[1-9]\d*$/.test(headers['retry-after'] ?? ''), 'no Retry-After');
  say(status === 400 && error.code === 'invalid_request' && !error.details?.length, 'a 400 without details');
  // A path of the details is a name that the caller gave, of letters alone.
  const said = [error.code, error.message, ...(error.details ?? []).map(({ message }) => message)];
  say(INSIDES.test(said.join('\n')), `shows its insides: ${text}`);
  return faults;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Every dependency is well, so nothing but the contract's own refusals may come out. */
const statusFaults = (route: Route, { status, text }: Answer): string[] => {
  if (status === route.status) return [];
  const { code, message } = (parseJson(text) as { error?: { code?: string; message?: string } })?.error ?? {};
  const named: ProblemName[] = [
    ...route.refusals,
    ...commonRefusals(route).filter((name) => name !== 'unavailable'),
  ];
  const known = named.some(
    (name) =>
      PROBLEMS[name].status === status &&
      PROBLEMS[name].code === code &&
      // Two problems share this code, of which only one is foreseen.
      (status !== 503 || PROBLEMS[name].message === message),
  );
  return known ? [] : [`${status} ${code} is not among the answers of ${routeKeyOf(route)}`];
};

const READS = /^(?:Get|BatchGet|Query|Scan|TransactGet)/;
/** The root that hashes and session secrets are derived from, fetched once in a container's life. */
const ROOT = 'GenerateMac';

export const isCostly = ({ service, operation }: ServiceCall): boolean =>
  service === 'openai' ||
  (service === 'kms' && operation !== ROOT) ||
  (service === 'dynamodb' && !READS.test(operation));

const costFaults = (route: Route, { status, text }: Answer, calls: readonly ServiceCall[]): string[] => {
  if (status < 400) return [];
  const code = (parseJson(text) as { error?: { code?: string } } | undefined)?.error?.code ?? '';
  const costly = calls.filter(isCostly).map(({ service, operation }) => `${service} ${operation}`);
  const public_ = route.access === 'public';
  if (FREE_REFUSALS.has(code) || (code === 'site_not_found' && !public_))
    return costly.length === 0 ? [] : [`refused with ${code} after ${costly.join(', ')}`];
  // Budgets and the list of refused origins are written; no key is opened for them and nobody is asked.
  const beyond = costly.filter((call) => !call.startsWith('dynamodb'));
  return (code === 'site_not_found' || code === 'origin_not_allowed') && beyond.length > 0
    ? [`refused with ${code} after ${beyond.join(', ')}`]
    : [];
};

const ROUTE_KEYS: ReadonlySet<string> = new Set(['$default', ...Object.values(ROUTES).map(routeKeyOf)]);
const CODES: ReadonlySet<string> = new Set(['ok', ...Object.values(PROBLEMS).map(({ code }) => code)]);
const ID = /^[a-z0-9]{8,32}$/;

/** The check of each field of a request's log line; there are no other fields. */
const LINE: Readonly<Record<string, (value: unknown) => boolean>> = {
  level: (value) => value === 'INFO' || value === 'WARN',
  message: (value) => value === 'request answered' || value === 'request refused',
  timestamp: (value) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(String(value)),
  request_id: (value) => /^[\w-]{6,64}$/.test(String(value)),
  route: (value) => ROUTE_KEYS.has(String(value)),
  status: (value) => typeof value === 'number',
  code: (value) => CODES.has(String(value)),
  latency_ms: (value) => typeof value === 'number',
  site_id: (value) => ID.test(String(value)),
  workspace_id: (value) => ID.test(String(value)),
  // Of the deployed logger alone.
  service: (value) => value === 'hostile',
  stage: (value) => value === 'test',
  sampling_rate: (value) => value === 0,
};

/** One request is one line of JSON, whose every field is one of ours. */
export const logFaults = ({ requestId }: Pick<Answer, 'requestId'>, lines: readonly string[]): string[] => {
  const faults = lines.flatMap((line) => lineFaults(line));
  const own = lines.filter((line) => line.includes(JSON.stringify(requestId)));
  return own.length === 1 && lines.length === 1
    ? faults
    : [...faults, `${lines.length} lines: ${lines.join('\n')}`];
};

/** Faults in one line of the log. */
export const lineFaults = (line: string): string[] => {
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(line)) return [`a line with control characters: ${JSON.stringify(line)}`];
  const entry = parseJson(line);
  if (typeof entry !== 'object' || entry === null) return [`a line that is no JSON: ${line}`];
  return Object.entries(entry)
    .filter(([name, value]) => LINE[name]?.(value) !== true)
    .map(([name, value]) => `the log says ${name}: ${JSON.stringify(value)}`);
};

const finders = new WeakMap<HostileTenant, SecretFinder>();

/** Neither the stored keys nor the signing secrets, in whole or in part. */
const secretFaults = (world: HostileWorld, { text, headers }: Answer, lines: readonly string[]): string[] => {
  const tenant = world.tenant();
  const finder = finders.get(tenant) ?? finderOf(world, tenant);
  finders.set(tenant, finder);
  return [text, JSON.stringify(headers), ...lines]
    .flatMap((where) => finder.find(where))
    .map(({ secret, encoding }) => `shows ${secret} (${encoding})`);
};

const finderOf = ({ library, foreign }: HostileWorld, tenant: HostileTenant): SecretFinder =>
  secretFinder({
    key: tenant.key,
    libraryKey: library.key,
    foreignKey: foreign.key,
    librarySecret: library.signingSecret,
    foreignSecret: foreign.signingSecret,
  });
