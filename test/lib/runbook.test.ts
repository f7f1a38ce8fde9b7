import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { templates, wordsOf } from './permissions.ts';
import { exampleApp, exampleEdge, ofType, type StackTemplate, templateOf } from './synthesized.ts';

const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');

/** The text under each heading of the second level, up to the next. */
const sections = new Map(
  runbook
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')).trim(), section] as const),
);

/** Those of the stage with the least, and those that only an edge or a dashboard brings. */
const { edge, observability } = exampleApp({ settings: { region: 'eu-central-1', edge: exampleEdge } });
if (edge === undefined) throw new Error('The stage has no edge.');
const { audit, dashboard } = exampleApp({ settings: { region: 'us-east-1', dashboard: {} } });
if (dashboard === undefined) throw new Error('The stage has no dashboard.');

const alarmsIn = (template: StackTemplate) =>
  ofType(template, 'AWS::CloudWatch::Alarm').map(({ Properties }) => ({
    template,
    ...z
      .object({
        AlarmName: z.string(),
        AlarmDescription: z.string(),
        AlarmActions: z.array(z.unknown()),
        Threshold: z.number(),
        TreatMissingData: z.string(),
        MetricName: z.string().optional(),
      })
      .parse(Properties),
  }));

const everywhere = Object.values(templates).flatMap(alarmsIn);
const alarms = [
  ...everywhere,
  ...[observability, edge, audit, dashboard].flatMap((stack) =>
    alarmsIn(templateOf(stack)).filter(
      ({ AlarmName }) => !everywhere.some((other) => other.AlarmName === AlarmName),
    ),
  ),
];
const cases = alarms.map((alarm) => [alarm.AlarmName, alarm] as const);

const headingOf = (description: string): string =>
  /Runbook: docs\/runbook\.md, "([^"]+)"\.$/.exec(description)?.[1] ?? '';

