import { Component, type ReactNode } from 'react';
import { Note } from './states.tsx';

/** Keeps the rest of the dashboard alive when a page breaks; a new page, by `key`, starts again. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { readonly broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <Note tone="bad" live title="Something went wrong on this page.">
        <p>Reload the page. If it breaks again, tell your administrator what you did.</p>
      </Note>
    );
  }
}
