import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { CopyButton } from './snippet.tsx';
import { Note } from './states.tsx';
import ui from './ui.module.css';

/** A secret that the API shows once. It lives in this dialog alone and is gone when the dialog closes. */
export const SecretOnce = ({
  title,
  secret,
  children,
  onClose,
}: {
  readonly title: string;
  readonly secret: string;
  readonly children?: ReactNode;
  readonly onClose: () => void;
}) => (
  <Dialog
    title={title}
    wide
    onClose={onClose}
    foot={
      <Button kind="primary" onClick={onClose}>
        I have stored it
      </Button>
    }
  >
    <Note tone="warn" title="Copy it now. It is not shown again.">
      <p>It is not stored in readable form. If you lose it, replace it.</p>
    </Note>
    <div className={ui['snippet']}>
      <pre>
        <code>{secret}</code>
      </pre>
      <div className={ui['snippetFoot']}>
        <CopyButton text={secret} label="Copy the secret" />
      </div>
    </div>
    {children}
  </Dialog>
);
