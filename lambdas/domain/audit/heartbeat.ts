/** The ID of the heartbeats' chain. No workspace has such an id. */
export const HEARTBEAT_CHAIN = 'heartbeat';
