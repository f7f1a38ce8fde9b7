import type { DataOf } from '../api/routes.ts';

type Site = DataOf<'readSite'>;
type Workspace = DataOf<'listWorkspaces'>['items'][number];

export interface Advice {
  readonly id: string;
  readonly text: string;
  /** Where to act, within the workspace. */
  readonly to: string;
}

/** Maximum number of sites that one sentence names. */
const NAMED = 3;

const namesOf = (sites: readonly Site[]): string => {
  const named = sites
    .slice(0, NAMED)
    .map(({ name }) => name)
    .join(', ');
  return sites.length > NAMED ? `${named} and ${sites.length - NAMED} more` : named;
};

/** Improvements that an admin can make, from the stored settings; the most urgent first. */
export const adviceFor = (
  workspace: Pick<Workspace, 'billing_mode' | 'alert_email' | 'has_key'>,
  sites: readonly Site[],
  overview: Pick<DataOf<'readOverview'>, 'budget'>,
): readonly Advice[] => {
  const ofModels = sites.flatMap(({ site_id, name, warnings }) =>
    warnings.map(({ code, message }) => ({
      id: `${code} ${site_id}`,
      text: `${name}: ${message}`,
      to: `sites/${site_id}`,
    })),
  );
  const isOwnKey = workspace.billing_mode === 'byok';
  const keyless = sites.filter(({ has_key }) => !has_key);
  const open = sites.filter(({ control }) => control === 'open');
  const [firstOpen] = open;
  return [
    ...(isOwnKey && !workspace.has_key && keyless.length > 0
      ? [{ id: 'no-key', text: `No key: voice does not work on ${namesOf(keyless)}.`, to: 'billing' }]
      : []),
    ...ofModels,
    ...(firstOpen !== undefined
      ? [
          {
            id: 'open',
            text: `Nobody can end a session that was opened with a token. If your pages do not need tokens, set Control to Brokered: ${namesOf(open)}.`,
            to: open.length === 1 ? `sites/${firstOpen.site_id}` : 'sites',
          },
        ]
      : []),
    ...(isOwnKey && overview.budget === null
      ? [
          {
            id: 'budget',
            text: 'The workspace has no budget. A budget limits what your key costs.',
            to: 'budgets',
          },
        ]
      : []),
    ...(workspace.alert_email === null
      ? [
          {
            id: 'alerts',
            text: 'No email address for alerts is set. Alerts tell you about failing keys, budgets and unusual use.',
            to: 'alerts',
          },
        ]
      : []),
  ];
};
