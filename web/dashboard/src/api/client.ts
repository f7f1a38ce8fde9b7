import type * as z from 'zod';
import type { failure } from '../../../../lambdas/contract/common.ts';
import { type SignIn, SignInUnreachableError } from '../auth/sign-in.ts';
import { ApiFailure } from './failure.ts';
import {
  type BodyOf,
  CALLED,
  type CalledRoute,
  type DataOf,
  type PathOf,
  pathTo,
  type QueryOf,
} from './routes.ts';

type FailureAnswer = z.output<typeof failure>;

/** Parts that a route does not have may be left out; those it has may not. */
type Request<Id extends CalledRoute> = {
  readonly signal?: AbortSignal;
} & (keyof PathOf<Id> extends never ? { readonly path?: PathOf<Id> } : { readonly path: PathOf<Id> }) &
  (BodyOf<Id> extends undefined ? { readonly body?: undefined } : { readonly body: BodyOf<Id> }) &
  (QueryOf<Id> extends undefined ? { readonly query?: undefined } : { readonly query?: QueryOf<Id> });

/** A request of any route, once its own type has been checked. */
interface Outgoing {
  readonly path?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
}

export interface Api {
  /** The `data` of the answer, as the contract has it. Throws ApiFailure. */
  call<Id extends CalledRoute>(id: Id, request: Request<Id>): Promise<DataOf<Id>>;
  /** The same route as a CSV file, with the cursor of its next page. */
  csv<Id extends CalledRoute>(
    id: Id,
    request: Request<Id>,
  ): Promise<{ readonly text: string; readonly next: string | null }>;
}

export const createApi = (options: {
  readonly baseUrl: string;
  readonly accessToken: SignIn['accessToken'];
  /** The token is gone or was refused. */
  readonly onSignedOut: () => void;
}): Api => {
  const tokenOrFailure = async (use?: { readonly refused: string }): Promise<string> => {
    const token = await options.accessToken(use).catch((error: unknown) => {
      if (!(error instanceof SignInUnreachableError)) throw error;
      throw new ApiFailure('unreachable', 'The sign-in service could not be reached.', { status: 0 });
    });
    if (token !== undefined) return token;
    options.onSignedOut();
    throw new ApiFailure('unauthorized', 'You are signed out.', { status: 401 });
  };

  const send = async (
    id: CalledRoute,
    { path = {}, body, query, signal }: Outgoing,
    accept: string,
  ): Promise<Response> => {
    const { method, path: pattern } = CALLED[id];
    const asked = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== '');
    const search = new URLSearchParams(asked.map(([name, value]) => [name, String(value)]));
    const target = `${options.baseUrl}${pathTo(pattern, path)}${search.size > 0 ? `?${search}` : ''}`;
    const request = async (token: string): Promise<Response> =>
      fetch(target, {
        method,
        headers: {
          accept,
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal !== undefined && { signal }),
      }).catch((error: unknown) => {
        if (error instanceof DOMException && error.name === 'AbortError') throw error;
        throw new ApiFailure('unreachable', 'The service could not be reached.', { status: 0 });
      });
    const token = await tokenOrFailure();
    const first = await request(token);
    if (first.status === 401) {
      const refused = await failureOf(first.clone());
      if (refused.code === 'recent_sign_in_required') throw refused;
    }
    // A new signing key, or a clock that is off: a fresh token may pass where this one did not.
    const renewed = first.status === 401 ? await tokenOrFailure({ refused: token }) : token;
    const answer = renewed === token ? first : await request(renewed);
    if (answer.ok) return answer;
    const failed = await failureOf(answer);
    if (failed.status === 401) options.onSignedOut();
    throw failed;
  };

  return {
    call: async (id, request) => {
      const answer = await send(id, request as Outgoing, 'application/json');
      const { data } = await answer.json().catch(() => {
        throw unreadable(answer);
      });
      return data;
    },
    csv: async (id, request) => {
      const answer = await send(id, request as Outgoing, 'text/csv');
      return { text: await answer.text(), next: nextCursorOf(answer.headers.get('link')) };
    },
  };
};

/** The cursor of `Link: </v1/…?cursor=…>; rel="next"`. */
const nextCursorOf = (link: string | null): string | null => {
  const target = /^<([^>]*)>; rel="next"$/.exec(link ?? '')?.[1];
  return target === undefined ? null : new URL(target, window.location.origin).searchParams.get('cursor');
};

const failureOf = async (answer: Response): Promise<ApiFailure> => {
  const body = (await answer.json().catch(() => undefined)) as Partial<FailureAnswer> | undefined;
  if (body?.error === undefined) return unreadable(answer);
  const { code, message, request_id, retry_after, details } = body.error;
  return new ApiFailure(code, message, {
    status: answer.status,
    requestId: request_id,
    retryAfterSeconds: retry_after,
    details,
  });
};

/** API Gateway answers some refusals itself, in another shape; then only the status identifies the failure. */
const unreadable = (answer: Response): ApiFailure => {
  const requestId = answer.headers.get('x-request-id') ?? answer.headers.get('apigw-requestid') ?? undefined;
  const facts = { status: answer.status, requestId };
  if (answer.status === 401)
    return new ApiFailure(
      'unauthorized',
      'The access token is missing, expired or issued for another service. Sign in again.',
      facts,
    );
  if (answer.status === 429) return new ApiFailure('rate_limited', 'Too many requests.', facts);
  if (answer.status === 503)
    return new ApiFailure(
      'unavailable',
      'The service is temporarily unavailable. Try again in a few seconds.',
      facts,
    );
  return new ApiFailure(
    'unreadable',
    `The service sent a response that could not be read (${answer.status}).`,
    facts,
  );
};
