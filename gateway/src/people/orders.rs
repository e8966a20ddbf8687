//! Quarantine orders: made by health officials and epidemiologists, kept by wards and facilities, broken where
//! the trail says so.
//!
//! ```text
//! codes, or the answer to a trace question -> terms whole? places known? -> registry: planned, made, or why not
//! registry: order  +  engine: passages      -> which of them break it, whenever asked
//! ward, facility, the citizen               -> diary
//! ```
//! - What breaks an order is computed when somebody asks, so that no scan, however late, is left out; what is
//!   pushed ([`super::live`]) says the same earlier.
//! - Whoever orders learns no name: an order at home goes to where each is known to live. Another home can be
//!   named by those alone who may see who the person is.
//! - Whose area an order is to be kept in sees it, and may look up who it is for.

mod arrived;
mod listed;
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use truyvet_engine::TraceError;
use truyvet_engine::registry::{
    Account, Asked, DeclarationState, Ended, Made, NewOrder, NotOrdered, OrderedAll, RegistryError, Whither,
    WholeOrder,
};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::{Flaw, Wrong};
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::person::{Document, Residence};
use truyvet_schemas::quarantine::{DiaryEntry, EndReason, NOTE_CHARS_MAX, OrderPlace, OrderTerms, PlaceKind};

use super::quota::TooMany;
use super::{Caller, People, act, act_with};

use listed::For;
use shown::NotOrderedFor;
pub use shown::{BulkOrdered, OrderRow, OrderShown, OrderWord, OrdersAsked, OrdersFound, OrdersWanted};

/// Why something about an order was not done.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Correct the fields.
    #[error("some fields are not as they must be; correct those named")]
    Invalid(Vec<Flaw>),
    /// Look at the code or number again.
    #[error("there is no such order among those that you may see; look at its number again")]
    Unknown,
    /// Do as the message says.
    #[error("{}", advice(*.0))]
    Not(NotOrdered),
    /// Leave the home out, so that the known one is meant, or ask an official who may see the person.
    #[error(
        "another home can be named only for people of your area; leave `area` out, and the known home is meant"
    )]
    OutOfReach,
    /// Order in several steps.
    #[error(
        "{subjects} subjects are more than {max} at once; ask for a shorter time or fewer generations, or raise \
         `orders_bulk_max` in the section [people]"
    )]
    TooLarge {
        /// For so many was to be ordered.
        subjects: usize,
        /// So many may be.
        max: usize,
    },
    /// Come back tomorrow.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// As the inner error says.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// What is to be ordered by one request that may come again.
#[derive(Clone, Debug)]
pub struct Ordering {
    /// The terms.
    pub terms: OrderTerms,
    /// Names the request.
    pub request: Option<String>,
}

impl People {
    /// Orders quarantine for one. The same request again gives the same answer.
    ///
    /// # Errors
    /// Nothing is ordered then; the error says what to do.
    pub fn order(
        &self,
        subject: &str,
        ordering: Ordering,
        account: &Account,
        now: TimeMs,
    ) -> Result<OrderShown, OrderError> {
        let no_record = OrderError::Not(NotOrdered::NoRecord);
        let subject: SubjectCode = subject.parse().map_err(|_| no_record)?;
        let terms = self.whole_terms(ordering.terms, now)?;
        if terms.area.is_some() && !self.is_in_reach(subject, account)? {
            return Err(OrderError::OutOfReach);
        }
        let made = self.with_order(&terms, ordering.request.as_deref(), account, now, |new| {
            self.registry.order(subject, new, act(now, &account.account, "order.make", "-"))
        })?;
        let made = made.map_err(|refusal| OrderError::Not(refusal.why))?;
        self.follow_made(&made);
        self.show_order(made.whole.record.order, self.told_to(&made.whole, account), now)
    }

    /// Orders quarantine for these codes, whatever they are codes of. `is_tried`: tells what would be done.
    ///
    /// # Errors
    /// Nothing is ordered then, or what was before the store failed; the same request goes on.
    pub fn order_all(
        &self,
        subjects: &[String],
        ordering: Ordering,
        account: &Account,
        is_tried: bool,
        now: TimeMs,
    ) -> Result<BulkOrdered, OrderError> {
        let (max, terms) = (self.config.orders_bulk_max as usize, self.whole_terms(ordering.terms, now)?);
        if subjects.len() > max {
            return Err(OrderError::TooLarge { subjects: subjects.len(), max });
        }
        if terms.area.is_some() {
            return Err(OrderError::Invalid(vec![Flaw {
                field: "terms.area".to_owned(),
                code: Wrong::Disagrees,
            }]));
        }
        let mut all = OrderedAll::default();
        let act = act(now, &account.account, "order.make", "-");
        let done = self.with_order(&terms, ordering.request.as_deref(), account, now, |new| {
            self.registry.order_all(subjects, new, &act, is_tried, |more| take_in(&mut all, more))
        });
        // Also where it broke off: what is on disk is in force.
        if !is_tried {
            self.follow_all(&all);
        }
        done?;
        Ok(told(all, is_tried))
    }

