import type { Extras } from './extras/index.ts';

/** File and integrity of the extras; the build inserts them. */
declare const SPELO_EXTRAS: readonly [file: string, integrity: string];

let loading: Promise<Extras | undefined> | undefined;

/**
 * Loads the extras from the folder of `script`, checked by their integrity; undefined if that fails. The browser checks
 * the preload, and `import()` takes the module that the preload left: a page's policy has to allow only the folder.
 */
export const loadExtrasBeside = (script: string, nonce: string | undefined): Promise<Extras | undefined> => {
  loading ??= load(script, nonce).then((extras) => {
    // Another try, later, may work.
    if (extras === undefined) loading = undefined;
    return extras;
  });
  return loading;
};

const load = async (script: string, nonce: string | undefined): Promise<Extras | undefined> => {
  const link = document.createElement('link');
  // A browser that cannot preload modules would not check the integrity either.
  if (script === '' || !link.relList.supports('modulepreload')) return undefined;
  const [file, integrity] = SPELO_EXTRAS;
  const { href } = new URL(file, script);
  Object.assign(link, { rel: 'modulepreload', crossOrigin: 'anonymous', integrity, href });
  if (nonce) link.nonce = nonce;
  try {
    await new Promise((resolve, reject) => {
      link.onload = resolve;
      link.onerror = reject;
      document.head.append(link);
    });
    const module: { readonly extras: Extras } = await import(href);
    return module.extras;
  } catch {
    return undefined;
  } finally {
    link.remove();
  }
};
