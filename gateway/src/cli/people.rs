//! `truyvet account`, `truyvet hook`, `truyvet audit` and `truyvet keys`: who may see people's data, which other
//! systems are told of journeys, who looked, and the keys that it is sealed with.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use truyvet_engine::registry::Registry;

use super::client::Client;
use super::error::CliError;
use super::output::{on_terminal, print_json, write_stdout};
use super::target::{Asked, Target};
use crate::http::{AuditReport, OPERATORS_TOKEN, Rotated};
use crate::people::{keys_dir, registry_dir};
use crate::server::ServerFile;
use crate::sheet::plain_table;

/// A running server, asked by whoever may read its data directory.
#[derive(Debug, Args)]
struct Running {
    /// Data directory of the running server, whose operator.token is shown to it
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

impl Running {
    fn client(&self) -> Result<Client, CliError> {
        let dir = self.data.display();
        let server = ServerFile::read(&self.data).ok_or_else(|| {
            CliError::Failed(format!(
                "{dir}: no server runs on it; start one with `truyvet serve --data {dir}`"
            ))
        })?;
        let token = std::fs::read_to_string(self.data.join(OPERATORS_TOKEN))
            .map_err(|e| CliError::Failed(format!("{dir}/{OPERATORS_TOKEN}: {e}; ask as its owner")))?;
        Client::with_token(&server.http, token.trim())
    }
}

/// Accounts of officials.
#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Make an account; the password is read from standard input
    Add(Add),
    /// List the accounts
    List(List),
    /// Give an account a new password, read from standard input; its sessions are over
    Password(Named),
    /// End an account: nobody signs in with it any more
    Disable(Named),
    /// Let an account sign in again
    Enable(Named),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// What is typed to sign in
    account: String,
    /// Whose it is
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What the official does
    #[arg(long, value_name = "ROLE", value_parser = [
        "officer", "ward", "health", "epidemiologist", "operator", "administrator",
    ])]
    role: String,
    /// Code of the officer's site
    #[arg(long, value_name = "CODE")]
    site: Option<String>,
    /// Code of the area that the official works for
    #[arg(long, value_name = "CODE")]
    area: Option<String>,
    #[command(flatten)]
    server: Running,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    server: Running,
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// The account
    account: String,
    #[command(flatten)]
    server: Running,
}

impl Account {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Add(add) => add.run(),
            Self::List(list) => list.run(),
            Self::Password(named) => {
                let body = json!({"password": password()?});
                named.post("password", &body)
            }
            Self::Disable(named) => named.post("disable", &json!({})),
            Self::Enable(named) => named.post("enable", &json!({})),
        }
    }
}

impl Add {
    fn run(self) -> Result<(), CliError> {
        let client = self.server.client()?;
        let body = json!({"account": self.account, "name": self.name, "role": self.role, "site": self.site,
            "area": self.area, "password": password()?});
        print_json(&client.post::<Value>("/api/v1/accounts", &body)?)
    }
}

impl Named {
    fn post(&self, what: &str, body: &Value) -> Result<(), CliError> {
        let client = self.server.client()?;
        print_json(&client.post::<Value>(&format!("/api/v1/accounts/{}/{what}", self.account), body)?)
    }
}

impl List {
    fn run(self) -> Result<(), CliError> {
        let accounts = self.all("accounts")?;
        show(
            &accounts,
            "accounts",
            &["account", "name", "role", "site", "area", "disabled"],
            |account, field| match field {
                "disabled" if account[field] == true => "yes".to_owned(),
                "disabled" => String::new(),
                _ => account[field].as_str().unwrap_or("-").to_owned(),
            },
        )
    }

