//! What can be bought.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::proto::v1;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::dto::{self, api_enum, next_cursor, rfc3339};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::idempotency::{Operation, id_for};
use crate::input::{Body, IdempotencyKey, Ids, PageQuery, PathIds};
use crate::session::Session;
use crate::upstream::promised;

api_enum! {
    /// What a product gives.
    ProductKind {
        TokenPack = "PRODUCT_KIND_TOKEN_PACK",
        MonthlyPass = "PRODUCT_KIND_MONTHLY_PASS",
    }
}

/// What something costs in one currency.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Price {
    /// ISO 4217.
    #[schema(min_length = 3, max_length = 3, example = "KRW")]
    currency: String,
    /// In minor units of the currency: won, cents.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 3900)]
    amount: i64,
}

impl From<v1::Price> for Price {
    fn from(v1::Price { currency, amount }: v1::Price) -> Self {
        Self { currency, amount }
    }
}

/// Something that can be bought.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    id: String,
    kind: ProductKind,
    /// Counts the offers, from 1. An order keeps the one that it was made at.
    version: i32,
    name: String,
    description: String,
    /// A pack: how many message tokens. A pass: the allowance of each six hours.
    tokens: i32,
    /// One for each currency.
    prices: Vec<Price>,
    /// RFC 3339, UTC.
    created_at: String,
    /// RFC 3339, UTC.
    updated_at: String,
    /// From when on it could not be bought any more; only admins see such products. RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired_at: Option<String>,
}

impl TryFrom<v1::Product> for Product {
    type Error = ApiError;

    fn try_from(product: v1::Product) -> Result<Self, ApiError> {
        let prices = product.prices.into_iter();
        Ok(Self {
            kind: promised(ProductKind::of(product.kind), "kind")?,
            version: product.version,
            name: product.name,
            description: product.description,
            tokens: product.tokens,
            prices: prices.map(Price::from).collect(),
            created_at: rfc3339(promised(product.created_at, "created_at")?),
            updated_at: rfc3339(promised(product.updated_at, "updated_at")?),
            retired_at: product.retired_at.map(rfc3339),
            id: product.id,
        })
    }
}

/// Products.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Products {
    products: Vec<Product>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One product.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductData {
    product: Product,
}

impl ProductData {
    fn of(product: Option<v1::Product>) -> Result<Self, ApiError> {
        Ok(Self { product: promised(product, "product")?.try_into()? })
    }
}

/// The path of a product.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProductId {
    #[serde(rename = "product-id")]
    product_id: String,
}

impl PathIds for ProductId {}

/// What can be bought; for admins, what could be, too.
#[utoipa::path(
    get,
    path = "/products",
    tag = "payments",
    params(PageQuery),
    responses((status = 200, body = Envelope<Products>), Errors)
)]
pub async fn list_products(
    State(app): State<Arc<App>>,
    session: Session,
    page: PageQuery,
) -> Answer<Products> {
    let request = v1::ListProductsRequest { page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.products().list_products(request).await?.into_inner();
    let next_cursor = next_cursor(answer.next_cursor);
    Ok(Success::ok(Products { products: dto::all(answer.products)?, next_cursor }))
}

/// One product.
#[utoipa::path(
    get,
    path = "/products/{product-id}",
    tag = "payments",
    params(ProductId),
    responses((status = 200, body = Envelope<ProductData>), Errors)
)]
pub async fn get_product(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(ProductId { product_id }): Ids<ProductId>,
) -> Answer<ProductData> {
    let request = app.upstream.request(session.caller(), v1::GetProductRequest { product_id });
    let answer = app.upstream.products().get_product(request).await?.into_inner();
    Ok(Success::ok(ProductData::of(answer.product)?))
}

/// A product that is to be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CreateProduct {
    kind: ProductKind,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(min_length = 1, max_length = 1000)]
    description: String,
    #[schema(minimum = 1, maximum = 1_000_000)]
    tokens: i32,
    /// One for each currency.
    #[schema(min_items = 1, max_items = 4)]
    prices: Vec<Price>,
}

/// Offers something new.
#[utoipa::path(
    post,
    path = "/products",
    tag = "payments",
    params(IdempotencyKey),
    request_body = CreateProduct,
    responses((status = 201, body = Envelope<ProductData>), Errors)
)]
pub async fn create_product(
    State(app): State<Arc<App>>,
    session: Session,
    key: IdempotencyKey,
    Body(body): Body<CreateProduct>,
) -> Answer<ProductData> {
    let request = v1::CreateProductRequest {
        product_id: id_for(&app.upstream, &session, &key, Operation::CreateProduct, &body).await?,
        kind: body.kind.into(),
        name: body.name,
        description: body.description,
        tokens: body.tokens,
        prices: prices_of(body.prices),
    };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.products().create_product(request).await?.into_inner();
    Ok(Success::created(ProductData::of(answer.product)?))
}

/// What becomes different about a product; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub struct UpdateProduct {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 1000)]
    description: Option<String>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    tokens: Option<i32>,
    /// In place of all that there were.
    #[schema(min_items = 1, max_items = 4)]
    prices: Option<Vec<Price>>,
}

/// Offers something else under the same id from now on. Orders that were made keep what they were made at.
#[utoipa::path(
    put,
    path = "/products/{product-id}",
    tag = "payments",
    params(ProductId),
    request_body = UpdateProduct,
    responses((status = 200, body = Envelope<ProductData>), Errors)
)]
pub async fn update_product(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(ProductId { product_id }): Ids<ProductId>,
    Body(body): Body<UpdateProduct>,
) -> Answer<ProductData> {
    let UpdateProduct { name, description, tokens, prices } = body;
    let prices = prices_of(prices.unwrap_or_default());
    let request = v1::UpdateProductRequest { product_id, name, description, tokens, prices };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.products().update_product(request).await?.into_inner();
    Ok(Success::ok(ProductData::of(answer.product)?))
}

/// Takes a product off the shelf, for good.
#[utoipa::path(
    post,
    path = "/products/{product-id}/retire",
    tag = "payments",
    params(ProductId),
    responses((status = 200, body = Envelope<ProductData>), Errors)
)]
pub async fn retire_product(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(ProductId { product_id }): Ids<ProductId>,
) -> Answer<ProductData> {
    let request = app.upstream.request(session.caller(), v1::RetireProductRequest { product_id });
    let answer = app.upstream.products().retire_product(request).await?.into_inner();
    Ok(Success::ok(ProductData::of(answer.product)?))
}

fn prices_of(prices: Vec<Price>) -> Vec<v1::Price> {
    prices.into_iter().map(|Price { currency, amount }| v1::Price { currency, amount }).collect()
}
