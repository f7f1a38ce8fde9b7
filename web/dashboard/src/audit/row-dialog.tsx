import type { AuditRow } from '../api/queries.ts';
import { Actor } from '../members/actor.tsx';
import { useSiteNames } from '../sites/site-names.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { formatCode, formatExactTime } from '../ui/format.ts';
import { CopyButton } from '../ui/snippet.tsx';
import { Facts } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import { sentenceOf } from './sentences.ts';

/** Who caused a row. The row itself holds the name that an API token had. */
export const ActorOf = ({ row: { actor, facts } }: { readonly row: Pick<AuditRow, 'actor' | 'facts'> }) => {
  const name = facts['token_name'];
  return <Actor id={actor} tokenName={typeof name === 'string' ? name : undefined} />;
};

/** An ID to compare or to search for, with a button that copies it. */
const Id = ({ text, label }: { readonly text: string; readonly label: string }) => (
  <span className={ui['actions']}>
    <span className={ui['mono']}>{text}</span>
    <CopyButton text={text} label={label} />
  </span>
);

/** Everything that one row of the trail holds. */
export const RowDialog = ({ row, onClose }: { readonly row: AuditRow; readonly onClose: () => void }) => {
  const nameOf = useSiteNames();
  return (
    <Dialog
      title={`Row ${row.sequence}: ${sentenceOf(row.type)}`}
      wide
      onClose={onClose}
      foot={<Button onClick={onClose}>Close</Button>}
    >
      <Facts
        items={[
          ['When', formatExactTime(row.at)],
          ['Who', <ActorOf key="who" row={row} />],
          ['ID of the actor', <Id key="actor" text={row.actor} label="Copy the ID of the actor" />],
          ['Site', row.site_id === null ? '–' : nameOf(row.site_id)],
          [
            'Site ID',
            row.site_id === null ? '–' : <Id key="site" text={row.site_id} label="Copy the site ID" />,
          ],
          [
            'Session',
            row.session_id === null ? (
              '–'
            ) : (
              <Id key="session" text={row.session_id} label="Copy the session ID" />
            ),
          ],
          ['Address, as a keyed hash', row.ip_hash ?? '–'],
          ['Event', row.event_id],
          ...Object.entries(row.facts).map(([name, value]) => [formatCode(name), String(value)] as const),
        ]}
      />
      <Facts
        items={[
          [
            'Hash of the row before',
            <span key="before" className={ui['mono']}>
              {row.previous_hash}
            </span>,
          ],
          [
            'Hash of this row',
            <span key="own" className={ui['mono']}>
              {row.hash}
            </span>,
          ],
        ]}
      />
    </Dialog>
  );
};
