import { afterAll, describe, expect, it } from '@jest/globals';
import { consumedAtDrain } from '../../local/stream-consumers.ts';
import { settledTrail } from '../e2e-custody/trail.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
afterAll(() => stack.close());

describe('the functions behind streams in a stack that does not follow them', () => {
  it('start once, with the first drain, and run only during a drain', async () => {
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

  it('have processed all earlier writes at the end of a drain', async () => {
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
  it('stays the same for a minute, and is a new one after the clock of the test moves forward or back', async () => {
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
