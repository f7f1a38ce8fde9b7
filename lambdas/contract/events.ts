/** `source` of every event that this service puts on the bus. */
export const EVENT_SOURCE = 'spelo.byok';

/** `detail-type` of each event. Rules of the infrastructure match these names, and the code uses them for its events. */
export const EVENTS = {
  anomalyDetected: 'SpeloByok Anomaly Detected',
  /** A table was changed by something other than the product. */
  tamperingDetected: 'SpeloByok Tampering Detected',
  /** CloudTrail, the audit trail, its archive and the last checkpoint do not agree. */
  recordsDiffer: 'SpeloByok Records Differ',
  planThresholdReached: 'SpeloByok Plan Threshold Reached',
  /** A budget has reached 50, 80 or 100 % of its amount. */
  budgetThresholdReached: 'SpeloByok Budget Threshold Reached',
  rotationRequested: 'SpeloByok Rotation Requested',
  /** The model of a site shuts down in 60, 30 or 7 days. */
  modelRetiring: 'SpeloByok Model Retiring',
  /** A site was moved from a model that shuts down to its successor. */
  modelMoved: 'SpeloByok Model Moved',
} as const;
