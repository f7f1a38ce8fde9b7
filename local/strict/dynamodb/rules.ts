import type { Rule } from '../rule.ts';
import { expressionRules } from './expression-rules.ts';
import { groupRules } from './group-rules.ts';
import { keyRules } from './key-rules.ts';
import type { DynamoDbRequest } from './request.ts';
import { settingsRules } from './settings-rules.ts';
import { streamRules } from './stream-rules.ts';

/** Requests that DynamoDB refuses and the local engine accepts, or refuses with another message. */
export const dynamoDbRules: readonly Rule<DynamoDbRequest>[] = [
  ...groupRules,
  ...keyRules,
  ...expressionRules,
  ...settingsRules,
  ...streamRules,
];
