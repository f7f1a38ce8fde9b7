import type { EventWriter } from '../lambdas/contract/event-writers.ts';
import type { TABLES } from '../lambdas/contract/tables.ts';
import type { RoleName } from './role-names.ts';

export type TableName = keyof typeof TABLES;

/** `ConditionCheckItem` is a condition inside a transaction on an item that the transaction does not write. */
export type ItemAction =
  | 'GetItem'
  | 'BatchGetItem'
  | 'Query'
  | 'Scan'
  | 'ConditionCheckItem'
  | 'PutItem'
  | 'UpdateItem'
  | 'DeleteItem';

export interface ItemUse {
  readonly table: TableName;
  readonly actions: readonly ItemAction[];
  /** Only items with such partition keys (docs/data-model.md); every item when absent. */
  readonly partitions?: readonly string[];
  /** Only these attributes, which every read must list. @default all attributes */
  readonly attributes?: readonly string[];
  /** The query also uses the table's index. */
  readonly index?: true;
}

/** Keys of sites and workspaces, without the platform's own key. */
const TENANT_KEYS = ['SITE#*', 'WORKSPACE#*'];
/** The platform's own key. */
const PLATFORM_KEY = 'PLATFORM#platform';
const PLATFORM_MARK = 'MARK#PLATFORM#platform';
/** The outbox of audit events of one writer. */
const eventsOf = (writer: EventWriter) => `EVENTS#${writer}#*`;
/** Marks of keys. */
const MARKS = ['MARK#*'];
/** Workspaces, members and sites. */
const TENANTS = 'WORKSPACE#*';
/** The last use of API tokens. */
const TOKEN_USES = ['TOKEN_USE#*'];
const KEY_ACTIVITY = ['KEY#*'];

/**
 * Actions of each role on items. test/lib/reachable-calls.test.ts compares it with the calls that the code can make. No
 * role updates or deletes in `audit`: rows are put once, under a condition.
 */
