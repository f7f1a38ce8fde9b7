import { ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ChangedObject, EvidenceVersions } from '../../../use-cases/ports/audit.ts';
import { callAws } from '../aws-calls.ts';

const DAY_MS = 86_400_000;

interface Entry {
  readonly version: string;
  readonly at: number;
  readonly isMarker: boolean;
}

/**
 * Changed objects of a versioned bucket. An object that is written once has one version. A second version or a delete marker
 * over it comes from a person, with one exception: after the retention, the bucket's lifecycle puts a marker over an object and
 * then removes its version. A marker without any version is not reported, because only the lifecycle or a bypass of Object Lock
 * leaves one, and
 * the notice on deletions is about the bypass. https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
 */
export const s3EvidenceVersions = (
  s3: S3Client,
  Bucket: string,
  retentionDays: number,
): EvidenceVersions => ({
  changesAfter: async function* (after) {
    const entries = new Map<string, Entry[]>();
    let KeyMarker: string | undefined = after === '' ? undefined : after;
    let VersionIdMarker: string | undefined;
    for (;;) {
      const page = await callAws('s3', 'ListObjectVersions', () =>
        s3.send(
          new ListObjectVersionsCommand({
            Bucket,
            ...(KeyMarker !== undefined && { KeyMarker }),
            ...(VersionIdMarker !== undefined && { VersionIdMarker }),
          }),
        ),
      );
      const listed = [
        ...(page.Versions ?? []).map((each) => ({ ...each, isMarker: false })),
        ...(page.DeleteMarkers ?? []).map((each) => ({ ...each, isMarker: true })),
      ];
      for (const { Key = '', VersionId = '', LastModified, isMarker } of listed)
        entries.set(Key, [
          ...(entries.get(Key) ?? []),
          { version: VersionId, at: LastModified?.getTime() ?? 0, isMarker },
        ]);
      const isLast = page.NextKeyMarker === undefined;
      // The versions of the last object can continue on the next page.
      const names = [...entries.keys()].filter((name) => isLast || name !== page.NextKeyMarker);
      const changed = names.flatMap((name) => changesOf(name, entries.get(name) ?? [], retentionDays));
      for (const name of names) entries.delete(name);
      const upTo = names.toSorted(byBytes).at(-1);
      if (upTo !== undefined) yield { upTo, changed };
      if (isLast) return;
      ({ NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page);
    }
  },
});

const changesOf = (
  name: string,
  entries: readonly Entry[],
  retentionDays: number,
): readonly ChangedObject[] => {
  const versions = entries.filter(({ isMarker }) => !isMarker).toSorted((a, b) => a.at - b.at);
  const [first] = versions;
  const newest = versions.at(-1);
  if (first === undefined || newest === undefined) return [];
  const expires = first.at + retentionDays * DAY_MS;
  return [
    ...(versions.length > 1 ? [{ name, change: 'overwritten' as const, version: newest.version }] : []),
    ...entries
      .filter(({ isMarker, at }) => isMarker && at < expires)
      .map(({ version }) => ({ name, change: 'hidden' as const, version })),
  ];
};

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
