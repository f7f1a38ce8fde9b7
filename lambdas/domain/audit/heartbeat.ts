/** The chain of heartbeats in place of a workspace. No workspace has such an id. */
export const HEARTBEAT_CHAIN = 'heartbeat';
