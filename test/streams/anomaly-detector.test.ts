import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import { dynamoDbAnomalies } from '../../lambdas/adapters/aws/anomalies/dynamodb-anomalies.ts';
import { detectorHandler } from '../../lambdas/composition/detector.ts';
import { rotateOnRequestHandler } from '../../lambdas/composition/rotate-on-request.ts';
import { jitteredBackOff, strongRandom } from '../../lambdas/composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import { ANOMALY_PARAMETERS } from '../../lambdas/domain/anomalies/anomaly-parameters.ts';
import type { Incident } from '../../lambdas/domain/anomalies/incident.ts';
import type { KeyUsageEvent } from '../../lambdas/domain/anomalies/key-usage-event.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { isLive } from '../../lambdas/domain/keys/stored-key.ts';
import { anomalyDetector } from '../../lambdas/streams/anomaly-detector.ts';
import { suspendForIncident } from '../../lambdas/use-cases/anomalies/suspend-for-incident.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import {
  fakeKey,
  makeTenant,
  mint,
  ORIGIN,
  putSiteKey,
  putWorkspaceKey,
  type Tenant,
} from '../support/tenant.ts';
import { useCasePorts } from '../support/use-case-ports.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const FOREIGN_ORIGIN = 'https://copy.example';
const BURST = ANOMALY_PARAMETERS.burst.windows[0]?.floor ?? Number.NaN;
const HISTORY_DAYS = 10;

/** The handlers' clock stands still until a test moves it. */
let nowMs = 0;
const beginAt = (daysAgo: number): void => {
  nowMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - daysAgo * DAY_MS;
};
const clock = () => new Date(nowMs);

let stack: TestStack;
beforeAll(async () => {
  beginAt(0);
  stack = await startTestStack({ audited: false, runtime: { clock } });
});
afterAll(async () => stack.close());

const tenantWith = async (anomalyResponse: string): Promise<Tenant> => {
  const tenant = await makeTenant(stack, { anomaly_response: anomalyResponse });
  expect((await putWorkspaceKey(stack, tenant, fakeKey())).status).toBe(200);
  return tenant;
};

/** One visitor a day, long enough for the detector to judge, and then as many at once as make a burst. */
const historyThenBurst = async (tenant: Tenant): Promise<void> => {
  beginAt(HISTORY_DAYS);
  for (let day = 0; day < HISTORY_DAYS; day++, nowMs += DAY_MS)
    expect((await mint(stack, tenant)).status).toBe(200);
  for (let visitor = 0; visitor < BURST; visitor++) expect((await mint(stack, tenant)).status).toBe(200);
  await stack.streams.drain();
};

interface AuditRow {
  readonly type: string;
  readonly actor: string;
  readonly facts: Readonly<Record<string, string | number>>;
}

const auditOf = async (tenant: Tenant): Promise<readonly AuditRow[]> => {
  const rows: AuditRow[] = [];
  let cursor: string | null = null;
  do {
    const query = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/audit?limit=100${query}`, {
      as: tenant.owner,
    });
    expect(page.status).toBe(200);
    rows.push(...page.data.items);
    cursor = page.data.next_cursor;
  } while (cursor !== null);
  return rows;
};

const rowsOf = (rows: readonly AuditRow[], type: string): readonly AuditRow[] =>
  rows.filter((row) => row.type === type);

const keyOf = async (tenant: Tenant) =>
  (await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/openai-key`, { as: tenant.owner })).data;

const announcedFor = (tenant: Tenant): readonly Incident[] =>
  stack.incidents.announced.filter(({ workspaceId }) => workspaceId === tenant.workspaceId);

const documents = () =>
  DynamoDBDocumentClient.from(
    new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint }),
    {
      marshallOptions: { removeUndefinedValues: true },
    },
  );

