/**
 * Generated parts of documents. A bench writes between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`. Text that
 * follows from the code is between `<!-- generated:NAME -->` and `<!-- /generated:NAME -->`.
 */

const blockOf = (name: string): RegExp =>
  new RegExp(`(<!-- (?:bench|generated):${name} -->\\n)[\\s\\S]*?(<!-- /(?:bench|generated):${name} -->)`);

/** The document with these blocks replaced. A block that the document does not have is an error. */
export const writeBlocks = (
  document: string,
  blocks: Readonly<Record<string, readonly string[]>>,
): string => {
  let written = document;
  for (const [name, lines] of Object.entries(blocks)) {
    if (!blockOf(name).test(written)) throw new Error(`There is no block for ${name}.`);
    written = written.replace(blockOf(name), (_, begin: string, end: string) =>
      [begin, ...lines.map((line) => `${line}\n`), end].join(''),
    );
  }
  return written;
};

/** The lines of a block. */
export const readBlock = (document: string, name: string): readonly string[] => {
  const [, content] = new RegExp(
    `<!-- (?:bench|generated):${name} -->\\n([\\s\\S]*?)<!-- /(?:bench|generated):${name} -->`,
  ).exec(document) ?? ['', ''];
  return (content ?? '').split('\n').slice(0, -1);
};
