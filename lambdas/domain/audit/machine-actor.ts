/**
 * True for a name that the audit trail gives to actors who are no person: `visitor`, API tokens, functions and operators'
 * commands. An issuer whose users choose their `sub` must not let one of them act under such a name.
 */
export const isMachineActor = (sub: string): boolean =>
  sub === 'visitor' || /^(?:token:tok_|operator:|system:[a-z-]+$)/.test(sub);
