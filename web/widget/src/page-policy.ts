import { Failure } from './strings.ts';

/** Origins that the page's own Content-Security-Policy kept the browser from. */
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

/** Remembers from now on which hosts the page's policy blocks. */
export const watchPolicy = (): void =>
  document.addEventListener('securitypolicyviolation', ({ disposition, blockedURI }) => {
    if (disposition === 'enforce') blocked.add(originOf(blockedURI));
  });

/** Throws the failure that a visitor cannot mend where the page's policy is why a request to `url` failed. */
export const throwIfBlocked = async (url: string): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, VIOLATION_MS));
  const origin = originOf(url);
  if (blocked.has(origin))
    throw new Failure({ code: 'page_policy' }, 'content_security_policy', ['connect_src', origin]);
};

/** Throws where the page or its frame forbids the microphone, which no visitor can change. */
export const throwIfMicrophoneForbidden = (): void => {
  const { featurePolicy } = document as { featurePolicy?: { allowsFeature(name: string): boolean } };
  if (featurePolicy?.allowsFeature('microphone') === false)
    throw new Failure({ code: 'page_policy' }, 'permissions_policy', ['permissions_policy']);
};
