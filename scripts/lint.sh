#!/usr/bin/env bash
# Every check of `make lint`; runs all of them, then says which failed.
set -u
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

failed=()
check() {
  local name=$1
  shift
  printf '%-22s' "$name"
  local output
  if output=$("$@" 2>&1); then
    echo ok
  else
    echo FAILED
    printf '%s\n' "$output"
    failed+=("$name")
  fi
}

check "format" ruff format --check --quiet .
check "lint" ruff check --quiet .
check "types" mypy
check "floors" lint-imports
check "risk docs" python -m scripts.generate_risk_docs --check
check "limit kinds" python -m scripts.generate_limit_kinds --check
check "broker docs" python -m scripts.generate_brokers_docs --check
check "grants" python -m scripts.generate_grants_docs --check
check "event schemas" python -m scripts.generate_event_schemas --check
check "OpenAPI document" python -m scripts.generate_openapi --check
check "API client" python -m scripts.generate_client --check
check "migrations" squawk --config .squawk.toml supabase/migrations/*.sql
check "TypeScript" npm --prefix local run --silent lint
check "dashboard" npm --prefix dashboard run --silent lint
check "edge functions" sh -c 'deno check --quiet local/edge/*.ts && cd supabase/functions && DENO_DIR=../../.tools/deno deno check --quiet */index.ts $(find . -name "*_test.ts")'
check "lock file" sh -c '! grep -nE "https?://|--find-links|--index-url" requirements.lock benchmarks/peers/requirements.lock'
check "edge lock file" sh -c '! grep -nE "https?://" supabase/functions/deno.lock'
check "npm lock file" sh -c '! grep -n "\"resolved\"" local/package-lock.json dashboard/package-lock.json'

if [ ${#failed[@]} -gt 0 ]; then
  printf 'failed: %s\n' "${failed[*]}"
  exit 1
fi
