import { type ErrorRow, type Site, useChange } from '../api/queries.ts';
import { explainOrigin } from '../sites/explain-origin.ts';
import { Button } from '../ui/button.tsx';
import { FailureNote } from '../ui/states.tsx';
import { useToast } from '../ui/toasts.tsx';
import { refusedInWords } from './refused-words.ts';
import css from './usage.module.css';

/** Which origin was refused and how often. An admin adds it to the site, or hides it from this list. */
export const RefusedOrigin = ({
  row,
  site,
  mayChange,
}: {
  readonly row: ErrorRow;
  /** undefined: archived meanwhile. */
  readonly site: Site | undefined;
  readonly mayChange: boolean;
}) => {
  const say = useToast();
  const { origin } = row;
  const change = useChange(async (api, list: 'allowed_origins' | 'ignored_origins') => {
    const path = { siteId: row.site_id ?? '' };
    // Another person may have changed the list since the page was loaded.
    const now = (await api.call('readSite', { path }))[list];
    return api.call('changeSite', { path, body: { [list]: [...new Set([...now, origin ?? ''])] } });
  });
  const settled =
    site !== undefined &&
    origin !== null &&
    (site.allowed_origins.includes(origin) || site.ignored_origins.includes(origin));
  const mayAct = mayChange && site !== undefined && origin !== null && !settled;
  return (
    <>
      <span className={css['code']}>{refusedInWords(row)}</span>
      <div className={css['step']}>
        {settled
          ? 'You have dealt with this. Later calls are not listed.'
          : origin === null
            ? 'No setting can allow it.'
            : 'Add it only if it is your own.'}
      </div>
      {mayAct && (
        <div style={{ display: 'flex', gap: 8, flexWrap: 'wrap' }}>
          {explainOrigin(origin).ok && (
            <Button
              small
              working={change.isPending}
              onClick={() =>
                change.mutate('allowed_origins', {
                  onSuccess: () => say(`${origin} can use ${site.name} now.`),
                })
              }
            >
              Add this origin
            </Button>
          )}
          <Button
            small
            kind="quiet"
            working={change.isPending}
            onClick={() =>
              change.mutate('ignored_origins', {
                onSuccess: () => say(`${origin} stays refused and is no longer listed.`),
              })
            }
          >
            Ignore
          </Button>
        </div>
      )}
      {change.error !== null && <FailureNote failure={change.error} />}
    </>
  );
};