export const ITEM_USES: Readonly<Record<RoleName, readonly ItemUse[]>> = {
  token: [
    { table: 'tenancy', actions: ['BatchGetItem'] },
    // Test voice of a workspace key needs the settings of its sites.
    { table: 'tenancy', actions: ['Query'], partitions: ['WORKSPACE#*'] },
    { table: 'keys', actions: ['BatchGetItem'] },
    { table: 'sessions', actions: ['GetItem', 'PutItem', 'UpdateItem'] },
    { table: 'limits', actions: ['BatchGetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'] },
    { table: 'usage', actions: ['BatchGetItem', 'ConditionCheckItem', 'PutItem', 'UpdateItem'] },
  ],
  events: [
    { table: 'tenancy', actions: ['BatchGetItem'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('events')] },
    { table: 'sessions', actions: ['BatchGetItem', 'UpdateItem'] },
    { table: 'limits', actions: ['BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem'] },
    { table: 'usage', actions: ['BatchGetItem', 'PutItem', 'UpdateItem'] },
  ],
  keys: [
    { table: 'tenancy', actions: ['GetItem', 'BatchGetItem', 'Query', 'ConditionCheckItem'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [TENANTS, eventsOf('keys'), ...MARKS] },
    { table: 'tenancy', actions: ['UpdateItem', 'DeleteItem'], partitions: [TENANTS] },
    { table: 'tenancy', actions: ['UpdateItem'], partitions: TOKEN_USES },
    {
      table: 'keys',
      actions: ['BatchGetItem', 'GetItem', 'Query', 'PutItem', 'DeleteItem'],
      partitions: TENANT_KEYS,
    },
    // It stores a version there for its calls, and cannot read it back.
    { table: 'keys', actions: ['PutItem'], partitions: ['ENDING#*'] },
    { table: 'sessions', actions: ['GetItem'], partitions: KEY_ACTIVITY },
    // Marks calls as to be ended.
    { table: 'sessions', actions: ['GetItem', 'UpdateItem'], partitions: ['SITE#*'] },
    { table: 'limits', actions: ['UpdateItem'] },
    { table: 'limits', actions: ['Query'], partitions: ['LIVE#*'] },
  ],
  rotate: [
    { table: 'tenancy', actions: ['BatchGetItem', 'ConditionCheckItem'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('rotate'), ...MARKS] },
    { table: 'keys', actions: ['BatchGetItem', 'PutItem', 'DeleteItem'], partitions: TENANT_KEYS },
    { table: 'sessions', actions: ['PutItem', 'UpdateItem'] },
    { table: 'sessions', actions: ['GetItem'], partitions: KEY_ACTIVITY },
  ],
  manage: [
    { table: 'tenancy', actions: ['GetItem', 'BatchGetItem', 'Query', 'ConditionCheckItem'], index: true },
    {
      table: 'tenancy',
      actions: ['PutItem'],
      partitions: [TENANTS, 'WEBHOOKS#*', 'MAIL#*', eventsOf('manage')],
    },
    {
      table: 'tenancy',
      actions: ['UpdateItem', 'DeleteItem'],
      partitions: [TENANTS, 'WEBHOOKS#*', 'MAIL#*', ...TOKEN_USES],
    },
    { table: 'limits', actions: ['GetItem', 'Query', 'PutItem'], partitions: ['DELIVERIES#*'] },
    // The number of workspaces that a person has created today, and of codes and invitations of a workspace.
    {
      table: 'limits',
      actions: ['UpdateItem'],
      partitions: ['RATE#new-workspace#*', 'RATE#mail-code#*', 'RATE#invitation#*'],
    },
    // The stored keys, without access to the sealed record.
    {
      table: 'keys',
      actions: ['BatchGetItem'],
      partitions: [...TENANT_KEYS, PLATFORM_KEY],
      attributes: ['pk', 'sk', 'state'],
    },
    // Budgets, and the totals that a new one begins with.
    {
      table: 'usage',
      actions: ['BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
      partitions: ['BUDGET#*'],
    },
    { table: 'usage', actions: ['Query'], partitions: ['USAGE#*', 'BUDGET#*'] },
  ],
  audit: [
    { table: 'tenancy', actions: ['GetItem', 'BatchGetItem'] },
    { table: 'tenancy', actions: ['UpdateItem'], partitions: TOKEN_USES },
    { table: 'audit', actions: ['Query', 'BatchGetItem'] },
  ],
  // The errors of a workspace and the sessions of a site.
  usage: [
    { table: 'tenancy', actions: ['GetItem', 'BatchGetItem'] },
    { table: 'tenancy', actions: ['UpdateItem'], partitions: TOKEN_USES },
    { table: 'tenancy', actions: ['Query'], partitions: ['WORKSPACE#*'] },
    // Fingerprints of stored keys, which are inside their sealed records. They identify the slots of sessions.
    {
      table: 'keys',
      actions: ['BatchGetItem'],
      partitions: [...TENANT_KEYS, PLATFORM_KEY],
      attributes: ['pk', 'sk', 'state', 'sealed'],
    },
    {
      table: 'sessions',
      actions: ['Query', 'GetItem', 'BatchGetItem'],
      partitions: ['ERRORS#*', 'SITE#*'],
      index: true,
    },
    // Finds the session of a call by OpenAI's id.
    { table: 'sessions', actions: ['GetItem'], partitions: ['CALL#*'] },
    { table: 'limits', actions: ['Query'], partitions: ['@*', 'LIVE#*'] },
    { table: 'usage', actions: ['Query', 'GetItem', 'BatchGetItem'] },
  ],
  projector: [{ table: 'audit', actions: ['GetItem', 'Query', 'PutItem'] }],
  archiver: [],
  reconcile: [{ table: 'audit', actions: ['Query'], partitions: ['AUDIT#*', 'MARKERS#*'] }],
  sweeper: [
    // The plan, and the notices of it.
    { table: 'tenancy', actions: ['GetItem'], partitions: [TENANTS] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('sweeper')] },
    { table: 'usage', actions: ['BatchGetItem', 'Query', 'PutItem', 'UpdateItem'], index: true },
    { table: 'sessions', actions: ['UpdateItem'] },
    // Calls whose watcher was never started.
    { table: 'sessions', actions: ['GetItem'], partitions: ['SITE#*'] },
    { table: 'limits', actions: ['DeleteItem'], partitions: ['LIVE#*'] },
  ],
  heartbeat: [{ table: 'tenancy', actions: ['PutItem'], partitions: ['EVENTS#heartbeat#heartbeat'] }],
  // It changes sites, but no other items of the tenancy table.
  'retire-models': [
    { table: 'tenancy', actions: ['Scan'] },
    { table: 'tenancy', actions: ['UpdateItem'], partitions: ['WORKSPACE#*'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('retire-models')] },
  ],
  // Reads sessions from their stream, notes when a key was last used, and reads only its own items in `limits`.
  detector: [
    { table: 'tenancy', actions: ['GetItem', 'BatchGetItem', 'ConditionCheckItem'] },
    // Events that explain a change.
    { table: 'tenancy', actions: ['Query'], partitions: ['EVENTS#*'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('detector'), ...MARKS] },
    { table: 'keys', actions: ['PutItem'], partitions: TENANT_KEYS },
    { table: 'keys', actions: ['BatchGetItem'], partitions: [...TENANT_KEYS, PLATFORM_KEY] },
    { table: 'sessions', actions: ['GetItem', 'UpdateItem'], partitions: KEY_ACTIVITY },
    { table: 'limits', actions: ['GetItem', 'PutItem'], partitions: ['ANOMALY#*'] },
    // A budget whose spent amount became less, and the totals to compare it with.
    { table: 'usage', actions: ['BatchGetItem'], partitions: ['BUDGET#*'] },
    { table: 'usage', actions: ['Query'], partitions: ['USAGE#*'] },
    { table: 'limits', actions: ['Query'], partitions: ['LIVE#*'] },
  ],
  // Reads keys, including ENDING ones, and removes only the latter. Notes thresholds of the plan.
  hangup: [
    { table: 'tenancy', actions: ['GetItem'], partitions: [TENANTS] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('hangup')] },
    {
      table: 'keys',
      actions: ['GetItem', 'Query'],
      partitions: ['SITE#*', 'WORKSPACE#*', 'PLATFORM#platform', 'ENDING#*'],
    },
    { table: 'keys', actions: ['DeleteItem'], partitions: ['ENDING#*'] },
    { table: 'sessions', actions: ['GetItem', 'UpdateItem'], partitions: ['SITE#*'] },
    { table: 'sessions', actions: ['PutItem', 'UpdateItem'], partitions: ['USE#*'] },
    { table: 'limits', actions: ['Query', 'DeleteItem'], partitions: ['LIVE#*', '@*'] },
    { table: 'usage', actions: ['BatchGetItem', 'PutItem', 'UpdateItem'] },
  ],
  // Reads the site, the call and its key; writes its usage, notices of budgets and its own use of the key.
  watch: [
    { table: 'tenancy', actions: ['GetItem', 'BatchGetItem'], partitions: ['WORKSPACE#*'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('watch')] },
    {
      table: 'keys',
      actions: ['GetItem', 'Query'],
      partitions: ['SITE#*', 'WORKSPACE#*', 'PLATFORM#platform', 'ENDING#*'],
    },
    { table: 'sessions', actions: ['GetItem'], partitions: ['SITE#*'] },
    { table: 'sessions', actions: ['PutItem', 'UpdateItem'], partitions: ['USE#*'] },
    { table: 'usage', actions: ['BatchGetItem', 'PutItem', 'UpdateItem'] },
  ],
  // Reads webhooks and receipts, and writes only the delivery log.
  notices: [
    { table: 'tenancy', actions: ['GetItem'], partitions: ['WORKSPACE#*', 'WEBHOOKS#*', 'MAIL#*'] },
    { table: 'tenancy', actions: ['Query'], partitions: ['WEBHOOKS#*'] },
    { table: 'sessions', actions: ['GetItem'], partitions: ['SITE#*'] },
    { table: 'usage', actions: ['BatchGetItem'] },
    { table: 'limits', actions: ['GetItem', 'PutItem'], partitions: ['DELIVERIES#*'] },
  ],
  'rotate-on-request': [
    { table: 'tenancy', actions: ['GetItem', 'BatchGetItem', 'ConditionCheckItem'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('rotate-on-request'), ...MARKS] },
    { table: 'keys', actions: ['BatchGetItem', 'PutItem'], partitions: TENANT_KEYS },
    { table: 'sessions', actions: ['PutItem', 'UpdateItem'] },
  ],
  'platform-key': [
    {
      table: 'keys',
      actions: ['BatchGetItem', 'GetItem', 'PutItem', 'DeleteItem'],
      partitions: [PLATFORM_KEY],
    },
    // It stores a version there for its calls, and cannot read it back.
    { table: 'keys', actions: ['PutItem'], partitions: ['ENDING#platform#platform'] },
    { table: 'tenancy', actions: ['BatchGetItem'], partitions: [PLATFORM_MARK] },
    { table: 'tenancy', actions: ['PutItem'], partitions: ['EVENTS#platform-key#platform', PLATFORM_MARK] },
    // Finds the workspaces with running sessions.
    { table: 'limits', actions: ['Scan'] },
  ],
  rewrap: [
    { table: 'keys', actions: ['Scan', 'BatchGetItem', 'GetItem', 'UpdateItem'] },
    { table: 'tenancy', actions: ['BatchGetItem'], partitions: MARKS },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('rewrap'), ...MARKS] },
  ],
  'rebuild-usage': [
    { table: 'tenancy', actions: ['Query', 'Scan'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('rebuild-usage')] },
    { table: 'usage', actions: ['Query', 'GetItem', 'UpdateItem'] },
  ],
  'model-check': [{ table: 'tenancy', actions: ['Scan'] }],
  // Restores items that a table has lost. It can neither read nor write the plaintext of a key.
  restore: [
    { table: 'tenancy', actions: ['GetItem', 'BatchGetItem', 'ConditionCheckItem'] },
    {
      table: 'tenancy',
      actions: ['PutItem'],
      partitions: [TENANTS, 'WEBHOOKS#*', 'MAIL#*', 'STOP#*', eventsOf('restore'), ...MARKS],
    },
    { table: 'keys', actions: ['Scan', 'GetItem', 'ConditionCheckItem', 'PutItem'] },
    { table: 'sessions', actions: ['GetItem', 'PutItem'] },
    { table: 'usage', actions: ['GetItem', 'PutItem'] },
    { table: 'audit', actions: ['GetItem', 'PutItem', 'Scan'] },
  ],
  // Reads keys, and writes marks and their audit events.
  'mark-keys': [
    { table: 'keys', actions: ['Scan', 'ConditionCheckItem'] },
    { table: 'tenancy', actions: ['BatchGetItem'], partitions: MARKS },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('mark-keys'), ...MARKS] },
  ],
  // Reads archived files, and uses the key of the chains.
  'verify-archive': [],
  'set-plan': [
    { table: 'tenancy', actions: ['GetItem', 'UpdateItem'], partitions: ['WORKSPACE#*'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('set-plan')] },
  ],
  // Finds the workspaces with running sessions.
  stop: [
    { table: 'tenancy', actions: ['PutItem', 'DeleteItem'], partitions: ['STOP#*'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('stop')] },
    { table: 'limits', actions: ['Scan'] },
  ],
  // Stops voice as `stop` does, under its own name, and reads what the runbook needs. It cannot read the secrets of webhooks.
  'break-glass': [
    { table: 'tenancy', actions: ['PutItem', 'DeleteItem'], partitions: ['STOP#*'] },
    { table: 'tenancy', actions: ['PutItem'], partitions: [eventsOf('break-glass')] },
    { table: 'tenancy', actions: ['GetItem', 'Query'], partitions: [TENANTS, 'STOP#*'] },
    { table: 'limits', actions: ['Scan'] },
    { table: 'sessions', actions: ['Query'] },
    { table: 'usage', actions: ['Query'] },
    { table: 'audit', actions: ['Query'] },
  ],
};

export const ROLE_NAMES = Object.keys(ITEM_USES) as RoleName[];

/** The tables that `npm run restore` copies from, which an operator creates from a backup, under exactly these names. */
export const RESTORABLE_TABLES = [
  'audit',
  'tenancy',
  'keys',
  'sessions',
  'usage',
] as const satisfies readonly TableName[];

export const restoredTableName = (stage: string, table: (typeof RESTORABLE_TABLES)[number]): string =>
  `spelo-byok-${stage}-restored-${table}`;

/** Actions of the role `restore` on each of them. Deletions are carried out in `keys` before it is copied. */
export const restoredTableActions = (table: (typeof RESTORABLE_TABLES)[number]): readonly ItemAction[] =>
  table === 'keys' ? ['Scan', 'BatchGetItem', 'PutItem', 'DeleteItem'] : ['Scan'];
