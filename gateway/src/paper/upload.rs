//! An upload: the good rows of a table are declared, the others kept with what is wrong with them.
//!
//! ```text
//! one thread   rows in order -> understood? -> its request: content and place among equal rows
//!                                  |                    |
//!                                  no                   v
//!                               refused     many threads: declared, each waiting for its sync; the registry
//!                                           puts all that wait into one write
//! ```

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use serde::Serialize;
use truyvet_engine::registry::{Account, RegistryError};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::PassId;
use utoipa::ToSchema;

use super::columns::{Field, Header, Mapping};
use super::places::Places;
use super::reading::{Converter, Rows};
use super::table::{Cell, Row, Table};
use super::{RowFlaw, Why};
use crate::people::{DeclareError, OnPaper, PaperError, People};

/// A table as it is to be taken in.
pub struct Sent<R> {
    /// What its rows are.
    pub rows: R,
    /// Who sends it.
    pub account: Account,
    /// What was sent.
    pub table: Table,
    /// Its header.
    pub header: Header,
    /// Which column is which field; every field that is needed has one.
    pub mapping: Mapping,
    /// Whether the official has compared every row with the person's document.
    pub document_seen: bool,
    /// Take rows although the register or the document's own number says something else.
    pub accept_mismatches: bool,
}

/// An upload, going on or ended.
pub struct Upload {
    /// By chance, so that nobody guesses another's.
    pub id: String,
    /// The account that sent it.
    pub account: String,
    /// Rows below the header.
    pub rows: u32,
    accepted: AtomicU32,
    was_there: AtomicU32,
    refused: AtomicU32,
    ended: OnceLock<Ended>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where it stands.
    pub state: State,
    /// Rows declared by this upload.
    pub accepted: u32,
    /// Rows that were declared before.
    pub was_there: u32,
    /// Rows that were not taken.
    pub refused: u32,
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UploadState)]
pub enum State {
    /// Rows are being taken.
    Running,
    /// Every row was looked at.
    Done,
    /// The server was stopped, or could not write: send the same file again.
    Stopped,
}

/// What became of it.
pub struct Ended {
    /// Whether every row was looked at.
    pub is_whole: bool,
    /// Rows with a pass, in their order.
    pub accepted: Vec<Accepted>,
    /// Rows that were not taken, in their order, with what is wrong with each.
    pub refused: Vec<(Row, Vec<RowFlaw>)>,
    /// The line that names the columns.
    pub header: Header,
}

/// A row with a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The row's number.
    pub row: u32,
    /// The declaration.
    pub declaration: u64,
    /// Its pass.
    pub pass: PassId,
}

/// A row that is to be declared.
struct Ready<R: Rows> {
    at: usize,
    understood: R::Understood,
    request: String,
}

/// What became of rows.
#[derive(Default)]
struct Outcomes {
    accepted: Vec<Accepted>,
    refused: Vec<(usize, Vec<RowFlaw>)>,
}

/// What the threads of one upload share.
struct Work<'a, R> {
    people: &'a People,
    upload: &'a Upload,
    sent: &'a Sent<R>,
    outcomes: Mutex<Outcomes>,
    /// Whether nothing more is to be begun.
    is_over: AtomicBool,
}

impl Upload {
    /// One that has not begun.
    pub fn new<R>(sent: &Sent<R>) -> Self {
        let rows = sent.table.rows.len().saturating_sub(sent.header.below);
        Self {
            id: data_encoding::HEXLOWER.encode(&rand::random::<[u8; 16]>()),
            account: sent.account.account.clone(),
            rows: rows as u32,
            accepted: AtomicU32::default(),
            was_there: AtomicU32::default(),
            refused: AtomicU32::default(),
            ended: OnceLock::new(),
        }
    }

    /// Takes the rows, and returns when all are on disk or the server stops.
    pub fn run<R: Rows>(&self, people: &People, sent: Sent<R>, is_stopping: impl Fn() -> bool) {
        let (outcomes, is_over) = Default::default();
        let work = Work { people, upload: self, sent: &sent, outcomes, is_over };
        let (ready, queue) = bounded(QUEUE);
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| work.enter_all(&queue));
            }
            work.read_all(ready, is_stopping);
        });
        let (is_whole, outcomes) = (!work.is_over.into_inner(), work.outcomes.into_inner());
        self.ended.get_or_init(|| Ended::of(sent, is_whole, outcomes));
    }

    /// As if it had been stopped: for one whose thread broke off.
    pub fn break_off(&self) {
        self.ended.get_or_init(|| Ended {
            is_whole: false,
            accepted: Vec::new(),
            refused: Vec::new(),
            header: Header::default(),
        });
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let state = match &self.ended {
            ended if ended.get().is_none() => State::Running,
            ended if ended.get().is_some_and(|ended| ended.is_whole) => State::Done,
            _ => State::Stopped,
        };
        let count = |count: &AtomicU32| count.load(Ordering::Relaxed);
        Progress {
            state,
            accepted: count(&self.accepted),
            was_there: count(&self.was_there),
            refused: count(&self.refused),
        }
    }

    /// What became of it, once it has ended.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.get()
    }

    /// About how much memory it keeps.
    pub fn bytes(&self) -> usize {
        let cell = |cell: &Cell| size_of::<Cell>() + cell.said().map_or(0, |said| said.len());
        let row = |(row, flaws): &(Row, Vec<RowFlaw>)| {
            row.cells.iter().map(cell).sum::<usize>() + flaws.len() * size_of::<RowFlaw>()
        };
        let of = |ended: &Ended| {
            ended.accepted.len() * size_of::<Accepted>() + ended.refused.iter().map(row).sum::<usize>()
        };
        self.ended.get().map_or(0, of)
    }
}

