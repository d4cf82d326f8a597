//! The configuration of counseling-svc.

mod meanings;

use std::fmt::{self, Display};
use std::str::FromStr;

pub use meanings::MEANINGS;
use shared::config::{ConfigError, Source};
use shared::service::ServiceConfig;

use crate::assistant::ModelSettings;

/// Where counseling-svc listens unless it is told otherwise.
const PORT: u16 = 50052;

/// What counseling-svc needs to know.
#[derive(Clone, Debug)]
pub struct CounselingConfig {
    /// What every service needs to know.
    pub service: ServiceConfig,
    /// `ASSISTANT`: who answers.
    pub assistant: AssistantConfig,
    /// `RISK_SEVERITY`, 1 to 5: from here on a danger leads the answer, whatever the technique.
    pub risk_severity: u8,
}

/// Who answers.
#[derive(Clone, Debug)]
pub enum AssistantConfig {
    /// `offline`: the counselor made of rules.
    Offline,
    /// `model`: a large language model.
    Model(ModelSettings),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Offline,
    Model,
}

impl Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Offline => "offline",
            Self::Model => "model",
        })
    }
}

impl FromStr for Kind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "offline" => Ok(Self::Offline),
            "model" => Ok(Self::Model),
            _ => Err("must be offline or model"),
        }
    }
}

impl CounselingConfig {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Names every key that is missing or wrong.
    pub fn read(mut source: Source) -> Result<Self, ConfigError> {
        let service = ServiceConfig::collect(&mut source, PORT);
        let kind = source.or("assistant", Kind::Offline);
        // Read in any case: a file may hold these keys while the offline counselor answers.
        let model = ModelSettings::read(&mut source, kind == Kind::Model);
        let risk_severity = source.or("risk.severity", DEFAULT_RISK_SEVERITY);
        if !(1..=5).contains(&risk_severity) {
            source.refuse("risk.severity", "must be 1 to 5");
        }
        source.finish(|| {
            let assistant = match kind {
                Kind::Offline => AssistantConfig::Offline,
                Kind::Model => AssistantConfig::Model(model?),
            };
            Some(Self { service: service?, assistant, risk_severity })
        })
    }
}

/// Thoughts of dying, but no plan: from there on, care comes first.
const DEFAULT_RISK_SEVERITY: u8 = 3;

impl From<ServiceConfig> for CounselingConfig {
    /// The defaults of everything that only counseling-svc has.
    fn from(service: ServiceConfig) -> Self {
        Self { service, assistant: AssistantConfig::Offline, risk_severity: DEFAULT_RISK_SEVERITY }
    }
}

impl AsRef<ServiceConfig> for CounselingConfig {
    fn as_ref(&self) -> &ServiceConfig {
        &self.service
    }
}

#[cfg(test)]
mod tests {
    use shared::keys::SigningKey;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<CounselingConfig, ConfigError> {
        let key = SigningKey::generate().verifying().to_pem().unwrap();
        let common = [("DATABASE_URL", "sqlite::memory:"), ("MESH_VERIFYING_KEYS", key.as_str())];
        let all = common.iter().chain(more);
        CounselingConfig::read(Source::new(
            all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        ))
    }

    #[test]
    fn the_offline_counselor_answers_unless_a_model_is_asked_for() {
        let config = read(&[]).unwrap();
        assert!(matches!(config.assistant, AssistantConfig::Offline));
        assert_eq!(config.risk_severity, 3);
        let model =
            [("ASSISTANT", "model"), ("MODEL_BASE_URL", "http://127.0.0.1:11434/v1"), ("RISK_SEVERITY", "2")];
        let config = read(&model).unwrap();
        assert!(matches!(&config.assistant, AssistantConfig::Model(settings) if settings.api_key.is_none()));
        assert_eq!(config.risk_severity, 2);
    }

    #[test]
    fn every_wrong_key_is_named() {
        let error = read(&[("ASSISTANT", "oracle"), ("RISK_SEVERITY", "9")]).unwrap_err().to_string();
        for part in ["ASSISTANT: must be offline or model", "RISK_SEVERITY: must be 1 to 5"] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
        let error = read(&[("ASSISTANT", "model")]).unwrap_err().to_string();
        assert!(error.contains("MODEL_BASE_URL is missing"), "{error}");
    }

    #[test]
    fn the_key_is_never_shown() {
        let model =
            [("ASSISTANT", "model"), ("MODEL_BASE_URL", "http://x"), ("MODEL_API_KEY", "sk-very-secret")];
        assert!(!format!("{:?}", read(&model).unwrap()).contains("sk-very"));
    }
}