    /// An order as the caller may see it: whom it is for, and officials of the area where it is to be kept.
    /// The look, granted or refused, is in the audit log before it is answered.
    ///
    /// # Errors
    /// It is not within the caller's reach, or the store fails.
    pub fn find_order(&self, number: u64, by: &Caller, now: TimeMs) -> Result<OrderShown, OrderError> {
        self.reached_order(number, by, "order.read", now)?;
        self.registry.note(act(now, by.actor(), "order.read", &number.to_string()))?;
        self.show_order(number, For::of(by), now)
    }

    /// Writes into the diary of an order within the caller's reach; once, however often the same request comes.
    ///
    /// # Errors
    /// Some fields are wrong, the order is over, or not within reach, or the store fails.
    pub fn write_diary(
        &self,
        number: u64,
        entry: DiaryEntry,
        request: Option<&str>,
        by: &Caller,
        now: TimeMs,
    ) -> Result<OrderShown, OrderError> {
        // As it was sent: "now" is another instant when it comes again.
        let content = serde_json::to_string(&entry).expect("texts and numbers are JSON");
        let entry = entry.tidied(now.get());
        let flaws = entry.check(now.get());
        if !flaws.is_empty() {
            return Err(OrderError::Invalid(flaws));
        }
        let whole = self.reached_order(number, by, "order.diary", now)?;
        let key = request.map(|request| format!("{}|{request}", by.actor()));
        let asked = key.as_deref().map(|key| Asked { key, content: &content });
        let before = asked.map_or(Ok(None), |asked| self.registry.diary_entry_of(number, asked))?;
        if before.is_none() && matches!(by, Caller::Citizen { .. }) {
            self.quota.take(&format!("diary|{}", whole.record.subject), OWN_ENTRIES_A_DAY, now)?;
        }
        let writes = act(now, by.actor(), "order.diary", &number.to_string());
        self.registry.write_diary(number, entry, asked, writes)?;
        self.tell_order_areas([whole.place.area]);
        self.show_order(number, For::of(by), now)
    }

    /// Ends an order before its time: for officials of the area where it is to be kept, and whoever made it. What
    /// gave way to one that has not begun goes on.
    ///
    /// # Errors
    /// It is over or not within reach, or the store fails.
    pub fn end_order(
        &self,
        number: u64,
        reason: EndReason,
        note: Option<&str>,
        account: &Account,
        now: TimeMs,
    ) -> Result<(), OrderError> {
        let note = note.map(truyvet_schemas::person::tidy_text).filter(|note| !note.is_empty());
        let mut check = truyvet_schemas::checking::Check::default();
        check.text("note", note.as_deref().unwrap_or_default(), 0, NOTE_CHARS_MAX);
        let flaws = check.flaws();
        if !flaws.is_empty() {
            return Err(OrderError::Invalid(flaws));
        }
        let known = self.registry.whole_order(number)?;
        let is_own = known.is_some_and(|whole| whole.record.by == account.account);
        if !is_own {
            let by = Caller::Official(Box::new(account.clone()));
            self.reached_order(number, &by, "order.end", now)?;
        }
        let act = act(now, &account.account, "order.end", &number.to_string());
        let Ended { whole, resumed } = self.registry.end_order(number, reason, note.as_deref(), act)?;
        self.tell_order_areas([whole].into_iter().chain(resumed).map(|whole| whole.place.area));
        Ok(())
    }

    /// Has somebody stay elsewhere from now on, until the same instant.
    ///
    /// # Errors
    /// The place is not known, the order is over or not within reach, or the store fails.
    pub fn move_order(
        &self,
        number: u64,
        site: Option<&str>,
        account: &Account,
        now: TimeMs,
    ) -> Result<OrderShown, OrderError> {
        let by = Caller::Official(Box::new(account.clone()));
        let whole = self.reached_order(number, &by, "order.move", now)?;
        let place = match site {
            Some(site) => {
                let area = self.area_of_site(site, &FACILITY_KINDS).ok_or_else(|| unknown("site"))?;
                OrderPlace { kind: PlaceKind::Facility, area, address: None, site: Some(site.to_owned()) }
            }
            None => {
                let home = self.registry.home_of(whole.record.subject)?;
                let abroad = OrderError::Not(NotOrdered::Abroad);
                let home = home.and_then(|home| Some((self.area_today(&home.area, now)?, home.address)));
                let (area, address) = home.ok_or(abroad)?;
                OrderPlace { kind: PlaceKind::Home, area, address, site: None }
            }
        };
        let act = act(now, &account.account, "order.move", &number.to_string());
        let moved = self.registry.move_order(number, place, whole.permitted, act)?;
        self.follow(&[moved.record.subject]);
        self.tell_order_areas([whole.place.area, moved.place.area.clone()]);
        self.show_order(moved.record.order, self.told_to(&moved, account), now)
    }

