import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import {
  mintAt,
  type Owner,
  type Place,
  reportAt,
  type Session,
  signIn,
} from '../../../bench/bench-stack.ts';
import { dynamoDbClient, kmsClient } from '../../../lambdas/adapters/aws/clients.ts';
import { dynamoDbKeyScan } from '../../../lambdas/adapters/aws/keys/dynamodb-key-scan.ts';
import { dynamoDbKeys } from '../../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import { keyMarks } from '../../../lambdas/adapters/aws/keys/key-marks.ts';
import { kmsRewrapper } from '../../../lambdas/adapters/aws/keys/kms-rewrapper.ts';
import { kmsDerivationKeys } from '../../../lambdas/adapters/aws/kms-derivation-keys.ts';
import { KMS_KEYS } from '../../../lambdas/contract/kms-keys.ts';
import { TABLES } from '../../../lambdas/contract/tables.ts';
import { rewrapKeys } from '../../../lambdas/use-cases/keys/rewrap-keys.ts';
import { makeFakeKey } from '../../../local/openai/server.ts';
import { operatorAuditEvents } from '../../operator/operator.ts';
import type { Target } from './target.ts';

/** One flow of the product. It throws if the engine behaves differently. */
export interface Flow {
  readonly name: string;
  readonly play: () => Promise<void>;
}

/** Longer than the allowed silence of a session, with heartbeats every 20 seconds. */
const SILENCE_MS = 170_000;

