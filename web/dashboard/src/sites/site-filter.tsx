import { useSites } from '../api/queries.ts';
import { SelectField } from '../ui/field.tsx';
import { useWorkspace } from '../workspace.tsx';
import { archivedSite } from './site-names.ts';

/** Narrows a list down to one site. An archived site that the address names is shown as chosen too. */
export const SiteFilter = ({
  value,
  onChange,
}: {
  /** A site ID; empty: all sites. */
  readonly value: string;
  readonly onChange: (siteId: string) => void;
}) => {
  const { workspace_id } = useWorkspace();
  const { data = [], isPending } = useSites(workspace_id);
  const isListed = value === '' || data.some(({ site_id }) => site_id === value);
  return (
    <SelectField label="Site" value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">All sites</option>
      {!isListed && <option value={value}>{isPending ? '…' : archivedSite(value)}</option>}
      {data.map(({ site_id, name }) => (
        <option key={site_id} value={site_id}>
          {name}
        </option>
      ))}
    </SelectField>
  );
};
