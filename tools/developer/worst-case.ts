import { readFileSync, writeFileSync } from 'node:fs';
import { writeBlocks } from '../../bench/blocks.ts';
import { concurrencyLimitOf, slotsOfAddress } from '../../lambdas/domain/limits.ts';
import { leaseExpiry } from '../../lambdas/domain/sessions/slots.ts';
import { AUDIO_TOKENS_PER_MINUTE } from '../../lambdas/domain/usage/cost-estimate.ts';
import { PRICE_CATALOGUE } from '../../lambdas/domain/usage/price-catalogue.ts';

/**
 * The highest cost that hostile visitors can cause in an hour, from the settings of a stage. `node
 * tools/developer/worst-case.ts` writes the table into SECURITY.md; test/docs/worst-case.test.ts compares it with the
 * settings.
 */

/** The settings that bound it, as in cdk.json. */
export interface BoundingSettings {
  readonly rateLimits: {
    readonly perIpPerMinute: number;
    readonly perSitePerMinute: number;
    readonly slotPercentPerIp: number;
  };
}

const MODELS = ['gpt-realtime-2.1-mini', 'gpt-realtime-2.1'] as const;
/** The lifetime of a site's client secrets unless the site sets another, seconds. */
const CLIENT_SECRET_TTL_SECONDS = 60;
const HOUR_SECONDS = 3_600;
const TIERS = [2, 5] as const;

/** US dollars of an hour in which both sides speak without a pause. */
export const usdOfHour = (model: string): number => {
  const rates = PRICE_CATALOGUE.findLast((row) => row.model === model)?.audio;
  if (rates === undefined) throw new Error(`${model} has no price.`);
  const { in: heard, out: spoken } = AUDIO_TOKENS_PER_MINUTE;
  return (60 * (heard * rates.input + spoken * rates.output)) / 1_000_000;
};

const dollars = (usd: number): string => `$${Math.round(usd).toLocaleString('en-US')}`;

/** The table of SECURITY.md. */
export const worstCaseLines = ({ rateLimits }: BoundingSettings): readonly string[] => {
  const leaseSeconds = leaseExpiry(new Date(0), CLIENT_SECRET_TTL_SECONDS);
  const row = (what: string, sessions: number): string =>
    `| ${what} | ${sessions.toLocaleString('en-US')} | ${MODELS.map((model) => dollars(sessions * usdOfHour(model))).join(' | ')} |`;
  return [
    `| | Live sessions at most | ${MODELS.join(' | ')} |`,
    `|---|---:|${MODELS.map(() => '---:|').join('')}`,
    ...TIERS.flatMap((openaiTier) => {
      const slots = concurrencyLimitOf({ openaiTier, concurrencyLimit: null });
      const ofAddress = slotsOfAddress(slots, rateLimits.slotPercentPerIp);
      const key = `${slots.toLocaleString('en-US')} slots`;
      // A slot is released with its lease while OpenAI continues, until one of the rate limits is reached.
      const silent = (held: number, perMinute: number): number =>
        Math.min((held * HOUR_SECONDS) / leaseSeconds, perMinute * 60);
      return [
        row(`\`brokered\` or \`locked\`, ${key}, one address`, ofAddress),
        row(`\`brokered\` or \`locked\`, ${key}, any number of addresses`, slots),
        row(
          `\`open\`, ${key}, one address, pages that report nothing`,
          silent(ofAddress, Math.min(rateLimits.perIpPerMinute, rateLimits.perSitePerMinute)),
        ),
        row(
          `\`open\`, ${key}, any number of addresses, pages that report nothing, one site`,
          silent(slots, rateLimits.perSitePerMinute),
        ),
      ];
    }),
    '| `open`, each client secret used k times | × k | × k | × k |',
  ];
};

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

/** SECURITY.md with the table for the stage `prod` of cdk.json. */
export const withWorstCase = (document: string): string => {
  const settings: BoundingSettings = JSON.parse(read('cdk.json')).context.stages.prod;
  return writeBlocks(document, { 'worst-case': worstCaseLines(settings) });
};

if (import.meta.main)
  writeFileSync(new URL('../../SECURITY.md', import.meta.url), withWorstCase(read('SECURITY.md')));
