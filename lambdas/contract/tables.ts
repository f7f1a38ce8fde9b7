/**
 * The DynamoDB tables, in one list for the stacks, the adapters and the local server. Every table has the string keys
 * `pk` and `sk`; docs/data-model.md describes their contents.
 */

export interface TableDefinition {
  /** The table's name in the template and in the local engine. */
  readonly name: 'tenancy' | 'keys' | 'sessions' | 'limits' | 'usage' | 'audit';
  /** Environment variable with the deployed name. */
  readonly variable: string;
  /**
   * Attribute with the Unix second after which DynamoDB may delete the item. The code never relies on that deletion for
   * expiry.
   */
  readonly ttlAttribute?: string;
  /** The part of a change that the audit pipeline receives. KEYS_ONLY where an image would include ciphertext. */
  readonly stream?: 'NEW_IMAGE' | 'KEYS_ONLY' | 'NEW_AND_OLD_IMAGES';
  /**
   * Only changes of items whose partition key begins with this text are delivered to the functions behind the stream.
   */
  readonly streamedPrefix?: string;
  readonly index?: {
    readonly name: string;
    readonly partitionKey: string;
    readonly sortKey: string;
    /** Projects only the keys; whole items if absent. */
    readonly keysOnly?: true;
  };
}

export const TABLES = {
  tenancy: {
    name: 'tenancy',
    variable: 'TENANCY_TABLE',
    stream: 'NEW_IMAGE',
    ttlAttribute: 'expires_at',
    index: { name: 'by-sub', partitionKey: 'sub', sortKey: 'pk' },
  },
  keys: { name: 'keys', variable: 'KEYS_TABLE', stream: 'KEYS_ONLY', ttlAttribute: 'expires_at' },
  sessions: {
    name: 'sessions',
    variable: 'SESSIONS_TABLE',
    stream: 'NEW_IMAGE',
    ttlAttribute: 'expires_at',
    index: { name: 'by-workspace', partitionKey: 'workspaceId', sortKey: 'sk', keysOnly: true },
  },
  limits: { name: 'limits', variable: 'LIMITS_TABLE', ttlAttribute: 'expires_at' },
  usage: {
    name: 'usage',
    variable: 'USAGE_TABLE',
    // For budgets: each cost changes one, and only a comparison with the previous item reveals a change of its
    // settings.
    stream: 'NEW_AND_OLD_IMAGES',
    streamedPrefix: 'BUDGET#',
    ttlAttribute: 'expires_at',
    index: { name: 'by-due', partitionKey: 'openShard', sortKey: 'dueAt', keysOnly: true },
  },
  audit: { name: 'audit', variable: 'AUDIT_TABLE', stream: 'NEW_IMAGE' },
} as const satisfies Readonly<Record<string, TableDefinition>>;
