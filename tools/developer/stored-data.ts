import { readFileSync, writeFileSync } from 'node:fs';
import { KEEP_SECONDS as ANOMALY_SECONDS } from '../../lambdas/adapters/aws/anomalies/dynamodb-anomalies.ts';
import { OUTBOX_SECONDS } from '../../lambdas/adapters/aws/audit/event-outbox.ts';
import { callKey } from '../../lambdas/adapters/aws/calls/call-keys.ts';
import { stopKey } from '../../lambdas/adapters/aws/calls/stop-key.ts';
import { KEPT_SECONDS as DELIVERY_SECONDS } from '../../lambdas/adapters/aws/notices/dynamodb-deliveries.ts';
import { KEEP_SECONDS as RATE_SECONDS } from '../../lambdas/adapters/aws/sessions/dynamodb-rate-limiter.ts';
import { KEEP_HEALTH_SECONDS } from '../../lambdas/adapters/aws/sessions/dynamodb-session-snapshots.ts';
import { KEEP_DAY_SECONDS, KEEP_TOKEN_SECONDS } from '../../lambdas/adapters/aws/sessions/visitor-writes.ts';
import { type PrimaryKey, primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { INVITATION_KEPT_SECONDS } from '../../lambdas/adapters/aws/tenancy/dynamodb-invitations.ts';
import { KEPT_MS as REMOVAL_MS } from '../../lambdas/adapters/aws/tenancy/removals.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { CALL_LEASE_SECONDS } from '../../lambdas/domain/calls/call.ts';
import { ERROR_DAYS, SESSION_DAYS } from '../../lambdas/domain/tenancy/retention.ts';
import { runCommand } from '../command.ts';

const USAGE = `npm run docs:stored-data

Writes docs/stored-data.md from the keys of the tables and the times that the adapters set.
`;

const DOCUMENT = new URL('../../docs/stored-data.md', import.meta.url);
const OPENING = '<!-- generated:stored-data -->\n';
const CLOSING = '<!-- /generated:stored-data -->';

type TableName = keyof typeof TABLES;

/** An item, described for a person who asks about their data. */
interface Stored {
  readonly table: TableName;
  readonly key: PrimaryKey;
  readonly what: string;
  /** Data about a visitor or a person who signs in; undefined: none. */
  readonly person?: string;
  readonly kept: string;
}

/** `400 days`, `3 hours` */
const time = (seconds: number): string => {
  const days = seconds / 86_400;
  if (days >= 2) return `${days} days`;
  return seconds >= 7_200 ? `${seconds / 3_600} hours` : `${Math.round(seconds / 60)} minutes`;
};
const ALWAYS = 'not deleted';
const REMOVED = 'until it is removed';
const chosen = (days: { readonly min: number; readonly max: number; readonly default: number }): string =>
  `${days.default} days; the workspace can set ${days.min} to ${days.max}`;
const SESSION_TIME = chosen(SESSION_DAYS);

/** A placeholder for each part of a key. */
const any = (name: string): never => `<${name}>` as never;
const [W, S] = [any('workspace'), any('site')];
/** A number in a key, which is padded with zeros. */
const NUMBER = 0;

/** Every key of the adapters. A key without an entry does not compile. */
const ITEMS: Readonly<
  Record<Exclude<keyof typeof primaryKey, 'dayUsageRange'> | keyof typeof callKey | 'stop', Stored>
> = {
  workspace: {
    table: 'tenancy',
    key: primaryKey.workspace(W),
    what: 'name, plan and settings',
    person: 'email for alerts',
    kept: ALWAYS,
  },
  member: {
    table: 'tenancy',
    key: primaryKey.member(W, any('sub')),
    what: 'role of a person',
    person: 'OIDC `sub`, name and email',
    kept: REMOVED,
  },
  removal: {
    table: 'tenancy',
    key: primaryKey.removal(W, any('hash')),
    what: 'a removal that voids invitations',
    person: 'hash of a `sub` or an email',
    kept: time(REMOVAL_MS / 1_000),
  },
  invitation: {
    table: 'tenancy',
    key: primaryKey.invitation(W, any('invitation')),
    what: 'an invitation',
    person: 'email or `sub`',
    kept: `${time(INVITATION_KEPT_SECONDS)} after it expires`,
  },
  site: {
    table: 'tenancy',
    key: primaryKey.site(W, S),
    what: 'settings and instructions',
    person: '`sub` of who created it and its embed key',
    kept: 'until it is archived',
  },
  formerInstructions: {
    table: 'tenancy',
    key: primaryKey.formerInstructions(W, S, any('time')),
    what: 'instructions that were replaced',
    person: '`sub` of who replaced them',
    kept: ALWAYS,
  },
  archivedSite: {
    table: 'tenancy',
    key: primaryKey.archivedSite(W, S),
    what: 'the site as it was',
    person: '`sub` of who created it and its embed key',
    kept: ALWAYS,
  },
  event: {
    table: 'tenancy',
    key: primaryKey.event(any('writer'), W, any('event')),
    what: 'outbox of audit events',
    person: '`sub`; the IP address as a hash that changes every day',
    kept: time(OUTBOX_SECONDS),
  },
  keyMark: {
    table: 'tenancy',
    key: primaryKey.keyMark(any('scope'), any('id')),
    what: 'mark of a key',
    kept: ALWAYS,
  },
  apiToken: {
    table: 'tenancy',
    key: primaryKey.apiToken(W, any('token')),
    what: 'name, role and hash of an API token',
    person: '`sub` of its creator',
    kept: 'until it is revoked, or 7 days after it expires',
  },
  apiTokenUse: {
    table: 'tenancy',
    key: primaryKey.apiTokenUse(W, any('token')),
    what: 'when an API token was last used',
    kept: 'as long as the token',
  },
  webhook: {
    table: 'tenancy',
    key: primaryKey.webhook(W, any('webhook')),
    what: 'address of a receiver',
    person: '`sub` of who created it',
    kept: REMOVED,
  },
  mailAlerts: {
    table: 'tenancy',
    key: primaryKey.mailAlerts(W),
    what: 'where alerts are mailed',
    person: 'email',
    kept: 'until it is replaced',
  },
  stop: {
    table: 'tenancy',
    key: stopKey(W),
    what: 'a stop by an operator',
    person: 'AWS identity of the operator',
    kept: 'until it ends',
  },
  key: {
    table: 'keys',
    key: primaryKey.key(any('scope'), any('id')),
    what: 'the sealed OpenAI key; after a deletion its counters',
    person: '`sub` of who stored it',
    kept: 'the sealed key until it is deleted or replaced',
  },
  keyVersion: {
    table: 'keys',
    key: primaryKey.keyVersion(any('scope'), any('id'), NUMBER),
    what: 'history, without a key',
    person: '`sub` of who stored it',
    kept: ALWAYS,
  },
  retainedKey: {
    table: 'keys',
    key: primaryKey.retainedKey(any('scope'), any('id'), NUMBER),
    what: 'the previous sealed key',
    person: '`sub` of who stored it',
    kept: '`keyRetentionHours` of the stage',
  },
  ending: {
    table: 'keys',
    key: callKey.ending(any('scope'), any('id'), NUMBER),
    what: 'a shredded version that hangs up its calls',
    kept: 'a minute',
  },
  session: {
    table: 'sessions',
    key: primaryKey.session({ siteId: S, workspaceId: W }, any('session')),
    what: 'who paid, times, model, origin, outcome',
    person: 'the IP address as a hash that changes every day; a keyed hash of the embed token’s visitor',
    kept: SESSION_TIME,
  },
  call: {
    table: 'sessions',
    key: callKey.call(W, any('call')),
    what: 'the session of a call, found by OpenAI’s ID of the call',
    kept: SESSION_TIME,
  },
  use: {
    table: 'sessions',
    key: callKey.use(any('session'), any('use')),
    what: 'one opening of a key for a call',
    person: 'the IP address as a hash that changes every day',
    kept: SESSION_TIME,
  },
  keyActivity: {
    table: 'sessions',
    key: primaryKey.keyActivity(any('scope'), any('id')),
    what: 'last use and verdict of a key',
    kept: ALWAYS,
  },
  error: {
    table: 'sessions',
    key: primaryKey.error(W, any('minute'), S, 'mint', any('reason')),
    what: 'errors of a minute, counted',
    person: 'the origin of a refused page',
    kept: chosen(ERROR_DAYS),
  },
  slot: {
    table: 'limits',
    key: { ...primaryKey.slot(W, '', 0), sk: `${any('pool')}${any('index')}` },
    what: 'a concurrency slot',
    person: 'the beginning of the hashed IP address',
    kept: 'while its session runs',
  },
  live: {
    table: 'limits',
    key: callKey.live(W, any('session')),
    what: 'a session that runs',
    kept: `until it ends, at most about ${time(CALL_LEASE_SECONDS)}`,
  },
  rate: {
    table: 'limits',
    key: primaryKey.rate(any('subject'), any('minute')),
    what: 'calls in a minute',
    person: 'hashed IP address or `sub`',
    kept: time(RATE_SECONDS),
  },
  anomaly: {
    table: 'limits',
    key: primaryKey.anomaly(W, any('subject')),
    what: 'what the anomaly detector remembers',
    person: 'hashed IP addresses',
    kept: `${time(ANOMALY_SECONDS)} after the last change`,
  },
  keyHealth: {
    table: 'limits',
    key: primaryKey.keyHealth(W, any('scope'), any('id')),
    what: 'reports on a key; on the key of a site at `HEALTH#<workspace>`, `site#<site>`',
    kept: time(KEEP_HEALTH_SECONDS),
  },
  embedToken: {
    table: 'limits',
    key: primaryKey.embedToken(S, any('hash')),
    what: 'an embed token that was used',
    kept: `${time(KEEP_TOKEN_SECONDS)} after the token expires`,
  },
  delivery: {
    table: 'limits',
    key: primaryKey.delivery(W, any('delivery')),
    what: 'one notice and its attempts',
    person: 'what the notice says',
    kept: time(DELIVERY_SECONDS),
  },
  sessionUsage: {
    table: 'usage',
    key: primaryKey.sessionUsage(S, any('session')),
    what: 'times, tokens, cost and end of a session',
    person: 'a keyed hash of the embed token’s visitor',
    kept: SESSION_TIME,
  },
  dayUsage: {
    table: 'usage',
    key: primaryKey.dayUsage(
      W,
      { day: any('day'), siteId: S, model: any('model'), mode: any('mode') },
      NUMBER,
    ),
    what: 'totals of a day',
    kept: ALWAYS,
  },
  periodUsage: {
    table: 'usage',
    key: primaryKey.periodUsage(W, any('month')),
    what: 'totals of a month',
    kept: ALWAYS,
  },
  budget: {
    table: 'usage',
    key: primaryKey.budget(W, S),
    what: 'a budget and its counts',
    person: '`sub` of who set it',
    kept: REMOVED,
  },
  silentSessions: {
    table: 'usage',
    key: primaryKey.silentSessions(S, any('day')),
    what: 'sessions of a day that never reported',
    kept: time(KEEP_DAY_SECONDS),
  },
  visitorDay: {
    table: 'usage',
    key: primaryKey.visitorDay(S, any('day'), any('hash')),
    what: 'calls and seconds of one visitor on one day',
    person: 'a keyed hash of the embed token’s visitor',
    kept: time(KEEP_DAY_SECONDS),
  },
  auditRow: {
    table: 'audit',
    key: primaryKey.auditRow(W, NUMBER),
    what: 'a row of the audit trail',
    person: '`sub` of who acted; the IP address as a hash that changes every day',
    kept: ALWAYS,
  },
  auditRowOfType: {
    table: 'audit',
    key: primaryKey.auditRowOfType(W, any('type'), NUMBER),
    what: 'place of a rare row',
    kept: ALWAYS,
  },
  auditEvent: {
    table: 'audit',
    key: primaryKey.auditEvent(W, any('event')),
    what: 'an event that is on the trail',
    kept: ALWAYS,
  },
  auditMarker: {
    table: 'audit',
    key: primaryKey.auditMarker(W, NUMBER),
    what: 'number and hash of a row',
    kept: ALWAYS,
  },
};

const streamOf = (table: TableName): string => {
  const definition = TABLES[table];
  if (!('stream' in definition)) return 'none';
  return definition.stream === 'KEYS_ONLY' ? 'keys of items, 24 hours' : 'whole items, 24 hours';
};

const page = (): string =>
  Object.keys(TABLES)
    .map((table) => table as TableName)
    .flatMap((table) => [
      `## Table \`${table}\``,
      '',
      `Stream: ${streamOf(table)}. Backup: any second of the last 35 days.`,
      '',
      '| Item | Content | Of a person | Kept |',
      '|---|---|---|---|',
      ...Object.values(ITEMS)
        .filter((item) => item.table === table)
        .map(
          ({ key: { pk, sk }, what, person = '–', kept }) =>
            `| \`${pk}\`, \`${sk.replaceAll(/0{4,}/g, '<number>')}\` | ${what} | ${person} | ${kept} |`,
        ),
      '',
    ])
    .join('\n');

/** Returns docs/stored-data.md with the tables that follow from the keys and times in the adapters. */
export const storedDataDocument = (): string => {
  const text = readFileSync(DOCUMENT, 'utf8');
  const start = text.indexOf(OPENING) + OPENING.length;
  return `${text.slice(0, start)}\n${page()}\n${text.slice(text.indexOf(CLOSING))}`;
};

if (import.meta.main)
  await runCommand({
    usage: USAGE,
    run: () => {
      writeFileSync(DOCUMENT, storedDataDocument());
      return 0;
    },
  });
