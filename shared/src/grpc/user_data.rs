//! `UserDataService`: what a service holds of a user, for the user to take away.

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sea_orm::{EntityTrait, ModelTrait, Select, Value as Key};
use serde_json::Value;
use tonic::{Request, Response, Status};

use crate::Error;
use crate::auth::Caller;
use crate::database::Database;
use crate::proto::v1::user_data_service_server::UserDataService;
use crate::proto::v1::{ExportUserDataRequest, ExportUserDataResponse};

/// How many rows are read at once.
const PAGE: u64 = 200;

/// Records of one kind: its name in camel case, and a JSON object each.
pub type Section = (&'static str, BoxStream<'static, Result<Value, Error>>);

/// Answers `UserDataService`.
pub struct UserDataGrpc {
    database: Database,
    sections: fn(&Database, &str) -> Vec<Section>,
}

impl UserDataGrpc {
    /// With what `sections` finds of a user in a service's database.
    pub fn new(database: &Database, sections: fn(&Database, &str) -> Vec<Section>) -> Self {
        Self { database: database.clone(), sections }
    }
}

#[tonic::async_trait]
impl UserDataService for UserDataGrpc {
    type ExportUserDataStream = BoxStream<'static, Result<ExportUserDataResponse, Status>>;

    async fn export_user_data(
        &self,
        request: Request<ExportUserDataRequest>,
    ) -> Result<Response<Self::ExportUserDataStream>, Status> {
        let caller = Caller::of(&request)?;
        let ExportUserDataRequest { user_id } = request.into_inner();
        caller.require_owner(&user_id, "user")?;
        let sections = (self.sections)(&self.database, &user_id).into_iter().map(|(name, records)| {
            let message = |record| ExportUserDataResponse { section: name.to_owned(), record };
            let records = records.map_ok(move |record| message(Some(record.to_string())));
            stream::iter([Ok(message(None))]).chain(records.map_err(Status::from))
        });
        Ok(Response::new(stream::iter(sections).flatten().boxed()))
    }
}

/// The rows that `select` finds, in the order of `key`, which is unique. They are read as they are taken.
pub fn rows<E: EntityTrait>(
    database: &Database,
    select: Select<E>,
    key: E::Column,
    record: fn(E::Model) -> Value,
) -> BoxStream<'static, Result<Value, Error>>
where
    E::Model: Sync,
{
    let database = database.clone();
    let pages = stream::try_unfold(Some(None::<Key>), move |position| {
        let (database, select) = (database.clone(), select.clone());
        async move {
            let Some(after) = position else { return Ok(None) };
            let mut page = select.cursor_by(key);
            if let Some(after) = after {
                page.after(after);
            }
            let models = page.first(PAGE).all(database.read()).await?;
            let is_full = u64::try_from(models.len()).is_ok_and(|count| count == PAGE);
            let next = models.last().filter(|_| is_full).map(|last| Some(last.get(key)));
            let records: Vec<_> = models.into_iter().map(|model| Ok(record(model))).collect();
            Ok::<_, Error>(Some((stream::iter(records), next)))
        }
    });
    pages.try_flatten().boxed()
}
