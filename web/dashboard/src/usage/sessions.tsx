import { AudioLines } from 'lucide-react';
import { type SessionRow, useRoute, useSearch, useSites } from '../api/queries.ts';
import { useAddress, usePages } from '../ui/address.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { SelectField } from '../ui/field.tsx';
import {
  formatCents,
  formatCode,
  formatExactTime,
  formatSeconds,
  formatTime,
  formatWhole,
} from '../ui/format.ts';
import { Pager, SearchedSoFar } from '../ui/pager.tsx';
import { Empty, FailureNote, Loaded, Note } from '../ui/states.tsx';
import { Badge, Card, Facts, type Tone } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';

const TONES: Readonly<Record<SessionRow['state'], Tone>> = {
  reserved: 'neutral',
  issued: 'neutral',
  live: 'good',
  ended: 'neutral',
  refused: 'bad',
  used: 'neutral',
};

export const Sessions = () => {
  const { workspace_id } = useWorkspace();
  const sites = useSites(workspace_id);
  const { get } = useAddress();
  const { move } = usePages('sessions');
  const asked = get('site');
  const siteId = asked === '' ? sites.data?.[0]?.site_id : asked;
  if (sites.data?.length === 0)
    return (
      <Card title="Sessions" flush>
        <Empty icon={<AudioLines aria-hidden="true" />} title="No sites yet">
          Sessions belong to a site. Add one under Sites, then talk to it under Test voice.
        </Empty>
      </Card>
    );
  return (
    <>
      <div className={ui['narrow']}>
        <SelectField
          label="Site"
          value={siteId}
          onChange={(event) => move([], { site: event.target.value, session: '' })}
        >
          {sites.data?.map(({ site_id, name }) => (
            <option key={site_id} value={site_id}>
              {name}
            </option>
          ))}
        </SelectField>
      </div>
      {siteId === undefined ? (
        <Loaded query={sites} what="the sites">
          {() => null}
        </Loaded>
      ) : (
        <SessionsOfSite key={siteId} siteId={siteId} />
      )}
    </>
  );
};

const SessionsOfSite = ({ siteId }: { readonly siteId: string }) => {
  const { get, set } = useAddress();
  const { cursors, move } = usePages('sessions');
  const sessionId = get('session');
  const open = useRoute('readSession', { path: { siteId, sessionId } }, { enabled: sessionId !== '' });
  const cursor = cursors.at(-1);
  const sessions = useSearch('listSessions', {
    path: { siteId },
    query: { limit: 25, ...(cursor !== undefined && { cursor }) },
  });
  const columns: readonly Column<SessionRow>[] = [
    { head: 'Began', cell: ({ created_at }) => formatTime(created_at), nowrap: true },
    {
      head: 'State',
      cell: ({ state, refusal, end_reason }) => (
        <>
          <Badge tone={TONES[state]}>{state}</Badge>
          {(refusal ?? end_reason) !== null && (
            <div className={ui['meta']}>{formatCode(refusal ?? end_reason ?? '')}</div>
          )}
        </>
      ),
    },
    { head: 'Lasted', cell: ({ seconds }) => (seconds === null ? '' : formatSeconds(seconds)), number: true },
    { head: 'Model', cell: ({ model }) => model, nowrap: true },
    { head: 'Paid by', cell: ({ mode }) => (mode === 'byok' ? 'Own key' : 'Plan') },
    {
      head: 'Cost',
      cell: ({ receipt, seconds }) =>
        receipt.cost_cents === null || seconds === 0
          ? '–'
          : `${receipt.estimated ? '≈ ' : ''}${formatCents(receipt.cost_cents)}`,
      number: true,
    },
    {
      head: 'Receipt',
      cell: (session) => (
        <Button
          small
          aria-label={`Receipt of the session of ${formatExactTime(session.created_at)}`}
          onClick={() => set({ site: siteId, session: session.session_id })}
        >
          Receipt
        </Button>
      ),
    },
  ];
  return (
    <Card title="Sessions" lead="Newest first. A receipt shows who paid, with which key, and how much." flush>
      <Loaded query={sessions} what="the sessions">
        {({ items, next_cursor }) => (
          <>
            {items.length === 0 && next_cursor !== null ? (
              <SearchedSoFar searchedTo={null} onFurther={() => move([...cursors, next_cursor])} />
            ) : items.length === 0 ? (
              <Empty icon={<AudioLines aria-hidden="true" />} title="No sessions yet">
                Each visitor’s conversation appears here, with a receipt.
              </Empty>
            ) : (
              <Table
                caption="Sessions, newest first"
                columns={columns}
                rows={items}
                keyOf={({ session_id }) => session_id}
              />
            )}
            <Pager cursors={cursors} next={next_cursor} onMove={move} />
          </>
        )}
      </Loaded>
      {sessionId !== '' && open.error !== null && <FailureNote failure={open.error} />}
      {sessionId !== '' && open.data !== undefined && (
        <Receipt session={open.data} onClose={() => set({ session: '' })} />
      )}
    </Card>
  );
};

