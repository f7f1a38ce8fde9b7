/** One entry of `GET /v1/models`. `shutdown_date` is a day in UTC, or null. */
export type Model = {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
  readonly shutdown_date: string | null;
};

export const DEFAULT_REALTIME_MODEL = 'gpt-realtime-2.1';

function model(id: string, createdOn: string, shutdownDate: string | null = null): Model {
  const created = Date.parse(createdOn) / 1_000;
  return { id, object: 'model', created, owned_by: 'system', shutdown_date: shutdownDate };
}

// Shutdown dates: developers.openai.com/api/docs/deprecations. The `created` days are only plausible.
const realtimeModels: readonly Model[] = [
  model('gpt-realtime-2.1', '2026-06-24'),
  model('gpt-realtime-2.1-mini', '2026-06-24'),
  model('gpt-realtime-2', '2026-04-30'),
  model('gpt-realtime-1.5', '2026-02-20'),
  model('gpt-realtime', '2025-08-28', '2027-01-20'),
  model('gpt-realtime-2025-08-28', '2025-08-28', '2027-01-20'),
  model('gpt-realtime-mini', '2025-10-06', '2027-01-20'),
  model('gpt-realtime-mini-2025-12-15', '2025-12-15', '2027-01-20'),
  model('gpt-realtime-mini-2025-10-06', '2025-10-06', '2026-07-23'),
  model('gpt-4o-realtime-preview', '2024-10-01', '2026-05-07'),
  model('gpt-4o-realtime-preview-2024-12-17', '2024-12-17', '2026-05-07'),
  model('gpt-4o-realtime-preview-2025-06-03', '2025-06-03', '2026-05-07'),
  model('gpt-4o-mini-realtime-preview', '2024-12-17', '2026-05-07'),
  model('gpt-4o-mini-realtime-preview-2024-12-17', '2024-12-17', '2026-07-23'),
];

const otherModels: readonly Model[] = [
  model('gpt-transcribe', '2026-08-01'),
  model('gpt-live-transcribe', '2026-08-01'),
  model('gpt-4o-transcribe', '2025-03-20', '2027-02-26'),
  model('gpt-4o-mini-transcribe', '2025-03-20', '2027-02-26'),
  model('whisper-1', '2023-02-27', '2027-02-26'),
];

/** The models a key sees at `nowMs`: those whose shutdown day has come are gone. */
export function listedModels(
  nowMs: number,
  realtime: 'with-realtime' | 'without-realtime',
): readonly Model[] {
  const all = realtime === 'with-realtime' ? [...realtimeModels, ...otherModels] : otherModels;
  return all.filter((entry) => isServed(entry, nowMs));
}

/** True when `id` can hold a Realtime session at `nowMs`. */
export function isRealtimeModel(id: string, nowMs: number): boolean {
  return realtimeModels.some((entry) => entry.id === id && isServed(entry, nowMs));
}

function isServed(entry: Model, nowMs: number): boolean {
  return entry.shutdown_date === null || nowMs < Date.parse(entry.shutdown_date);
}
