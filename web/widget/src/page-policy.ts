import { Failure } from './strings.ts';

/** Origins that the page's Content-Security-Policy has blocked. */
const blocked = new Set<string>();
/** The event of a violation may come after the failed request. */
const VIOLATION_MS = 100;

const originOf = (url: string): string => {
  try {
    return new URL(url, location.href).origin;
  } catch {
    return url;
  }
};

/** Starts to record the hosts that the page's policy blocks. */
export const watchPolicy = (): void =>
  document.addEventListener('securitypolicyviolation', ({ disposition, blockedURI }) => {
    if (disposition === 'enforce') blocked.add(originOf(blockedURI));
  });

/** Throws if the page's policy blocked a request to `url`: a visitor cannot fix that. */
export const throwIfBlocked = async (url: string): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, VIOLATION_MS));
  const origin = originOf(url);
  if (blocked.has(origin))
    throw new Failure({ code: 'page_policy' }, 'content_security_policy', ['connect_src', origin]);
};

/** Throws if the page or its frame forbids the microphone: a visitor cannot fix that. */
export const throwIfMicrophoneForbidden = (): void => {
  const { featurePolicy } = document as { featurePolicy?: { allowsFeature(name: string): boolean } };
  if (featurePolicy?.allowsFeature('microphone') === false)
    throw new Failure({ code: 'page_policy' }, 'permissions_policy', ['permissions_policy']);
};
