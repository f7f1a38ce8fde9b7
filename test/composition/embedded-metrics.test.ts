import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { embeddedMetrics } from '../../lambdas/composition/embedded-metrics.ts';

const line = z.looseObject({ _aws: z.object({ CloudWatchMetrics: z.array(z.unknown()) }) });
const values = z.union([z.number(), z.array(z.number())]).optional();

/** Whole lines that are written while `use` has the meter, to either stream: Lambda keeps both in one log. */
const linesOf = (use: (metrics: ReturnType<typeof embeddedMetrics>) => void): readonly string[] => {
  const written: string[] = [];
  for (const stream of [process.stdout, process.stderr])
    jest.spyOn(stream, 'write').mockImplementation((chunk) => {
      written.push(String(chunk));
      return true;
    });
  use(embeddedMetrics('sweeper', 'dev', () => 0));
  return written.join('').split('\n').filter(Boolean);
};

afterEach(() => {
  jest.restoreAllMocks();
});

describe('the embedded metrics of a batch', () => {
  it.each([1, 99, 100, 101, 198, 200, 500])(
    'contain all %i calls, and no other log line is written',
    (count) => {
      const lines = linesOf((metrics) => {
        for (let i = 0; i < count; i++) metrics.startCall('dynamodb', 'UpdateItem')('answered');
        metrics.flush();
      });
      const times = lines.map((written) => values.parse(line.parse(JSON.parse(written))['DynamoDbMs']));
      expect(times.flat()).toHaveLength(count);
      // What the format has room for: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
      for (const written of times) expect([written].flat().length).toBeLessThanOrEqual(100);
    },
  );

  it('are missing if there was no call', () => {
    expect(linesOf((metrics) => metrics.flush())).toEqual([]);
  });
});