/** The main flows, in order: each continues from where the previous one ended. */
export const flowsOf = (target: Target): readonly Flow[] => {
  const { stack } = target;
  let owner: Owner;
  let place: Place;
  let session: Session;
  const key = (): string => `/v1/workspaces/${place.workspaceId}/openai-key`;
  const ask = (method: string, path: string, body?: unknown) => owner.ask(method, path, body);
  const minted = async (): Promise<Session> => {
    const { data, code } = await mintAt(stack.url, place);
    assert.equal(code, 'ok', 'the mint');
    return { ...place, ...data };
  };
  const reported = async (type: string, fields = {}): Promise<void> => {
    const { code } = await reportAt(stack.url, session, target.now(), type, fields);
    assert.equal(code, 'ok', `the report "${type}"`);
  };
  const sessionNow = () => ask('GET', `/v1/sites/${session.siteId}/sessions/${session.session_id}`);
  const drained = async (): Promise<void> => {
    const before = target.deadLetters.length;
    await stack.streams.drain();
    assert.deepEqual(target.deadLetters.slice(before), [], 'records of streams that were given up on');
  };
  const scanned = async (TableName: string) => {
    const { Items = [] } = await dynamoDbClient(awsOf(target)).send(
      new ScanCommand({ TableName, ConsistentRead: true }),
    );
    return Items;
  };

  return [
    {
      name: 'A workspace and a site are created and changed',
      play: async () => {
        owner = await signIn(stack);
        place = await owner.makePlace({}, { key: 'none' });
        await ask('PATCH', `/v1/workspaces/${place.workspaceId}`, { name: 'Renamed' });
        await ask('PATCH', `/v1/sites/${place.siteId}`, { max_duration_seconds: 600 });
        assert.equal((await ask('GET', '/v1/workspaces')).items.length, 1, 'the workspaces of the owner');
      },
    },
    {
      name: 'An OpenAI key is stored and tested',
      play: async () => {
        assert.equal((await ask('PUT', key(), { api_key: makeFakeKey(randomBytes) })).version, 1);
        await ask('POST', `${key()}/test`);
      },
    },
    {
      name: 'A token is minted',
      play: async () => {
        session = await minted();
      },
    },
    {
      name: 'A session reports and ends',
      play: async () => {
        target.advance(2_000);
        await reported('connected');
        target.advance(20_000);
        await reported('heartbeat');
        await reported('usage', {
          response_id: randomUUID(),
          usage: {
            input_tokens: 10,
            output_tokens: 20,
            input_token_details: { audio_tokens: 10 },
            output_token_details: { audio_tokens: 20 },
          },
        });
        await reported('ended', { reason: 'hung_up' });
        assert.equal((await sessionNow()).ended_at === null, false, 'the end of the session');
      },
    },
    {
      name: 'The sweeper closes a silent session',
      play: async () => {
        session = await minted();
        target.advance(1_000);
        await reported('connected');
        assert.equal((await sessionNow()).ended_at, null, 'the end of the session before the sweep');
        target.advance(SILENCE_MS);
        await stack.sweep();
        assert.notEqual((await sessionNow()).ended_at, null, 'the end of the session after the sweep');
      },
    },
    {
      name: 'Streams reach the audit trail',
      play: async () => {
        await drained();
        const { items: rows } = await ask('GET', `/v1/workspaces/${place.workspaceId}/audit`);
        assert.ok(rows.length >= 5, `${rows.length} rows of the audit trail, of at least 5`);
      },
    },
    {
      name: 'The detector remembers what it saw',
      play: async () => {
        const remembered = (await scanned(TABLES.limits.name)).filter(({ pk }) =>
          String(pk).startsWith('ANOMALY#'),
        );
        assert.ok(remembered.length > 0, 'an item of the detector');
      },
    },
    {
      name: 'The archive has the audit trail, in a bucket with Object Lock',
      play: async () => {
        const { KeyCount = 0 } = await target
          .s3()
          .send(new ListObjectsV2Command({ Bucket: target.archiveBucket, Prefix: '' }));
        assert.ok(KeyCount > 0, 'an object of the archive');
      },
    },
    {
      name: 'A key is re-encrypted',
      play: async () => {
        await ask('POST', `${key()}/rotate`);
        await minted();
      },
    },
    {
      name: 'A key is replaced and rolled back',
      play: async () => {
        const replaced = await ask('PUT', key(), { api_key: makeFakeKey(randomBytes) });
        await minted();
        const back = await ask('POST', `${key()}/rollback`);
        assert.ok(back.version < replaced.version, 'the version after the rollback');
        await minted();
        const { items: versions } = await ask('GET', `${key()}/versions`);
        assert.ok(versions.length >= 2, 'the versions of the key');
      },
    },
    {
      name: 'Keys are re-wrapped under another master key, without opening them',
      play: async () => {
        const environment = awsOf(target);
        const tables = { keys: TABLES.keys.name, tenancy: TABLES.tenancy.name };
        const marks = keyMarks(
          kmsDerivationKeys(kmsClient(environment), target.stack.variables[KMS_KEYS.marks.variable] ?? ''),
        );
        const scan = dynamoDbKeyScan(dynamoDbClient(environment), tables, marks);
        const { current, next } = target.masterKeys;
        const run = (toKeyArn: string) =>
          rewrapKeys({
            scan,
            writer: scan,
            keys: dynamoDbKeys(dynamoDbClient(environment), { ...tables, writer: 'rewrap' }, marks),
            rewrapper: kmsRewrapper(kmsClient(environment), [current, next]),
            auditEvents: operatorAuditEvents,
          })(
            { sub: 'operator:conformance', sourceIp: '' },
            {
              toKeyArn,
              dryRun: false,
              onProgress: () => undefined,
              onTrouble: (where, trouble, errorName) => assert.fail(`${where}: ${trouble} ${errorName}`),
            },
          );
        await run(next);
        const sealed = (await scanned(TABLES.keys.name)).flatMap(({ sealed: each }) => (each ? [each] : []));
        assert.ok(
          sealed.length > 0 && sealed.every(({ kmsKeyArn }) => kmsKeyArn === next),
          'the new master key',
        );
        await run(current);
        await minted();
      },
    },
    {
      name: 'Usage adds up',
      play: async () => {
        const day = target.now().toISOString().slice(0, 10);
        const usage = await ask('GET', `/v1/workspaces/${place.workspaceId}/usage?from=${day}&to=${day}`);
        assert.ok(JSON.stringify(usage).includes('"sessions"'), 'sessions in the usage');
        await ask('GET', `/v1/workspaces/${place.workspaceId}/concurrency`);
        await ask('GET', `/v1/workspaces/${place.workspaceId}/errors`);
      },
    },
    {
      name: 'The audit trail is verified',
      play: async () => {
        await drained();
        const verdict = await ask('GET', `/v1/workspaces/${place.workspaceId}/audit/verify`);
        assert.equal(JSON.stringify(verdict).includes('intact'), true, JSON.stringify(verdict));
      },
    },
    {
      name: 'A key, a site and a workspace are deleted',
      play: async () => {
        await ask('DELETE', key());
        assert.notEqual((await mintAt(stack.url, place)).code, 'ok');
        await ask('DELETE', `/v1/sites/${place.siteId}`);
        await ask('DELETE', `/v1/workspaces/${place.workspaceId}`, { confirm: 'Renamed' });
        await drained();
      },
    },
  ];
};

const awsOf = ({ stack: { variables } }: Target) => ({
  AWS_REGION: 'us-east-1',
  AWS_ENDPOINT_URL_DYNAMODB: variables['AWS_ENDPOINT_URL_DYNAMODB'],
  AWS_ENDPOINT_URL_KMS: variables['AWS_ENDPOINT_URL_KMS'],
});
