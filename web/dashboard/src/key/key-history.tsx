import { useState } from 'react';
import { type KeyPlace, type KeyVersion, useKeyVersions } from '../api/queries.ts';
import { Actor } from '../members/actor.tsx';
import { formatTime } from '../ui/format.ts';
import { Loaded } from '../ui/states.tsx';
import { Badge, type Tone } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import css from '../ui/ui.module.css';

const TONES: Readonly<Record<KeyVersion['state'], Tone>> = {
  current: 'good',
  retained: 'warn',
  shredded: 'neutral',
};
const REASONS: Readonly<Record<KeyVersion['reason'], string>> = { stored: 'Pasted', reencrypted: 'Rotated' };

const COLUMNS: readonly Column<KeyVersion>[] = [
  { head: 'Version', cell: ({ version }) => version },
  { head: 'Key', cell: ({ masked }) => <code>{masked}</code>, nowrap: true },
  {
    head: 'State',
    cell: ({ state, retained_until }) => (
      <>
        <Badge tone={TONES[state]}>{state}</Badge>
        {retained_until !== null && (
          <div className={css['meta']}>available for rollback until {formatTime(retained_until)}</div>
        )}
      </>
    ),
  },
  { head: 'Why', cell: ({ reason }) => REASONS[reason] },
  { head: 'When', cell: ({ created_at }) => formatTime(created_at), nowrap: true },
  { head: 'Who', cell: ({ created_by }) => <Actor id={created_by} /> },
];

/** Read only once a person opens it. */
export const KeyHistory = ({ place }: { readonly place: KeyPlace }) => {
  const [open, setOpen] = useState(false);
  return (
    <details className={css['details']} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Version history</summary>
      {open && <Versions place={place} />}
    </details>
  );
};

const Versions = ({ place }: { readonly place: KeyPlace }) => {
  const versions = useKeyVersions(place);
  return (
    <Loaded query={versions} what="the history">
      {(rows) => (
        <Table
          caption="Versions of this key"
          columns={COLUMNS}
          rows={rows}
          keyOf={({ version }) => String(version)}
        />
      )}
    </Loaded>
  );
};
