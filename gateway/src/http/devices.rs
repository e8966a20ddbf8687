//! Enrolled devices: list, add, move to another site, revoke. Changes reach live sessions at once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use truyvet_engine::DeviceRecord;
use truyvet_engine::{CatalogError, Engine};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::{DeviceId, TimeMs};
use utoipa::ToSchema;

use super::app::App;
use super::error::Problem;
use super::extract::{Named, Sent};
use super::problems::problems;

problems!(Listing: BUSY, UNAVAILABLE, FAILED);
problems!(Enrolling: WRONG_USAGE, NOT_FOUND, CONFLICT, TOO_LARGE, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);
problems!(Revoking: WRONG_USAGE, NOT_FOUND, CONFLICT, BUSY, UNAVAILABLE, STORAGE_FULL, FAILED);

/// Where a device belongs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AtSite {
    /// The site's code.
    site: String,
}

/// Where several devices belong.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AtSites {
    /// The sites' codes: one device each, also where a site is named twice; 10,000 at most.
    sites: Vec<String>,
}

/// Enrolled devices.
#[utoipa::path(get, path = "/api/v1/devices", operation_id = "list_devices", tag = "devices",
    responses((status = 200, description = "By number", body = Vec<DeviceRecord>), Listing))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<DeviceRecord>>, Problem> {
    let shared = Arc::clone(&app);
    Ok(Json(app.operations.run(move || shared.engine.catalog().devices()).await?))
}

/// Enrols a device.
///
/// Its key is kept nowhere but in the answer.
#[utoipa::path(post, path = "/api/v1/devices", operation_id = "add_device", tag = "devices",
    request_body = AtSite,
    responses((status = 200, description = "The file that makes a program this device", body = KeyFile), Enrolling))]
pub(super) async fn add(State(app): State<Arc<App>>, Sent(body): Sent) -> Result<Json<KeyFile>, Problem> {
    let AtSite { site } = read(&body, r#"{"site": CODE}"#)?;
    let added = enrol(app, vec![site]).await?.pop();
    added.map(Json).ok_or_else(|| Problem::Failed("no device was added".to_owned()))
}

/// Enrols several devices, all or none.
#[utoipa::path(post, path = "/api/v1/devices/batch", operation_id = "add_devices", tag = "devices",
    request_body = AtSites,
    responses((status = 200, description = "In the order of the sites", body = Vec<KeyFile>), Enrolling))]
pub(super) async fn add_batch(
    State(app): State<Arc<App>>,
    Sent(body): Sent,
) -> Result<Json<Vec<KeyFile>>, Problem> {
    let AtSites { sites } = read(&body, r#"{"sites": [CODE, ...]}"#)?;
    if sites.len() > BATCH_MAX {
        return Err(Problem::TooLarge(format!("at most {BATCH_MAX} devices are enrolled at once")));
    }
    Ok(Json(enrol(app, sites).await?))
}

/// Moves a device to another site.
#[utoipa::path(post, path = "/api/v1/devices/{device}/move", operation_id = "move_device", tag = "devices",
    params(("device" = u32, Path, description = "Its number")),
    request_body = AtSite,
    responses((status = 200, description = "The device as it is now", body = DeviceRecord), Enrolling))]
pub(super) async fn move_to(
    State(app): State<Arc<App>>,
    Named(device): Named<u32>,
    Sent(body): Sent,
) -> Result<Json<DeviceRecord>, Problem> {
    let AtSite { site } = read(&body, r#"{"site": CODE}"#)?;
    change(app, device, move |engine, device| engine.catalog().move_device(device, &site, TimeMs::now()))
        .await
}

/// Revokes a device: its sessions end, and it gets no new ones.
#[utoipa::path(post, path = "/api/v1/devices/{device}/revoke", operation_id = "revoke_device", tag = "devices",
    params(("device" = u32, Path, description = "Its number")),
    responses((status = 200, description = "The device as it is now", body = DeviceRecord), Revoking))]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Named(device): Named<u32>,
) -> Result<Json<DeviceRecord>, Problem> {
    change(app, device, |engine, device| engine.catalog().revoke_device(device, TimeMs::now())).await
}

async fn enrol(app: Arc<App>, sites: Vec<String>) -> Result<Vec<KeyFile>, Problem> {
    let shared = Arc::clone(&app);
    Ok(app.operations.run(move || shared.enrolment.enrol(&shared.engine, sites)).await??)
}

async fn change(
    app: Arc<App>,
    device: u32,
    change: impl FnOnce(&Engine, DeviceId) -> Result<DeviceRecord, CatalogError> + Send + 'static,
) -> Result<Json<DeviceRecord>, Problem> {
    let device = DeviceId::new(device);
    let shared = Arc::clone(&app);
    let record = app.operations.run(move || change(&shared.engine, device)).await??;
    if let Some(gateway) = &app.gateway {
        gateway.sessions().device_changed(device);
    }
    Ok(Json(record))
}

fn read<T: DeserializeOwned>(body: &[u8], shape: &str) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::Usage(format!("send the JSON object {shape}")))
}

/// Devices enrolled at once: 64 MB of key files at most.
const BATCH_MAX: usize = 10_000;
