//! The configuration of payment-svc.

mod meanings;
mod providers;

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use shared::config::{ConfigError, Secret, Source};
use shared::proto::v1::PaymentProvider;
use shared::service::ServiceConfig;

pub use self::meanings::MEANINGS;
pub use self::providers::{StripeConfig, TossConfig};
use self::providers::{read_stripe, read_toss};
use crate::orders::commands::OrderSettings;
use crate::providers::HttpSettings;
use crate::sandbox::SandboxSettings;
use crate::subscriptions::domain::Patience;

/// Where payment-svc listens unless it is told otherwise.
const PORT: u16 = 50053;
/// Where the sandbox listens unless it is told otherwise.
const SANDBOX_PORT: u16 = 8090;
/// How long slow and late answers of the sandbox take.
const SANDBOX_PATIENCE: Duration = Duration::from_secs(2);

/// What payment-svc needs to know.
#[derive(Clone, Debug)]
pub struct PaymentConfig {
    /// What every service needs to know.
    pub service: ServiceConfig,
    /// `ORDER_OPEN_FOR`, `ORDER_LOOK_AGAIN`, `SUBSCRIPTION_GRACE`, `SUBSCRIPTION_RETRY` (seconds).
    pub orders: OrderSettings,
    /// `PAYMENT_PROVIDER`: who collects for new orders.
    pub first: PaymentProvider,
    /// `SANDBOX_…`: the sandbox of payments, for development.
    pub sandbox: Option<SandboxConfig>,
    /// `TOSS_…`: Toss Payments, once its keys are there.
    pub toss: Option<TossConfig>,
    /// `STRIPE_…`: Stripe, once its keys are there.
    pub stripe: Option<StripeConfig>,
}

/// How the sandbox is reached.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// `SANDBOX_URL`, `PAYMENT_TIMEOUT` (seconds).
    pub http: HttpSettings,
    /// `SANDBOX_KEY`.
    pub key: Secret,
    /// `SANDBOX_NOTICE_SECRET`.
    pub notice_secret: Secret,
    /// `SANDBOX_ADDR`, `SANDBOX_JOURNAL`, `SANDBOX_NOTICE_URL`: it runs in this process, unless `SANDBOX_URL` says where
    /// else.
    pub embedded: Option<SandboxSettings>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct First(PaymentProvider);

impl Display for First {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.0 {
            PaymentProvider::Toss => "toss",
            PaymentProvider::Stripe => "stripe",
            PaymentProvider::Sandbox | PaymentProvider::Unspecified => "sandbox",
        })
    }
}

impl FromStr for First {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sandbox" => Ok(Self(PaymentProvider::Sandbox)),
            "toss" => Ok(Self(PaymentProvider::Toss)),
            "stripe" => Ok(Self(PaymentProvider::Stripe)),
            _ => Err("must be sandbox, toss or stripe"),
        }
    }
}

impl PaymentConfig {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Names every key that is missing or wrong.
    pub fn read(mut source: Source) -> Result<Self, ConfigError> {
        let service = ServiceConfig::collect(&mut source, PORT);
        let development = source.or("development", false);
        let defaults = OrderSettings::default();
        let orders = OrderSettings {
            open_for: source.seconds("order.open.for", defaults.open_for),
            look_again: source.seconds("order.look.again", defaults.look_again),
            patience: Patience {
                grace: source.seconds("subscription.grace", defaults.patience.grace),
                retry_every: source.seconds("subscription.retry", defaults.patience.retry_every),
            },
        };
        let limit = source.seconds("payment.timeout", Duration::from_secs(10));
        let First(first) = source.or("payment.provider", First(PaymentProvider::Sandbox));
        // Elsewhere nobody may pay with it, nor reach it.
        let sandbox = read_sandbox(&mut source, limit).filter(|_| development);
        let toss = read_toss(&mut source, limit, first == PaymentProvider::Toss);
        let stripe = read_stripe(&mut source, limit, first == PaymentProvider::Stripe);
        if first == PaymentProvider::Sandbox && !development {
            source.refuse("payment.provider", "sandbox is for DEVELOPMENT=true only: no money moves there");
        }
        source.finish(|| Some(Self { service: service?, orders, first, sandbox, toss, stripe }))
    }
}

fn read_sandbox(source: &mut Source, limit: Duration) -> Option<SandboxConfig> {
    let url = source.optional::<String>("sandbox.url");
    let listen = source.or("sandbox.addr", SocketAddr::from(([127, 0, 0, 1], SANDBOX_PORT)));
    let journal = source.optional::<PathBuf>("sandbox.journal");
    let notice_url = source.optional("sandbox.notice.url");
    let known = |secret: Option<Secret>| secret.unwrap_or_else(|| Secret::new("sandbox"));
    let key = known(source.optional_secret("sandbox.key", 1));
    let notice_secret = known(source.optional_secret("sandbox.notice.secret", 1));
    let embedded = url.is_none().then(|| SandboxSettings {
        listen,
        key: key.clone(),
        notice_secret: notice_secret.clone(),
        notice_url,
        journal,
        patience: SANDBOX_PATIENCE,
    });
    let url = url.unwrap_or_else(|| format!("http://{listen}"));
    Some(SandboxConfig { http: HttpSettings { url, limit }, key, notice_secret, embedded })
}

impl From<ServiceConfig> for PaymentConfig {
    /// The defaults of everything that only payment-svc has, with a sandbox on a free port.
    fn from(service: ServiceConfig) -> Self {
        let secret = || Secret::new("sandbox");
        let embedded = SandboxSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            key: secret(),
            notice_secret: secret(),
            notice_url: None,
            journal: None,
            patience: SANDBOX_PATIENCE,
        };
        let http = HttpSettings { url: String::new(), limit: Duration::from_secs(10) };
        let sandbox =
            SandboxConfig { http, key: secret(), notice_secret: secret(), embedded: Some(embedded) };
        let (orders, first) = (OrderSettings::default(), PaymentProvider::Sandbox);
        Self { service, orders, first, sandbox: Some(sandbox), toss: None, stripe: None }
    }
}

impl AsRef<ServiceConfig> for PaymentConfig {
    fn as_ref(&self) -> &ServiceConfig {
        &self.service
    }
}
