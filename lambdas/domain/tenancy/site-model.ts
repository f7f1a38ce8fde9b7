import { PRICE_CATALOGUE } from '../usage/price-catalogue.ts';
import {
  daysUntilShutdown,
  isShutDown,
  moveDateOf,
  retirementOf,
  type SiteModel,
} from './model-retirement.ts';

/** Rules for the model of a site, and warnings about it for the owner. */

/** Models with `realtime` in their name that hold no conversation: they have separate endpoints. */
const NOT_CONVERSATIONS = /(?:^|-)(?:whisper|translate|transcribe)(?:-|$)/;

/** True for the id of a model that a Realtime session can be minted for, known or not. */
export const isRealtimeModelName = (model: string): boolean =>
  /(?:^|-)realtime(?:-|$)/.test(model) && !NOT_CONVERSATIONS.test(model);

/** One sentence that says why a site cannot have this model, and which one it can have; undefined: it can. */
export const modelFault = (model: string, now: Date): string | undefined => {
  if (!isRealtimeModelName(model))
    return `${model} is not a Realtime model. Choose one of GET /v1/pricing, for example gpt-realtime-2.1-mini.`;
  const retirement = retirementOf(model);
  if (retirement === undefined || !isShutDown(retirement, now)) return undefined;
  return `OpenAI shut ${model} down on ${retirement.shutdownDate}. Choose ${retirement.successor}.`;
};

export const SITE_WARNINGS = ['model_unknown', 'model_retiring', 'model_shut_down'] as const;

export interface SiteWarning {
  readonly code: (typeof SITE_WARNINGS)[number];
  /** The problem and its solution, for a person. */
  readonly message: string;
}

const isKnown = (model: string): boolean =>
  PRICE_CATALOGUE.some((row) => row.model === model || row.aliases.includes(model));

/** Warnings for the owner of a site about its model; none for a model with a price and without an end. */
export const modelWarnings = (site: SiteModel, now: Date): readonly SiteWarning[] => {
  const { model, modelAutoUpgrade } = site;
  const retirement = retirementOf(model);
  if (retirement === undefined)
    return isKnown(model)
      ? []
      : [
          {
            code: 'model_unknown',
            message: `${model} is not in the price list: its sessions have no cost here, and OpenAI may refuse it. Press Test voice.`,
          },
        ];
  const { shutdownDate, successor } = retirement;
  if (isShutDown(retirement, now))
    return [
      {
        code: 'model_shut_down',
        message: modelAutoUpgrade
          ? `OpenAI shut ${model} down on ${shutdownDate}. Sessions of this site use ${successor}.`
          : `OpenAI shut ${model} down on ${shutdownDate}, and this site opted out of its successor. Choose ${successor}.`,
      },
    ];
  const days = daysUntilShutdown(retirement, now);
  const next = modelAutoUpgrade
    ? `This site moves to ${successor} on ${moveDateOf(retirement)}. To choose yourself, change the model or turn the move off.`
    : `This site opted out of the move. Choose ${successor} before that day.`;
  return [
    {
      code: 'model_retiring',
      message: `OpenAI shuts ${model} down on ${shutdownDate}, in ${days} ${days === 1 ? 'day' : 'days'}. ${next}`,
    },
  ];
};
