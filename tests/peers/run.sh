#!/usr/bin/env bash
# route-prof against servers that others wrote: llama.cpp for `openai` and `anthropic`, and LiteLLM in front of it for
# `anthropic`, `gemini` and `openai-responses`. What is not to be had is skipped with a line that says so.
#
#   tests/peers/run.sh [FOLDER]      # FOLDER keeps what is installed between runs; a temporary one by default
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
tiers="$root/../shared/local-tiers"
failed=0
pids=()
trap 'for pid in "${pids[@]:-}"; do [ -n "$pid" ] && kill "$pid" 2>/dev/null; done; [ -x "$tiers/stop.sh" ] && "$tiers/stop.sh" "$work/tiers" >/dev/null 2>&1' EXIT

skip() { echo "SKIP $1: $2"; }

bin="$root/target/debug/route-prof"
[ -x "$bin" ] || cargo build --locked --manifest-path "$root/Cargo.toml" || exit 1

# $1 name, $2 api, $3 base URL, $4 model, $5 more lines of the provider
check() {
  local folder="$work/project-$1"
  rm -rf "$folder"; mkdir -p "$folder/oracles"
  cat > "$folder/route-prof.toml" <<TOML
version = 1
[[tier]]
name = "only"
model = "peer/$4"
max_output_tokens = 16
context_window = 2048
[provider.peer]
api = "$2"
base_url = "$3"
data_location = "local"
limits = { concurrency = 2 }
${5:-}
[prices.model."peer/$4"]
input = 1
output = 2
[task.word]
oracle = "word@1"
TOML
  cat > "$folder/oracles/word@1.toml" <<TOML
id = "word@1"
description = "Any word"
[pattern]
regex = "[A-Za-z]"
[[example]]
output = "word"
verdict = "pass"
[[example]]
output = "1"
verdict = "fail"
TOML
  for n in 1 2 3 4 5 6; do
    echo "{\"id\": \"p$n\", \"task\": \"word\", \"system\": \"Answer with one word.\", \"prompt\": \"Which animal is number $n in your list?\"}"
  done > "$folder/corpus.jsonl"
  (cd "$folder" && "$bin" doctor) || { echo "FAIL $1: doctor"; failed=1; }
  for stream in on off; do
    local out
    out=$(cd "$folder" && "$bin" run corpus.jsonl --fresh --stream $stream --format json --quiet 2>"$folder/$stream.err")
    local code=$?
    local line
    line=$(printf '%s' "$out" | python3 -c '
import json, sys
s = json.load(sys.stdin); cell = s["tasks"][0]["cells"][0]
print("answered %d of %d, tokens in/out %s, first token %s, unpriced calls %d" % (
    s["run"]["answered"], s["run"]["trials"],
    (cell["tokens"] or {}).get("input_mean"), (cell["latency"] or {}).get("ttft_p50"), s["spend"]["unpriced"]))
sys.exit(0 if s["run"]["answered"] == 6 else 1)' 2>&1)
    if [ $? -eq 0 ] && [ $code -eq 0 ]; then echo "OK   $1, stream $stream: $line"; else
      echo "FAIL $1, stream $stream (exit $code): $line"; tail -5 "$folder/$stream.err"; failed=1; fi
  done
}

if [ ! -x "$tiers/serve.sh" ] && [ ! -f "$tiers/serve.sh" ]; then
  skip "llama.cpp" "there is no ../shared/local-tiers beside the project"
  skip "LiteLLM" "it needs a model server behind it"
  exit 0
fi
if ! PARALLEL=2 bash "$tiers/serve.sh" "$work/tiers" small > "$work/tiers.log" 2>&1; then
  skip "llama.cpp" "the server does not start ($(tail -1 "$work/tiers.log"))"
  exit 0
fi
model=smollm2-135m
check llama.cpp-openai openai http://127.0.0.1:8101/v1 $model
check llama.cpp-anthropic anthropic http://127.0.0.1:8101 $model 'api_version = "2023-06-01"'

if [ ! -x "$work/venv/bin/litellm" ]; then
  { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q --only-binary :all: 'litellm[proxy]==1.106.2'; } > "$work/pip.log" 2>&1
fi
if [ ! -x "$work/venv/bin/litellm" ]; then
  skip "LiteLLM" "it cannot be installed here ($(tail -1 "$work/pip.log" | cut -c1-100))"
  exit $failed
fi
cat > "$work/litellm.yaml" <<YAML
model_list:
  - model_name: $model
    litellm_params: {model: openai/$model, api_base: http://127.0.0.1:8101/v1, api_key: none}
litellm_settings: {drop_params: true, use_chat_completions_url_for_anthropic_messages: true}
YAML
# No key is needed on loopback, and no price list from elsewhere.
LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY=true \
  "$work/venv/bin/litellm" --config "$work/litellm.yaml" --port 8199 --host 127.0.0.1 > "$work/litellm.log" 2>&1 &
pids+=($!)
for _ in $(seq 1 90); do curl -sf -o /dev/null http://127.0.0.1:8199/health/liveliness && break; sleep 1; done
if ! curl -sf -o /dev/null http://127.0.0.1:8199/health/liveliness; then
  skip "LiteLLM" "it does not start ($(tail -1 "$work/litellm.log" | cut -c1-100))"
  exit $failed
fi
check litellm-openai openai http://127.0.0.1:8199/v1 $model
check litellm-anthropic anthropic http://127.0.0.1:8199 $model
check litellm-gemini gemini http://127.0.0.1:8199 $model 'api_version = "v1beta"'
check litellm-responses openai-responses http://127.0.0.1:8199/v1 $model

if command -v ollama >/dev/null; then skip "Ollama" "it is here, but nobody has taught this script to load a model into it"; else
  skip "Ollama" "it is not installed here"; fi
exit $failed
