import type { SessionRow } from '../api/queries.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { formatCents, formatCode, formatExactTime, formatSeconds, formatWhole } from '../ui/format.ts';
import { Note } from '../ui/states.tsx';
import { Facts } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';

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

/** The result of one session: who paid, for what, and how sure that is. */
export const Receipt = ({
  session,
  site,
  onClose,
}: {
  readonly session: SessionRow;
  /** The name of its site; an archived site has none. */
  readonly site: string | undefined;
  readonly onClose: () => void;
}) => {
  const { receipt } = session;
  const tokens = KINDS.filter(([kind]) => receipt.tokens[kind] > 0);
  return (
    <Dialog title="Receipt" wide onClose={onClose} foot={<Button onClick={onClose}>Close</Button>}>
      <Facts
        items={[
          ['Site', site ?? `${session.site_id} (archived)`],
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
