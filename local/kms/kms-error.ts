const STATUS_OF_SERVER_FAULT = new Map([
  ['KMSInternalException', 500],
  ['KeyUnavailableException', 500],
  ['DependencyTimeoutException', 503],
]);

/** An error as KMS answers one: a name the SDK turns into the exception class, and a text without key material. */
export class KmsError extends Error {
  override readonly name: string;
  readonly statusCode: number;

  constructor(name: string, message: string, statusCode = STATUS_OF_SERVER_FAULT.get(name) ?? 400) {
    super(message);
    this.name = name;
    this.statusCode = statusCode;
  }
}
