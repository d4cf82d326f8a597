//! A provider of payments to develop and test against: a small HTTP server of its own, with a page for the payer.
//!
//! It works in two steps, as Toss Payments does: the payer agrees on its page, and the merchant collects. The number of
//! the card decides what happens; see [`Behaviour`]. It remembers payments in a journal, one line of JSON for each
//! change, so that it knows them after a restart.

mod journal;
mod notices;
mod page;
mod server;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::Error;
use shared::config::Secret;
use shared::shutdown::Shutdown;
use tokio::net::TcpListener;

use journal::Journal;
use notices::Notifier;

/// The header that a notice is signed in.
pub const SIGNATURE: &str = "sandbox-signature";

/// How the sandbox is run.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What merchants show.
    pub key: Secret,
    /// What notices are signed with.
    pub notice_secret: Secret,
    /// Where notices go, if anywhere.
    pub notice_url: Option<String>,
    /// Where it keeps its journal, if anywhere.
    pub journal: Option<PathBuf>,
    /// How long slow and late answers take.
    pub patience: Duration,
}

/// What a card does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Behaviour {
    /// Pays.
    #[default]
    Pays,
    /// Is declined when the merchant collects.
    Declines,
    /// Pays, and every notice is sent three times.
    NoticesTwice,
    /// Pays, and the notices come in the wrong order.
    NoticesOutOfOrder,
    /// Pays, after a while.
    Slow,
    /// Pays, but the answer to the merchant comes too late.
    AnswersLate,
    /// Pays, and the notice comes before the answer.
    NoticeFirst,
    /// Pays while the payer is there, and is declined when it is charged again later.
    PaysOnce,
}

/// The numbers of cards, what they do, and what the page says of them.
pub const CARDS: [(&str, Behaviour, &str); 8] = [
    ("4242424242424242", Behaviour::Pays, "pays"),
    ("4000000000000002", Behaviour::Declines, "is declined"),
    ("4000000000000101", Behaviour::NoticesTwice, "pays; every notice is sent three times"),
    ("4000000000000119", Behaviour::NoticesOutOfOrder, "pays; notices come in the wrong order"),
    ("4000000000000127", Behaviour::Slow, "pays after a while"),
    ("4000000000000135", Behaviour::AnswersLate, "pays; the merchant hears of it too late"),
    ("4000000000000143", Behaviour::NoticeFirst, "pays; the notice comes before the answer"),
    ("4000000000000341", Behaviour::PaysOnce, "pays; is declined when a pass is renewed"),
];

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The payer has not agreed yet.
    Ready,
    /// The payer has agreed; the merchant may collect.
    Authorized,
    Paid,
    Declined,
    Canceled,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub order_id: String,
    pub name: String,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    #[serde(default)]
    pub return_url: Option<String>,
    pub status: Status,
    /// What shows the merchant that the payer has agreed.
    #[serde(default)]
    pub payment_key: Option<String>,
    #[serde(default)]
    pub failure: Option<String>,
    /// What was given back, by the merchant's ids.
    #[serde(default)]
    pub refunds: BTreeMap<String, i64>,
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Whether the card is to be charged again later.
    #[serde(default)]
    pub keep_card: bool,
    /// What charges it again.
    #[serde(default)]
    pub billing_key: Option<String>,
}

/// A sandbox at work.
pub struct Sandbox {
    /// Where it listens.
    pub address: SocketAddr,
    shop: Arc<Shop>,
    shutdown: Shutdown,
}

/// What its handlers need.
struct Shop {
    payments: Mutex<Payments>,
    settings: SandboxSettings,
    address: SocketAddr,
    notifier: Notifier,
}

struct Payments {
    records: HashMap<String, Record>,
    journal: Journal,
}

impl Sandbox {
    /// Starts it.
    ///
    /// # Errors
    /// When the address is in use or the journal cannot be read.
    pub async fn start(settings: SandboxSettings) -> Result<Self, Error> {
        let (journal, records) = Journal::open(settings.journal.as_deref())
            .map_err(|error| Error::internal(format!("the sandbox's journal cannot be read: {error}")))?;
        let listen = settings.listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Error::internal(format!("SANDBOX_ADDR {listen} cannot be listened on: {error}"))
        })?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let shutdown = Shutdown::default();
        let notifier = Notifier::new(&settings, shutdown.clone())?;
        let payments = Mutex::new(Payments { records, journal });
        let shop = Arc::new(Shop { payments, settings, address, notifier });
        let router = server::router(shop.clone());
        let ends = shutdown.clone();
        shutdown.spawn(async move {
            let serve = axum::serve(listener, router);
            // Whoever waits for a late answer waits no longer.
            tokio::select! {
                () = ends.begun() => {}
                result = async { serve.await } => if let Err(error) = result {
                    tracing::error!(%error, "the sandbox is no longer served");
                },
            }
        });
        tracing::info!(%address, "the sandbox of payments is ready");
        Ok(Self { address, shop, shutdown })
    }

    /// Where it listens, as an address of the web.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every payment that it knows.
    pub fn records(&self) -> Vec<Record> {
        self.shop.payments().records.values().cloned().collect()
    }

    /// Agrees to pay for an order, as a payer does on the page: the payment's key.
    pub fn agree(&self, order_id: &str, card: &str) -> Option<String> {
        self.shop.agree(order_id, card).ok().and_then(|record| record.payment_key)
    }

    /// Lets a card that was kept end like another one from now on, as when a payer's bank changes its mind; false when
    /// there is none.
    pub fn replace_card(&self, billing_key: &str, card: &str) -> bool {
        let known = CARDS.iter().find(|(number, ..)| *number == card);
        known.is_some_and(|(_, behaviour, _)| self.shop.replace_card(billing_key, *behaviour))
    }

    /// Stops it. Notices that were not taken yet are lost.
    pub async fn stop(self) {
        self.shutdown.finish(Duration::from_secs(2)).await;
    }
}

