import { ApiFailure } from '../api/failure.ts';
import { formatCode } from './format.ts';

/**
 * Refuses to replace what another person changed since the form showed it.
 *
 * @param fields the fields of the form that the other person changed too
 * @throws ApiFailure `changed_meanwhile`, once for each change: the next attempt replaces it.
 */
export const refuseOverwrite = (fields: readonly string[]): void => {
  if (fields.length === 0) return;
  const names = fields.map((field) => formatCode(field).toLowerCase()).join(', ');
  throw new ApiFailure('changed_meanwhile', `Another person changed this while you edited it: ${names}.`, {
    status: 409,
  });
};
