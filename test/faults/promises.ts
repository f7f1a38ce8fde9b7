/** Broken promises, one line each; empty when all were kept. */
export const brokenIn = async (
  promise: string,
  look: () => void | Promise<void>,
): Promise<readonly string[]> => {
  try {
    await look();
    return [];
  } catch (error) {
    return [`${promise}: ${plain((error as Error).message)}`];
  }
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colours of a failed expectation.
const plain = (message: string): string => message.replaceAll(/\u001b\[\d+m/g, '').replaceAll(/\s+/g, ' ');
