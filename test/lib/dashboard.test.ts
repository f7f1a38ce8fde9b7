import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { METRIC_NAMESPACE, METRICS } from '../../lambdas/contract/metrics.ts';
import { DEPLOYED_FUNCTION_NAMES } from '../../lib/deployed-functions.ts';
import { type DashboardBody, dashboardBody } from '../../tools/developer/dashboard/dashboard-body.ts';
import { renderDashboard } from '../../tools/developer/dashboard/render.ts';
import {
  EXAMPLE_STAGES,
  exampleApp,
  inWords,
  ofType,
  type StackTemplate,
  templateOf,
} from './synthesized.ts';

const bodyOf = (stage: (typeof EXAMPLE_STAGES)[number]): { body: DashboardBody; text: string } => {
  const { data, api, audit, observability } = exampleApp({ stage });
  const own = templateOf(observability);
  const others = [data, api, audit].map(templateOf);
  const alarmNames = new Map(
    [own, ...others].flatMap((template: StackTemplate) =>
      ofType(template, 'AWS::CloudWatch::Alarm').map(
        ({ name, Properties }) =>
          [name, String(Properties['AlarmName']).replace(`spelo-byok-${stage}-`, '')] as const,
      ),
    ),
  );
  const [dashboard] = ofType(own, 'AWS::CloudWatch::Dashboard');
  const text = inWords(dashboard?.Properties['DashboardBody'], own, ...others);
  const body = dashboardBody.parse(JSON.parse(text));
  return {
    text,
    body: {
      widgets: body.widgets.map((widget) =>
        widget.type === 'alarm'
          ? {
              ...widget,
              properties: {
                ...widget.properties,
                alarms: widget.properties.alarms.map((alarm) => alarmNames.get(alarm) ?? alarm),
              },
            }
          : widget,
      ),
    },
  };
};

describe.each(EXAMPLE_STAGES)('the CloudWatch dashboard of the stage %s', (stage) => {
  const { body, text } = bodyOf(stage);

  test('shows every alarm of the stage by name', () => {
    const shown = body.widgets.flatMap((widget) => (widget.type === 'alarm' ? widget.properties.alarms : []));
    expect(shown).toHaveLength(new Set(shown).size);
    expect(shown.length).toBeGreaterThan(20);
    for (const alarm of shown) expect(alarm).toMatch(/^[a-z-]+$/);
  });

  test('shows all our own metrics, with the names and dimensions in the catalogue', () => {
    const asked = [...text.matchAll(new RegExp(`\\["${METRIC_NAMESPACE}","(\\w+)"((?:,"[^"]*")*)`, 'g'))].map(
      ([, name = '', rest = '']) => ({
        name,
        dimensions: [...rest.matchAll(/,"([^"]*)","[^"]*"/g)].map(([, dimension]) => dimension),
      }),
    );
    const isKnown = (name: string): name is keyof typeof METRICS => name in METRICS;
    for (const { name, dimensions } of asked) {
      if (!isKnown(name)) throw new Error(`${name} is not in the catalogue.`);
      expect([...dimensions].sort()).toEqual([...METRICS[name].dimensions, 'service', 'stage'].sort());
    }
    // Not on the dashboard: calls of services that are rarely called; heartbeats, reconciled days, lost calls and a failing managed key, which have alarms.
    const unseen = Object.keys(METRICS).filter((name) => !asked.some((metric) => metric.name === name));
    expect(unseen).toEqual([
      'OtherServiceMs',
      'Heartbeats',
      'ReconciledDays',
      'LostCalls',
      'PlatformKeyFailures',
    ]);
  });

  test('names every function', () => {
    for (const name of DEPLOYED_FUNCTION_NAMES) expect(text).toContain(`"spelo-byok-${stage}-${name}"`);
  });

  test('gives each widget a place without overlap', () => {
    const taken = new Set<string>();
    for (const { x, y, width, height } of body.widgets)
      for (let column = x; column < x + width; column++)
        for (let line = y; line < y + height; line++) {
          expect(taken.has(`${column},${line}`)).toBe(false);
          taken.add(`${column},${line}`);
          expect(column).toBeLessThan(24);
        }
  });
});

test('docs/dashboard.svg is drawn from this definition', () => {
  const file = new URL('../../docs/dashboard.svg', import.meta.url);
  const drawn = renderDashboard(bodyOf('dev').body);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, drawn);
  expect(readFileSync(file, 'utf8')).toBe(drawn);
});
