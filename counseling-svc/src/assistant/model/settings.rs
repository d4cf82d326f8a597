//! Where the models are, and how patient to be with them.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::config::{Secret, Source};
use shared::proto::v1::AiModel;

use super::circuit::CircuitSettings;

/// A caller gives an assistant up after 45 seconds; an answer has to be there before.
const LONGEST_DEADLINE: Duration = Duration::from_secs(44);

/// How to reach a provider that speaks the chat completions protocol of OpenAI.
#[derive(Clone, Debug)]
pub struct ModelSettings {
    /// `MODEL_BASE_URL`: `chat/completions` is asked below it.
    pub base_url: http::Uri,
    /// `MODEL_API_KEY`: sent as a bearer token; a local server may need none.
    pub api_key: Option<Secret>,
    /// `MODEL_MAP`: what the provider calls each model.
    pub names: ModelNames,
    /// `MODEL_DEADLINE` (seconds): how long an answer may take, every attempt included.
    pub deadline: Duration,
    /// `MODEL_ATTEMPTS`: how often it is tried.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles after that.
    pub first_pause: Duration,
    /// When to stop asking for a while.
    pub circuit: CircuitSettings,
}

impl ModelSettings {
    /// A provider at this address, with every default.
    pub fn at(base_url: http::Uri) -> Self {
        Self {
            base_url,
            api_key: None,
            names: ModelNames::default(),
            deadline: Duration::from_secs(40),
            attempts: 3,
            first_pause: Duration::from_millis(250),
            circuit: CircuitSettings::default(),
        }
    }

    /// Reads the settings. `None` when something is missing or wrong, which `source` then knows; without
    /// `is_needed` nothing is missing.
    pub(crate) fn read(source: &mut Source, is_needed: bool) -> Option<Self> {
        const URL: &str = "model.base.url";
        let base_url = if is_needed {
            source.required(URL, "https://api.openai.com/v1")
        } else {
            source.optional::<http::Uri>(URL)
        };
        if let Some(url) = &base_url
            && !(matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
        {
            source.refuse(URL, "must begin with http:// or https:// and name a host");
        }
        let api_key = source.optional_secret("model.api.key", 1);
        if api_key.as_ref().is_some_and(|key| !key.expose().bytes().all(|byte| byte.is_ascii_graphic())) {
            source.refuse("model.api.key", "holds a character that no key has");
        }
        let names = ModelNames::read(source);
        let deadline = source.seconds("model.deadline", Duration::from_secs(40));
        if deadline.is_zero() || deadline > LONGEST_DEADLINE {
            source.refuse("model.deadline", "must be more than 0 and at most 44 seconds");
        }
        let attempts = source.or("model.attempts", 3);
        if !(1..=10).contains(&attempts) {
            source.refuse("model.attempts", "must be 1 to 10");
        }
        Some(Self { api_key, names, deadline, attempts, ..Self::at(base_url?) })
    }
}

/// What a provider calls the models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelNames(BTreeMap<AiModel, String>);

impl Default for ModelNames {
    /// The names at OpenAI, and at Google where Google's models are served in the same way.
    fn default() -> Self {
        let names = [
            (AiModel::Gpt35Turbo, "gpt-3.5-turbo"),
            (AiModel::Gpt4, "gpt-4"),
            (AiModel::Gpt4o, "gpt-4o"),
            (AiModel::Gpt4oMini, "gpt-4o-mini"),
            (AiModel::Gpt5Mini, "gpt-5-mini"),
            (AiModel::Gpt5, "gpt-5"),
            (AiModel::Gpt5Chat, "gpt-5-chat-latest"),
            (AiModel::Gemini25Flash, "gemini-2.5-flash"),
            (AiModel::Gemini25Pro, "gemini-2.5-pro"),
        ];
        Self(names.into_iter().map(|(model, name)| (model, name.to_owned())).collect())
    }
}

impl ModelNames {
    /// The same, with this model under this name.
    #[must_use]
    pub fn with(mut self, model: AiModel, name: &str) -> Self {
        self.0.insert(model, name.to_owned());
        self
    }

    /// The name of a model.
    pub(super) fn of(&self, model: AiModel) -> ModelName<'_> {
        ModelName(self.0.get(&model).map_or("gpt-4o-mini", String::as_str))
    }

