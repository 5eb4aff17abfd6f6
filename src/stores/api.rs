//! The partner API of stores.

mod schema;

use super::view::{StoreQuery, StoresView};
use crate::access::{Caller, op};
use crate::catalog::api::resource;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiResult, PageRequest, Params, path};
use crate::kernel::id::StoreId;
use actix_web::{HttpRequest, get, web};
use schema::{PageOfStores, StoreOut};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations of stores.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_stores).service(get_store);
}

/// Most services that can be asked for.
const MOST_SERVICES: usize = 20;

/// Stores
///
/// All stores in the order of their ids. Filters hold together.
#[utoipa::path(
    operation_id = "list_stores", tag = "stores",
    params(
        ("services" = Option<String>, Query, description = "Only stores with all of these services, joined by commas.", example = "click_collect,drive"),
        ("country" = Option<String>, Query, description = "ISO 3166-1 code of two letters.", example = "FR"),
        ("city" = Option<String>, Query, description = "The town, in any case.", example = "Balma"),
        ("postal_code" = Option<String>, Query, description = "The postal code.", example = "31130"),
        ("type" = Option<String>, Query, description = "The type of store.", example = "hypermarket"),
        ("limit" = Option<u32>, Query, description = "Most stores in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of stores.", body = PageOfStores),
        (status = 304, description = "You hold this page already."),
    ),
)]
#[get("/v1/stores")]
async fn list_stores(
    _caller: Caller<op::ListStores>,
    request: HttpRequest,
    view: web::Data<StoresView>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let query = StoreQuery {
        services: params.list("services", MOST_SERVICES),
        country: params.text("country"),
        city: params.text("city"),
        postal_code: params.text("postal_code"),
        kind: params.text("type"),
    };
    let page = PageRequest::read(&request, &mut params);
    params.finish()?;
    let found = view.list(&query, page.after()?, page.limit());
    page.answer(&found.items, found.next_pair(), Cache::Long)
}

/// A store
///
/// One store by its id, with its address, opening hours and services.
#[utoipa::path(
    operation_id = "get_store", tag = "stores",
    params(("store_id" = String, Path, description = "The store.", example = "sto_4Fh2Lp8QaZs")),
    responses(
        (status = 200, description = "The store.", body = StoreOut),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "There is no such store."),
        (status = 410, description = "The store was deleted."),
    ),
)]
#[get("/v1/stores/{store_id}")]
async fn get_store(
    _caller: Caller<op::GetStore>,
    request: HttpRequest,
    store: web::Path<String>,
    view: web::Data<StoresView>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let id: StoreId = path::id(&store, "store")?;
    resource(view.store(id), "store", &id, Cache::Long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;
    use actix_web::App;
    use utoipa_actix_web::AppExt as _;

    #[test]
    fn the_schema_describes_the_document() {
        let document = serde_json::json!({
            "id": StoreId::derived("0261"), "store_code": "0261", "gln": "3020180000000",
            "name": "Toulouse Balma", "type": "hypermarket", "address": null, "geo": null,
            "time_zone": "Europe/Paris", "telephone": null, "opening_hours": [],
            "special_opening_hours": [], "services": ["drive"],
            "updated_at": "2026-11-20T04:00:00Z", "version": 3,
        });
        let mut keys: Vec<String> = document.as_object().unwrap().keys().cloned().collect();
        keys.sort_unstable();
        assert_eq!(fields::<StoreOut>(), keys);
    }

    #[test]
    fn operations_are_those_of_the_table() {
        use crate::access::operation::by_id;
        let (_, document) = App::new().into_utoipa_app().configure(configure).split_for_parts();
        for (path, item) in &document.paths.paths {
            let operation = item.get.as_ref().unwrap();
            let known = by_id(operation.operation_id.as_deref().unwrap()).unwrap();
            assert_eq!(known.path, path);
        }
        assert_eq!(document.paths.paths.len(), 2);
    }
}
