import { getDomain, getPublicSuffix } from 'tldts';
import type { PublicSuffixes } from '../../use-cases/ports/tenancy.ts';

const PRIVATE_TOO = { allowPrivateDomains: true } as const;

/**
 * Domains of hosting companies whose customers have names two or more labels below, as in `bucket.s3.amazonaws.com`. The
 * list has the suffixes below these names, not the names.
 */
const HOSTING = new Set(['amazonaws.com', 'amazonaws.com.cn', 'azure.com', 'windows.net', 'on.aws']);

/**
 * Domains directly below which anybody can have a site, but which are missing in the list: site and shop builders,
 * online code editors, and caches that serve other sites' pages.
 */
const SITE_BUILDERS = new Set([
  'ampproject.org',
  'b-cdn.net',
  'bigcartel.com',
  'canva.site',
  'cdn.ampproject.org',
  'codesandbox.io',
  'ghost.io',
  'github.dev',
  'app.github.dev',
  'gitpod.io',
  'glide.page',
  'glitch.me',
  'godaddysites.com',
  'googleusercontent.com',
  'gradio.live',
  'hubspotpagebuilder.com',
  'jimdosite.com',
  'mybigcommerce.com',
  'mykajabi.com',
  'mystrikingly.com',
  'podia.com',
  'sharepoint.com',
  'softr.app',
  'squarespace.com',
  'stackblitz.io',
  'strikingly.com',
  'substack.com',
  'teachable.com',
  'thinkific.com',
  'tumblr.com',
  'weebly.com',
  'wordpress.com',
  'zendesk.com',
]);

/**
 * The Public Suffix List (https://publicsuffix.org) as the library `tldts` ships it, with the private part: `github.io` and
 * `myshopify.com` are on it, like `co.uk`. It is as old as the installed version of the library.
 */
export const publicSuffixList: PublicSuffixes = {
  isShared: (host) => {
    const isSuffix = (name: string): boolean => getPublicSuffix(name, PRIVATE_TOO) === name;
    // A rule `*.example.com` makes every domain below example.com a suffix.
    const hasSuffixesBelow = isSuffix(`any-label.${host}`);
    const owner = getDomain(host, PRIVATE_TOO);
    return (
      isSuffix(host) || hasSuffixesBelow || SITE_BUILDERS.has(host) || (owner !== null && HOSTING.has(owner))
    );
  },
};
