import { describe, expect, it } from '@jest/globals';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import { sitesDiffer, siteVerdicts, verdictOnUses } from '../../../lambdas/domain/keys/site-verdicts.ts';
import { explainOpenAiFailure, OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import { aSite } from '../../use-cases/sessions/token-fixture.ts';

const NOW = new Date('2026-11-23T12:00:00.000Z');

const named = (name: string) => ({ siteId: `site-${name}` as SiteId, name });
const tried = (names: readonly string[], failure?: OpenAiFailure) => ({
  settings: aSite(),
  control: 'open' as const,
  sites: names.map(named),
  failure,
});
const refused = new OpenAiFailure('model_unavailable');

describe('the verdicts on the sites of a key', () => {
  it('list the failing and the unchecked sites before the working ones', () => {
    const verdicts = siteVerdicts([tried(['a', 'b']), tried(['c'], refused)], [named('d')]);
    expect(verdicts.map(({ name, ok, code }) => [name, ok, code])).toEqual([
      ['c', false, 'model_unavailable'],
      ['d', null, 'not_checked'],
      ['a', true, 'ok'],
      ['b', true, 'ok'],
    ]);
    expect(verdicts[0]?.message).toBe(explainOpenAiFailure(refused).message);
  });

  it('differ if one verdict cannot describe all sites', () => {
    expect(sitesDiffer([])).toBe(false);
    expect(sitesDiffer(siteVerdicts([tried(['a', 'b'])], []))).toBe(false);
    expect(sitesDiffer(siteVerdicts([tried(['a']), tried(['b'], refused)], []))).toBe(true);
    expect(sitesDiffer(siteVerdicts([tried(['a'])], [named('b')]))).toBe(true);
  });
});

describe('the verdict on a key that works for at least one site', () => {
  const verdict = (...[uses, unchecked = []]: [Parameters<typeof verdictOnUses>[0], (readonly string[])?]) =>
    verdictOnUses(uses, unchecked.map(named), new Map(), NOW, 250);

  it('is ok if the key works for all sites', () => {
    expect(verdict([tried(['a']), tried(['b'])])).toEqual({
      ok: true,
      code: 'ok',
      message: 'The key works.',
      checkedAt: '2026-11-23T12:00:00.000Z',
      latencyMs: 250,
    });
  });

  it('warns when OpenAI shuts down the model of one site, although the other sites work', () => {
    const settings = aSite({ model: 'gpt-old' });
    const listed = new Map([['global' as const, [{ id: 'gpt-old', shutdownDate: '2026-12-01' }]]]);
    const uses = [tried(['a']), { ...tried(['b']), settings }];
    expect(verdictOnUses(uses, [], listed, NOW, 250)).toMatchObject({ ok: true, code: 'model_retiring' });
  });

  it('counts and names the sites that the key does not work for', () => {
    expect(verdict([tried(['a']), tried(['b'], refused)], ['c'])).toMatchObject({
      ok: true,
      code: 'some_sites_fail',
      message:
        'The key works for 1 of 3 sites. It was refused or not tried for "b", "c". Press Test voice to see why.',
    });
  });

  it('names at most three sites and counts the others', () => {
    const uses = [tried(['a']), tried(['b', 'c'], refused)];
    expect(verdict(uses, ['d']).message).toContain('for "b", "c", "d". Press');
    expect(verdict(uses, ['d', 'e']).message).toContain('for "b", "c", "d" and 1 more. Press');
    expect(verdict(uses, ['d', 'e', 'f']).message).toContain('works for 1 of 6 sites');
  });

  it('cannot be made for a key that minted nothing', () => {
    expect(() => verdict([tried(['a'], refused)])).toThrow(TypeError);
    expect(() => verdict([])).toThrow(TypeError);
  });
});
