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
      <Note tone="bad" live title="This page broke.">
        <p>Reload it. If a new version was deployed meanwhile, that helps; if not, report what you did.</p>
      </Note>
    );
  }
}
