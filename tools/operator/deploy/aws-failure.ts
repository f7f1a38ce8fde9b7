import { awsErrorOf, DeployStop } from './stop.ts';

/** The part of an SDK client that is needed to name its failures. */
interface FailingClient {
  readonly middlewareStack: {
    add(
      middleware: (
        next: (args: { input: object }) => Promise<{ response: unknown; output: object }>,
        context: { readonly clientName?: string; readonly commandName?: string },
      ) => (args: { input: object }) => Promise<{ response: unknown; output: object }>,
      options: { readonly step: 'initialize'; readonly name: string },
    ): void;
  };
}

interface FailedCall {
  readonly service: string;
  readonly call: string;
  readonly region: string;
}

/** The call that caused each error of the SDK. The errors themselves do not name it. */
const failedCalls = new WeakMap<Error, FailedCall>();

/** The same client; `stopOfAwsError` can name the service, the call and the region of each of its errors. */
export const namingFailures = <Client extends FailingClient>(client: Client, region: string): Client => {
  client.middlewareStack.add(
    (next, { clientName = '', commandName = '' }) =>
      async (args) => {
        try {
          return await next(args);
        } catch (error) {
          if (error instanceof Error)
            failedCalls.set(error, {
              service: clientName.replace(/Client$/, ''),
              call: commandName.replace(/Command$/, ''),
              region,
            });
          throw error;
        }
      },
    { step: 'initialize', name: 'namingFailures' },
  );
  return client;
};

const statusOf = (error: Error): string => {
  const status: unknown = Object(Object(error)['$metadata'])['httpStatusCode'];
  return typeof status === 'number' ? ` (HTTP ${status})` : '';
};

/** The cause in words, and the next step. The SDK reports an unreadable response as a SyntaxError of its parser. */
const explain = (error: Error): readonly [cause: string, next: string] => {
  const { name, message } = awsErrorOf(error);
  if (/Credentials?Provider|CredentialsError|ExpiredToken/i.test(name))
    return [
      'the AWS credentials are missing or have expired',
      'Sign in again with the AWS CLI, then run the same command again.',
    ];
  if (/AccessDenied|Unauthorized|NotAuthorized/i.test(name))
    return [
      `${name}: ${message}`,
      'Use administrator credentials, or allow this call. Then run the same command again.',
    ];
  if (/Throttl|TooManyRequests/i.test(name))
    return [`${name}: ${message}`, 'Wait a minute, then run the same command again.'];
  if (name === 'SyntaxError' || /deserialization/i.test(message))
    return [
      `the response did not come from AWS${statusOf(error)}`,
      'A proxy or AWS_ENDPOINT_URL may have answered instead of AWS. Check both, then run the same command again.',
    ];
  return [
    `${name}: ${message}${statusOf(error)}`,
    'Check the network and the status of AWS in this region, then run the same command again.',
  ];
};

/** Runs the work. Throws DeployStop with service, call, region and cause in place of an error of the AWS SDK. */
export const explainingAwsErrors = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    const failed = error instanceof Error ? failedCalls.get(error) : undefined;
    if (failed === undefined || !(error instanceof Error)) throw error;
    const [cause, next] = explain(error);
    throw new DeployStop(`${failed.service} ${failed.call} failed in ${failed.region}: ${cause}`, next);
  }
};
