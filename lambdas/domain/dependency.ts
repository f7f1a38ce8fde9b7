/** Services that we depend on. `oidc` is the issuer of the operators' access tokens, `s3` holds the archive of the audit trail. */
export type Dependency = 'kms' | 'dynamodb' | 'oidc' | 's3' | 'eventbridge' | 'sqs' | 'lambda' | 'ses';

/**
 * A service did not execute a call: it was throttled, broken, slow or denied. The request fails closed. Contains
 * names and ids only; the SDK's own error, with its messages and sockets, is not kept as a cause.
 */
export class DependencyUnavailableError extends Error {
  override readonly name = 'DependencyUnavailableError';
  readonly dependency: Dependency;
  readonly operation: string;
  readonly errorName: string;
  readonly requestId: string | undefined;

  constructor(dependency: Dependency, operation: string, errorName: string, requestId?: string) {
    super(`${dependency} ${operation} failed: ${errorName}`);
    this.dependency = dependency;
    this.operation = operation;
    this.errorName = errorName;
    this.requestId = requestId;
  }
}

/** The state on which a write was conditional had changed: another writer was first. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  constructor() {
    super('The item changed in between.');
  }
}
