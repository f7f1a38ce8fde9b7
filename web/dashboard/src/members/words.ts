import type { Role } from '../../../../lambdas/domain/tenancy/workspace.ts';

export const RIGHTS: Readonly<Record<Role, string>> = {
  viewer: 'Sees sites, usage and the masked key. Changes nothing.',
  admin: 'Also changes sites and keys: store, test, rotate, suspend, delete.',
  owner:
    'Also manages members, billing mode and settings, sees the audit trail, and can delete the workspace.',
};

export const roleName = (role: Role): string => role.charAt(0).toUpperCase() + role.slice(1);

/** True for an owner without whom the workspace would have none: the API refuses to remove them or to change their role. */
export const isLastOwner = (
  { role }: { readonly role: Role },
  members: readonly { readonly role: Role }[],
): boolean => role === 'owner' && members.filter((member) => member.role === 'owner').length === 1;

/** The most telling name of a person: their own, else the address, else the user ID. */
export const personName = ({
  sub,
  name,
  email,
}: {
  readonly sub: string;
  readonly name: string | null;
  readonly email: string | null;
}): string => name ?? email ?? sub;
