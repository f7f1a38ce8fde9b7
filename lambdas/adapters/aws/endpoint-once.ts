import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { KMSClient } from '@aws-sdk/client-kms';

type Stack = DynamoDBClient['middlewareStack'] | KMSClient['middlewareStack'];

/** What the SDK's middleware writes into the context of an operation. */
interface Context {
  readonly endpointV2?: object;
  readonly authSchemes?: readonly object[];
}
type Next = (args: object) => Promise<unknown>;
type Middleware = (next: Next, context: Context) => Next;

const NAME = 'endpointV2Middleware';

/**
 * The first call of an operation finds the endpoint with the SDK's rule set and parameters; later calls reuse it. An endpoint
 * that has its own rules for signing is found with each call, because the SDK passes these rules on with each call.
 */
const reuse =
  (ofSdk: Middleware): Middleware =>
  (next, context) => {
    const find = ofSdk(next, context);
    return (args) =>
      context.endpointV2 !== undefined && context.authSchemes === undefined ? next(args) : find(args);
  };

/**
 * Lets each operation of a client find its endpoint once, where the client keeps the resolved middleware of an operation. The
 * endpoint of DynamoDB and KMS follows from region, settings and environment, which do not change within a container.
 * It would also follow from the ARNs of tables if a client used the endpoints of accounts; document-client.ts does not.
 *
 * Each call throws an Error if the SDK has no middleware of this name any more.
 */
export const endpointOnce = ({ middlewareStack }: { readonly middlewareStack: Stack }): void => {
  const concat = middlewareStack.concat as (ofCommand: Stack) => Stack;
  const withReuse = (ofCommand: Stack): Stack => {
    const stack = concat(ofCommand);
    let found = false;
    ofCommand.applyToStack({
      add: () => undefined,
      addRelativeTo: (middleware: Middleware, options: { readonly name?: string }) => {
        if (options.name !== NAME) return;
        found = true;
        stack.addRelativeTo(reuse(middleware) as never, options as never);
      },
    } as never);
    if (!found) throw new Error(`The SDK has no ${NAME} any more.`);
    return stack;
  };
  Object.assign(middlewareStack, { concat: withReuse });
};