impl Ended {
    fn of<R>(sent: Sent<R>, is_whole: bool, mut outcomes: Outcomes) -> Self {
        outcomes.accepted.sort_unstable_by_key(|accepted| accepted.row);
        outcomes.refused.sort_by_key(|(at, _)| *at);
        let mut rows = sent.table.rows;
        let mut take = |(at, flaws)| {
            let number = rows.get(at).map_or(0, |row: &Row| row.number);
            let row = rows.get_mut(at).map(|row| std::mem::replace(row, Row { number, cells: Vec::new() }));
            (row.unwrap_or(Row { number, cells: Vec::new() }), flaws)
        };
        let refused = outcomes.refused.into_iter().map(&mut take).collect();
        Self { is_whole, accepted: outcomes.accepted, refused, header: sent.header }
    }
}

impl<R: Rows> Work<'_, R> {
    /// Reads the rows in their order, so that equal ones are counted the same each time.
    fn read_all(&self, ready: Sender<Ready<R>>, is_stopping: impl Fn() -> bool) {
        let places = Places::new(self.people.areas.now(), TimeMs::now().get());
        let Sent { rows, table, header, mapping, .. } = self.sent;
        let mut converter = Converter::new(rows, mapping.clone(), places, table.is_1904);
        let mut equal: HashMap<[u8; 32], u32> = HashMap::new();
        for (at, row) in table.rows.iter().enumerate().skip(header.below) {
            if is_stopping() {
                self.is_over.store(true, Ordering::Relaxed);
            }
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            match converter.read(row) {
                Ok(understood) => {
                    let content = *blake3::hash(&rows.content(&understood)).as_bytes();
                    let place = equal.entry(content).or_insert(0);
                    *place += u32::from(R::EQUAL_ROWS_ARE_TWO || *place == 0);
                    let request = format!("row|{}|{place}", data_encoding::HEXLOWER.encode(&content));
                    if ready.send(Ready { at, understood, request }).is_err() {
                        break;
                    }
                }
                Err(flaws) => self.refuse(at, flaws),
            }
        }
    }

    fn enter_all(&self, queue: &Receiver<Ready<R>>) {
        for ready in queue {
            if !self.is_over.load(Ordering::Relaxed) {
                self.enter(ready);
            }
        }
    }

    fn enter(&self, Ready { at, understood, request }: Ready<R>) {
        let Sent { rows, account, mapping, document_seen, accept_mismatches, table, .. } = self.sent;
        let how = OnPaper {
            account,
            phone: None,
            document_seen: *document_seen,
            accept_mismatches: *accept_mismatches,
            request: Some(&request),
        };
        let row = table.rows[at].number;
        match rows.enter(understood, self.people, &how, TimeMs::now()) {
            Ok(entered) => {
                let counter = if entered.was_there { &self.upload.was_there } else { &self.upload.accepted };
                let record = entered.made.record;
                let accepted = Accepted { row, declaration: record.declaration, pass: record.pass };
                self.outcomes.lock().accepted.push(accepted);
                counter.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => match flaws_of(&error, mapping, row) {
                Some(flaws) => self.refuse(at, flaws),
                None => {
                    tracing::warn!(%error, "an upload is stopped");
                    self.is_over.store(true, Ordering::Relaxed);
                }
            },
        }
    }

    fn refuse(&self, at: usize, flaws: Vec<RowFlaw>) {
        self.outcomes.lock().refused.push((at, flaws));
        self.upload.refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the row says, if nothing keeps it from being entered as far as can be told beforehand.
///
/// # Errors
/// What is wrong with it.
pub fn check_row<R: Rows>(
    people: &People,
    converter: &mut Converter<'_, R>,
    row: &Row,
    how: &OnPaper<'_>,
    now: TimeMs,
) -> Result<R::Understood, Vec<RowFlaw>> {
    let understood = converter.read(row)?;
    let mapping = &converter.mapping;
    let checked = converter.rows.check(&understood, people, how, now);
    match checked.map_err(|error| flaws_of(&error, mapping, row.number)) {
        Ok(flaws) if flaws.is_empty() => Ok(understood),
        Ok(flaws) => Err(mapping.flaws(row.number, &flaws)),
        Err(flaws) => Err(flaws.unwrap_or_default()),
    }
}

/// What a row's refusal says of it; none where it is not the row's own fault.
fn flaws_of(error: &PaperError, mapping: &Mapping, row: u32) -> Option<Vec<RowFlaw>> {
    let one = |field, why| Some(vec![mapping.flaw(row, field, why)]);
    match error {
        PaperError::OutOfReach | PaperError::OtherBorder => one(None, Why::OutOfReach),
        PaperError::Declare(DeclareError::Invalid(flaws) | DeclareError::Disagrees(flaws)) => {
            Some(mapping.flaws(row, flaws))
        }
        PaperError::Declare(DeclareError::TooMany(_)) => one(None, Why::TooMany),
        PaperError::Declare(DeclareError::Registry(RegistryError::TwoPeople)) => {
            one(Some(Field::Document), Why::TwoPeople)
        }
        PaperError::Declare(DeclareError::NotYours | DeclareError::Registry(_)) => None,
    }
}

/// Rows that are declared at once: each waits for its sync most of the time.
const AT_ONCE: usize = 32;
const QUEUE: usize = 4 * AT_ONCE;
