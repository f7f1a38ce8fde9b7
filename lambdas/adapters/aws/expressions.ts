/** A write on the revision that it was computed from; 0: there is none yet. */
export const ifRevision = (revision: number) =>
  revision === 0
    ? { ConditionExpression: 'attribute_not_exists(pk)' }
    : { ConditionExpression: 'revision = :expected', ExpressionAttributeValues: { ':expected': revision } };
