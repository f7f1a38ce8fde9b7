#!/usr/bin/env bash
# bash docs/guides/pipeline/gate.sh STAGE: shows `cdk diff`, and ends with 1 if a resource with data would be removed,
# orphaned or replaced. For a change that is meant, deploy that stack by hand.
set -euo pipefail
stage=${1:?Give the stage.}
differences=$(mktemp)
npx cdk diff --all --method=template -c "stage=$stage" 2>&1 | tee "$differences"
data='AWS::(DynamoDB::Table|KMS::Key|KMS::ReplicaKey|Cognito::UserPool|S3::Bucket|CloudTrail::Trail)( |$)'
# `[-]` removes a resource; `replace` and `orphan` stand behind its name.
if sed 's/\x1b\[[0-9;]*m//g' "$differences" | grep -E "^(\[-\] $data|\[[~+]\] $data.*(replace|orphan))"; then
  echo "Stopped: the resources above hold data." >&2
  exit 1
fi
