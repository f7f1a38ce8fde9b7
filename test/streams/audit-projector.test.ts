import { describe, expect, test } from '@jest/globals';
import type { DynamoDBRecord } from 'aws-lambda';
import type { AuditEvent } from '../../lambdas/domain/audit/audit-record.ts';
import { auditProjector } from '../../lambdas/streams/audit-projector.ts';

const eventFor = (name: string): AuditEvent => {
  const [workspaceId = ''] = name.split(':');
  return {
    eventId: name,
    workspaceId,
    type: 'session.issued',
    at: '2026-11-25T00:00:00.000Z',
    actor: 'visitor',
    siteId: null,
    sessionId: null,
    ipHash: null,
    facts: {},
  };
};

/** Records named `<workspace>:<number>`; `-` is none of the trail's business, `?` cannot be read. */
const projecting = (names: readonly string[], append: (name: string) => Promise<void>) => {
  const appended: string[] = [];
  const logged: unknown[] = [];
  const refuse = (): never => {
    throw new Error('not used');
  };
  const handler = auditProjector({
    eventOf: ({ eventID = '' }) => {
      if (eventID === '?') throw new Error('Unreadable.');
      return eventID === '-' ? undefined : eventFor(eventID);
    },
    append: async ({ eventId }) => {
      await append(eventId);
      appended.push(eventId);
      return 'appended';
    },
    log: { info: refuse, warn: refuse, error: (_, facts) => logged.push(facts['sequence_number']) },
  });
  const Records = names.map(
    (eventID, i): DynamoDBRecord => ({ eventID, dynamodb: { SequenceNumber: String(i) } }),
  );
  return { appended, logged, answer: handler({ Records }) };
};

const failing = (name: string) => async (asked: string) => {
  if (asked === name) throw new Error('Refused.');
};

describe('the audit projector', () => {
  test('handles one workspace without waiting for another', async () => {
    let began = (): void => undefined;
    const second = new Promise<void>((resolve) => {
      began = resolve;
    });
    const { appended, answer } = projecting(['a:1', 'b:1'], async (name) => {
      if (name === 'b:1') began();
      // Would wait for ever if b:1 came after it.
      await second;
    });
    expect(await answer).toEqual({ batchItemFailures: [] });
    expect(appended.toSorted()).toEqual(['a:1', 'b:1']);
  });

  test('appends the events of a workspace in the order of their records', async () => {
    const names = ['a:1', 'b:1', 'a:2', '-', 'a:3', 'b:2'];
    // The later ones would be done sooner.
    const { appended, answer } = projecting(names, async (name) => {
      for (let turn = Number(name.slice(2)); turn < 4; turn++) await Promise.resolve();
    });
    await answer;
    expect(appended.filter((name) => name.startsWith('a'))).toEqual(['a:1', 'a:2', 'a:3']);
    expect(appended.filter((name) => name.startsWith('b'))).toEqual(['b:1', 'b:2']);
  });

  test('appends no event of a workspace after a failed one, and reports the failed one', async () => {
    const { appended, logged, answer } = projecting(['a:1', 'a:2', 'b:1', 'a:3'], failing('a:2'));
    expect(await answer).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] });
    expect(appended.toSorted()).toEqual(['a:1', 'b:1']);
    expect(logged).toEqual(['1']);
  });

  test('reports the earliest of several failures, so that no record is skipped', async () => {
    const { answer } = projecting(['b:1', 'a:1', 'b:2', 'a:2'], async (name) => {
      if (name === 'a:1') throw new Error('Refused at once.');
      if (name !== 'b:1') return;
      await new Promise((resolve) => setTimeout(resolve, 5));
      throw new Error('Refused later.');
    });
    expect(await answer).toEqual({ batchItemFailures: [{ itemIdentifier: '0' }] });
  });

  test('handles no record after one that it cannot read', async () => {
    const { appended, answer } = projecting(['a:1', '?', 'a:2'], async () => undefined);
    expect(await answer).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] });
    expect(appended).toEqual(['a:1']);
  });
});