describe('a detected burst', () => {
  it('suspends the key if the workspace has chosen that, and the next mint is refused with 423', async () => {
    const tenant = await tenantWith('suspend');
    await historyThenBurst(tenant);

    const refused = await mint(stack, tenant);
    expect([refused.status, refused.error.code]).toEqual([423, 'openai_key_suspended']);
    expect(await keyOf(tenant)).toMatchObject({ state: 'suspended', version: 1 });
    const rows = await auditOf(tenant);
    const [detected] = rowsOf(rows, 'anomaly.detected');
    expect(detected).toMatchObject({
      actor: 'system:detector',
      facts: { kind: 'burst', observed: BURST, response: 'suspend', key_scope: 'workspace', key_version: 1 },
    });
    expect(rowsOf(rows, 'key.suspended')).toMatchObject([
      { actor: 'system:detector', facts: { version: 1 } },
    ]);
    const verdict = await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/audit/verify`, {
      as: tenant.owner,
    });
    expect(verdict.data.intact).toBe(true);
  });

  it('can be followed by a resume, after which mints continue', async () => {
    const tenant = await tenantWith('suspend');
    await historyThenBurst(tenant);
    const resume = `/v1/workspaces/${tenant.workspaceId}/openai-key/resume`;
    expect((await stack.call('POST', resume, { as: tenant.owner })).status).toBe(200);
    expect((await mint(stack, tenant)).status).toBe(200);
  });

  it('is only recorded and announced if the workspace has chosen notification', async () => {
    const tenant = await tenantWith('notify');
    await historyThenBurst(tenant);

    expect((await mint(stack, tenant)).status).toBe(200);
    expect(await keyOf(tenant)).toMatchObject({ state: 'active', version: 1 });
    const rows = await auditOf(tenant);
    expect(rowsOf(rows, 'anomaly.detected')).toMatchObject([
      { facts: { kind: 'burst', response: 'notify' } },
    ]);
    expect(rowsOf(rows, 'key.suspended')).toEqual([]);
    expect(announcedFor(tenant)).toMatchObject([{ kind: 'burst', observed: BURST, siteId: tenant.siteId }]);
  });

  it('makes a new version of the key if the workspace has chosen rotation, and mints continue', async () => {
    const tenant = await tenantWith('rotate');
    await historyThenBurst(tenant);

    expect(await keyOf(tenant)).toMatchObject({ state: 'active', version: 2 });
    expect((await mint(stack, tenant)).status).toBe(200);
    const rows = await auditOf(tenant);
    expect(rowsOf(rows, 'key.reencrypted')).toMatchObject([
      { actor: 'system:detector', facts: { version_before: 1, version: 2 } },
    ]);
    const decrypts = rows.filter(({ facts }) => facts['kind'] === 'reencryption');
    expect(decrypts.map(({ type, actor }) => [type, actor]).sort()).toEqual([
      ['session.reserved', 'system:detector'],
      ['session.used', 'system:detector'],
    ]);
  });

  it('suspends the key in every scope in which the same OpenAI key is stored and was used', async () => {
    beginAt(HISTORY_DAYS + 1);
    const tenant = await makeTenant(stack, { anomaly_response: 'suspend' });
    const key = fakeKey();
    await putWorkspaceKey(stack, tenant, key);
    await mint(stack, tenant);
    await putSiteKey(stack, tenant, key);
    await historyThenBurst(tenant);
    const siteKey = await stack.call('GET', `/v1/sites/${tenant.siteId}/openai-key`, { as: tenant.owner });
    expect([siteKey.data.state, (await keyOf(tenant)).state]).toEqual(['suspended', 'suspended']);
  });
});

describe('a run of authentication failures', () => {
  it('suspends a key that OpenAI has revoked', async () => {
    const tenant = await makeTenant(stack, { anomaly_response: 'suspend' });
    await putWorkspaceKey(stack, tenant, fakeKey());
    stack.openAi?.inject({ status: 401, body: { error: { code: 'invalid_api_key', message: '' } } });
    for (let i = 0; i < ANOMALY_PARAMETERS.authFailures.run; i++) await mint(stack, tenant);
    stack.openAi?.clearFaults();
    await stack.streams.drain();
    expect((await mint(stack, tenant)).status).toBe(423);
  });
});

describe('requests from refused origins', () => {
  const foreign = (tenant: Tenant) => mint(stack, tenant, {}, FOREIGN_ORIGIN);
  const errorsOf = async (tenant: Tenant) =>
    (await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/errors`, { as: tenant.owner })).data.items;

  it('share one row per minute, which stops counting at its limit', async () => {
    beginAt(0);
    const tenant = await tenantWith('notify');
    for (let i = 0; i < 70; i++) expect((await foreign(tenant)).status).toBe(403);
    expect(await errorsOf(tenant)).toMatchObject([{ code: 'origin_not_allowed', count: 60 }]);
  });

  it('write nothing for a site that does not exist', async () => {
    const tenant = await tenantWith('notify');
    const nobody = { ...tenant, siteId: `${tenant.workspaceId}000000000000` };
    expect((await mint(stack, nobody, {}, FOREIGN_ORIGIN)).status).toBe(404);
    expect(await errorsOf(tenant)).toEqual([]);
  });

  it('are announced and never change a key, because strangers can cause them', async () => {
    beginAt(0);
    const tenant = await tenantWith('suspend');
    for (let i = 0; i < ANOMALY_PARAMETERS.refusedOrigins.floorPerHour; i++) await foreign(tenant);
    await stack.streams.drain();
    expect(announcedFor(tenant)).toMatchObject([{ kind: 'refused_origins', response: 'notify', keys: [] }]);
    expect((await mint(stack, tenant, {}, ORIGIN)).status).toBe(200);
    expect(rowsOf(await auditOf(tenant), 'anomaly.detected')).toHaveLength(1);
  });
});

