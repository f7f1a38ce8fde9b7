/** A signal that aborts with another, and after a time at the latest. */
export const deadline = (signal: AbortSignal | undefined, timeoutMs: number): AbortSignal => {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  setTimeout(abort, timeoutMs);
  return controller.signal;
};
