/**
 * The core of the strict emulators. It refuses requests that AWS refuses but a local engine would accept. Each service
 * adds a table of rules; everything else is shared.
 */

export interface Rule<Request> {
  /** AWS's requirement, as a sentence that is unique within a service. */
  readonly name: string;
  /** The page of AWS's documentation with the requirement. */
  readonly source: string;
  /** AWS's name of the error. @default 'ValidationException' */
  readonly error?: string;
  /** HTTP status of the error. @default 400 */
  readonly status?: number;
  /** AWS's message for a request that breaks the rule; undefined for every other request. */
  readonly refuses: (request: Request) => string | undefined;
}

/** An error as AWS would send it, and the rule behind it. */
export interface Refusal {
  readonly rule: string;
  readonly source: string;
  readonly error: string;
  readonly status: number;
  readonly message: string;
}

/** The first rule of the table that the request breaks; undefined when AWS would accept it. */
export const refusalOf = <Request>(
  rules: readonly Rule<Request>[],
  request: Request,
): Refusal | undefined => {
  for (const { name, source, error = 'ValidationException', status = 400, refuses } of rules) {
    const message = refuses(request);
    if (message !== undefined) return { rule: name, source, error, status, message };
  }
  return undefined;
};

/** Response headers that tell a developer why a request was refused; AWS's own response stays unchanged. */
export const refusalHeaders = ({ rule, source }: Refusal): Record<string, string> => ({
  'x-strict-rule': rule,
  'x-strict-source': source,
});

/** The form in which AWS reports a member that breaks a constraint of the service model. */
export const constraint = (member: string, value: unknown, demand: string): string =>
  `1 validation error detected: Value ${value === undefined ? 'null' : `'${String(value)}'`} at '${member}' failed to satisfy constraint: Member must ${demand}`;
