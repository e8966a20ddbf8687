//! Enrolled devices: list, add, move to another site, revoke. Changes reach live sessions at once.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use truyvet_engine::DeviceRecord;
use truyvet_engine::{CatalogError, Engine};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::{DeviceId, TimeMs};

use super::app::App;
use super::error::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AtSite {
    site: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AtSites {
    sites: Vec<String>,
}

pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<DeviceRecord>>, Problem> {
    let shared = Arc::clone(&app);
    Ok(Json(app.operations.run(move || shared.engine.catalog().devices()).await?))
}

pub(super) async fn add(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<KeyFile>, Problem> {
    let AtSite { site } = read(&body, r#"{"site": CODE}"#)?;
    let added = enrol(app, vec![site]).await?.pop();
    added.map(Json).ok_or_else(|| Problem::Failed("no device was added".to_owned()))
}

pub(super) async fn add_batch(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<Json<Vec<KeyFile>>, Problem> {
    let AtSites { sites } = read(&body, r#"{"sites": [CODE, ...]}"#)?;
    if sites.len() > BATCH_MAX {
        return Err(Problem::TooLarge(format!("at most {BATCH_MAX} devices are enrolled at once")));
    }
    Ok(Json(enrol(app, sites).await?))
}

pub(super) async fn move_to(
    State(app): State<Arc<App>>,
    Path(device): Path<u32>,
    body: Bytes,
) -> Result<Json<DeviceRecord>, Problem> {
    let AtSite { site } = read(&body, r#"{"site": CODE}"#)?;
    change(app, device, move |engine, device| engine.catalog().move_device(device, &site, TimeMs::now()))
        .await
}

pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Path(device): Path<u32>,
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
