import './styles/tokens.css';
import './styles/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createBrowserRouter, RouterProvider } from 'react-router';
import { App } from './app.tsx';
import { createSignIn } from './auth/sign-in.ts';
import { loadConfig } from './config.ts';
import { applyTheme, storedTheme } from './layout/theme.ts';
import { Note } from './ui/states.tsx';

applyTheme(storedTheme());

const root = createRoot(document.getElementById('root') as HTMLElement);

loadConfig().then(
  (config) => {
    // A router that can hold a person back who would lose unsaved edits.
    const router = createBrowserRouter(
      [{ path: '*', element: <App config={config} signIn={createSignIn(config)} /> }],
      { basename: import.meta.env.BASE_URL },
    );
    root.render(
      <StrictMode>
        <RouterProvider router={router} />
      </StrictMode>,
    );
  },
  (error: unknown) =>
    root.render(
      <main style={{ maxWidth: 560, margin: '12vh auto', padding: 16 }}>
        <Note tone="bad" live title="The dashboard cannot start.">
          <p>{error instanceof Error ? error.message : String(error)}</p>
          <p>Your administrator has to upload its config.json next to the page.</p>
        </Note>
      </main>,
    ),
);
