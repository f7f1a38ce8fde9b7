import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventBridgeIncidents } from '../../../../lambdas/adapters/aws/anomalies/eventbridge-incidents.ts';
import { rotationRequestIn } from '../../../../lambdas/adapters/aws/anomalies/rotation-event.ts';
import type { Incident } from '../../../../lambdas/domain/anomalies/incident.ts';
import type { RotationRequest } from '../../../../lambdas/domain/anomalies/rotation-request.ts';
import { DependencyUnavailableError } from '../../../../lambdas/domain/dependency.ts';
import type { WorkspaceId } from '../../../../lambdas/domain/identifiers.ts';

interface Entry {
  readonly Source: string;
  readonly DetailType: string;
  readonly EventBusName: string;
  readonly Detail: string;
}

let server: Server;
let taken: Entry[] = [];
let answer: unknown;
let incidents: ReturnType<typeof eventBridgeIncidents>;

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'local';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      taken.push(...JSON.parse(Buffer.concat(chunks).toString('utf8')).Entries);
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  incidents = eventBridgeIncidents({
    AWS_REGION: 'us-east-1',
    EVENT_BUS_NAME: 'default',
    AWS_ENDPOINT_URL_EVENTBRIDGE: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  taken = [];
  answer = { FailedEntryCount: 0, Entries: [{ EventId: '1' }] };
});

const workspaceId = 'abcdefghjkmn' as WorkspaceId;
const incident: Incident = {
  incidentId: 'evt_1',
  workspaceId,
  siteId: 'abcdefghjkmn000000000000',
  kind: 'burst',
  at: '2026-11-23T12:00:00.000Z',
  observed: 143,
  expected: 4,
  threshold: 24,
  windowSeconds: 300,
  response: 'rotate',
  keys: [{ scope: 'workspace', scopeId: workspaceId, version: 3 }],
};
const request: RotationRequest = {
  incidentId: 'evt_1',
  workspaceId,
  scope: 'site',
  scopeId: 'abcdefgh',
  version: 3,
};

describe('an incident on EventBridge', () => {
  it('is one event with IDs, counts and a sentence', async () => {
    await incidents.announce(incident);
    expect(taken).toMatchObject([
      { Source: 'spelo.byok', DetailType: 'SpeloByok Anomaly Detected', EventBusName: 'default' },
    ]);
    expect(JSON.parse(taken[0]?.Detail ?? '')).toEqual({
      incident_id: 'evt_1',
      workspace_id: workspaceId,
      site_id: 'abcdefghjkmn000000000000',
      kind: 'burst',
      at: incident.at,
      observed: 143,
      expected: 4,
      threshold: 24,
      window_seconds: 300,
      response: 'rotate',
      keys: [{ scope: 'workspace', scope_id: workspaceId, version: 3 }],
      summary: '143 sessions within 5 minutes, where about 4 are usual. The key is being re-encrypted.',
    });
  });

  it('fails if the bus did not accept the event, although the answer has status 200', async () => {
    answer = { FailedEntryCount: 1, Entries: [{ ErrorCode: 'ThrottlingException', ErrorMessage: 'no' }] };
    await expect(incidents.announce(incident)).rejects.toThrow(
      new DependencyUnavailableError('eventbridge', 'PutEvents', 'ThrottlingException'),
    );
  });
});

describe('a re-encryption request', () => {
  it('is unchanged after it was written to an event and read again', async () => {
    await incidents.request(request);
    expect(taken).toMatchObject([{ DetailType: 'SpeloByok Rotation Requested' }]);
    expect(rotationRequestIn(JSON.parse(taken[0]?.Detail ?? ''))).toEqual(request);
  });

  it('never names the platform key', () => {
    const detail = {
      incident_id: 'evt_1',
      workspace_id: 'x',
      scope: 'platform',
      scope_id: 'platform',
      version: 1,
    };
    expect(() => rotationRequestIn(detail)).toThrow();
  });
});
