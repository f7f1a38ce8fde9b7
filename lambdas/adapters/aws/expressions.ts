/** The condition that an item still has the revision from which the write was computed; 0 if there is no item yet. */
export const ifRevision = (revision: number) =>
  revision === 0
    ? { ConditionExpression: 'attribute_not_exists(pk)' }
    : { ConditionExpression: 'revision = :expected', ExpressionAttributeValues: { ':expected': revision } };