    /// Whether an order keeps a subject from being at this site now.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub(super) fn is_kept_from(
        &self,
        subject: SubjectCode,
        site: Option<&str>,
        now: TimeMs,
    ) -> Result<bool, RegistryError> {
        let order = self.registry.order_at(subject, now)?;
        Ok(order.is_some_and(|order| !site.is_some_and(|site| order.permits(site, now.get()))))
    }

    /// Areas where a subject's orders are to be kept that are not over, and that others made than the account that
    /// asks, to decide whether it may look at the subject.
    pub(super) fn order_areas_of(
        &self,
        subject: SubjectCode,
        asking: &str,
        now: TimeMs,
    ) -> Result<Vec<String>, RegistryError> {
        let numbers = self.registry.orders_of(subject, None, ORDERS_LOOKED_AT)?;
        let mut areas = Vec::new();
        for number in numbers {
            let Some(whole) = self.registry.whole_order(number)? else { continue };
            if whole.record.over_at() > now.get() && whole.record.by != asking {
                areas.push(whole.place.area);
            }
        }
        Ok(areas)
    }

    /// From now on scans of whom it is for are told, and the areas know that there is a new order.
    fn follow_made(&self, Made { whole, left }: &Made) {
        self.follow(&[whole.record.subject]);
        self.tell_order_areas(left.iter().chain([&whole.place.area]).cloned());
    }

    fn follow_all(&self, all: &OrderedAll) {
        let made = all.made.iter().map(|(record, area)| (record.subject, area));
        let before = all.made_before.iter().map(|(subject, area)| (*subject, area));
        let (subjects, areas): (Vec<SubjectCode>, Vec<&String>) = made.chain(before).unzip();
        self.follow(&subjects);
        self.tell_order_areas(areas.into_iter().chain(&all.left).cloned());
    }

    /// Tells listeners of these areas, and of all above them, that orders have changed.
    fn tell_order_areas(&self, areas: impl IntoIterator<Item = String>) {
        let areas: BTreeSet<String> = areas.into_iter().collect();
        let told = areas.iter().flat_map(|area| self.areas.all_above(area)).collect();
        self.live.orders_changed(&told);
    }

    /// What an official is told of an order that they made or moved.
    fn told_to(&self, whole: &WholeOrder, account: &Account) -> For {
        if self.reaches_area(&whole.place.area, account) { For::Keeper } else { For::Orderer }
    }

    /// Terms that are tidied and checked, places and all.
    fn whole_terms(&self, terms: OrderTerms, now: TimeMs) -> Result<OrderTerms, OrderError> {
        let terms = terms.tidied();
        let mut flaws = terms.check(now.get(), self.config.order_days_max);
        let mut flaw = |field: String, code| flaws.push(Flaw { field, code });
        if let Some(wrong) = terms.area.as_deref().and_then(|area| self.areas.wrong(area, now.get())) {
            flaw("area".to_owned(), wrong);
        }
        if terms.site.as_deref().is_some_and(|site| self.area_of_site(site, &FACILITY_KINDS).is_none()) {
            flaw("site".to_owned(), Wrong::Unknown);
        }
        for (i, site) in terms.permitted.iter().enumerate() {
            if self.engine.catalog().site(site).is_none() {
                flaw(format!("permitted[{i}]"), Wrong::Unknown);
            }
        }
        let within = |flaw: Flaw| Flaw { field: format!("terms.{}", flaw.field), ..flaw };
        let flaws: Vec<Flaw> = flaws.into_iter().map(within).collect();
        if flaws.is_empty() { Ok(terms) } else { Err(OrderError::Invalid(flaws)) }
    }

    /// Calls `make` with what the registry needs for these terms.
    fn with_order<T>(
        &self,
        terms: &OrderTerms,
        request: Option<&str>,
        account: &Account,
        now: TimeMs,
        make: impl FnOnce(&NewOrder<'_>) -> Result<T, RegistryError>,
    ) -> Result<T, OrderError> {
        let facility_area = terms.site.as_deref().and_then(|site| self.site_area(site));
        let address = terms.address.clone();
        let home = terms.area.clone().map(|area| Residence { area, address });
        let place = match (&terms.site, &facility_area, &home) {
            (Some(site), Some(area), _) => Whither::Facility { site, area },
            (_, _, Some(home)) => Whither::At(home),
            _ => Whither::Home,
        };
        let key = request.map(|request| format!("{}|{request}", account.account));
        let content = serde_json::to_string(terms).expect("texts and numbers are JSON");
        let new = NewOrder {
            place,
            reason: terms.reason,
            from: terms.from.unwrap_or(now.get()),
            until: terms.until,
            permitted: &terms.permitted,
            origin: terms.origin.as_deref(),
            yields: false,
            area_today: &|code: &str| self.area_today(code, now),
            request: key.as_deref().map(|key| Asked { key, content: &content }),
        };
        Ok(make(&new)?)
    }

    /// An order within the caller's reach. One that is not is noted as refused.
    fn reached_order(
        &self,
        number: u64,
        by: &Caller,
        action: &str,
        now: TimeMs,
    ) -> Result<WholeOrder, OrderError> {
        let whole = self.registry.whole_order(number)?.ok_or(OrderError::Unknown)?;
        let is_reached = match by {
            Caller::Official(account) => self.reaches_area(&whole.place.area, account),
            Caller::Citizen { document, phone } => {
                self.own_subject(document, phone)? == Some(whole.record.subject)
            }
            Caller::Nobody | Caller::Local | Caller::Operator => false,
        };
        if !is_reached {
            let refused = act_with(now, by.actor(), action, &number.to_string(), "refused");
            self.registry.note(refused)?;
            return Err(OrderError::Unknown);
        }
        Ok(whole)
    }

    /// Who a citizen is known to be: the holder of the document, where somebody has verified a declaration that
    /// was made with this phone. Anybody may ask for a code with anybody's document.
    fn own_subject(&self, document: &Document, phone: &str) -> Result<Option<SubjectCode>, RegistryError> {
        let Some(holder) = self.registry.holder(document)? else { return Ok(None) };
        let phone = self.registry.phone_index(phone);
        let newest = self.registry.declarations_of(holder, None, DECLARATIONS_LOOKED_AT)?;
        let is_known =
            newest.iter().any(|record| record.phone == phone && record.state == DeclarationState::Verified);
        Ok(is_known.then_some(holder))
    }

    fn site_area(&self, site: &str) -> Option<String> {
        self.engine.catalog().site(site)?.area
    }

    fn area_today(&self, code: &str, now: TimeMs) -> Option<String> {
        let search = self.areas.now();
        let tree = search.tree();
        let today = tree.valid_at(tree.find(code)?, now.get())?;
        Some(tree.area(today).code.clone())
    }
}

