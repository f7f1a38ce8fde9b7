import type { DataOf } from '../api/routes.ts';

/** The steps until the first visitor has talked, in order. */
export const STEPS = ['key', 'site', 'origin', 'snippet', 'talk'] as const;
export type StepId = (typeof STEPS)[number];

export interface StepFacts {
  /** The platform pays OpenAI: no key is needed. */
  readonly isManaged: boolean;
  readonly hasWorkspaceKey: boolean;
  readonly sites: readonly { readonly has_key: boolean; readonly allowed_origins: readonly string[] }[];
  /** The origin of this dashboard, whose sessions do not count as visitors. */
  readonly ownOrigin: string;
  readonly visitors: DataOf<'readOverview'>['visitors'];
}

/** Whether each step is done, from the stored data; null: not known. */
export const stepsDone = (facts: StepFacts): Readonly<Record<StepId, boolean | null>> => {
  const { sites, visitors, ownOrigin } = facts;
  return {
    key: facts.isManaged || facts.hasWorkspaceKey || sites.some(({ has_key }) => has_key),
    site: sites.length > 0,
    origin: sites.some(({ allowed_origins }) => allowed_origins.some((origin) => origin !== ownOrigin)),
    snippet: visitors.session_seen,
    talk: visitors.talked,
  };
};

/** The first step that is not known to be done. */
export const nextStep = (done: Readonly<Record<StepId, boolean | null>>): StepId | undefined =>
  STEPS.find((id) => done[id] !== true);