const KINDS = [
  ['input_audio', 'Audio in'],
  ['input_audio_cached', 'Audio in, cached'],
  ['input_text', 'Text in'],
  ['input_text_cached', 'Text in, cached'],
  ['input_image', 'Images in'],
  ['input_image_cached', 'Images in, cached'],
  ['output_audio', 'Audio out'],
  ['output_text', 'Text out'],
] as const;

const FLAG_SENTENCES: Readonly<Record<string, string>> = {
  tokens_beyond_bound:
    'It reported more tokens than its duration allows. The excess is recorded separately and not billed.',
};

const Receipt = ({ session, onClose }: { readonly session: SessionRow; readonly onClose: () => void }) => {
  const { receipt } = session;
  const tokens = KINDS.filter(([kind]) => receipt.tokens[kind] > 0);
  return (
    <Dialog title="Receipt" wide onClose={onClose} foot={<Button onClick={onClose}>Close</Button>}>
      <Facts
        items={[
          ['Began', formatExactTime(session.created_at)],
          ['Ended', session.ended_at === null ? 'still running' : formatExactTime(session.ended_at)],
          ['Lasted', session.seconds === null ? 'never connected' : formatSeconds(session.seconds)],
          ['Counted', session.billed_seconds === null ? '–' : formatSeconds(session.billed_seconds)],
          ['Paid by', receipt.payer === 'byok' ? 'Your OpenAI account' : 'Your plan'],
          [
            'OpenAI key',
            receipt.key_scope === null ? '–' : `${receipt.key_scope}, version ${receipt.key_version ?? '–'}`,
          ],
          ['Price list', receipt.price_version ?? 'no known price'],
          [
            'Cost',
            receipt.cost_cents === null
              ? 'not known'
              : `${formatCents(receipt.cost_cents)}${receipt.estimated ? ', estimated' : ''}`,
          ],
        ]}
      />
      {session.refusal !== null && (
        <Note tone="bad" title={formatCode(session.refusal)}>
          {session.openai_failure !== null && <p>OpenAI: {formatCode(session.openai_failure)}</p>}
        </Note>
      )}
      {receipt.flags.length > 0 && (
        <Note tone="warn" title="Some of its reports cannot be true.">
          {receipt.flags.map((flag) => (
            <p key={flag}>{FLAG_SENTENCES[flag] ?? formatCode(flag)}</p>
          ))}
        </Note>
      )}
      {tokens.length > 0 && (
        <Table
          caption="Tokens by kind"
          rows={tokens}
          keyOf={([kind]) => kind}
          columns={[
            { head: 'Kind', cell: ([, name]) => name },
            { head: 'Tokens', cell: ([kind]) => formatWhole(receipt.tokens[kind]), number: true },
          ]}
        />
      )}
      <p className={ui['meta']}>
        Session id: <span className={ui['mono']}>{session.session_id}</span>
      </p>
    </Dialog>
  );
};
