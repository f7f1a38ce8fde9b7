import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { writeBlocks } from '../../bench/blocks.ts';
import { egressLines, inDollars, PRICES, priceLines } from '../../tools/operator/deploy/prices.ts';
import { keptLines } from '../../tools/operator/deploy/remove.ts';
import { ROOT } from '../support/source-files.ts';

const FILE = join(ROOT, 'docs/cost.md');
/** KMS, SQS and Lambda: lib/constructs/egress-network.ts, whose test counts them. */
const ENDPOINTS = 3;

describe('docs/cost.md', () => {
  const shown = readFileSync(FILE, 'utf8');

  test('shows every price of the table in the code, with its source and its date', () => {
    const written = writeBlocks(shown, { prices: priceLines(), egress: egressLines(ENDPOINTS) });
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(FILE, written);
    else expect(shown).toBe(written);
  });

  test('calculates a session with prices of that table', () => {
    const section = /## One session\n\n\|([\s\S]*?)\n\n/.exec(shown)?.[1] ?? '';
    const used = section
      .split('\n')
      .slice(2)
      .map((line) => line.split('|').at(-3)?.trim());
    expect(used.length).toBeGreaterThan(8);
    const known = Object.values(PRICES).map(({ dollars, unit }) => `${inDollars(dollars)} ${unit}`);
    for (const price of used) expect(known).toContain(price);
  });
});

describe('the prices', () => {
  test.each(Object.entries(PRICES))(
    '%s has a page of AWS and a day',
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
  ])('%d is shown as %s', (amount, text) => {
    expect(inDollars(amount)).toBe(text);
  });

  test('are those that a removal shows for what is kept', () => {
    const lines = keptLines([
      { type: 'AWS::KMS::Key', physicalId: 'key-1' },
      { type: 'AWS::EC2::EIP', physicalId: '203.0.113.7' },
    ]).join('\n');
    expect(lines).toContain('1 KMS::Key: $1.00 per month');
    expect(lines).toContain('1 EC2::EIP: $0.005 per hour');
  });
});
