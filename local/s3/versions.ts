import { randomUUID } from 'node:crypto';
import type { ObjectStore } from './object-store.ts';

export interface ObjectVersion {
  readonly key: string;
  readonly version: string;
  readonly at: Date;
  readonly isMarker: boolean;
}

/** The objects of a bucket with versioning, and their known versions. */
export interface VersionedStore extends ObjectStore {
  /** Puts a delete marker over the object. */
  hide(key: string): void;
  /** By key in the order of bytes, then newest first. */
  versions(): readonly ObjectVersion[];
}

/**
 * Lists each put and each marker as a version. The bodies of earlier versions are not kept. Objects that the store had before have
 * one version, of the time when the bucket was opened.
 */
export const versioned = (store: ObjectStore, now: () => Date): VersionedStore => {
  const opened = now();
  const newest = (key: string, isMarker: boolean, at = now()): ObjectVersion => ({
    key,
    version: randomUUID().replaceAll('-', ''),
    at,
    isMarker,
  });
  const versions = new Map(store.keys().map((key) => [key, [newest(key, false, opened)]]));
  const add = (version: ObjectVersion): void => {
    versions.set(version.key, [version, ...(versions.get(version.key) ?? [])]);
  };
  const isHidden = (key: string): boolean => versions.get(key)?.[0]?.isMarker === true;
  return {
    put: (key, body) => {
      store.put(key, body);
      add(newest(key, false));
    },
    get: (key) => (isHidden(key) ? undefined : store.get(key)),
    keys: () => store.keys().filter((key) => !isHidden(key)),
    hide: (key) => add(newest(key, true)),
    versions: () =>
      [...versions.keys()]
        .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .flatMap((key) => versions.get(key) ?? []),
  };
};
