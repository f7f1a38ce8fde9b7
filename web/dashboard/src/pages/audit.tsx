import { useState } from 'react';
import type { DataOf } from '../api/routes.ts';
import { AnomaliesCard } from '../audit/anomalies-card.tsx';
import { TrailCard } from '../audit/trail-card.tsx';
import { VerifyCard } from '../audit/verify-card.tsx';
import { Note } from '../ui/states.tsx';
import { Page } from '../ui/surface.tsx';
import { useWorkspace } from '../workspace.tsx';

export default function AuditPage() {
  const { may } = useWorkspace();
  const [verdict, setVerdict] = useState<DataOf<'verifyAudit'>>();
  return (
    <Page
      title="Audit"
      lead="Who did what, which key was used for whom, and proof that the record is complete."
    >
      {may('owner') ? (
        <>
          <VerifyCard onVerdict={setVerdict} />
          <TrailCard verdict={verdict} />
          <AnomaliesCard />
        </>
      ) : (
        <Note title="Only owners see the audit trail.">
          <p>Ask an owner of this workspace if you need to know who did something.</p>
        </Note>
      )}
    </Page>
  );
}
