#!/usr/bin/env bash
# What action.yml runs: lint by the variables LINT_*, with annotations, and SARIF where it is asked for.
set -euo pipefail

arguments=(--fail-on "${LINT_FAIL_ON:-warning}")
[ -z "${LINT_LIVE:-}" ] || arguments+=(--live "$LINT_LIVE")
[ -z "${LINT_INTENT:-}" ] || arguments+=(--intent "$LINT_INTENT")
[ -z "${LINT_BASELINE:-}" ] || arguments+=(--baseline "$LINT_BASELINE")

paths=()
while IFS= read -r path; do
    [ -z "$path" ] || paths+=("$path")
done <<<"${LINT_PATH:-.}"

if [ -n "${LINT_SARIF:-}" ]; then
    # The status is that of the second run.
    reservations lint "${arguments[@]}" --format sarif -- "${paths[@]}" >"$LINT_SARIF" || [ $? -ne 2 ]
fi
reservations lint "${arguments[@]}" --format github -- "${paths[@]}"
