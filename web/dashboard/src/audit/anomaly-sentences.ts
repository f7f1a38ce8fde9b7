import type { AuditRow } from '../api/queries.ts';
import { formatCode } from '../ui/format.ts';

const ANOMALIES: Readonly<Record<string, string>> = {
  burst: 'More sessions than this key has ever had at this time of the week',
  origin_spread: 'Sessions from many origins never seen before',
  address_spread: 'Sessions from many more addresses than usual',
  auth_failures: 'OpenAI refused the key repeatedly',
  refused_origins: 'Many calls from origins that are not registered',
  cost_spike: 'Much more voice in a day than usual',
  false_claims: 'A page claimed more usage than OpenAI counted',
};

export const anomalySentence = (row: AuditRow): string => {
  const kind = String(row.facts['kind'] ?? '');
  return ANOMALIES[kind] ?? formatCode(kind === '' ? row.type : kind);
};
