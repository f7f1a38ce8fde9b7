/** Source and detail types of the events that this product puts on a bus. Rules of the infrastructure match on them. */
export const EVENT_SOURCE = 'spelo.byok';
export const ANOMALY_DETECTED = 'SpeloByok Anomaly Detected';
export const PLAN_THRESHOLD_REACHED = 'SpeloByok Plan Threshold Reached';
export const ROTATION_REQUESTED = 'SpeloByok Rotation Requested';
