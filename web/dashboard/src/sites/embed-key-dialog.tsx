import { useState } from 'react';
import type { EmbedAlgorithm } from '../../../../lambdas/domain/sessions/embed-token.ts';
import { ApiFailure } from '../api/failure.ts';
import { type Site, useChange } from '../api/queries.ts';
import { TextArea } from '../ui/field.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { Segments } from '../ui/segments.tsx';
import { FailureNote, Note } from '../ui/states.tsx';

const ALGORITHMS: Readonly<Record<EmbedAlgorithm, string>> = {
  HS256: 'Shared secret (HS256)',
  ES256: 'Your public key (ES256)',
};

/** Stores the key that verifies the site's embed tokens. `onStored` takes the secret of an HS256 key, or null. */
export const EmbedKeyDialog = ({
  site,
  onStored,
  onClose,
}: {
  readonly site: Site;
  readonly onStored: (secret: string | null) => void;
  readonly onClose: () => void;
}) => {
  const [algorithm, setAlgorithm] = useState<EmbedAlgorithm>('HS256');
  const [publicKey, setPublicKey] = useState('');
  const store = useChange((api) =>
    api.call('putEmbedKey', {
      path: { siteId: site.site_id },
      body: { algorithm, ...(algorithm === 'ES256' && { public_key: publicKey }) },
    }),
  );
  const fault = store.error instanceof ApiFailure ? store.error.detail('public_key') : undefined;
  const replaces = site.embed_key !== null;
  return (
    <FormDialog
      title={replaces ? 'Replace the embed key' : 'Create an embed key'}
      submit={algorithm === 'HS256' ? 'Create the secret' : 'Store the public key'}
      working={store.isPending}
      onSubmit={() => {
        store.mutate(undefined, { onSuccess: ({ secret }) => onStored(secret) });
      }}
      onClose={onClose}
    >
      {replaces && (
        <Note tone="warn" title="Tokens of the current key are refused at once.">
          <p>Visitors get an error until your server signs with the new key.</p>
        </Note>
      )}
      <Segments label="Kind of key" options={ALGORITHMS} value={algorithm} onChange={setAlgorithm} />
      {algorithm === 'HS256' ? (
        <p>The secret is created now and shown once. Your server signs each token with it.</p>
      ) : (
        <TextArea
          label="Public key, PEM"
          required
          rows={5}
          maxLength={1_000}
          spellCheck={false}
          placeholder="-----BEGIN PUBLIC KEY-----"
          hint="Curve P-256. Never paste a private key: it stays on your server."
          value={publicKey}
          fault={fault}
          onChange={(event) => setPublicKey(event.target.value)}
        />
      )}
      {store.error !== null && fault === undefined && <FailureNote failure={store.error} />}
    </FormDialog>
  );
};
