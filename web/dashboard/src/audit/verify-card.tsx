import { ShieldCheck } from 'lucide-react';
import { useState } from 'react';
import type { DataOf } from '../api/routes.ts';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { counted, formatWhole } from '../ui/format.ts';
import { FailureNote, Note } from '../ui/states.tsx';
import { Card, Facts } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';

type Verdict = DataOf<'verifyAudit'>;

const FAULTS: Readonly<Record<NonNullable<Verdict['broken']>['fault'], string>> = {
  missing: 'is missing',
  out_of_order: 'is out of order',
  altered: 'was altered after it was written',
  cut_off: 'is gone, with everything after it',
};

/** Has the service recompute the keyed hash of every row from the first on, and says what it found. */
export const VerifyCard = ({ onVerdict }: { readonly onVerdict: (verdict: Verdict | undefined) => void }) => {
  const { workspace_id } = useWorkspace();
  const { api } = useSession();
  const [working, setWorking] = useState(false);
  const [verdict, setVerdict] = useState<Verdict>();
  /** Rows that are sound so far. */
  const [checked, setChecked] = useState(0);
  const [failure, setFailure] = useState<unknown>();
  const verify = async (): Promise<void> => {
    setWorking(true);
    setChecked(0);
    setFailure(undefined);
    setVerdict(undefined);
    onVerdict(undefined);
    try {
      const path = { workspaceId: workspace_id };
      let found = await api.call('verifyAudit', { path });
      // A long chain takes several calls; each continues where the previous one ended.
      while (found.next_cursor !== null) {
        setChecked(found.rows);
        found = await api.call('verifyAudit', { path, query: { cursor: found.next_cursor } });
      }
      setVerdict(found);
      onVerdict(found);
    } catch (error) {
      setFailure(error);
    }
    setWorking(false);
  };
  return (
    <Card
      title="Is the trail as it was written?"
      lead="Each row carries a keyed hash over itself and the row before it. The check recomputes all of them, from the first row on."
      aside={
        <Button kind="primary" working={working} onClick={() => void verify()}>
          {!working && <ShieldCheck aria-hidden="true" />}
          Verify the chain
        </Button>
      }
    >
      {working && (
        <Note
          live
          title={
            checked === 0
              ? 'Recomputing the chain…'
              : `Recomputing the chain… ${counted(checked, 'row')} verified so far.`
          }
        />
      )}
      {failure !== undefined && <FailureNote failure={failure} />}
      {verdict?.intact === true && (
        <Note
          tone="good"
          live
          title={
            verdict.rows === 1
              ? 'Intact: the only row is as it was written.'
              : `Intact: all ${formatWhole(verdict.rows)} rows are as they were written.`
          }
        >
          <p>Nothing was altered, removed, inserted, reordered or cut off at the end.</p>
        </Note>
      )}
      {verdict !== undefined && verdict.broken !== null && (
        <Note
          tone="bad"
          live
          title={`Broken: row ${verdict.broken.sequence} ${FAULTS[verdict.broken.fault]}.`}
        >
          <p>
            {verdict.rows === 0
              ? 'No row before it was verified.'
              : `Verified before it: ${counted(verdict.rows, 'row')}.`}{' '}
            Compare with the copy in the Object-Lock archive, and with CloudTrail: your administrator has the
            commands.
          </p>
        </Note>
      )}
      {verdict !== undefined && (
        <Facts
          items={[
            ['Rows checked', formatWhole(verdict.rows)],
            ['Head of the chain', `row ${formatWhole(verdict.head.sequence)}`],
            [
              'Hash of the head',
              <span key="hash" className={ui['mono']}>
                {verdict.head.hash}
              </span>,
            ],
          ]}
        />
      )}
    </Card>
  );
};
