import type { ReactNode } from 'react';
import css from './tiles.module.css';

/** A row of figures. */
export const Tiles = ({ children }: { readonly children: ReactNode }) => (
  <dl className={css['tiles']}>{children}</dl>
);

export const Tile = ({
  name,
  figure,
  children,
}: {
  readonly name: ReactNode;
  readonly figure: ReactNode;
  /** A note in small print. */
  readonly children?: ReactNode;
}) => (
  <div className={css['tile']}>
    <dt>{name}</dt>
    <dd>
      {figure}
      {children !== undefined && <small>{children}</small>}
    </dd>
  </div>
);
