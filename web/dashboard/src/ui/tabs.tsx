import { Tabs as Primitive } from 'radix-ui';
import type { ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { leavePages } from './address.ts';
import css from './ui.module.css';

export interface Tab {
  readonly id: string;
  readonly title: string;
  readonly content: () => ReactNode;
}

/** Tabs whose choice stands in the address, so that it can be linked to and survives a reload. */
export const Tabs = ({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) => {
  const [search, setSearch] = useSearchParams();
  const asked = search.get('tab');
  const active = tabs.find(({ id }) => id === asked) ?? tabs[0];
  return (
    <Primitive.Root
      value={active?.id ?? ''}
      onValueChange={(id) =>
        setSearch(
          (now) => {
            now.set('tab', id);
            leavePages(now);
            return now;
          },
          { replace: true },
        )
      }
    >
      <Primitive.List className={css['tabs']} aria-label={label}>
        {tabs.map(({ id, title }) => (
          <Primitive.Trigger key={id} value={id} className={css['tab'] ?? ''}>
            {title}
          </Primitive.Trigger>
        ))}
      </Primitive.List>
      {tabs.map(({ id, content }) => (
        <Primitive.Content key={id} value={id} className={css['tabPanel'] ?? ''}>
          {id === active?.id && content()}
        </Primitive.Content>
      ))}
    </Primitive.Root>
  );
};
