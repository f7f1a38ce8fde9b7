import { explainOpenAiFailure, type OpenAiFailure } from '../openai-failure.ts';
import type { DataResidency } from '../openai-models.ts';
import type { KeyUse, NamedSite } from './key-uses.ts';
import { type ListedModel, type Verdict, type VerdictCode, verdictOnSuccess } from './verdict.ts';

/** The result of a key for one of the sites that use it. */
export interface SiteVerdict extends NamedSite {
  /** null: not tried. */
  readonly ok: boolean | null;
  readonly code: VerdictCode | 'not_checked';
  readonly message: string;
}

/** A verdict as shown to the person who checked the key; the sites are never stored. */
export type ShownVerdict = Verdict & { readonly sites?: readonly SiteVerdict[] };

interface Tried extends KeyUse {
  readonly failure: OpenAiFailure | undefined;
}

/** One verdict for each site, those that the key does not serve first. */
export const siteVerdicts = (
  tried: readonly Tried[],
  unchecked: readonly NamedSite[],
): readonly SiteVerdict[] =>
  [
    ...tried.flatMap(({ sites, failure }) =>
      sites.map((site): SiteVerdict => ({ ...site, ...judged(failure) })),
    ),
    ...unchecked.map((site): SiteVerdict => ({ ...site, ...NOT_CHECKED })),
  ].sort((one, other) => Number(one.ok === true) - Number(other.ok === true));

/** True if one verdict cannot describe all sites. */
export const sitesDiffer = (sites: readonly SiteVerdict[]): boolean =>
  new Set(sites.map(({ code }) => code)).size > 1;

const NOT_CHECKED = {
  ok: null,
  code: 'not_checked',
  message:
    'Not checked: the sites of this key have too many different settings. Press Test voice on the site.',
} as const;

const judged = (failure: OpenAiFailure | undefined): Omit<SiteVerdict, keyof NamedSite> =>
  failure === undefined
    ? { ok: true, code: 'ok', message: 'The key works for this site.' }
    : { ok: false, code: failure.reason, message: explainOpenAiFailure(failure).message };

/** Sites that a message names; the answer lists all of them. */
const NAMED_SITES = 3;

/** The verdict on a key that minted for at least one of its uses. It names the sites that the key does not serve. */
export const verdictOnUses = (
  tried: readonly Tried[],
  unchecked: readonly NamedSite[],
  listed: ReadonlyMap<DataResidency, readonly ListedModel[]>,
  now: Date,
  latencyMs: number,
): Verdict => {
  const working = tried.filter(({ failure }) => failure === undefined);
  const verdicts = working.map(({ settings }) =>
    verdictOnSuccess(settings.model, listed.get(settings.dataResidency), now, latencyMs),
  );
  const verdict = verdicts.find(({ code }) => code !== 'ok') ?? verdicts[0];
  if (verdict === undefined) throw new TypeError('A verdict on uses needs one that works.');
  const failing = [...tried.filter(({ failure }) => failure !== undefined).flatMap(({ sites }) => sites)];
  const unserved = [...failing, ...unchecked];
  if (unserved.length === 0) return verdict;
  const all = tried.flatMap(({ sites }) => sites).length + unchecked.length;
  const names = unserved.slice(0, NAMED_SITES).map(({ name }) => `"${name}"`);
  const rest = unserved.length - names.length;
  const list = `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  return {
    ...verdict,
    code: 'some_sites_fail',
    message: `The key works for ${all - unserved.length} of ${all} sites. It was refused or not tried for ${list}. Press Test voice to see why.`,
  };
};
