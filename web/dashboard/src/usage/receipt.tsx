import type { SessionRow } from '../api/queries.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { formatCents, formatCode, formatExactTime, formatSeconds, formatWhole } from '../ui/format.ts';
import { CopyButton } from '../ui/snippet.tsx';
import { Note } from '../ui/states.tsx';
import { Facts } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';
import { type Drift, driftOf } from './drift.ts';

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

type Flag = SessionRow['receipt']['flags'][number];
const FLAG_SENTENCES: Readonly<Record<Flag, string>> = {
  tokens_out_of_bounds:
    'It reported more tokens than its duration allows. The excess is recorded separately and not billed.',
  time_out_of_bounds: 'It reported a time before it began or in the future.',
  too_many_reports: 'It sent more reports than a session has.',
};

/** How the page’s reports compare with the watcher’s count. */
const DriftNote = ({ drift }: { readonly drift: Drift | undefined }) => {
  if (drift === undefined)
    return (
      <p className={ui['hint']}>
        No watcher counted this session: its tokens are those that the page reported.
      </p>
    );
  const { cents, claimsTooMuch } = drift;
  const difference =
    cents === null
      ? 'The difference in cost is not known.'
      : cents === 0
        ? 'At list prices, both cost the same.'
        : `At list prices, the page’s report is ${formatCents(Math.abs(cents))} ${cents > 0 ? 'above' : 'below'} the count.`;
  if (claimsTooMuch === true)
    return (
      <Note tone="warn" title="The page reported more tokens than OpenAI counted.">
        <p>{difference} Only the count is used. Audit lists such calls under unusual use.</p>
      </Note>
    );
  return (
    <p className={ui['hint']}>
      The watcher counted the tokens at OpenAI. {difference}
      {claimsTooMuch === null && ' The watcher did not see the whole call, so a difference proves nothing.'}
    </p>
  );
};

/** How long a session lasted. One that never connected has no length. */
export const lengthInWords = ({ seconds, connected_at }: SessionRow): string =>
  seconds === 0 && connected_at === null ? '–' : formatSeconds(seconds);

const endInWords = ({ state, ended_at }: SessionRow): string => {
  if (ended_at !== null) return formatExactTime(ended_at);
  return state === 'live' ? 'still running' : '–';
};

const KEY_NAMES: Readonly<Record<SessionRow['receipt']['key_scope'], string>> = {
  workspace: 'The workspace’s key',
  site: 'The site’s own key',
  platform: 'The platform’s key',
};

/** The estimated part of the cost, if there is one. */
const unwatchedCost = ({ unwatched_cost_cents }: SessionRow['receipt']): readonly [string, string][] =>
  unwatched_cost_cents > 0
    ? [['Estimated for time without a watcher', formatCents(unwatched_cost_cents)]]
    : [];

/** The result of one session: who paid, for what, and how certain the figures are. */
export const Receipt = ({
  session,
  site,
  onClose,
}: {
  readonly session: SessionRow;
  /** The name of its site. */
  readonly site: string;
  readonly onClose: () => void;
}) => {
  const { receipt } = session;
  const drift = driftOf(receipt);
  const tokens = KINDS.filter(([kind]) => receipt.tokens[kind] > 0 || receipt.claimed_tokens[kind] > 0);
  return (
    <Dialog title="Receipt" wide onClose={onClose} foot={<Button onClick={onClose}>Close</Button>}>
      <Facts
        items={[
          ['Site', site],
          ['Began', formatExactTime(session.created_at)],
          ['Ended', endInWords(session)],
          ['Lasted', lengthInWords(session)],
          [
            'Counts against the plan',
            receipt.payer === 'byok' ? 'No' : formatSeconds(session.billed_seconds),
          ],
          ['Paid by', receipt.payer === 'byok' ? 'Your OpenAI account' : 'Your plan'],
          ['OpenAI key', `${KEY_NAMES[receipt.key_scope]}, version ${receipt.key_version}`],
          ['Price list', receipt.price_version ?? 'no known price'],
          [
            'Cost',
            receipt.cost_cents === null
              ? 'not known'
              : `${formatCents(receipt.cost_cents)}${receipt.estimated ? ', estimated' : ''}`,
          ],
          ...unwatchedCost(receipt),
        ]}
      />
      {session.refusal !== null && (
        <Note tone="bad" title={formatCode(session.refusal)}>
          {session.openai_failure !== null && <p>OpenAI: {formatCode(session.openai_failure)}</p>}
        </Note>
      )}
      {receipt.flags.length > 0 && (
        <Note tone="warn" title="Some reports of this session cannot be true.">
          {receipt.flags.map((flag) => (
            <p key={flag}>{FLAG_SENTENCES[flag]}</p>
          ))}
        </Note>
      )}
      <DriftNote drift={drift} />
      {tokens.length > 0 && (
        <Table
          caption="Tokens by kind"
          rows={tokens}
          keyOf={([kind]) => kind}
          columns={[
            { head: 'Kind', cell: ([, name]) => name },
            { head: 'Tokens', cell: ([kind]) => formatWhole(receipt.tokens[kind]), number: true },
            ...(drift === undefined
              ? []
              : [
                  {
                    head: 'Reported by the page',
                    cell: ([kind]: (typeof KINDS)[number]) => formatWhole(receipt.claimed_tokens[kind]),
                    number: true,
                  },
                ]),
          ]}
        />
      )}
      <div className={ui['actions']}>
        <span className={ui['meta']}>
          Session ID: <span className={ui['mono']}>{session.session_id}</span>
        </span>
        <CopyButton text={session.session_id} label="Copy session ID" />
      </div>
    </Dialog>
  );
};
