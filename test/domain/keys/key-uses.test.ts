import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import { distinctUses, MAX_KEY_USES } from '../../../lambdas/domain/keys/key-uses.ts';
import { DATA_RESIDENCIES } from '../../../lambdas/domain/openai-models.ts';
import { aSite } from '../../use-cases/sessions/token-fixture.ts';

const anySites = fc
  .array(
    fc.record({
      model: fc.constantFrom('gpt-realtime-2', 'gpt-realtime-2.1', 'gpt-realtime-2.1-mini'),
      dataResidency: fc.constantFrom(...DATA_RESIDENCIES),
      voice: fc.constantFrom('cedar', 'marin'),
    }),
    { maxLength: 40 },
  )
  .map((settings) =>
    settings.map((own, index) => aSite({ ...own, siteId: `site${index}` as SiteId, name: `${index}` })),
  );

describe('the check of a key for its sites', () => {
  it('covers each combination of model and region once, at most ten, and accounts for every site', () => {
    fc.assert(
      fc.property(anySites, (sites) => {
        const { uses, unchecked } = distinctUses(sites);
        const combinations = uses.map(({ settings }) => `${settings.model} ${settings.dataResidency}`);
        expect(new Set(combinations).size).toBe(combinations.length);
        expect(uses.length).toBeLessThanOrEqual(MAX_KEY_USES);
        const named = [...uses.flatMap((use) => use.sites), ...unchecked].map(({ siteId }) => siteId).sort();
        expect(named).toEqual(sites.map(({ siteId }) => siteId).sort());
        for (const { settings, sites: own } of uses)
          for (const { siteId } of own)
            expect(sites.find((site) => site.siteId === siteId)).toMatchObject({
              model: settings.model,
              dataResidency: settings.dataResidency,
            });
        if (unchecked.length > 0) expect(uses).toHaveLength(MAX_KEY_USES);
      }),
    );
  });

  it('begins with the settings of the most sites', () => {
    const of = (id: string, model: string) => aSite({ siteId: id as SiteId, model });
    const { uses } = distinctUses([
      of('a', 'gpt-realtime-2'),
      of('b', 'gpt-realtime-2.1'),
      of('c', 'gpt-realtime-2.1'),
    ]);
    expect(uses.map(({ settings }) => settings.model)).toEqual(['gpt-realtime-2.1', 'gpt-realtime-2']);
  });
});
