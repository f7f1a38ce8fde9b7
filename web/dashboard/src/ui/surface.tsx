import type { ReactNode } from 'react';
import { useEffect, useId } from 'react';
import css from './ui.module.css';

/** The frame of every page: one h1, a sentence about what the page is for, its main actions. */
export const Page = ({
  title,
  lead,
  actions,
  children,
}: {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) => {
  useEffect(() => {
    document.title = `${title} · Spelo`;
  }, [title]);
  return (
    <div className={css['page']}>
      <header className={css['pageHead']}>
        <div>
          <h1>{title}</h1>
          {lead !== undefined && <p>{lead}</p>}
        </div>
        {actions !== undefined && <div className={css['actions']}>{actions}</div>}
      </header>
      {children}
    </div>
  );
};

export const Card = ({
  title,
  lead,
  aside,
  foot,
  flush = false,
  children,
}: {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly aside?: ReactNode;
  readonly foot?: ReactNode;
  /** Without padding around the content, for tables. */
  readonly flush?: boolean;
  readonly children?: ReactNode;
}) => {
  const id = useId();
  return (
    <section className={css['card']} aria-labelledby={id}>
      <div className={css['cardHead']} style={flush ? { paddingBottom: 16 } : undefined}>
        <div>
          <h2 id={id}>{title}</h2>
          {lead !== undefined && <p>{lead}</p>}
        </div>
        {aside !== undefined && <div className={css['actions']}>{aside}</div>}
      </div>
      {flush ? children : <div className={css['cardBody']}>{children}</div>}
      {foot !== undefined && <div className={css['cardFoot']}>{foot}</div>}
    </section>
  );
};

export const Facts = ({ items }: { readonly items: readonly (readonly [string, ReactNode])[] }) => (
  <dl className={css['facts']}>
    {items.map(([term, value]) => (
      <div key={term}>
        <dt>{term}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

export type Tone = 'good' | 'bad' | 'warn' | 'neutral';

export const Badge = ({
  tone = 'neutral',
  children,
}: {
  readonly tone?: Tone;
  readonly children: ReactNode;
}) => <span className={[css['badge'], tone === 'neutral' ? '' : css[tone]].join(' ')}>{children}</span>;

export const Bullets = ({ items }: { readonly items: readonly ReactNode[] }) => (
  <ul className={css['bullets']}>
    {items.map((item, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: a fixed list of sentences.
      <li key={index}>{item}</li>
    ))}
  </ul>
);