fn take_in(all: &mut OrderedAll, mut more: OrderedAll) {
    all.made.append(&mut more.made);
    all.made_before.append(&mut more.made_before);
    all.left.append(&mut more.left);
    all.not_ordered.append(&mut more.not_ordered);
}

fn told(all: OrderedAll, is_tried: bool) -> BulkOrdered {
    let areas: BTreeSet<&String> = all.made.iter().map(|(_, area)| area).collect();
    let areas = areas.len();
    let mut by_reason: BTreeMap<NotOrdered, Vec<String>> = BTreeMap::new();
    for (subject, why) in all.not_ordered {
        by_reason.entry(why).or_default().push(subject);
    }
    let not_ordered =
        by_reason.into_iter().map(|(why, list)| NotOrderedFor { why, subjects: list.len(), list });
    BulkOrdered {
        tried: is_tried,
        is_cut: false,
        unknown: Vec::new(),
        incomplete: Vec::new(),
        ordered: all.made.len(),
        ordered_before: all.made_before.len(),
        areas,
        not_ordered: not_ordered.collect(),
    }
}

fn unknown(field: &str) -> OrderError {
    OrderError::Invalid(vec![Flaw { field: field.to_owned(), code: Wrong::Unknown }])
}

const fn advice(why: NotOrdered) -> &'static str {
    match why {
        NotOrdered::NoRecord => "nobody is known by this code; look at it again",
        NotOrdered::Abroad => "there is no home in the country; order a facility",
        NotOrdered::AlreadyOrdered => "an order that lasts as long stands already; move or end that one",
        NotOrdered::Vehicle => "this is the code of a vehicle; order for those who were aboard",
        NotOrdered::Damaged => "what is kept of this person cannot be read; look at the server's log",
    }
}

/// Kinds of sites that people can be ordered into.
pub const FACILITY_KINDS: [&str; 3] = ["facility", "quarantine", "hospital"];
/// Entries that one writes about oneself in a day.
const OWN_ENTRIES_A_DAY: u32 = 20;
/// Newest orders and declarations of one subject that are looked at.
const ORDERS_LOOKED_AT: usize = 20;
const DECLARATIONS_LOOKED_AT: usize = 50;
