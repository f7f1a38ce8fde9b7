import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { usdOfHour, withWorstCase, worstCaseLines } from '../../tools/developer/worst-case.ts';

const document = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');

const settings = (facts: Partial<Record<string, number>> = {}) => ({
  rateLimits: { perIpPerMinute: 60, perSitePerMinute: 200, slotPercentPerIp: 50, ...facts },
});
const sessionsOf = (lines: readonly string[], row: string): string | undefined =>
  lines
    .find((line) => line.startsWith(`| ${row} |`))
    ?.split('|')[2]
    ?.trim();

describe('the worst case in SECURITY.md', () => {
  it('is computed from the settings of the stage', () => {
    expect(withWorstCase(document)).toBe(document);
  });

  it('states the cost of an hour of speech', () => {
    for (const model of ['gpt-realtime-2.1-mini', 'gpt-realtime-2.1'])
      expect(document).toContain(`$${usdOfHour(model).toFixed(2)}`);
  });

  it.each([
    ['`brokered` or `locked`, 10 slots, one address', { slotPercentPerIp: 30 }, '5', '3'],
    ['`open`, 10 slots, one address, pages that report nothing', { slotPercentPerIp: 30 }, '200', '120'],
    ['`open`, 10 slots, one address, pages that report nothing', { perIpPerMinute: 1 }, '200', '60'],
    [
      '`open`, 1,000 slots, any number of addresses, pages that report nothing, one site',
      { perSitePerMinute: 100 },
      '12,000',
      '6,000',
    ],
  ])('changes with the settings: %s', (row, change, before, after) => {
    expect(sessionsOf(worstCaseLines(settings()), row)).toBe(before);
    expect(sessionsOf(worstCaseLines(settings(change)), row)).toBe(after);
  });
});
