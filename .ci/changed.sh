# Sourced by .ci/run: which parts of a run a change needs.
#
# CI_BASE names the commit that the change is compared with, as a pull request's workflow sets it. Without it the base is
# where the branch left origin/main; where there is neither, nothing counts as changed and only the short forms run.
# `npm run nightly` runs every long form, whatever has changed.

base="${CI_BASE:-$(git merge-base HEAD origin/main 2> /dev/null || true)}"

# True where a path that differs from the base matches the pattern.
changed() {
  [ -n "$base" ] && git diff --name-only "$base" HEAD -- | grep -qE "$1"
}

# The proofs (test/support/long-forms.ts) whose long form the change needs.
long_forms() {
  local long=()
  if changed '^(test/e2e-custody/|lambdas/streams/|lambdas/(adapters/aws|domain|use-cases)/(audit|keys|sessions)/)'; then long+=(audit); fi
  if changed '^(test/custody/|lambdas/adapters/|lambdas/telemetry/|lambdas/(domain|use-cases)/keys/)'; then long+=(custody); fi
  if changed '^(test/faults/|lambdas/adapters/|lambdas/use-cases/(keys|sessions)/)'; then long+=(faults); fi
  if changed '^(test/hostile/|lambdas/(contract|http)/)'; then long+=(hostile); fi
  if changed '^(test/model/|lambdas/(domain|use-cases)/(keys|sessions|usage)/)'; then long+=(model); fi
  printf '%s' "${long[*]}"
}
