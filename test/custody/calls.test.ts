import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { DATA_CHANNEL_OFFER, openCall } from '../support/calls.ts';
import { type Sink, sinksOfCalls, sinksOfItems, watchOutput } from '../support/custody-watch.ts';
import { secretFinder } from '../support/find-secret.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack, type TestAnswer, type TestStack } from '../support/stack.ts';
import { fakeKey, putSiteKey, putWorkspaceKey } from '../support/tenant.ts';

/** The key never leaves the broker, nor do the instructions and the id of a call. */

const CALLS = '/v1/realtime/calls';
const INSTRUCTIONS = 'Speak of the quagga and of nothing else.';
let stack: TestStack;
let output: ReturnType<typeof watchOutput>;
const queued: Sink[] = [];
const answers: Sink[] = [];
const callIds: string[] = [];
const keys = { first: fakeKey(), second: fakeKey(), third: fakeKey() };

const kept = (answer: TestAnswer): TestAnswer => {
  answers.push({
    where: `answer ${answers.length}`,
    content: `${answer.text} ${JSON.stringify([...answer.headers])}`,
  });
  return answer;
};

beforeAll(async () => {
  output = watchOutput({ silent: true });
  stack = await startTestStack({ variables: { KEY_RETENTION_HOURS: '0' } });
  const receive = stack.sqs.receive;
  Object.assign(stack.sqs, {
    receive: (max: number) => {
      const messages = receive(max);
      for (const { body } of messages) queued.push({ where: 'queue', content: body });
      return messages;
    },
  });
  const tenant = await makeKeyedTenant(
    stack,
    {},
    { control: 'brokered', instructions: INSTRUCTIONS, max_duration_seconds: 60 },
    keys.first,
  );
  const open = async (body = {}) => {
    const answer = kept(await openCall(stack, tenant, body));
    callIds.push(...openAiOf(stack).liveCalls);
    return answer;
  };
  const drain = () => stack.hangUps.drain();
  // Each way in which a call can end.
  const reported = (await open()).data;
  const now = stack.now();
  kept(
    await report(stack, tenant, reported, [event('ended', now, { reason: 'hung_up' })], { signedAt: now }),
  );
  await drain();
  await open({ sdp: DATA_CHANNEL_OFFER });
  stack.advance(61_000);
  await drain();
  await open();
  stack.advance(76_000);
  await stack.sweep();
  await drain();
  // Each way in which one fails.
  for (const fault of [
    { path: CALLS, status: 201, body: 'no sdp', headers: { location: `${CALLS}/rtc_x` }, times: 1 },
    { path: CALLS, status: 401, body: { error: { message: keys.first, code: 'x' } }, times: 1 },
    { path: CALLS, status: 500, body: keys.first, times: 1 },
    { path: CALLS, reset: true, times: 1 },
  ]) {
    openAiOf(stack).inject(fault);
    await open();
  }
  stack.sqs.failNext(2);
  await open();
  // A hang-up that OpenAI refuses, and one whose key is gone.
  await open();
  openAiOf(stack).inject({ status: 500, body: keys.first, times: 2 });
  stack.advance(61_000);
  await drain();
  await open();
  await putWorkspaceKey(stack, tenant, keys.second);
  await drain();
  await open();
  await asOwner(stack, tenant, 'DELETE', `/v1/workspaces/${tenant.workspaceId}/openai-key`);
  await drain();
  kept(await putSiteKey(stack, tenant, keys.third));
  await open();
  kept(await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/live`, { as: tenant.owner }));
  kept(await stack.call('GET', `/v1/sites/${tenant.siteId}/sessions`, { as: tenant.owner }));
  kept(await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/errors`, { as: tenant.owner }));
  stack.advance(61_000);
  await drain();
  await stack.streams.drain();
  kept(await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/audit`, { as: tenant.owner }));
}, 300_000);
afterAll(async () => {
  output.stop();
  await stack.close();
});

const tableSinks = async (): Promise<Sink[]> => {
  const documents = DynamoDBDocumentClient.from(
    new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint }),
  );
  const sinks: Sink[] = [];
  for (const { name } of Object.values(TABLES)) {
    const { Items = [] } = await documents.send(new ScanCommand({ TableName: name }));
    sinks.push(...sinksOfItems(name, Items));
  }
  documents.destroy();
  return sinks;
};

const found = (secrets: Readonly<Record<string, string>>, sinks: readonly Sink[]): readonly string[] => {
  const finder = secretFinder(secrets);
  return sinks.flatMap(({ where, content }) =>
    finder.find(content).map(({ secret }) => `${secret}: ${where}`),
  );
};

describe('on every path of a call', () => {
  it('the key is in no response, log, table, queue or output, and in no request to KMS or OpenAI', async () => {
    expect(queued.length).toBeGreaterThan(5);
    expect(answers.length).toBeGreaterThan(12);
    const sinks = [
      ...answers,
      ...queued,
      ...output.sinks(),
      ...stack.logs.map((content): Sink => ({ where: 'log', content })),
      ...sinksOfCalls(stack.kms.calls, openAiOf(stack).requests),
      ...(await tableSinks()),
    ];
    expect(found(keys, sinks)).toEqual([]);
  });

  it('the call ID and the instructions reach no response to the browser, no log and no queue', () => {
    expect(callIds.length).toBeGreaterThan(5);
    const secrets = {
      instructions: INSTRUCTIONS,
      ...Object.fromEntries(callIds.map((id, i) => [`call ${i}`, id])),
    };
    const sinks = [...answers, ...queued, ...stack.logs.map((content): Sink => ({ where: 'log', content }))];
    expect(found(secrets, sinks)).toEqual([]);
  });
});
