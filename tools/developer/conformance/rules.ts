import { dynamoDbRules } from '../../../local/strict/dynamodb/rules.ts';
import { DYNAMODB_CASES } from '../../../test/local/strict/dynamodb-cases.ts';
import { startStrictTables } from '../../../test/local/strict/dynamodb-requests.ts';

/** The result of an engine for one rule of DynamoDB: it refuses with AWS's message or another one, or accepts. */
export interface RuleLine {
  readonly rule: string;
  readonly verdict: 'same' | 'other words' | 'accepts';
  /** The engine's own message; empty if nothing differs. */
  readonly note: string;
}

/** Sends the engine every request that breaks a rule of DynamoDB; creates the tables `things` and `binaries` in it. */
export const compareRules = async (endpoint: string): Promise<readonly RuleLine[]> => {
  const tables = await startStrictTables(endpoint);
  try {
    const lines: RuleLine[] = [];
    for (const { name, error = 'ValidationException' } of dynamoDbRules) {
      const line = { verdict: 'same' as RuleLine['verdict'], note: '' };
      for (const [call, message] of DYNAMODB_CASES[name]?.(tables) ?? []) {
        const answer = await tables.send(call);
        if (answer.status < 300) Object.assign(line, { verdict: 'accepts', note: call[0] });
        else if (line.verdict === 'same' && (answer.error !== error || answer.message !== message))
          Object.assign(line, { verdict: 'other words', note: `${answer.error}: ${answer.message}` });
      }
      lines.push({ rule: name, ...line });
    }
    return lines;
  } finally {
    await tables.close();
  }
};
