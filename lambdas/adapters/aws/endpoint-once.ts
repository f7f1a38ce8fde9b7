/** The part of an operation's context that the SDK's middleware writes. */
interface Context {
  readonly endpointV2?: object;
  readonly authSchemes?: readonly object[];
}
type Next = (args: object) => Promise<unknown>;
type Middleware = (next: Next, context: Context) => Next;
interface Options {
  readonly name?: string;
  readonly middleware?: Middleware;
}
interface Stack {
  concat(ofCommand: Stack): Stack;
  applyToStack(stack: object): void;
  addRelativeTo(middleware: Middleware, options: Options): void;
}

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
 * endpoint of DynamoDB and KMS follows from region, settings and environment, which do not change within a container. It
 * would also follow from the ARNs of tables if a client used the endpoints of accounts; document-client.ts does not.
 *
 * Each call throws an Error if the SDK no longer has a middleware of this name.
 */
export const endpointOnce = (client: { readonly middlewareStack: object }): void => {
  const clientStack = client.middlewareStack as Stack;
  const concat = clientStack.concat.bind(clientStack);
  const withReuse = (ofCommand: Stack): Stack => {
    const stack = concat(ofCommand);
    let found = false;
    ofCommand.applyToStack({
      add: () => undefined,
      addRelativeTo: (middleware: Middleware, options: Options) => {
        if (options.name !== NAME) return;
        found = true;
        const reusing = reuse(middleware);
        // The options of a copied entry contain its middleware, which a stack prefers.
        stack.addRelativeTo(reusing, { ...options, middleware: reusing });
      },
    });
    if (!found) throw new Error(`The SDK has no ${NAME} any more.`);
    return stack;
  };
  clientStack.concat = withReuse;
};
