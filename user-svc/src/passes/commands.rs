//! Keeping passes, in the transaction of the event that tells of them.

use shared::Error;
use shared::proto::events::v1::AllowanceChanged;
use shared::time::Timestamp;

use super::domain::Pass;
use super::repository::Passes;
use crate::auth_users::repository::AuthUsers;

/// Changes a pass of a user; tells whether that changed the user's allowance. Who was deleted gets none.
///
/// # Errors
/// When the database does not answer.
pub async fn change(
    store: &(impl Passes + AuthUsers + Sync),
    subscription_id: String,
    user_id: String,
    now: Timestamp,
    change: impl FnOnce(&mut Pass) + Send,
) -> Result<Option<AllowanceChanged>, Error> {
    // Locked, so that news of the same user's passes and the user's deletion come one after the other.
    if store.auth_user_for_change(&user_id).await?.is_none() {
        tracing::info!("a pass of a user who is gone");
        return Ok(None);
    }
    let before = store.allowance_of_passes(&user_id, now).await?;
    let known = store.pass_for_change(&subscription_id).await?;
    let mut pass = known.unwrap_or_else(|| Pass::new(subscription_id, user_id.clone()));
    change(&mut pass);
    store.save_pass(&pass).await?;
    let after = store.allowance_of_passes(&user_id, now).await?;
    Ok((before != after).then_some(AllowanceChanged { user_id }))
}
