/** The command cannot continue. The message is for the operator; `next` is the next step. */
export class DeployStop extends Error {
  override readonly name = 'DeployStop';
  readonly next: string;

  constructor(message: string, next: string) {
    super(message);
    this.next = next;
  }
}

/** The name and the status of an error of the AWS SDK; empty for any other error. */
export const awsErrorOf = (error: unknown): { readonly name: string; readonly message: string } =>
  error instanceof Error ? { name: error.name, message: error.message } : { name: '', message: '' };