    fn hooks(self) -> Result<(), CliError> {
        let hooks = self.all("hooks")?;
        show(&hooks, "hooks", &["hook", "area", "url", "due", "failures", "why"], |hook, field| match field {
            "area" => hook["area"]["code"].as_str().unwrap_or("-").to_owned(),
            "due" | "failures" => hook[field].to_string(),
            "why" if hook["failures"] == 0 => String::new(),
            _ => hook[field].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// All of a list that comes in pages.
    fn all(&self, what: &str) -> Result<Vec<Value>, CliError> {
        let client = self.server.client()?;
        let (path, mut all) = (format!("/api/v1/{what}"), Vec::new());
        let mut after: Option<String> = None;
        loop {
            let query: Vec<(&str, &str)> = after.iter().map(|after| ("after", after.as_str())).collect();
            let mut page: Value = client.get_with(&path, &query)?;
            all.extend(page[what].as_array_mut().map(std::mem::take).unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(all),
            }
        }
    }
}

/// A table on a terminal, JSON otherwise.
fn show(
    rows: &[Value],
    what: &str,
    fields: &[&str],
    cell: impl Fn(&Value, &str) -> String,
) -> Result<(), CliError> {
    if !on_terminal() {
        return print_json(&rows);
    }
    let mut table = plain_table();
    table.set_header(fields);
    for row in rows {
        table.add_row(fields.iter().map(|field| cell(row, field)));
    }
    write_stdout(format!("{} {what}\n{table}\n", rows.len()).as_bytes())
}

/// Other systems that are told of journeys.
#[derive(Debug, Subcommand)]
pub(super) enum Hook {
    /// Have an address told of the journeys of an area; its secret is told this once
    Add(AddHook),
    /// List the hooks, and how each does
    List(List),
    /// Remove a hook: it is told nothing more
    Remove(OneHook),
    /// Try a hook that failed again at once
    Retry(OneHook),
}

#[derive(Debug, Args)]
pub(super) struct AddHook {
    /// Code of the area whose journeys are told, with all below it
    #[arg(long, value_name = "CODE")]
    area: String,
    /// Where messages are posted to
    #[arg(long, value_name = "URL")]
    url: String,
    #[command(flatten)]
    server: Running,
}

#[derive(Debug, Args)]
pub(super) struct OneHook {
    /// Its number
    hook: u64,
    #[command(flatten)]
    server: Running,
}

impl Hook {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Add(AddHook { area, url, server }) => {
                let body = json!({"area": area, "url": url});
                print_json(&server.client()?.post::<Value>("/api/v1/hooks", &body)?)
            }
            Self::List(list) => list.hooks(),
            Self::Remove(OneHook { hook, server }) => {
                server.client()?.delete(&format!("/api/v1/hooks/{hook}"))
            }
            Self::Retry(OneHook { hook, server }) => {
                server.client()?.post_raw(&format!("/api/v1/hooks/{hook}/retry"), &json!({})).map(drop)
            }
        }
    }
}

/// The audit log.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Follow the log's chain from its beginning; exit code 1 where it is broken
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    target: Target,
}

impl Audit {
    pub(super) fn run(self) -> Result<(), CliError> {
        let Self::Verify(Verify { target }) = self;
        let report = match target.open()? {
            Asked::Server(client) => client.post("/api/v1/audit/verify", &json!({}))?,
            Asked::Engine(engine, config) => {
                engine.close();
                let data = target.data().ok_or_else(|| CliError::Usage("name --data DIR".to_owned()))?;
                let dir = registry_dir(data);
                if !dir.is_dir() {
                    let why = "there is no registry in this data directory; `truyvet serve` makes one";
                    return Err(CliError::Failed(why.to_owned()));
                }
                let keys = keys_dir(data, &config.people);
                let registry =
                    Registry::open(&dir, &keys, config.people.cache_bytes).map_err(CliError::failed)?;
                AuditReport::of(&registry).map_err(CliError::failed)?
            }
        };
        print_json(&report)?;
        match report.broken {
            None => Ok(()),
            Some(broken) => Err(CliError::Failed(format!(
                "the audit log is broken: {broken}; compare it with a backup, and find out who could write to \
                 the data directory"
            ))),
        }
    }
}

/// The keys of the registry.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Make a new key: `pass` signs passes from an hour later on, `master` wraps people's own keys at once
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Which
    #[arg(value_parser = ["pass", "master"])]
    which: String,
    #[command(flatten)]
    server: Running,
}

impl Keys {
    pub(super) fn run(self) -> Result<(), CliError> {
        let Self::Rotate(Rotate { which, server }) = self;
        print_json(&server.client()?.post::<Rotated>("/api/v1/keys/rotate", &json!({"which": which}))?)
    }
}

/// The first line of standard input: a password belongs into no list of processes and no shell's history.
fn password() -> Result<String, CliError> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprint!("password, at least 10 characters: ");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).map_err(|e| CliError::Failed(format!("standard input: {e}")))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
