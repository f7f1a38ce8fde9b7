import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readBlock, writeBlocks } from '../../bench/blocks.ts';
import { countsIn } from '../../bench/capacity-tables.ts';
import { costBlocks, fixedUsd } from '../../bench/cost-tables.ts';
import { usdOfSession } from '../../bench/session-cost.ts';
import { egressLines, inDollars, PRICES, priceLines, usdOf } from '../../tools/operator/deploy/prices.ts';
import { keptLines } from '../../tools/operator/deploy/remove.ts';
import { ROOT } from '../support/source-files.ts';

const FILE = join(ROOT, 'docs/cost.md');
/** KMS, SQS and Lambda: lib/constructs/egress-network.ts, whose test counts them. */
const ENDPOINTS = 3;

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe('docs/cost.md', () => {
  const shown = readFileSync(FILE, 'utf8');
  const counts = countsIn(readBlock(read('docs/capacity.md'), 'counts'));
  const deployment = readBlock(shown, 'deployment');

  test('has the tables that follow from the prices in the code and the counted request units', () => {
    const written = writeBlocks(shown, {
      ...costBlocks(counts, deployment),
      prices: priceLines(),
      egress: egressLines(ENDPOINTS),
    });
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(FILE, written);
    else expect(shown).toBe(written);
  });

  test('generates every table of amounts between markers', () => {
    const byHand = shown.replaceAll(/<!-- generated:(\S+) -->[\s\S]*?<!-- \/generated:\1 -->/g, '');
    expect(byHand.match(/^\|.*\$[\d.]+.*\|$/gm) ?? []).toEqual([]);
  });

  test.each([
    ['docs/cost.md', /About \$(\d+) per million sessions/g, 1],
    ['docs/deploy.md', /\$(\d+) for a million (?:sessions|of them)/g, 2],
  ])('has the computed cost of a million sessions, as in %s: %s', (path, sentence, times) => {
    const stated = [...read(path).matchAll(sentence)].map(([, amount]) => amount);
    expect(stated).toEqual(Array(times).fill((1e6 * usdOfSession(counts.byok)).toFixed(0)));
  });

  test('states the same fixed costs as docs/deploy.md', () => {
    const stated = [...read('docs/deploy.md').matchAll(/about \$(\d+) a month before the first session/g)];
    expect(stated.map(([, amount]) => amount)).toEqual(Array(2).fill(fixedUsd(deployment).plain.toFixed(0)));
  });
});

describe('the AWS prices in the code', () => {
  test.each(Object.entries(PRICES))(
    'have an AWS page and a date for %s',
    (_name, { source, entered, dollars }) => {
      expect(source).toMatch(/^https:\/\/aws\.amazon\.com\/[a-z0-9-]+\/pricing\/$/);
      expect(entered).toMatch(/^20\d\d-\d\d-\d\d$/);
      expect(dollars).toBeGreaterThan(0);
    },
  );

  test.each([
    [1, '$1.00'],
    [0.023, '$0.023'],
    [0.0000133334, '$0.0000133334'],
    [0.5, '$0.50'],
  ])('show %d as %s', (amount, text) => {
    expect(inDollars(amount)).toBe(text);
  });

  test.each([
    ['per million', PRICES.apiRequest, 2_000_000, 2],
    ['per 10,000', PRICES.keyUse, 10_000, 0.03],
    ['per 100,000', PRICES.trailEvent, 1_000_000, 20],
    ['per GB', PRICES.edgeTraffic, 100, 8.5],
  ])('are multiplied correctly: %s', (_, price, count, usd) => {
    expect(usdOf(price, count)).toBeCloseTo(usd, 10);
  });

  test('are shown by the remove command for retained resources', () => {
    const lines = keptLines([
      { type: 'AWS::KMS::Key', physicalId: 'key-1' },
      { type: 'AWS::EC2::EIP', physicalId: '203.0.113.7' },
    ]).join('\n');
    expect(lines).toContain('1 KMS::Key: $1.00 per month');
    expect(lines).toContain('1 EC2::EIP: $0.005 per hour');
  });
});
