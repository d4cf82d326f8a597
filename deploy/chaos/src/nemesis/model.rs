//! The provider of models: for some time fine, then for some time in trouble.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use shared::testkit::{ModelAct, ModelProvider, ModelRequest};
use tokio::time::sleep;

use super::Faults;

/// How long counseling-svc waits for a whole answer, in seconds.
const DEADLINE: &str = "2";
/// What a model says that is well.
const ANSWER: [&str; 2] = ["그랬군요. ", "언제부터 잠이 안 왔어요?"];

/// How many requests trouble hits: some, or, once in a while, all, until counseling-svc gives the provider up for a while and
/// says something in place of the models.
const SHARES: [f64; 2] = [0.4, 1.0];
/// How often it is all of them.
const ALL: f64 = 0.08;

/// What happens to a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// The answer takes its time, and may come too late.
    Slow,
    /// The connection ends in the middle of the answer.
    Breaks,
    /// The answer ends too early, or does not end at all.
    Stops,
    /// The provider wants fewer requests.
    TooMany,
    /// The provider says that it failed.
    Fails,
    /// The provider says that it is overloaded.
    Overloaded,
    /// The answer is none.
    Nonsense,
}

const TROUBLES: [(Trouble, &str); 7] = [
    (Trouble::Slow, "a model answered slowly"),
    (Trouble::Breaks, "a model's answer was cut in the middle"),
    (Trouble::Stops, "a model's answer did not end as it should"),
    (Trouble::TooMany, "the models refused with 429"),
    (Trouble::Fails, "the models failed with 500"),
    (Trouble::Overloaded, "the models failed with 529"),
    (Trouble::Nonsense, "a model answered with nonsense"),
];

/// A time in which the same happens.
#[derive(Clone, Copy)]
struct Spell {
    trouble: Trouble,
    /// What it is counted as.
    what: &'static str,
    /// Of the requests.
    share: f64,
}

const FINE: Spell = Spell { trouble: Trouble::None, what: "", share: 0.0 };

/// See above.
pub struct Models {
    provider: ModelProvider,
    spell: Arc<Mutex<Spell>>,
    faults: Faults,
}

impl Models {
    /// Models that are fine.
    pub async fn start(seed: u64, faults: Faults) -> Self {
        let mut chance = StdRng::seed_from_u64(seed.rotate_left(32));
        let spell = Arc::new(Mutex::new(FINE));
        let (current, counted) = (spell.clone(), faults.clone());
        let director = move |request: ModelRequest| {
            let Spell { trouble, what, share } = *current.lock().unwrap_or_else(PoisonError::into_inner);
            if !chance.random_bool(share) {
                return ModelAct::Say(answer(&request));
            }
            counted.count(what);
            act(trouble, answer(&request), &mut chance)
        };
        let provider = ModelProvider::directed(director).await;
        Self { provider, spell, faults }
    }

    /// What counseling-svc finds them by.
    pub fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("ASSISTANT", "model".to_owned()),
            ("MODEL_BASE_URL", self.provider.base_url.to_string()),
            ("MODEL_DEADLINE", DEADLINE.to_owned()),
        ]
    }

    /// Fine and in trouble in turn, until faults are over.
    pub async fn disturb(&self, mut chance: StdRng) {
        let set = |spell| *self.spell.lock().unwrap_or_else(PoisonError::into_inner) = spell;
        while !self.faults.are_over() {
            set(FINE);
            sleep(Duration::from_millis(chance.random_range(200..1500))).await;
            let (trouble, what) = TROUBLES[chance.random_range(0..TROUBLES.len())];
            let share = SHARES[usize::from(chance.random_bool(ALL))];
            set(Spell { trouble, what, share });
            sleep(Duration::from_millis(chance.random_range(200..1500))).await;
        }
        set(FINE);
    }
}

/// What is well said to a request.
fn answer(request: &ModelRequest) -> Vec<String> {
    if request.body.get("response_format").is_none() {
        return ANSWER.map(str::to_owned).to_vec();
    }
    let schema = &request.body["response_format"]["json_schema"]["schema"];
    let fields = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let told = fields.iter().filter_map(Value::as_str).map(|field| {
        let told = match field {
            "risk_kind" => json!("RISK_KIND_NONE"),
            "risk_severity" => json!(0),
            _ => Value::Null,
        };
        (field.to_owned(), told)
    });
    vec![Value::Object(told.collect()).to_string()]
}

fn act(trouble: Trouble, parts: Vec<String>, chance: &mut StdRng) -> ModelAct {
    let begun = parts[..1].to_vec();
    match trouble {
        Trouble::None => ModelAct::Say(parts),
        Trouble::Slow => ModelAct::SaySlowly(Duration::from_millis(chance.random_range(20..600)), parts),
        Trouble::Breaks => ModelAct::Break(begun),
        Trouble::Stops => match chance.random_range(0..4) {
            0 => ModelAct::Hang,
            1 => ModelAct::Stall(begun),
            2 => ModelAct::End(begun, "length"),
            _ => ModelAct::Stop(begun),
        },
        Trouble::TooMany => match chance.random_range(0..3) {
            0 => ModelAct::too_many("retry-after", "60"),
            1 => ModelAct::too_many("retry-after-ms", "100"),
            _ => ModelAct::fail(429, "insufficient_quota"),
        },
        Trouble::Fails => ModelAct::fail(500, "server_error"),
        Trouble::Overloaded => ModelAct::fail(529, "overloaded_error"),
        Trouble::Nonsense => match chance.random_range(0..4) {
            0 => ModelAct::say(&[" "]),
            1 => ModelAct::Raw("data: {\"choices\": 7}\n\n"),
            2 => ModelAct::Raw("\u{feff}: nothing\n\n"),
            _ => ModelAct::Body("text/html", "<p>maintenance</p>"),
        },
    }
}
