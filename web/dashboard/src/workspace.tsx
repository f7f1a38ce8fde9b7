import { createContext, type ReactNode, useContext } from 'react';
import { type Role, roleSuffices } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { Workspace } from './api/queries.ts';

const Current = createContext<Workspace | undefined>(undefined);

export const WorkspaceProvider = ({
  workspace,
  children,
}: {
  readonly workspace: Workspace;
  readonly children: ReactNode;
}) => <Current value={workspace}>{children}</Current>;

/** The workspace that is open, with the role of the signed-in person in it. */
export const useWorkspace = (): Workspace & { readonly may: (required: Role) => boolean } => {
  const workspace = useContext(Current);
  if (workspace === undefined) throw new Error('There is no workspace here.');
  return { ...workspace, may: (required) => roleSuffices(workspace.role, required) };
};
