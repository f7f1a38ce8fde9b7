import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { Button } from './button.tsx';
import css from './ui.module.css';

export const CopyButton = ({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) => {
  const [copied, setCopied] = useState(false);
  return (
    <Button
      small
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setCopied(true);
          setTimeout(() => setCopied(false), 2_000);
        });
      }}
    >
      {copied ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
      <span aria-live="polite">{copied ? 'Copied' : label}</span>
    </Button>
  );
};

export const Snippet = ({ code, label }: { readonly code: string; readonly label: string }) => (
  <div className={css['snippet']}>
    <pre>
      <code>{code}</code>
    </pre>
    <div className={css['snippetFoot']}>
      <CopyButton text={code} label={label} />
    </div>
  </div>
);