/// Why it does not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    code: &'static str,
    message: String,
}

fn refusal(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { code, message: message.into() }
}

impl Shop {
    /// Nothing that holds the lock can leave a record half-changed, so a panic there changes nothing.
    fn payments(&self) -> MutexGuard<'_, Payments> {
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, order_id: &str) -> Result<Record, Refusal> {
        let record = self.payments().records.get(order_id).cloned();
        record.ok_or_else(|| refusal("NOT_FOUND", "there is no payment of this order"))
    }

    /// Changes a record; what is refused stays as it was.
    fn change(
        &self,
        order_id: &str,
        change: impl FnOnce(&mut Record) -> Result<(), Refusal>,
    ) -> Result<Record, Refusal> {
        let mut payments = self.payments();
        let known = payments.records.get(order_id);
        let known = known.ok_or_else(|| refusal("NOT_FOUND", "there is no payment of this order"))?;
        let mut record = known.clone();
        change(&mut record)?;
        if record != *known {
            payments.journal.write(&record);
            payments.records.insert(order_id.to_owned(), record.clone());
        }
        Ok(record)
    }

    fn create(&self, record: Record) -> Result<Record, Refusal> {
        let mut payments = self.payments();
        if let Some(known) = payments.records.get(&record.order_id) {
            let is_same = (known.amount, &known.currency) == (record.amount, &record.currency);
            let other = || refusal("OTHER_PAYMENT", "the order has another payment");
            return is_same.then(|| known.clone()).ok_or_else(other);
        }
        payments.journal.write(&record);
        payments.records.insert(record.order_id.clone(), record.clone());
        Ok(record)
    }

    /// Charges a card that was kept, once for an order.
    fn charge(&self, billing_key: &str, mut record: Record) -> Result<Record, Refusal> {
        let mut payments = self.payments();
        if let Some(known) = payments.records.get(&record.order_id) {
            return Ok(known.clone());
        }
        let kept = |known: &&Record| known.keep_card && known.billing_key.as_deref() == Some(billing_key);
        let kept = payments.records.values().find(kept);
        let kept = kept.ok_or_else(|| refusal("NOT_FOUND", "there is no such billing key"))?;
        record.behaviour = kept.behaviour;
        record.billing_key = Some(billing_key.to_owned());
        record.payment_key = Some(format!("pay_{}", shared::id::new_id()));
        if record.behaviour == Behaviour::PaysOnce {
            record.status = Status::Declined;
            record.failure = Some("the card was declined".to_owned());
        }
        payments.journal.write(&record);
        payments.records.insert(record.order_id.clone(), record.clone());
        Ok(record)
    }

    /// Whatever is charged to this card from now on ends like this.
    fn replace_card(&self, billing_key: &str, behaviour: Behaviour) -> bool {
        let kept: Vec<_> = {
            let payments = self.payments();
            let of_key =
                |record: &&Record| record.keep_card && record.billing_key.as_deref() == Some(billing_key);
            payments.records.values().filter(of_key).map(|record| record.order_id.clone()).collect()
        };
        kept.iter().all(|order_id| {
            let changed = self.change(order_id, |record| {
                record.behaviour = behaviour;
                Ok(())
            });
            changed.is_ok()
        }) && !kept.is_empty()
    }

    /// The payer agrees.
    fn agree(&self, order_id: &str, card: &str) -> Result<Record, Refusal> {
        let number: String = card.chars().filter(char::is_ascii_digit).collect();
        let known = CARDS.iter().find(|(card, ..)| *card == number);
        let (_, behaviour, _) =
            known.ok_or_else(|| refusal("UNKNOWN_CARD", "this is none of the sandbox's cards"))?;
        let record = self.change(order_id, |record| {
            if !matches!(record.status, Status::Ready | Status::Authorized) {
                return Err(refusal("ENDED", "this payment has ended"));
            }
            record.status = Status::Authorized;
            record.behaviour = *behaviour;
            record.payment_key.get_or_insert_with(|| format!("pay_{}", shared::id::new_id()));
            if record.keep_card {
                record.billing_key.get_or_insert_with(|| format!("bill_{}", shared::id::new_id()));
            }
            Ok(())
        })?;
        self.notifier.tell("payment.authorized", &record);
        Ok(record)
    }
}
