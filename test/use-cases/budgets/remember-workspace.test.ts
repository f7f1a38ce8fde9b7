import { expect, it } from '@jest/globals';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import { rememberWorkspace } from '../../../lambdas/use-cases/budgets/remember-workspace.ts';
import { aWorkspace, NOW, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { DOWN } from './budget-fixture.ts';

const OTHER_ID = 'o'.repeat(12) as WorkspaceId;

const remembering = () => {
  const reads: string[] = [];
  const state = { nowMs: NOW.getTime(), isDown: false };
  const { readWorkspace } = rememberWorkspace(
    {
      readWorkspace: async (workspaceId) => {
        reads.push(workspaceId);
        if (state.isDown) throw DOWN;
        return aWorkspace({ workspaceId });
      },
    },
    () => new Date(state.nowMs),
  );
  return { reads, state, readWorkspace };
};

it('A workspace is read once a minute, and another one at once', async () => {
  const { reads, state, readWorkspace } = remembering();
  for (const ms of [0, 59_999]) {
    state.nowMs = NOW.getTime() + ms;
    expect((await readWorkspace(WORKSPACE_ID))?.workspaceId).toBe(WORKSPACE_ID);
  }
  expect(reads).toEqual([WORKSPACE_ID]);
  state.nowMs = NOW.getTime() + 60_000;
  await readWorkspace(WORKSPACE_ID);
  expect((await readWorkspace(OTHER_ID))?.workspaceId).toBe(OTHER_ID);
  expect(reads).toEqual([WORKSPACE_ID, WORKSPACE_ID, OTHER_ID]);
});

it('A read of a workspace that fails is not remembered', async () => {
  const { reads, state, readWorkspace } = remembering();
  state.isDown = true;
  await expect(readWorkspace(WORKSPACE_ID)).rejects.toBe(DOWN);
  state.isDown = false;
  await readWorkspace(WORKSPACE_ID);
  expect(reads).toHaveLength(2);
});
