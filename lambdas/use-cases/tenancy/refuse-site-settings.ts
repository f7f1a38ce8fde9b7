import { BrokerError, type BrokerErrorDetail } from '../../domain/broker-error.ts';
import { wildcardParentOf } from '../../domain/tenancy/origin.ts';
import { modelFault } from '../../domain/tenancy/site-model.ts';
import type { PublicSuffixes } from '../ports/tenancy.ts';

/**
 * Throws `invalid_request` with one sentence per fault for settings that a site cannot have: a model that is shut down or
 * holds no Realtime conversation, a wildcard over a domain that many owners share.
 */
export const refuseSiteSettings = (
  settings: {
    /** undefined: not changed. */
    readonly model?: string | undefined;
    readonly allowedOrigins?: readonly string[] | undefined;
  },
  suffixes: PublicSuffixes,
  now: Date,
): void => {
  const details = [...modelDetails(settings.model, now), ...originDetails(settings.allowedOrigins, suffixes)];
  if (details.length > 0) throw new BrokerError('invalid_request', { details });
};

const modelDetails = (model: string | undefined, now: Date): readonly BrokerErrorDetail[] => {
  const fault = model === undefined ? undefined : modelFault(model, now);
  return fault === undefined ? [] : [{ path: 'model', message: fault }];
};

const originDetails = (
  origins: readonly string[] = [],
  suffixes: PublicSuffixes,
): readonly BrokerErrorDetail[] =>
  origins.flatMap((origin, index) => {
    const parent = wildcardParentOf(origin);
    if (parent === undefined || !suffixes.isShared(parent)) return [];
    return [
      {
        path: `allowed_origins.${index}`,
        message: `${origin} covers sites of other owners, who could use your key: anyone can register a name below ${parent}. Register your own host, for example https://your-site.${parent}.`,
      },
    ];
  });
