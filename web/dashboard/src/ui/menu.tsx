import { type ReactNode, useId } from 'react';
import css from './menu.module.css';

/**
 * A button that opens a list of actions, on the browser's own popover: closes with Escape and with a click elsewhere,
 * and gives the focus back.
 */
export const Menu = ({
  button,
  side = 'below',
  children,
}: {
  readonly button: ReactNode;
  readonly side?: 'above' | 'below';
  readonly children: ReactNode;
}) => {
  const id = useId();
  return (
    <>
      <button type="button" className={css['button']} popoverTarget={id}>
        {button}
      </button>
      <div id={id} popover="auto" className={css['menu']} data-side={side}>
        {children}
      </div>
    </>
  );
};

export const MenuGroup = ({ title, children }: { readonly title: string; readonly children: ReactNode }) => {
  const id = useId();
  return (
    <>
      <div id={id} className={css['title']}>
        {title}
      </div>
      <ul aria-labelledby={id}>{children}</ul>
    </>
  );
};

export const MenuItem = ({
  icon,
  current = false,
  onSelect,
  children,
}: {
  readonly icon: ReactNode;
  readonly current?: boolean;
  readonly onSelect: () => void;
  readonly children: ReactNode;
}) => (
  <li>
    <button
      type="button"
      className={css['item']}
      aria-current={current}
      onClick={(event) => {
        event.currentTarget.closest<HTMLElement>('[popover]')?.hidePopover();
        onSelect();
      }}
    >
      {icon}
      {children}
    </button>
  </li>
);
