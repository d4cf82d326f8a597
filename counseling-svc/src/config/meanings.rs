//! What the variables mean that counseling-svc alone reads.

use shared::config::reference::Meaning;

/// Of counseling-svc.
pub const MEANINGS: &[Meaning] = &[
    Meaning::of("ASSISTANT", "who answers: `offline`, or `model`: [a real model](deployment.md#a-real-model)"),
    Meaning::of("MODEL_BASE_URL", "a provider of chat completions, e.g. `https://api.openai.com/v1`; required with `ASSISTANT=model`"),
    Meaning::of("MODEL_API_KEY", "the provider's key; a local server may need none"),
    Meaning::of("MODEL_MAP", "what the provider calls the models of prompt versions: `AI_MODEL_GPT_4O=gpt-4o,…`; what is left out keeps its default")
        .otherwise("the names at OpenAI and Google"),
    Meaning::of("MODEL_DEADLINE", "that an answer may take, every attempt included; at most 44"),
    Meaning::of("MODEL_ATTEMPTS", "how often an answer is tried"),
    Meaning::of("RISK_SEVERITY", "from 1 (somebody is worried) to 5 (it may happen now): from here on a danger leads the answer, whatever the technique"),
];
