import { describe, expect, test } from '@jest/globals';
import { callKey } from '../../lambdas/adapters/aws/calls/call-keys.ts';
import { primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';
import type { CallId } from '../../lambdas/domain/calls/call.ts';
import type { SessionId, SiteId, WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { PLATFORM_ADDRESS } from '../../lambdas/domain/keys/stored-key.ts';
import { permissions } from './permissions.ts';
import { reachableCalls } from './reachable-calls.ts';

const programs = [
  ...Object.keys(ENVIRONMENTS).map((name) => ({ role: name, entry: `lambdas/functions/${name}.ts` })),
  { role: 'PlatformKeyOperator', entry: 'tools/operator/platform-key.ts' },
  { role: 'RewrapOperator', entry: 'tools/operator/rewrap-keys.ts' },
  { role: 'SetPlanOperator', entry: 'tools/operator/set-plan.ts' },
  { role: 'ModelCheckOperator', entry: 'tools/operator/model-check.ts' },
  { role: 'StopOperator', entry: 'tools/operator/stop.ts' },
  { role: 'RebuildUsageOperator', entry: 'tools/operator/rebuild-usage.ts' },
  // What RestoreOperator may do is compared with the calls that the command makes (test/tools/operator/restore.test.ts).
  { role: 'MarkKeysOperator', entry: 'tools/operator/mark-keys.ts' },
  { role: 'VerifyArchiveOperator', entry: 'tools/operator/verify-archive.ts' },
];

/** Calls in shared code that a program never reaches, with the reason. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  // Switching a key off leaves every version where it is.
  detector: ['keys DeleteItem'],
  // A re-encrypted key has no version shredded.
  'rotate-on-request': ['keys DeleteItem'],
  // It reads the receipt of one session, from the file that also lists them.
  notices: ['sessions Query'],
  // Whether the owner of a key stands is asked for sites and workspaces only.
  PlatformKeyOperator: ['tenancy ConditionCheckItem'],
};

/** `KeysTable`, `TenancyTable/index/by-sub` and `MasterKey` as the code's calls name them. */
const nameOf = (resource: string): string =>
  resource
    .replace(/^(\w+)(?:Table|Key)(?=\/|$)/, (_, name: string) => name.toLowerCase())
    .replace(/\/index\/[\w-]+$/, '/index');

const ITEM_OR_KEY = /^dynamodb:(?!DescribeStream|GetRecords|GetShardIterator|ListStreams)|^kms:/;
/** Used by AWS services on behalf of a caller; no code of ours names them. */
const DISK_KEYS = ['TablesKey', 'EvidenceKey', 'NoticesKey'];

const allowedTo = (role: string): readonly string[] =>
  permissions
    .filter((found) => found.role === role && ITEM_OR_KEY.test(found.action))
    .filter(({ resource }) => !DISK_KEYS.includes(resource))
    .map(({ action, resource }) => `${nameOf(resource)} ${action.replace(/^.*:/, '')}`);

describe('a role allows exactly the calls of its program', () => {
  test.each(programs)('for $role, with no call missing and none superfluous', ({ role, entry }) => {
    const never = NEVER[role] ?? [];
    const reachable = [...reachableCalls(entry)];
    expect(never.filter((call) => !reachable.includes(call))).toEqual([]);
    expect([...new Set(allowedTo(role))].sort()).toEqual(
      reachable.filter((call) => !never.includes(call)).sort(),
    );
  });
});

describe('the partitions in lib/item-uses.ts match the items', () => {
  const workspace = 'w1' as WorkspaceId;
  const site = 's1' as SiteId;
  const platform = PLATFORM_ADDRESS.scopeId;

  test.each([
    ['EVENTS#manage#*', primaryKey.event('manage', workspace, 'e1')],
    ['WORKSPACE#*', primaryKey.workspace(workspace)],
    ['EVENTS#platform-key#platform', primaryKey.event('platform-key', PLATFORM_ADDRESS.workspaceId, 'e1')],
    ['PLATFORM#platform', primaryKey.key('platform', platform)],
    ['PLATFORM#platform', primaryKey.retainedKey('platform', platform, 1)],
    ['MARK#*', primaryKey.keyMark('site', site)],
    ['MARK#PLATFORM#platform', primaryKey.keyMark('platform', platform)],
    ['SITE#*', primaryKey.key('site', site)],
    ['WORKSPACE#*', primaryKey.keyVersion('workspace', workspace, 1)],
    ['KEY#*', primaryKey.keyActivity('site', site)],
    ['ANOMALY#*', primaryKey.anomaly(workspace, 'subject')],
    ['ERRORS#*', primaryKey.error(workspace, 'minute', site, 'mint', 'reason')],
    ['@*', primaryKey.slot(workspace, 'pool', 0)],
    ['RATE#new-workspace#*', primaryKey.rate('new-workspace#somebody', 'minute')],
    ['LIVE#*', callKey.live(workspace, 'ses_1' as SessionId)],
    ['CALL#*', callKey.call(workspace, 'rtc_1' as CallId)],
    ['USE#*', callKey.use('ses_1' as SessionId, 'call#1')],
    ['ENDING#*', callKey.ending('site', site, 1)],
    ['ENDING#platform#platform', callKey.ending('platform', platform, 1)],
    ['SITE#*', primaryKey.session({ siteId: site, workspaceId: workspace }, 'ses_1' as SessionId)],
  ])('for %s, which contains %p', (pattern, { pk }) => {
    const fits = pattern.endsWith('*') ? pk.startsWith(pattern.slice(0, -1)) : pk === pattern;
    expect(fits).toBe(true);
    expect(permissions.some(({ condition }) => condition.includes(pattern))).toBe(true);
  });
});
