import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { HttpRequest, type HttpResponse } from '@smithy/core/protocols';
import { getSchemaSerdePlugin } from '@smithy/core/schema';
import { SERVICE_VERSION } from '../../contract/version.ts';

interface Context {
  readonly endpointV2: { readonly url: URL };
  readonly __smithy_context: { readonly operationSchema: readonly [number, string, string] };
}
interface Args {
  readonly input: object;
}
interface Answer {
  readonly response: HttpResponse;
  readonly output?: object;
}
type Next<Given> = (args: Given) => Promise<Answer>;
type Middleware<Given> = (next: Next<Given>, context: Context) => (args: Args) => Promise<Answer>;

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html */
const CONTENT_TYPE = 'application/x-amz-json-1.0';
const TARGET = 'DynamoDB_20120810';

/** The input is already in DynamoDB's JSON format and becomes the body unchanged. */
const serialize: Middleware<Args & { readonly request: HttpRequest }> = (next, context) => {
  const [, , operation] = context.__smithy_context.operationSchema;
  return (args) => {
    const { protocol, hostname, port, pathname } = context.endpointV2.url;
    const body = JSON.stringify(args.input);
    const headers = {
      'content-type': CONTENT_TYPE,
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': `spelo-byok/${SERVICE_VERSION}`,
      'x-amz-target': `${TARGET}.${operation}`,
    };
    const place = { protocol, hostname, path: pathname, ...(port !== '' && { port: Number(port) }) };
    return next({ ...args, request: new HttpRequest({ method: 'POST', ...place, headers, body }) });
  };
};

/** The JSON of a successful response is the output, unchanged. The SDK parses an error into the class of its name. */
const deserialize =
  (ofSdk: Middleware<Args>): Middleware<Args> =>
  (next, context) =>
  async (args) => {
    const answer = await next(args);
    const { response } = answer;
    if (response.statusCode >= 300) return ofSdk(async () => answer, context)(args);
    // A view of the bytes: Buffer.from(bytes) would copy them.
    const { buffer, byteOffset, byteLength }: Uint8Array = response.body;
    const output = JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString());
    output.$metadata = {
      httpStatusCode: response.statusCode,
      requestId: response.headers['x-amzn-requestid'],
    };
    return { response, output };
  };

/**
 * Replaces the SDK's serializer and deserializer, which walk the schema of each input and output and copy the whole
 * configuration, and its user agent, which is built for each call. Input and output are then in DynamoDB's JSON format:
 * binary values are base64.
 */
export const jsonSerde = ({ config, middlewareStack }: DynamoDBClient): void => {
  const ofSdk = new Map<string, Middleware<Args>>();
  getSchemaSerdePlugin(config as never).applyToStack({
    add: (middleware: Middleware<Args>, { name }: { readonly name: string }) => ofSdk.set(name, middleware),
  } as never);
  const deserializerOfSdk = ofSdk.get('deserializerMiddleware');
  if (deserializerOfSdk === undefined || !ofSdk.has('serializerMiddleware'))
    throw new Error('The SDK has no serializer and deserializer of these names any more.');
  middlewareStack.add(serialize as never, {
    name: 'serializerMiddleware',
    step: 'serialize',
    override: true,
  });
  middlewareStack.add(deserialize(deserializerOfSdk) as never, {
    name: 'deserializerMiddleware',
    step: 'deserialize',
    override: true,
  });
  middlewareStack.remove('getUserAgentMiddleware');
  middlewareStack.remove('contentLengthMiddleware');
};