    /// The defaults, with what `MODEL_MAP` says: `AI_MODEL_GPT_4O=gpt-4o,…`.
    fn read(source: &mut Source) -> Self {
        let mut names = Self::default();
        for pair in source.list("model.map") {
            let (label, name) = pair.split_once('=').unwrap_or((&pair, ""));
            let model = AiModel::from_str_name(label.trim()).filter(|model| *model != AiModel::Unspecified);
            match (model, name.trim()) {
                (None, _) => source
                    .refuse("model.map", &format!("{label} is not a model, e.g. AI_MODEL_GPT_4O=gpt-4o")),
                (_, "") => source.refuse("model.map", &format!("{label} has no name, e.g. {label}=gpt-4o")),
                (Some(model), name) => names = names.with(model, name),
            }
        }
        names
    }
}

/// A model, by the provider's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ModelName<'a>(pub(super) &'a str);

impl ModelName<'_> {
    /// Whether it lets its temperature be set: models that reason refuse it.
    pub(super) fn takes_temperature(self) -> bool {
        let name = self.last();
        let reasons = ["gpt-5", "o1", "o3", "o4"].iter().any(|family| name.starts_with(family));
        !reasons || name.contains("chat")
    }

    /// Whether it can be held to a JSON schema: models from before that refuse it.
    pub(super) fn takes_schema(self) -> bool {
        let name = self.last();
        !(name == "gpt-4" || name.starts_with("gpt-4-") || name.starts_with("gpt-3.5"))
    }

    /// The name without its maker, as in `openai/gpt-4o`.
    fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(variables: &[(&str, &str)]) -> Source {
        Source::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn every_model_has_a_name_and_the_map_changes_it() {
        let mut source = source(&[
            ("MODEL_BASE_URL", "http://127.0.0.1:11434/v1"),
            ("MODEL_MAP", "AI_MODEL_GPT_5=llama3.3:70b, AI_MODEL_GPT_4O=openai/gpt-4o"),
        ]);
        let settings = ModelSettings::read(&mut source, true).unwrap();
        source.finish(|| Some(())).unwrap();
        assert_eq!(settings.names.of(AiModel::Gpt5), ModelName("llama3.3:70b"));
        assert_eq!(settings.names.of(AiModel::Gpt4o), ModelName("openai/gpt-4o"));
        assert_eq!(settings.names.of(AiModel::Gemini25Pro), ModelName("gemini-2.5-pro"));
        assert_eq!(ModelNames::default().0.len(), 9);
        assert_eq!((settings.deadline, settings.attempts), (Duration::from_secs(40), 3));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut source = source(&[
            ("MODEL_API_KEY", "two words"),
            ("MODEL_MAP", "GPT_9=x,AI_MODEL_GPT_4O"),
            ("MODEL_DEADLINE", "90"),
            ("MODEL_ATTEMPTS", "0"),
        ]);
        ModelSettings::read(&mut source, true);
        let error = source.finish(|| Some(())).unwrap_err().to_string();
        for part in [
            "MODEL_BASE_URL is missing, e.g. MODEL_BASE_URL=https://api.openai.com/v1",
            "MODEL_API_KEY: holds",
            "MODEL_MAP: GPT_9 is not a model",
            "MODEL_MAP: AI_MODEL_GPT_4O has no name",
            "MODEL_DEADLINE: must be",
            "MODEL_ATTEMPTS: must be",
        ] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
        assert!(!error.contains("two words"), "{error}");
    }

    #[test]
    fn models_that_refuse_a_parameter_are_known() {
        let temperature = |name| ModelName(name).takes_temperature();
        assert!(!temperature("gpt-5") && !temperature("gpt-5-mini") && !temperature("openai/o3-mini"));
        assert!(temperature("gpt-4o") && temperature("gpt-5-chat-latest") && temperature("llama3"));
        let schema = |name| ModelName(name).takes_schema();
        assert!(!schema("gpt-4") && !schema("gpt-3.5-turbo") && !schema("gpt-4-turbo"));
        assert!(schema("gpt-4o-mini") && schema("gpt-4.1") && schema("gemini-2.5-pro"));
    }
}
