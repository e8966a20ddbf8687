//! `truyvet device`: enrolment on the server's side.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use truyvet_engine::{DeviceRecord, LostScans};
use truyvet_schemas::key_file::KeyFile;
use truyvet_schemas::{DeviceId, TimeMs};

use super::error::CliError;
use super::output::{on_terminal, print_json, write_stdout};
use super::target::{Asked, Target};
use crate::enrol::{Enrolment, KeyPlace, SERVER_NAME_DEFAULT};
use crate::sheet::plain_table;

/// What to do with devices.
#[derive(Debug, Subcommand)]
pub(super) enum Device {
    /// Enrol a device at a site, and print or write its key file
    Add(Add),
    /// List the devices
    List(List),
    /// Move a device to another site
    Move(Move),
    /// Take a device's right to send
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Code of the site
    #[arg(long, value_name = "CODE")]
    site: String,
    /// Write the key file here, readable to you alone, instead of printing it
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// With certificates of your own: the name in the gateway's certificate
    #[arg(long, value_name = "NAME", requires = "data")]
    server_name: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct Move {
    /// The device's number
    device: u32,
    /// Code of the site
    #[arg(long, value_name = "CODE")]
    site: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The device's number
    device: u32,
    #[command(flatten)]
    target: Target,
}

impl Device {
    /// Does it.
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Add(add) => add.run(),
            Self::List(list) => list.run(),
            Self::Move(moved) => moved.run(),
            Self::Revoke(revoked) => revoked.run(),
        }
    }
}

impl Add {
    fn run(self) -> Result<(), CliError> {
        let Some(path) = &self.key_file else {
            return write_stdout(self.enrol()?.to_json().as_bytes());
        };
        let place = KeyPlace::take(path)
            .map_err(|e| CliError::Failed(format!("{}: {e}; name another file", path.display())))?;
        let key_file = self.enrol()?;
        let device = key_file.device;
        place.fill(&key_file).map_err(|e| {
            let path = path.display();
            CliError::Failed(format!("{path}: {e}; device {device} has no key: revoke it, and add another"))
        })?;
        eprintln!("device {device} at {}: key in {}", key_file.site, path.display());
        Ok(())
    }

    fn enrol(&self) -> Result<KeyFile, CliError> {
        match self.target.open()? {
            Asked::Engine(engine, _) => {
                let mut added =
                    self.enrolment()?.enrol(&engine, vec![self.site.clone()]).map_err(CliError::failed)?;
                added.pop().ok_or_else(|| CliError::Failed("no device was added".to_owned()))
            }
            Asked::Server(client) => client.post("/api/v1/devices", &json!({"site": self.site})),
        }
    }

    fn enrolment(&self) -> Result<Enrolment, CliError> {
        let data = self.target.data().ok_or_else(|| CliError::Usage("name --data DIR".to_owned()))?;
        Ok(match &self.server_name {
            Some(name) => Enrolment { server_name: name.clone(), authority: None },
            None => Enrolment {
                server_name: SERVER_NAME_DEFAULT.to_owned(),
                authority: Some(crate::tls::authority_pem(data).map_err(CliError::failed)?),
            },
        })
    }
}

impl List {
    fn run(self) -> Result<(), CliError> {
        let devices: Vec<DeviceRecord> = match self.target.open()? {
            Asked::Engine(engine, _) => engine.catalog().devices(),
            Asked::Server(client) => client.get("/api/v1/devices")?,
        };
        if on_terminal() { write_stdout(table(&devices).as_bytes()) } else { print_json(&devices) }
    }
}

impl Move {
    fn run(self) -> Result<(), CliError> {
        let record: DeviceRecord = match self.target.open()? {
            Asked::Engine(engine, _) => {
                let device = DeviceId::new(self.device);
                engine.catalog().move_device(device, &self.site, TimeMs::now()).map_err(CliError::failed)?
            }
            Asked::Server(client) => {
                client.post(&format!("/api/v1/devices/{}/move", self.device), &json!({"site": self.site}))?
            }
        };
        print_json(&record)
    }
}

impl Revoke {
    fn run(self) -> Result<(), CliError> {
        let record: DeviceRecord = match self.target.open()? {
            Asked::Engine(engine, _) => {
                let device = DeviceId::new(self.device);
                engine.catalog().revoke_device(device, TimeMs::now()).map_err(CliError::failed)?
            }
            Asked::Server(client) => {
                client.post(&format!("/api/v1/devices/{}/revoke", self.device), &json!({}))?
            }
        };
        print_json(&record)
    }
}

/// The seqs of lost scans, such as `101-130`.
fn lost(lost: &[LostScans]) -> String {
    let ranges: Vec<String> =
        lost.iter().map(|scans| format!("{}-{}", scans.first_seq, scans.last_seq)).collect();
    if ranges.is_empty() { "-".to_owned() } else { ranges.join(", ") }
}

fn table(devices: &[DeviceRecord]) -> String {
    let mut table = plain_table();
    table.set_header(["device", "site", "enrolled", "revoked", "durable seq", "lost"]);
    for device in devices {
        let time = |at| TimeMs::new(at).rfc3339();
        table.add_row([
            device.device.to_string(),
            device.site.clone(),
            time(device.enrolled_at),
            device.revoked_at.map_or_else(|| "-".to_owned(), time),
            device.durable_seq.to_string(),
            lost(&device.lost),
        ]);
    }
    format!("{} devices\n{table}\n", devices.len())
}
