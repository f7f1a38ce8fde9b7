/** A refusal of the API, or of the network: then its code is `unreachable`. */
export class SpeloError extends Error {
  name = 'SpeloError';

  constructor(status, { code, message, request_id, retry_after, details = [] }) {
    super(message);
    this.status = status;
    this.code = code;
    this.requestId = request_id;
    this.retryAfter = retry_after;
    this.details = details;
  }
}

const urlOf = (baseUrl, pattern, path = {}, query = {}) => {
  const filled = pattern.replace(/\{(\w+)\}/g, (_, name) => {
    if (path[name] === undefined) throw new TypeError(`The path needs ${name}.`);
    return encodeURIComponent(path[name]);
  });
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
  return `${baseUrl.replace(/\/$/, '')}${filled}${search.size > 0 ? `?${search}` : ''}`;
};

const failureIn = async (response) => {
  const answer = await response.json().catch(() => undefined);
  return (
    answer?.error ?? { code: 'unreadable', message: `The API answered ${response.status} without an error.` }
  );
};

export const createClient = ({ baseUrl, accessToken, fetch = globalThis.fetch }) => ({
  call: async (operation, { path, query, headers, body, signal } = {}) => {
    const [method, pattern] = OPERATIONS[operation];
    const url = urlOf(baseUrl, pattern, path, query);
    const token = typeof accessToken === 'function' ? await accessToken() : accessToken;
    const response = await fetch(url, {
      method,
      signal,
      headers: {
        accept: 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    }).catch((error) => {
      if (signal?.aborted) throw error;
      throw new SpeloError(0, { code: 'unreachable', message: 'The API could not be reached.' });
    });
    if (!response.ok) throw new SpeloError(response.status, await failureIn(response));
    return (await response.json()).data;
  },
});
