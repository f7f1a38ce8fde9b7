import { ROLES } from '../../../../lambdas/domain/tenancy/workspace.ts';
import { InvitationsCard } from '../members/invitations-card.tsx';
import { MyselfCard } from '../members/myself-card.tsx';
import { PeopleCard } from '../members/people-card.tsx';
import { RIGHTS, roleName } from '../members/words.ts';
import { Note } from '../ui/states.tsx';
import { Card, Page } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useWorkspace } from '../workspace.tsx';

export default function MembersPage() {
  const { may } = useWorkspace();
  return (
    <Page title="Members" lead="Who may do what in this workspace. Changes apply to a person’s next request.">
      {may('owner') ? (
        <>
          <PeopleCard />
          <InvitationsCard />
        </>
      ) : (
        <Note title="Only owners see the members.">
          <p>Ask an owner of this workspace to change a person’s role.</p>
        </Note>
      )}
      <MyselfCard />
      <Card title="Roles" flush>
        <Table
          caption="What each role may do"
          rows={ROLES}
          keyOf={(role) => role}
          columns={[
            { head: 'Role', cell: roleName },
            { head: 'May', cell: (role) => RIGHTS[role] },
          ]}
        />
      </Card>
    </Page>
  );
}
