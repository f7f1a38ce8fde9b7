/** The pages of AWS's documentation that the rules cite. */
const GUIDE = 'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide';
const API = 'https://docs.aws.amazon.com/amazondynamodb/latest/APIReference';

export const DATA_TYPES = `${GUIDE}/HowItWorks.NamingRulesDataTypes.html`;
export const KEY_CONDITIONS = `${GUIDE}/Query.KeyConditionExpressions.html`;
export const CONDITIONS = `${GUIDE}/Expressions.OperatorsAndFunctions.html`;
export const LIMITS = `${GUIDE}/Constraints.html`;
export const EXPRESSION_LIMITS = `${GUIDE}/Constraints.html#limits-expression-parameters`;
export const KEY_LIMITS = `${GUIDE}/Constraints.html#limits-partition-sort-keys`;
export const ATTRIBUTE_LIMITS = `${GUIDE}/Constraints.html#limits-attributes`;
export const PAGINATION = `${GUIDE}/Query.Pagination.html`;
export const GLOBAL_INDEXES = `${GUIDE}/GSI.html#GSI.Projections`;
export const api = (operation: string): string => `${API}/API_${operation}.html`;
export const streamsApi = (operation: string): string => `${API}/API_streams_${operation}.html`;
