import { Plus } from 'lucide-react';
import { useState } from 'react';
import { MAX_API_TOKENS } from '../../../../lambdas/domain/tenancy/api-token.ts';
import { useChange, useRoute, useSites } from '../api/queries.ts';
import { CreateTokenDialog } from '../api-tokens/create-dialog.tsx';
import { type ApiToken, fewDaysLeft, tokenRoleName } from '../api-tokens/words.ts';
import { Actor } from '../members/actor.tsx';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { formatTime } from '../ui/format.ts';
import { SecretOnce } from '../ui/secret-once.tsx';
import { Empty, Loaded, Note } from '../ui/states.tsx';
import { Badge, Card, Page } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';

type Asking =
  | { readonly what: 'create' }
  | { readonly what: 'shown'; readonly token: string }
  | { readonly what: 'revoke'; readonly token: ApiToken };

export default function ApiTokensPage() {
  const { may } = useWorkspace();
  return (
    <Page title="API tokens" lead="Programs call the API with a token instead of a person’s sign-in.">
      {may('owner') ? (
        <TokensCard />
      ) : (
        <Note title="Only owners see the API tokens.">
          <p>Ask an owner of this workspace to create one.</p>
        </Note>
      )}
    </Page>
  );
}

const TokensCard = () => {
  const { workspace_id: workspaceId } = useWorkspace();
  const [asking, setAsking] = useState<Asking>();
  const tokens = useRoute('listApiTokens', { path: { workspaceId } });
  const close = (): void => setAsking(undefined);
  const create = (
    <Button
      kind="primary"
      // Until the list is loaded, it is not known whether there is room.
      disabled={(tokens.data?.items.length ?? MAX_API_TOKENS) >= MAX_API_TOKENS}
      onClick={() => setAsking({ what: 'create' })}
    >
      <Plus aria-hidden="true" />
      Create a token
    </Button>
  );
  return (
    <Card
      title="Tokens"
      lead={`A token never has more rights than the person who created it. It stops when that person leaves.${
        (tokens.data?.items.length ?? 0) >= MAX_API_TOKENS
          ? ` A workspace has at most ${MAX_API_TOKENS} tokens: revoke one to create another.`
          : ''
      }`}
      aside={create}
      flush
    >
      <Loaded query={tokens} what="the API tokens">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No API tokens yet">
              With a token, a program can read usage, sessions, errors and the audit trail.
            </Empty>
          ) : (
            <TokenTable tokens={items} onRevoke={(token) => setAsking({ what: 'revoke', token })} />
          )
        }
      </Loaded>
      {asking?.what === 'create' && (
        <CreateTokenDialog onCreated={(token) => setAsking({ what: 'shown', token })} onClose={close} />
      )}
      {asking?.what === 'shown' && (
        <SecretOnce title="Your API token" secret={asking.token} onClose={close}>
          <p>
            Send it in the header <code>Authorization: Bearer …</code>. Never put it into a URL or a page.
          </p>
        </SecretOnce>
      )}
      {asking?.what === 'revoke' && <RevokeDialog token={asking.token} onClose={close} />}
    </Card>
  );
};

const TokenTable = ({
  tokens,
  onRevoke,
}: {
  readonly tokens: readonly ApiToken[];
  readonly onRevoke: (token: ApiToken) => void;
}) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const sites = useSites(workspaceId);
  const siteName = (id: string): string => sites.data?.find(({ site_id }) => site_id === id)?.name ?? id;
  return (
    <Table
      caption="All API tokens"
      rows={tokens}
      keyOf={({ token_id }) => token_id}
      columns={[
        {
          head: 'Name',
          cell: ({ name, token_id }) => (
            <>
              {name}
              <div className={ui['meta']}>
                <span className={ui['mono']}>{token_id}</span>
              </div>
            </>
          ),
        },
        {
          head: 'Rights',
          cell: (token) => (
            <>
              {tokenRoleName(token.role)}
              <div className={ui['meta']}>
                {token.site_ids === null ? 'The whole workspace' : token.site_ids.map(siteName).join(', ')}
              </div>
              <Reduced token={token} />
            </>
          ),
        },
        { head: 'Expires', cell: (token) => <Expiry token={token} /> },
        {
          head: 'Last used',
          cell: ({ last_used_at }) => (last_used_at === null ? 'Never' : formatTime(last_used_at)),
        },
        {
          head: 'Created',
          cell: ({ created_at, created_by }) => (
            <>
              {formatTime(created_at)}
              <div className={ui['meta']}>
                by <Actor id={created_by} />
              </div>
            </>
          ),
        },
        {
          head: 'Revoke',
          cell: (token) => (
            <Button
              small
              kind="dangerQuiet"
              aria-label={`Revoke ${token.name}`}
              onClick={() => onRevoke(token)}
            >
              Revoke
            </Button>
          ),
        },
      ]}
    />
  );
};

const Reduced = ({ token: { role, effective_role } }: { readonly token: ApiToken }) => {
  if (effective_role === role) return null;
  return (
    <Badge tone="warn">
      {effective_role === null ? 'Stopped: its creator left' : `Only ${effective_role}: its creator’s role`}
    </Badge>
  );
};

const Expiry = ({ token }: { readonly token: ApiToken }) => {
  if (token.expired) return <Badge tone="bad">Expired</Badge>;
  const days = fewDaysLeft(token, Date.now());
  return (
    <>
      {formatTime(token.expires_at)}
      {days !== undefined && (
        <div>
          <Badge tone="warn">
            {days === 0 ? 'Ends today' : `${days} ${days === 1 ? 'day' : 'days'} left`}
          </Badge>
        </div>
      )}
    </>
  );
};

const RevokeDialog = ({ token, onClose }: { readonly token: ApiToken; readonly onClose: () => void }) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  const revoke = useChange((api) =>
    api.call('revokeApiToken', { path: { workspaceId, tokenId: token.token_id } }),
  );
  return (
    <ConfirmDialog
      title={`Revoke ${token.name}?`}
      confirm="Revoke the token"
      danger
      act={async () => {
        await revoke.mutateAsync(undefined);
        say(`${token.name} is revoked.`);
      }}
      onClose={onClose}
    >
      <p>The next request of the program that uses it is refused. This cannot be undone.</p>
    </ConfirmDialog>
  );
};
