//! What stands between the network and the routes: connections, addresses, limits, and the origin of cookies.

mod address;
mod csrf;
mod pressure;
mod rate;
mod server;
mod settings;

pub use address::TrustedProxies;
pub use csrf::{is_from_own_page, same_site_only};
pub use pressure::Pressure;
pub use rate::{EXPOSED, RateLimits, limit_sign_in, written};
pub use server::{Server, TlsFiles};
pub use settings::{EdgeSettings, Rate};