describe('a key that was changed after an anomaly', () => {
  it('is not suspended for the usage of another OpenAI key', async () => {
    const tenant = await tenantWith('suspend');
    const keys = useCasePorts(stack).keys;
    const workspaceId = tenant.workspaceId as WorkspaceId;
    const key = { scope: 'workspace', scopeId: workspaceId, version: 1 } as const;
    const suspend = (fingerprint: string) =>
      suspendForIncident({
        clock,
        random: strongRandom,
        backOff: jitteredBackOff,
        keys,
        callEnder: { end: async () => 0 },
      })({ ...incident(workspaceId), keys: [key] }, key, fingerprint);
    await suspend('of another key');
    expect((await mint(stack, tenant)).status).toBe(200);
    const currentKey = await keys.readKey({ ...key, workspaceId });
    await suspend(isLive(currentKey) ? currentKey.sealed.fingerprint : '');
    expect((await mint(stack, tenant)).status).toBe(423);
  });

  it('is not re-encrypted by a request for an older version, which opens nothing', async () => {
    const tenant = await tenantWith('rotate');
    const environment = parseEnvironment(ENVIRONMENTS['rotate-on-request'], stack.variables);
    const rotate = rotateOnRequestHandler(environment, { ...localRuntime(() => undefined), clock });
    const request = (version: number) =>
      rotate({
        detail: {
          incident_id: 'evt_1',
          workspace_id: tenant.workspaceId,
          scope: 'workspace',
          scope_id: tenant.workspaceId,
          version,
        },
      });
    await request(1);
    await request(1);
    await stack.streams.drain();
    expect(await keyOf(tenant)).toMatchObject({ version: 2 });
    const opened = rowsOf(await auditOf(tenant), 'session.reserved');
    expect(opened).toHaveLength(1);
  });

  it('makes an event fail that is not a re-encryption request', async () => {
    const environment = parseEnvironment(ENVIRONMENTS['rotate-on-request'], stack.variables);
    const rotate = rotateOnRequestHandler(environment, { ...localRuntime(() => undefined), clock });
    await expect(rotate({ detail: { workspace_id: 'x' } })).rejects.toThrow();
  });
});

const incident = (workspaceId: WorkspaceId): Incident => ({
  incidentId: 'evt_incident',
  workspaceId,
  siteId: null,
  kind: 'burst',
  at: clock().toISOString(),
  observed: 100,
  expected: 1,
  threshold: 12,
  windowSeconds: 300,
  response: 'suspend',
  keys: [],
});

