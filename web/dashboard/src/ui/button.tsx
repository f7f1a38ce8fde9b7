import type { ComponentProps, ReactNode } from 'react';
import { Link, type LinkProps } from 'react-router';
import css from './ui.module.css';

type Kind = 'primary' | 'secondary' | 'quiet' | 'danger' | 'dangerQuiet';

const classOf = (kind: Kind, small: boolean): string =>
  [css['button'], css[kind], small ? css['small'] : ''].join(' ');

/** A button that stays in place and cannot be pressed twice while it works. */
export const Button = ({
  kind = 'secondary',
  small = false,
  working = false,
  children,
  ...rest
}: Omit<ComponentProps<'button'>, 'className'> & {
  readonly kind?: Kind;
  readonly small?: boolean;
  readonly working?: boolean;
}) => (
  <button
    type="button"
    {...rest}
    className={classOf(kind, small)}
    disabled={working || rest.disabled === true}
    aria-busy={working}
  >
    {working && <span className={css['spinner']} aria-hidden="true" />}
    {children}
  </button>
);

export const ButtonLink = ({
  kind = 'secondary',
  small = false,
  ...rest
}: Omit<LinkProps, 'className'> & {
  readonly kind?: Kind;
  readonly small?: boolean;
  readonly children: ReactNode;
}) => <Link {...rest} className={classOf(kind, small)} />;
