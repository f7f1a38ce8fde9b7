/** The parts that a request of an operation has; those without a required field may be left out. */
export type RequestOf<Id extends keyof Operations> = {
  readonly [Part in 'path' | 'query' | 'headers' | 'body' as Operations[Id][Part] extends undefined
    ? never
    : Record<never, never> extends Operations[Id][Part]
      ? never
      : Part]: Operations[Id][Part];
} & {
  readonly [Part in 'path' | 'query' | 'headers' | 'body' as Operations[Id][Part] extends undefined
    ? never
    : Record<never, never> extends Operations[Id][Part]
      ? Part
      : never]?: Operations[Id][Part];
} & { readonly signal?: AbortSignal };

/** A refusal of the API, or of the network: then its code is `unreachable` and its status 0. */
export declare class SpeloError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  readonly details: readonly { readonly path: string; readonly message: string }[];
}

export interface ClientOptions {
  /** Origin of the API. */
  readonly baseUrl: string;
  /** The OIDC access token, or a function that returns a fresh one; not needed for public operations. */
  readonly accessToken?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
  readonly fetch?: typeof globalThis.fetch;
}

export interface Client {
  /** Returns the `data` of the answer. Throws a `SpeloError`. */
  call<Id extends keyof Operations>(
    operation: Id,
    ...request: Record<never, never> extends RequestOf<Id> ? [RequestOf<Id>?] : [RequestOf<Id>]
  ): Promise<Operations[Id]['data']>;
}

export declare const createClient: (options: ClientOptions) => Client;