describe('a stream delivery to the detector', () => {
  const refusedRow = (tenant: Tenant, count: number, sequence: string): DynamoDBRecord =>
    ({
      eventID: sequence,
      eventName: 'MODIFY',
      dynamodb: {
        SequenceNumber: sequence,
        NewImage: marshall({
          pk: `ERRORS#${tenant.workspaceId}`,
          sk: 'row',
          code: 'origin_not_allowed',
          workspaceId: tenant.workspaceId,
          siteId: tenant.siteId,
          lastAt: clock().toISOString(),
          count,
        }),
      },
    }) as DynamoDBRecord;

  it('that fails while an incident is announced is repeated: the incident is announced again and recorded once', async () => {
    const tenant = await tenantWith('notify');
    const heard: string[] = [];
    let broken = true;
    const handler = detectorHandler(
      parseEnvironment(ENVIRONMENTS.detector, stack.variables),
      { ...localRuntime(() => undefined), clock },
      {
        announce: async ({ incidentId }) => {
          heard.push(incidentId);
          if (broken) throw new Error('The bus is down.');
        },
        request: async () => undefined,
        announceTampering: async () => undefined,
        announceNotice: async () => undefined,
      },
    );
    const records = [refusedRow(tenant, 50, '1')];
    expect(await handler({ Records: records })).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] });
    broken = false;
    expect(await handler({ Records: records })).toEqual({ batchItemFailures: [] });
    expect(await handler({ Records: records })).toEqual({ batchItemFailures: [] });
    expect(heard).toHaveLength(2);
    expect(new Set(heard).size).toBe(1);
    await stack.streams.drain();
    expect(rowsOf(await auditOf(tenant), 'anomaly.detected')).toHaveLength(1);
  });

  it('of the same batch twice leaves the same record', async () => {
    const tenant = await tenantWith('notify');
    await historyThenBurst(tenant);
    const records = dynamoDbAnomalies(documents(), { limits: 'limits', tenancy: 'tenancy' });
    const subject = { workspaceId: tenant.workspaceId as WorkspaceId, subject: `SITE#${tenant.siteId}` };
    const handler = detectorHandler(
      parseEnvironment(ENVIRONMENTS.detector, stack.variables),
      { ...localRuntime(() => undefined), clock },
      {
        announce: async () => undefined,
        request: async () => undefined,
        announceTampering: async () => undefined,
        announceNotice: async () => undefined,
      },
    );
    const batch = [refusedRow(tenant, 1, '1'), refusedRow(tenant, 2, '2'), refusedRow(tenant, 3, '3')];
    await handler({ Records: batch });
    const once = await records.read(subject);
    await handler({ Records: batch });
    expect((await records.read(subject))?.state).toEqual(once?.state);
    expect(once?.state.refused.map(([, count]) => count)).toEqual([3]);
  });

  const sighting = (subject: string): KeyUsageEvent => ({
    workspaceId: 'abcdefghjkmn' as WorkspaceId,
    subject,
    siteId: undefined,
    mode: 'byok',
    key: undefined,
    observation: { type: 'refused_origins', at: 0, count: 1 },
  });
  const record = (sequence: string): DynamoDBRecord => ({ dynamodb: { SequenceNumber: sequence } });
  const subjects = ['a', 'b', 'a', 'c', 'b'];
  const batch = { Records: subjects.map((_, i) => record(String(i))) };
  const subjectOf = ({ dynamodb }: DynamoDBRecord): string =>
    subjects[Number(dynamodb?.SequenceNumber)] ?? '';
  const log = localRuntime(() => undefined).log;

  it('reads and writes once per key, in the order of its records', async () => {
    const watched: [string, number][] = [];
    const handler = anomalyDetector({
      noticeOf: () => undefined,
      announceNotice: async () => undefined,
      webhookNoticeOf: () => undefined,
      sendNotice: async () => undefined,
      examine: async () => undefined,
      keyUsedOf: () => undefined,
      noteKeyUse: async () => undefined,
      sightingsOf: (each) => [sighting(subjectOf(each))],
      watch: async ({ subject }, usageEvents) => {
        watched.push([subject, usageEvents.length]);
      },
      log,
    });
    expect(await handler(batch)).toEqual({ batchItemFailures: [] });
    expect(watched).toEqual([
      ['a', 2],
      ['b', 2],
      ['c', 1],
    ]);
  });

  it('that fails names the first record of the earliest failed key, and still handles the others', async () => {
    const watched: string[] = [];
    const handler = anomalyDetector({
      noticeOf: () => undefined,
      announceNotice: async () => undefined,
      webhookNoticeOf: () => undefined,
      sendNotice: async () => undefined,
      examine: async () => undefined,
      keyUsedOf: () => undefined,
      noteKeyUse: async () => undefined,
      sightingsOf: (each) => [sighting(subjectOf(each))],
      watch: async ({ subject }) => {
        if (subject !== 'a') throw new Error(subject);
        watched.push(subject);
      },
      log,
    });
    expect(await handler(batch)).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] });
    expect(watched).toEqual(['a']);
  });

  it('stops at a record that cannot be read, and handles the records before it', async () => {
    const watched: string[] = [];
    const handler = anomalyDetector({
      noticeOf: () => undefined,
      announceNotice: async () => undefined,
      webhookNoticeOf: () => undefined,
      sendNotice: async () => undefined,
      examine: async () => undefined,
      keyUsedOf: () => undefined,
      noteKeyUse: async () => undefined,
      sightingsOf: (each) => {
        if (each.dynamodb?.SequenceNumber === '2') throw new Error('unreadable');
        return [sighting(subjectOf(each))];
      },
      watch: async ({ subject }) => {
        watched.push(subject);
      },
      log,
    });
    expect(await handler(batch)).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
    expect(watched).toEqual(['a', 'b']);
  });
});