describe('the alarms', () => {
  test('have these names, metrics and thresholds', () => {
    expect(alarms.map(({ AlarmName, MetricName, Threshold }) => [AlarmName, MetricName, Threshold])).toEqual([
      ['spelo-byok-dev-projector-is-behind', 'IteratorAge', 600_000],
      ['spelo-byok-dev-projector-gave-up-on-a-record', 'ApproximateNumberOfMessagesVisible', 0],
      ['spelo-byok-dev-projector-fails', undefined, 0],
      ['spelo-byok-dev-archiver-is-behind', 'IteratorAge', 600_000],
      ['spelo-byok-dev-archiver-gave-up-on-a-record', 'ApproximateNumberOfMessagesVisible', 0],
      ['spelo-byok-dev-archiver-fails', undefined, 0],
      ['spelo-byok-dev-detector-is-behind', 'IteratorAge', 600_000],
      ['spelo-byok-dev-detector-gave-up-on-a-record', 'ApproximateNumberOfMessagesVisible', 0],
      ['spelo-byok-dev-detector-fails', undefined, 0],
      ['spelo-byok-dev-rotation-on-request-gave-up', 'ApproximateNumberOfMessagesVisible', 0],
      ['spelo-byok-dev-anomalous-use-of-a-key', 'TriggeredRules', 0],
      ['spelo-byok-dev-a-table-was-changed-past-the-product', 'TriggeredRules', 0],
      ['spelo-byok-dev-the-records-of-key-use-differ', 'TriggeredRules', 0],
      ['spelo-byok-dev-hang-up-gave-up', 'ApproximateNumberOfMessagesVisible', 0],
      ['spelo-byok-dev-hang-ups-are-late', 'ApproximateAgeOfOldestMessage', 1_200],
      ['spelo-byok-dev-a-call-could-not-be-hung-up', 'LostCalls', 0],
      ['spelo-byok-dev-a-call-lost-its-watcher', 'ApproximateNumberOfMessagesVisible', 0],
      ['spelo-byok-dev-notices-gave-up', 'ApproximateNumberOfMessagesVisible', 0],
      ['spelo-byok-dev-key-policy-was-changed', undefined, 0],
      ['spelo-byok-dev-key-was-copied-to-another-region', undefined, 0],
      ['spelo-byok-dev-grant-on-a-key-was-created', undefined, 0],
      ['spelo-byok-dev-key-was-disabled-or-scheduled-for-deletion', undefined, 0],
      ['spelo-byok-dev-code-or-an-alarm-was-changed', undefined, 0],
      ['spelo-byok-dev-a-table-or-the-evidence-was-changed', undefined, 0],
      ['spelo-byok-dev-a-table-was-written-by-another-principal', 'TriggeredRules', 0],
      ['spelo-byok-dev-the-break-glass-role-was-assumed', 'TriggeredRules', 0],
      ['spelo-byok-dev-cloudtrail-was-changed-or-stopped', 'TriggeredRules', 0],
      ['spelo-byok-dev-visitors-get-no-session', undefined, 5],
      ['spelo-byok-dev-sessions-start-slowly', undefined, 3_000],
      ['spelo-byok-dev-every-line-is-busy', undefined, 20],
      ['spelo-byok-dev-the-managed-key-fails', 'PlatformKeyFailures', 2],
      ['spelo-byok-dev-the-api-answers-with-errors', undefined, 10],
      ['spelo-byok-dev-a-function-behind-the-api-crashes', undefined, 0],
      ['spelo-byok-dev-lambda-turns-requests-away', undefined, 0],
      ['spelo-byok-dev-dynamodb-throttles', undefined, 10],
      ['spelo-byok-dev-kms-quota-is-running-out', undefined, 70],
      ['spelo-byok-dev-keys-are-opened-without-a-row-in-the-audit-trail', undefined, 0],
      ['spelo-byok-dev-silent-sessions-are-not-closed', undefined, 0],
      ['spelo-byok-dev-sites-are-not-moved-off-retired-models', undefined, 0],
      ['spelo-byok-dev-the-records-of-key-use-are-not-compared', undefined, 0],
      ['spelo-byok-dev-the-heartbeat-does-not-arrive', undefined, 0],
      ['spelo-byok-dev-the-api-was-changed', 'TriggeredRules', 0],
      ['spelo-byok-dev-requests-do-not-come-through-the-edge', undefined, 50],
      ['spelo-byok-dev-the-edge-answers-with-errors', undefined, 10],
      ['spelo-byok-dev-the-firewall-turns-requests-away', undefined, 20],
      ['spelo-byok-dev-cloudfront-was-changed', 'TriggeredRules', 0],
      ['spelo-byok-dev-files-of-the-dashboard-were-written', 'TriggeredRules', 0],
      ['spelo-byok-dev-the-bucket-of-the-dashboard-was-changed', 'TriggeredRules', 0],
    ]);
  });

  test.each(cases)(
    '%s states its impact, the reason for its threshold, and its runbook section',
    (_, alarm) => {
      expect(alarm.AlarmDescription).toMatch(/^Impact: .{30,} Threshold: .{30,} Runbook: /);
      // What CloudWatch accepts: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
      expect(alarm.AlarmDescription.length).toBeLessThanOrEqual(1_024);
    },
  );

  test.each(cases)('%s has a runbook section with description, investigation and resolution', (_, alarm) => {
    const heading = headingOf(alarm.AlarmDescription);
    const section = sections.get(heading) ?? `(no heading "${heading}")`;
    expect([...section.matchAll(/^### (.+)$/gm)].map(([, title]) => title)).toEqual([
      'Description',
      'Investigation',
      'Resolution',
    ]);
    expect(section).toContain('```');
  });

  test.each(cases)('%s notifies the operator', (_, { template, AlarmActions }) => {
    expect(AlarmActions.map(wordsOf(template))).toEqual(['Alarms']);
  });

  test('have a runbook section each, and there is no other section', () => {
    expect([...sections.keys()].sort()).toEqual(
      alarms.map(({ AlarmDescription }) => headingOf(AlarmDescription)).sort(),
    );
  });
});
