import { describe, expect, it } from '@jest/globals';
import { ConflictError, DependencyUnavailableError } from '../../lambdas/domain/dependency.ts';

describe('the error of a failed dependency', () => {
  it('contains only names and a request ID', () => {
    const error = new DependencyUnavailableError('kms', 'Decrypt', 'ThrottlingException', 'req-1');
    expect({ ...error, message: error.message }).toStrictEqual({
      name: 'DependencyUnavailableError',
      dependency: 'kms',
      operation: 'Decrypt',
      errorName: 'ThrottlingException',
      requestId: 'req-1',
      message: 'kms Decrypt failed: ThrottlingException',
    });
    expect(error.cause).toBeUndefined();
  });

  it('is not used when another writer was first', () => {
    const error = new ConflictError();
    expect(error).not.toBeInstanceOf(DependencyUnavailableError);
    expect([error.name, error.message]).toEqual(['ConflictError', 'The item changed in between.']);
  });
});
