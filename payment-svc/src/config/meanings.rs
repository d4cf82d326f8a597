//! What the variables mean that payment-svc alone reads.

use shared::config::reference::Meaning;

/// Of payment-svc.
pub const MEANINGS: &[Meaning] = &[
    Meaning::of(
        "PAYMENT_PROVIDER",
        "who collects for new orders: `sandbox` (needs `DEVELOPMENT=true`), `toss` or `stripe`: [a real provider](payments.md#a-real-provider)",
    ),
    Meaning::of("PAYMENT_TIMEOUT", "that a provider of payments may take"),
    Meaning::of("ORDER_OPEN_FOR", "that an order can be paid"),
    Meaning::of("ORDER_LOOK_AGAIN", "after which a provider is asked again that did not answer"),
    Meaning::of("SUBSCRIPTION_GRACE", "that a pass stays good when it cannot be renewed"),
    Meaning::of("SUBSCRIPTION_RETRY", "after which a renewal is tried again"),
    Meaning::of("SANDBOX_ADDR", "where the sandbox listens"),
    Meaning::of("SANDBOX_URL", "a sandbox in another process, in place of one in this"),
    Meaning::of("SANDBOX_JOURNAL", "file in which the sandbox keeps its payments"),
    Meaning::of("SANDBOX_NOTICE_URL", "where the sandbox sends notices"),
    Meaning::of("SANDBOX_KEY", "what the sandbox knows merchants by").otherwise("`sandbox`"),
    Meaning::of("SANDBOX_NOTICE_SECRET", "what the sandbox signs notices with").otherwise("`sandbox`"),
    Meaning::of("TOSS_SECRET_KEY", "Toss Payments: its secret key; required with `PAYMENT_PROVIDER=toss`"),
    Meaning::of("TOSS_CLIENT_KEY", "the one that clients are told; required with `PAYMENT_PROVIDER=toss`"),
    Meaning::of("TOSS_URL", "where Toss Payments answers"),
    Meaning::of("STRIPE_SECRET_KEY", "Stripe: its secret key; required with `PAYMENT_PROVIDER=stripe`"),
    Meaning::of(
        "STRIPE_PUBLISHABLE_KEY",
        "the one that clients are told; required with `PAYMENT_PROVIDER=stripe`",
    ),
    Meaning::of(
        "STRIPE_WEBHOOK_SECRET",
        "the secret of its notices; required with `PAYMENT_PROVIDER=stripe`",
    ),
    Meaning::of("STRIPE_URL", "where Stripe answers"),
];
