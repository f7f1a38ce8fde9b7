/** Signs a person in at the page of the local issuer, as a browser does, and returns the address of the redirect. */
export const submitSignIn = async (authorizeUrl: string, sub: string): Promise<string> => {
  const page = await fetch(authorizeUrl);
  // The address after redirects is the page's own.
  const shown = new URL(page.url);
  const answer = await fetch(`${shown.origin}${shown.pathname}`, {
    method: 'POST',
    body: new URLSearchParams([...shown.searchParams, ['sub', sub]]),
    redirect: 'manual',
  });
  const location = answer.headers.get('location');
  if (location === null) throw new Error(`The sign-in page answered ${answer.status}.`);
  return location;
};
