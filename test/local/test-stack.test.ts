import { afterAll, describe, expect, it } from '@jest/globals';
import { consumedAtDrain } from '../../local/stream-consumers.ts';
import { settledTrail } from '../e2e-custody/trail.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
afterAll(() => stack.close());

describe('the functions behind streams in a stack that does not follow them', () => {
  it('start with the first drain, run only while they are drained, and start once', async () => {
    const done: string[] = [];
    const note = (what: string) => async (): Promise<void> => {
      done.push(what);
    };
    const streams = consumedAtDrain(async () => {
      done.push('start');
      return { drain: note('drain'), close: note('stop') };
    });
    expect(done).toEqual([]);
    await Promise.all([streams.drain(), streams.drain()]);
    await streams.close();
    expect(done).toEqual(['start', 'stop', 'drain', 'drain']);
  });

  it('have everything that was written before a drain when it ends', async () => {
    for (let n = 1; n <= 2; n++) {
      const tenant = await makeTenant(stack);
      expect((await settledTrail(stack, tenant)).map(({ type }) => type)).toEqual([
        'workspace.created',
        'site.created',
      ]);
      expect(stack.s3.keys(stack.variables['ARCHIVE_BUCKET'] ?? '').length).toBeGreaterThanOrEqual(n);
    }
  });
});

describe('the access token of a person in a test', () => {
  it('is the same within a minute, and a new one when the clock of the test has moved on or back', async () => {
    const token = await stack.tokenFor('ada');
    expect(await stack.tokenFor('ada')).toBe(token);
    expect(await stack.tokenFor('grace')).not.toBe(token);
    stack.advance(60_000);
    const later = await stack.tokenFor('ada');
    expect(later).not.toBe(token);
    stack.advance(-60_000);
    expect(await stack.tokenFor('ada')).not.toBe(later);
  });
});
