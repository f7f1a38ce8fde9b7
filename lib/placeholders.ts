/** A setting that still has the value which cdk.json ships with. */
export interface Placeholder {
  /** As in `domain.certificateArn` or `edge.acceptedDigests.0`. */
  readonly path: string;
  /** The end of a sentence that begins with the path. */
  readonly says: string;
}

const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  // Reserved names without an owner: https://www.rfc-editor.org/rfc/rfc2606
  [/(?:^|[@./])example(?:\.(?:com|net|org))?(?![\w.-]*\w)/i, 'is still a name under example.com'],
  // The account of AWS's own documentation.
  [/(?<!\d)111122223333(?!\d)/, 'still names the account 111122223333'],
  [/^0{64}$/, 'is still the digest of zeros'],
];

/** Every setting below `settings` that is still a placeholder, with its path and without its value. */
export const placeholdersIn = (settings: unknown, path: readonly string[] = []): readonly Placeholder[] => {
  if (typeof settings === 'string') {
    const found = PLACEHOLDERS.find(([pattern]) => pattern.test(settings));
    return found === undefined ? [] : [{ path: path.join('.'), says: found[1] }];
  }
  if (typeof settings !== 'object' || settings === null) return [];
  return Object.entries(settings).flatMap(([name, value]) => placeholdersIn(value, [...path, name]));
};
