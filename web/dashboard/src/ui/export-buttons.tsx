import { Download } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { PathOf, QueryOf } from '../api/routes.ts';
import { csvOf, jsonOf, type ListReader } from '../api/whole-list.ts';
import { useSession } from '../session.tsx';
import { useWorkspace } from '../workspace.tsx';
import { Button } from './button.tsx';
import { formatWhole } from './format.ts';
import { saveFile } from './save-file.ts';
import { FailureNote } from './states.tsx';
import ui from './ui.module.css';

/** Saves every row of a list that matches its filters, as CSV or JSON. It can be cancelled, and stops when the page closes. */
export const ExportButtons = <Id extends 'listWorkspaceSessions' | 'listErrors' | 'listAudit'>({
  list,
  id,
  path,
  query,
}: {
  readonly list: 'sessions' | 'errors' | 'audit';
  readonly id: Id;
  readonly path: PathOf<Id>;
  /** The filters, without limit and cursor. */
  readonly query: NonNullable<QueryOf<Id>>;
}) => {
  const { api } = useSession();
  const { workspace_id } = useWorkspace();
  const running = useRef<AbortController>(undefined);
  const [rows, setRows] = useState<number>();
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => () => running.current?.abort(), []);

  const save = async (kind: 'csv' | 'json'): Promise<void> => {
    running.current = new AbortController();
    const { signal } = running.current;
    setFailure(undefined);
    setRows(0);
    try {
      const reader: ListReader = {
        page: (asked) =>
          api.call(id, { path, query: asked, signal } as never) as unknown as ReturnType<ListReader['page']>,
        csvPage: (asked) => api.csv(id, { path, query: asked, signal } as never),
        onRows: setRows,
      };
      const exportedAt = new Date().toISOString();
      const facts = { list, workspace_id, exported_at: exportedAt };
      const content = kind === 'csv' ? await csvOf(reader, query) : await jsonOf(reader, query, facts);
      const name = `${list}-${workspace_id}-${exportedAt.slice(0, 10)}.${kind}`;
      saveFile(name, kind === 'csv' ? 'text/csv' : 'application/json', content);
    } catch (error) {
      if (!signal.aborted) setFailure(error);
    }
    if (running.current?.signal === signal) setRows(undefined);
  };

  if (rows !== undefined)
    return (
      <div className={ui['actions']}>
        <span className={ui['meta']} role="status">
          Exporting… {formatWhole(rows)} rows
        </span>
        <Button small onClick={() => running.current?.abort()}>
          Cancel
        </Button>
      </div>
    );
  return (
    <div>
      <div className={ui['actions']}>
        {(['csv', 'json'] as const).map((kind) => (
          <Button
            key={kind}
            small
            aria-label={`Export ${list} as ${kind.toUpperCase()}`}
            onClick={() => void save(kind)}
          >
            <Download aria-hidden="true" />
            {kind.toUpperCase()}
          </Button>
        ))}
      </div>
      {failure !== undefined && <FailureNote failure={failure} />}
    </div>
  );
};
