import type { Control } from '../calls/control.ts';
import type { SiteId } from '../identifiers.ts';
import { attributionOf, type OpenAiFailure, type OpenAiFailureName } from '../openai-failure.ts';
import type { Site, VoiceSettings } from '../tenancy/workspace.ts';

export interface NamedSite {
  readonly siteId: SiteId;
  readonly name: string;
}

/** A use of a key at OpenAI: the settings that decide whether it answers, and the sites that have them. */
export interface KeyUse {
  readonly settings: VoiceSettings;
  /** How the sites open sessions. */
  readonly control: Control;
  readonly sites: readonly NamedSite[];
}

export interface KeyUses {
  /** At least one. */
  readonly uses: readonly KeyUse[];
  /** Sites whose settings are not tried, because there are too many different ones. */
  readonly unchecked: readonly NamedSite[];
}

/** Each is one mint. More would spend the key's rate limit on a probe. */
export const MAX_KEY_USES = 10;

/** The distinct combinations among sites of what OpenAI may refuse to one of them, that of the most sites first. */
export const distinctUses = (sites: readonly Site[]): KeyUses => {
  const groups = [
    ...Map.groupBy(sites, ({ model, dataResidency, control, conversation }) =>
      JSON.stringify([
        model,
        dataResidency,
        control,
        conversation.reasoningEffort,
        conversation.transcription?.model,
      ]),
    ).values(),
  ].sort((one, other) => other.length - one.length);
  const uses = groups.slice(0, MAX_KEY_USES).flatMap((group): KeyUse[] => {
    const [settings] = group;
    return settings === undefined ? [] : [{ settings, control: settings.control, sites: group.map(named) }];
  });
  return { uses, unchecked: groups.slice(MAX_KEY_USES).flat().map(named) };
};

const named = ({ siteId, name }: Site): NamedSite => ({ siteId, name });

/** Failures that the settings of one site can have and those of another have not. */
const OF_SETTINGS: ReadonlySet<OpenAiFailureName> = new Set([
  'model_unavailable',
  'organization_unverified',
  'wrong_region',
  'request_refused',
]);

export const isOfSettings = ({ reason: failure }: OpenAiFailure): boolean => OF_SETTINGS.has(failure);

/**
 * The failure of a key that could mint nothing: the fault of the key or its account, else
 * the reason why a use is undecided, else the fault of the settings.
 */
export const decisiveFailure = (failures: readonly OpenAiFailure[]): OpenAiFailure | undefined => {
  const blames = (failure: OpenAiFailure): boolean => attributionOf(failure) !== 'nobody';
  return (
    failures.find((failure) => blames(failure) && !isOfSettings(failure)) ??
    failures.find((failure) => !blames(failure)) ??
    failures[0]
  );
};
