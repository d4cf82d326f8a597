//! When danger is told of, and when it leads the answer.

use shared::Error;
use shared::proto::v1;

use crate::assistant::{Protocol, Risk, RiskKind, RiskScreen};
use crate::contexts::domain::Context;

/// From which severity on a danger is told to others and answered by the safety protocol.
#[derive(Clone, Debug)]
pub struct RiskPolicy {
    severity: u8,
    screen: RiskScreen,
}

impl RiskPolicy {
    /// `severity` is 1, somebody is worried, to 5, it may happen now.
    pub fn new(severity: u8, screen: RiskScreen) -> Self {
        Self { severity, screen }
    }

    /// Whether others are told.
    pub fn is_grave(&self, risk: Risk) -> bool {
        risk.severity >= self.severity
    }

    /// The danger that the words of a message speak of, whatever an assistant makes of them.
    pub fn heard_in(&self, message: &str) -> Option<Risk> {
        self.screen.screen(message)
    }

    /// What the answer to a message is led by, given what was known of the counsel before.
    pub fn protocol(&self, message: &str, known: &Context) -> Protocol {
        match graver(self.heard_in(message), risk_in(known)) {
            Some(risk) if self.is_grave(risk) => Protocol::Safety(risk),
            _ => Protocol::Technique,
        }
    }
}

/// The graver of two dangers.
pub fn graver(one: Option<Risk>, other: Option<Risk>) -> Option<Risk> {
    [one, other].into_iter().flatten().max_by_key(|risk| risk.severity)
}

/// The danger in a context.
pub fn risk_in(context: &Context) -> Option<Risk> {
    let severity = u8::try_from(context.risk_severity?).ok().filter(|severity| *severity > 0)?;
    Some(Risk { kind: kind_of(context.risk_kind?)?, severity })
}

/// The danger in a row.
///
/// # Errors
/// [`Error::Internal`] when the severity is none.
pub fn risk_of_row(kind: v1::RiskKind, severity: i32) -> Result<Option<Risk>, Error> {
    let severity = u8::try_from(severity).map_err(Error::internal)?;
    Ok(kind_of(kind).map(|kind| Risk { kind, severity }))
}

/// The label of a kind of danger.
pub fn label(kind: RiskKind) -> v1::RiskKind {
    match kind {
        RiskKind::SelfHarm => v1::RiskKind::SelfHarm,
        RiskKind::HarmToOthers => v1::RiskKind::HarmToOthers,
        RiskKind::Abuse => v1::RiskKind::Abuse,
    }
}

fn kind_of(label: v1::RiskKind) -> Option<RiskKind> {
    match label {
        v1::RiskKind::SelfHarm => Some(RiskKind::SelfHarm),
        v1::RiskKind::HarmToOthers => Some(RiskKind::HarmToOthers),
        v1::RiskKind::Abuse => Some(RiskKind::Abuse),
        v1::RiskKind::None | v1::RiskKind::Unspecified => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(kind: v1::RiskKind, severity: i32) -> Context {
        Context { risk_kind: Some(kind), risk_severity: Some(severity), ..Context::default() }
    }

    #[test]
    fn danger_leads_the_answer_from_the_configured_severity_on() {
        let policy = RiskPolicy::new(3, RiskScreen::new().unwrap());
        let calm = Context::default();
        assert_eq!(policy.protocol("I am tired of work.", &calm), Protocol::Technique);
        let Protocol::Safety(heard) = policy.protocol("I want to kill myself tonight.", &calm) else {
            panic!("danger is heard")
        };
        assert_eq!(heard.kind, RiskKind::SelfHarm);
        let earlier = Protocol::Safety(Risk { kind: RiskKind::Abuse, severity: 4 });
        assert_eq!(policy.protocol("he is home now", &known(v1::RiskKind::Abuse, 4)), earlier);
        assert_eq!(policy.protocol("he is home now", &known(v1::RiskKind::Abuse, 2)), Protocol::Technique);
        assert_eq!(policy.protocol("hello", &known(v1::RiskKind::None, 5)), Protocol::Technique);
    }

    #[test]
    fn the_graver_danger_counts() {
        let risk = |severity| Risk { kind: RiskKind::SelfHarm, severity };
        assert_eq!(graver(Some(risk(2)), Some(risk(4))), Some(risk(4)));
        assert_eq!(graver(None, Some(risk(1))), Some(risk(1)));
        assert_eq!(graver(None, None), None);
    }
}
