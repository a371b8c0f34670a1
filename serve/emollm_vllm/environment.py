"""Environment variables of the processes of vLLM: those that `emollm serve` and the engine in this process set for them."""

# What a process of vLLM reads of ours.
MODEL = "EMOLLM_MODEL"  # the model that sees
TALKER = "EMOLLM_TALKER"  # folder of the merged talker; unset or empty: no talker is served
PRIOR = "EMOLLM_PRIOR"  # of requests that do not say
HUNG_AFTER = "EMOLLM_HUNG_AFTER"  # seconds without a sign of life after which an engine is ended; 0: never
GATE = "EMOLLM_GATE"  # limits of the gate, JSON
WORKERS = "EMOLLM_WORKERS"  # measuring processes; set by the operator

# What holds unless the environment says otherwise.
PREFERRED = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GB; a face's prompt and answer take about 500 tokens
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}
# What holds in any case: the second model runner takes logits processors of another kind than plugin/witness.py.
NEEDED = {"VLLM_USE_V2_MODEL_RUNNER": "0"}
