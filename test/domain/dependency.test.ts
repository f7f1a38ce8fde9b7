import { describe, expect, it } from '@jest/globals';
import { ConflictError, DependencyUnavailableError } from '../../lambdas/domain/dependency.ts';

describe('a service that does not do what was asked', () => {
  it('is told by names and an id alone', () => {
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

  it('is none if another writer was first', () => {
    const error = new ConflictError();
    expect(error).not.toBeInstanceOf(DependencyUnavailableError);
    expect([error.name, error.message]).toEqual(['ConflictError', 'The item changed in between.']);
  });
});
