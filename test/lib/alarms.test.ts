import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { exampleApp, exampleEdge, ofType, templateOf } from './synthesized.ts';

const { observability } = exampleApp({ settings: { region: 'eu-central-1', edge: exampleEdge } });

const alarmProperties = z.object({
  AlarmName: z.string(),
  Metrics: z.array(
    z.object({
      Expression: z.string().optional(),
      MetricStat: z
        .object({
          Metric: z.object({
            MetricName: z.string(),
            Dimensions: z.array(z.object({ Name: z.string(), Value: z.unknown() })),
          }),
        })
        .optional(),
    }),
  ),
});

/** The routes that an alarm counts, for each metric that it reads. */
const routesOf = (ending: string): Readonly<Record<string, readonly unknown[]>> => {
  const [alarm] = ofType(templateOf(observability), 'AWS::CloudWatch::Alarm').filter(({ Properties }) =>
    String(Properties['AlarmName']).endsWith(ending),
  );
  const routes: Record<string, unknown[]> = {};
  for (const { MetricStat } of alarmProperties.parse(alarm?.Properties).Metrics) {
    const dimensions = Object.fromEntries(
      (MetricStat?.Metric.Dimensions ?? []).map(({ Name, Value }) => [Name, Value]),
    );
    if (MetricStat === undefined || dimensions['route'] === undefined) continue;
    const name = [MetricStat.Metric.MetricName, dimensions['code']].filter(Boolean).join(' ');
    routes[name] = [...(routes[name] ?? []), dimensions['route']].sort();
  }
  return routes;
};

const BOTH = ['POST /v1/{siteId}/calls', 'POST /v1/{siteId}/token'];

describe('an alarm about the start of sessions counts token and call requests', () => {
  test.each([
    [
      'visitors-get-no-session',
      ['Answers openai_error', 'Answers openai_timeout', 'Answers unavailable', 'LatencyMs'],
    ],
    ['sessions-start-slowly', ['LatencyMs']],
    ['every-line-is-busy', ['LatencyMs']],
    ['requests-do-not-come-through-the-edge', ['Answers forbidden', 'LatencyMs']],
  ])('%s', (ending, metrics) => {
    const routes = routesOf(ending);
    expect(Object.keys(routes).sort()).toEqual(metrics);
    for (const metric of metrics) expect(routes[metric]).toEqual(BOTH);
  });
});
