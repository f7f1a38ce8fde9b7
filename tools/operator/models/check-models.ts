import type { ListedModel } from '../../../lambdas/domain/keys/verdict.ts';
import {
  isShutDown,
  moveDateOf,
  NOTICE_DAYS,
  RETIREMENTS,
  retirementOf,
} from '../../../lambdas/domain/tenancy/model-retirement.ts';
import { modelStepOf } from '../../../lambdas/domain/tenancy/model-step.ts';
import { isRealtimeModelName, modelWarnings } from '../../../lambdas/domain/tenancy/site-model.ts';
import type { Site } from '../../../lambdas/domain/tenancy/workspace.ts';
import {
  CATALOGUE_VERSION,
  catalogueAgeDays,
  catalogueIsStale,
  PRICE_CATALOGUE,
} from '../../../lambdas/domain/usage/price-catalogue.ts';
import type { ScannedSite } from '../../../lambdas/use-cases/ports/tenancy.ts';

/** The command's output, one line per finding. */
export interface ModelCheck {
  readonly lines: readonly string[];
  /** Sites that have no model to use now, or could not be read. */
  readonly stranded: number;
}

/** Every site whose model ends or is unknown, with the planned action and its date. */
export const checkModels = async (sites: AsyncIterable<ScannedSite>, now: Date): Promise<ModelCheck> => {
  const lines: string[] = [];
  let total = 0;
  let stranded = 0;
  for await (const site of sites) {
    total++;
    if (site === 'unreadable') {
      stranded++;
      lines.push('A site cannot be read: its item in the tenancy table is damaged.');
      continue;
    }
    if (isStranded(site, now)) stranded++;
    lines.push(...linesOf(site, now));
  }
  const age = `The prices were compared with OpenAI on ${CATALOGUE_VERSION}, ${catalogueAgeDays(now)} days ago.`;
  const stale = catalogueIsStale(now) ? ' That is more than a quarter: update the service.' : '';
  const found = lines.length === 0 ? ' All of their models are current.' : '';
  return { lines: [...lines, `Sites: ${total}.${found}`, `${age}${stale}`], stranded };
};

const isStranded = (site: Site, now: Date): boolean => {
  const retirement = retirementOf(site.model);
  return retirement !== undefined && !site.modelAutoUpgrade && isShutDown(retirement, now);
};

const linesOf = (site: Site, now: Date): readonly string[] =>
  modelWarnings(site, now).map(
    ({ message }) => `${site.siteId} (${site.model}): ${message}${stepText(site, now)}`,
  );

const stepText = (site: Site, now: Date): string => {
  const step = modelStepOf(site, now);
  if (step?.kind === 'move') return ` The next run moves it to ${step.retirement.successor}.`;
  if (step?.kind === 'notice') return ` The next run sends the notice of ${step.days} days.`;
  const retirement = retirementOf(site.model);
  const sent = site.retirementNotices[site.model];
  if (retirement === undefined || sent === undefined) return '';
  const next = NOTICE_DAYS.find((days) => days < sent);
  return next === undefined
    ? ` Every notice was sent; the date of the move is ${moveDateOf(retirement)}.`
    : ` The notice of ${sent} days was sent, the next is that of ${next} days.`;
};

/** Where OpenAI's list and this version differ: another date, an end that is not known here, or a new Realtime model. */
export const compareWithList = (listed: readonly ListedModel[], now: Date): readonly string[] => {
  const known = new Set(PRICE_CATALOGUE.flatMap(({ model, aliases }) => [model, ...aliases]));
  const ofList = listed.flatMap(({ id, shutdownDate }) => {
    if (!isRealtimeModelName(id)) return [];
    const ours = retirementOf(id)?.shutdownDate;
    if (shutdownDate !== ours)
      return [`${id}: OpenAI says ${shutdownDate ?? 'no end'}, this version ${ours ?? 'no end'}.`];
    return known.has(id) ? [] : [`${id}: OpenAI lists it; it has no price in this version.`];
  });
  const ids = new Set(listed.map(({ id }) => id));
  const gone = RETIREMENTS.filter((one) => !isShutDown(one, now) && !ids.has(one.model)).map(
    ({ model, shutdownDate }) =>
      `${model}: OpenAI does not list it for this key, although it ends only on ${shutdownDate}.`,
  );
  return [...ofList, ...gone];
};
