import { useEffect, useState } from 'react';
import { Brand } from '../layout/brand.tsx';
import { Button } from '../ui/button.tsx';
import { Note } from '../ui/states.tsx';
import type { SignIn } from './sign-in.ts';
import css from './sign-in-page.module.css';

export const SignInPage = ({ signIn, returnTo }: { readonly signIn: SignIn; readonly returnTo: string }) => {
  const [keep, setKeep] = useState(false);
  const [working, setWorking] = useState(false);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Spelo';
  }, []);
  const start = (): void => {
    setWorking(true);
    setFailed(false);
    signIn.start({ keep, returnTo }).catch(() => {
      setWorking(false);
      setFailed(true);
    });
  };
  return (
    <main className={css['page']}>
      <div className={css['panel']}>
        <Brand />
        <div className={css['words']}>
          <h1>Voice on your site, on your own OpenAI key</h1>
          <p>
            Store the key once. It is sealed by AWS KMS and never shown again; your visitors get short-lived
            secrets, and OpenAI bills you directly.
          </p>
        </div>
        {failed && (
          <Note tone="bad" live title="The sign-in service could not be reached.">
            <p>Check your connection and try again. If it happens again, contact your administrator.</p>
          </Note>
        )}
        <Button kind="primary" working={working} onClick={start}>
          Sign in
        </Button>
        <label className={css['keep']}>
          <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.target.checked)} />
          <span>
            Keep me signed in
            <small>On a device that only you use. Otherwise your sign-in ends with this tab.</small>
          </span>
        </label>
      </div>
    </main>
  );
};
