//! Every key in the registry's store, and nothing else. Numbers are big-endian, so that byte order is
//! their order; what is listed the newest first has its number inverted.
//!
//! ```text
//! tag u8 | fields
//! ```
//! Documents, plates and names stand in keys only as blind indexes (see [`super::vault`]).

use truyvet_schemas::pass::{PassId, SubjectCode};

use super::vault::Blind;

/// What a key is for. Numbers of retired tags are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    /// nothing more -> mark of the keys that belong to this registry.
    VaultMark = 1,
    /// `subject` -> person: own key, wrapped, and facts, sealed with it.
    Person = 2,
    /// `blind document` -> subject, and whether somebody verified that it is theirs.
    Document = 3,
    /// `blind name, birth date and sex | subject` -> nothing.
    Namesake = 4,
    /// `declaration` -> declaration: what is open, and facts, sealed with the person's key.
    Declaration = 5,
    /// `subject | ^declaration` -> nothing.
    DeclarationOf = 6,
    /// `pass` -> pass.
    Pass = 7,
    /// `valid until, s | pass` -> nothing: revoked before it expires.
    Revoked = 8,
    /// `seq` -> entry of the audit log.
    Audit = 9,
    /// `name` -> account: own key, wrapped, and what is sealed with it.
    Account = 10,
    /// `expires, s | digest of the token` -> session, sealed with the token.
    Session = 11,
    /// `subject` -> whom checkpoints hold, and why.
    Watched = 12,
    /// `blind key of a request` -> blind content and the declaration that it made.
    Request = 13,
    /// `blind area | ^declaration` -> side: a verified journey from or to the area.
    Travelling = 14,
    /// `declaration` -> the ward of destination's word that its holder has arrived.
    Arrival = 15,
    /// `hook` -> hook: own key, wrapped, and what is sealed with it.
    Hook = 16,
    /// `hook | declaration` -> mark: the hook is to be told of the journey.
    HookDue = 17,
    /// `hook | declaration` -> what the hook knows of the journey.
    HookTold = 18,
    /// `area | ^number` -> level set for the area.
    Level = 20,
    /// `area | ^number` -> nothing: a level that may hold now or later.
    LevelOpen = 21,
    /// `blind account | ^declaration` -> nothing: the official entered it from paper.
    Entered = 30,
    /// `blind account` -> how the official's tables were read: blind headers, and which column is what.
    TableColumns = 31,
    /// `subject` -> vehicle: own key, wrapped, and what it is, sealed with it.
    Vehicle = 32,
    /// `blind plate` -> subject.
    Plate = 33,
    /// `trip` -> trip: what is open, and what was declared and decided, sealed with the vehicle's key.
    Trip = 34,
    /// `subject | ^trip` -> nothing: of the vehicle, and of everyone who was ever aboard.
    TripOf = 35,
    /// `blind depot or area | ^trip` -> nothing: where it begins and what it goes through.
    TripAt = 36,
    /// `trip | number` -> who is aboard from an instant on: codes open, who they are sealed.
    Manifest = 37,
    /// `over at, s | trip` -> nothing: sealed, and not ended before its time.
    TripOpen = 38,
    /// `order` -> quarantine order: what is open, and where and why, sealed with the person's key.
    Order = 40,
    /// `subject | ^order` -> nothing.
    OrderOf = 41,
    /// `blind area | ^order` -> nothing: where it is to be kept.
    OrderAt = 42,
    /// `over at, s | order` -> subject and from when on, ms: not over.
    OrderOpen = 43,
    /// `order | number` -> entry of its diary: when and by whom open, what it says sealed with the person's key.
    Diary = 44,
    /// `declaration` -> crossing: where and on what its holder crossed the border, sealed with the person's key.
    Crossing = 55,
    /// `blind site | ^declaration` -> nothing: arrivals at a site of the border.
    CrossingAt = 56,
    /// `blind carriage | subject` -> declaration: the last arrival of each who came on it.
    CrossingOn = 57,
    /// `subject | ^declaration` -> nothing: arrivals of a subject.
    CrossingOf = 58,
    /// `forgotten at, s | blind key of a request` -> blind content, and when a visitor's scan at a venue was.
    Visit = 50,
    /// `site's code` -> how often its poster was replaced.
    Poster = 60,
}

/// A key, ready for the store.
pub(crate) type Key = Vec<u8>;

pub(crate) fn vault_mark() -> Key {
    vec![Tag::VaultMark as u8]
}

pub(crate) fn person(subject: SubjectCode) -> Key {
    key(Tag::Person, &[&subject.bytes()])
}

pub(crate) fn document(document: Blind) -> Key {
    key(Tag::Document, &[&document.bytes()])
}

pub(crate) fn namesake(name: Blind, subject: SubjectCode) -> Key {
    key(Tag::Namesake, &[&name.bytes(), &subject.bytes()])
}

/// What the keys of all namesakes begin with.
pub(crate) fn namesakes(name: Blind) -> Key {
    key(Tag::Namesake, &[&name.bytes()])
}

pub(crate) fn declaration(number: u64) -> Key {
    key(Tag::Declaration, &[&number.to_be_bytes()])
}

pub(crate) fn declaration_of(subject: SubjectCode, number: u64) -> Key {
    key(Tag::DeclarationOf, &[&subject.bytes(), &(!number).to_be_bytes()])
}

/// What the keys of all declarations of a subject begin with.
pub(crate) fn declarations_of(subject: SubjectCode) -> Key {
    key(Tag::DeclarationOf, &[&subject.bytes()])
}

pub(crate) fn pass(pass: PassId) -> Key {
    key(Tag::Pass, &[&pass.get().to_be_bytes()])
}

pub(crate) fn revoked(valid_until_s: u32, pass: PassId) -> Key {
    key(Tag::Revoked, &[&valid_until_s.to_be_bytes(), &pass.get().to_be_bytes()])
}

/// The first key of what is revoked and expires at this second or later.
pub(crate) fn revoked_from(valid_until_s: u32) -> Key {
    key(Tag::Revoked, &[&valid_until_s.to_be_bytes()])
}

pub(crate) fn audit(seq: u64) -> Key {
    key(Tag::Audit, &[&seq.to_be_bytes()])
}

pub(crate) fn account(name: &str) -> Key {
    key(Tag::Account, &[name.as_bytes()])
}

pub(crate) fn session(expires_s: u32, digest: &[u8; 32]) -> Key {
    key(Tag::Session, &[&expires_s.to_be_bytes(), digest])
}

/// The second in which what stands at this key of sessions or revoked passes is over.
pub(crate) fn over_at_s(key: &[u8]) -> Option<u32> {
    key.get(1..)?.first_chunk().copied().map(u32::from_be_bytes)
}

pub(crate) fn watched(subject: SubjectCode) -> Key {
    key(Tag::Watched, &[&subject.bytes()])
}

pub(crate) fn request(request: Blind) -> Key {
    key(Tag::Request, &[&request.bytes()])
}

pub(crate) fn travelling(area: Blind, number: u64) -> Key {
    key(Tag::Travelling, &[&area.bytes(), &(!number).to_be_bytes()])
}

/// What the keys of all journeys from and to an area begin with.
pub(crate) fn all_travelling(area: Blind) -> Key {
    key(Tag::Travelling, &[&area.bytes()])
}

pub(crate) fn arrival(number: u64) -> Key {
    key(Tag::Arrival, &[&number.to_be_bytes()])
}

pub(crate) fn hook(number: u64) -> Key {
    key(Tag::Hook, &[&number.to_be_bytes()])
}

pub(crate) fn hook_due(hook: u64, declaration: u64) -> Key {
    key(Tag::HookDue, &[&hook.to_be_bytes(), &declaration.to_be_bytes()])
}

pub(crate) fn hook_told(hook: u64, declaration: u64) -> Key {
    key(Tag::HookTold, &[&hook.to_be_bytes(), &declaration.to_be_bytes()])
}

/// What the keys of everything of one hook begin with.
pub(crate) fn of_hook(tag: Tag, hook: u64) -> Key {
    key(tag, &[&hook.to_be_bytes()])
}

/// How long these are.
pub(crate) const OF_HOOK_BYTES: usize = 1 + size_of::<u64>();

/// Everything of a hook about declarations below this number: from the first key of each up to the second.
pub(crate) fn all_of_hook(hook: u64, below: u64) -> [(Key, Key); 2] {
    [(hook_due(hook, 0), hook_due(hook, below)), (hook_told(hook, 0), hook_told(hook, below))]
}

pub(crate) fn level(area: &str, number: u64) -> Key {
    of_area(Tag::Level, area, &(!number).to_be_bytes())
}

/// What the keys of all levels of an area begin with.
pub(crate) fn levels(area: &str) -> Key {
    of_area(Tag::Level, area, &[])
}

pub(crate) fn level_open(area: &str, number: u64) -> Key {
    of_area(Tag::LevelOpen, area, &(!number).to_be_bytes())
}

/// What the keys of all open levels of an area begin with.
pub(crate) fn levels_open(area: &str) -> Key {
    of_area(Tag::LevelOpen, area, &[])
}

pub(crate) fn entered(account: Blind, number: u64) -> Key {
    key(Tag::Entered, &[&account.bytes(), &(!number).to_be_bytes()])
}

/// What the keys of all that an official entered begin with.
pub(crate) fn all_entered(account: Blind) -> Key {
    key(Tag::Entered, &[&account.bytes()])
}

pub(crate) fn table_columns(account: Blind) -> Key {
    key(Tag::TableColumns, &[&account.bytes()])
}

/// The number at the end of the key of a level.
pub(crate) fn level_number(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|number| !u64::from_be_bytes(*number))
}

pub(crate) fn vehicle(subject: SubjectCode) -> Key {
    key(Tag::Vehicle, &[&subject.bytes()])
}

pub(crate) fn plate(plate: Blind) -> Key {
    key(Tag::Plate, &[&plate.bytes()])
}

pub(crate) fn trip(number: u64) -> Key {
    key(Tag::Trip, &[&number.to_be_bytes()])
}

pub(crate) fn trip_of(subject: SubjectCode, number: u64) -> Key {
    key(Tag::TripOf, &[&subject.bytes(), &(!number).to_be_bytes()])
}

/// What the keys of all trips of a subject begin with.
pub(crate) fn trips_of(subject: SubjectCode) -> Key {
    key(Tag::TripOf, &[&subject.bytes()])
}

pub(crate) fn trip_at(place: Blind, number: u64) -> Key {
    key(Tag::TripAt, &[&place.bytes(), &(!number).to_be_bytes()])
}

/// What the keys of all trips that touch a place begin with.
pub(crate) fn trips_at(place: Blind) -> Key {
    key(Tag::TripAt, &[&place.bytes()])
}

pub(crate) fn manifest(trip: u64, number: u32) -> Key {
    key(Tag::Manifest, &[&trip.to_be_bytes(), &number.to_be_bytes()])
}

/// What the keys of all manifests of a trip begin with.
pub(crate) fn manifests(trip: u64) -> Key {
    key(Tag::Manifest, &[&trip.to_be_bytes()])
}

pub(crate) fn trip_open(over_at_s: u32, trip: u64) -> Key {
    key(Tag::TripOpen, &[&over_at_s.to_be_bytes(), &trip.to_be_bytes()])
}

/// The first key of what is under way and over at this second or later.
pub(crate) fn trips_open_from(over_at_s: u32) -> Key {
    key(Tag::TripOpen, &[&over_at_s.to_be_bytes()])
}

pub(crate) fn crossing(number: u64) -> Key {
    key(Tag::Crossing, &[&number.to_be_bytes()])
}

pub(crate) fn crossing_at(site: Blind, number: u64) -> Key {
    key(Tag::CrossingAt, &[&site.bytes(), &(!number).to_be_bytes()])
}

/// What the keys of all arrivals at a site begin with.
pub(crate) fn crossings_at(site: Blind) -> Key {
    key(Tag::CrossingAt, &[&site.bytes()])
}

pub(crate) fn crossing_on(carriage: Blind, subject: SubjectCode) -> Key {
    key(Tag::CrossingOn, &[&carriage.bytes(), &subject.bytes()])
}

/// What the keys of all who came on a carriage begin with.
pub(crate) fn crossings_on(carriage: Blind) -> Key {
    key(Tag::CrossingOn, &[&carriage.bytes()])
}

pub(crate) fn crossing_of(subject: SubjectCode, number: u64) -> Key {
    key(Tag::CrossingOf, &[&subject.bytes(), &(!number).to_be_bytes()])
}

/// What the keys of all arrivals of a subject begin with.
pub(crate) fn crossings_of(subject: SubjectCode) -> Key {
    key(Tag::CrossingOf, &[&subject.bytes()])
}

pub(crate) fn order(number: u64) -> Key {
    key(Tag::Order, &[&number.to_be_bytes()])
}

pub(crate) fn order_of(subject: SubjectCode, number: u64) -> Key {
    key(Tag::OrderOf, &[&subject.bytes(), &(!number).to_be_bytes()])
}

/// What the keys of all orders of a subject begin with.
pub(crate) fn orders_of(subject: SubjectCode) -> Key {
    key(Tag::OrderOf, &[&subject.bytes()])
}

pub(crate) fn order_at(area: Blind, number: u64) -> Key {
    key(Tag::OrderAt, &[&area.bytes(), &(!number).to_be_bytes()])
}

/// What the keys of all orders that are to be kept in an area begin with.
pub(crate) fn orders_at(area: Blind) -> Key {
    key(Tag::OrderAt, &[&area.bytes()])
}

pub(crate) fn order_open(over_at_s: u32, number: u64) -> Key {
    key(Tag::OrderOpen, &[&over_at_s.to_be_bytes(), &number.to_be_bytes()])
}

/// The first key of what is over at this second or later.
pub(crate) fn orders_open_from(over_at_s: u32) -> Key {
    key(Tag::OrderOpen, &[&over_at_s.to_be_bytes()])
}

pub(crate) fn diary_entry(order: u64, number: u32) -> Key {
    key(Tag::Diary, &[&order.to_be_bytes(), &number.to_be_bytes()])
}

/// What the keys of all entries of an order's diary begin with.
pub(crate) fn diary(order: u64) -> Key {
    key(Tag::Diary, &[&order.to_be_bytes()])
}

pub(crate) fn visit(forgotten_at_s: u32, request: Blind) -> Key {
    key(Tag::Visit, &[&forgotten_at_s.to_be_bytes(), &request.bytes()])
}

pub(crate) fn poster(site: &str) -> Key {
    key(Tag::Poster, &[site.as_bytes()])
}

/// The inverted number at the end of a key of a list that tells the newest first.
pub(crate) fn newest_first(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|number| !u64::from_be_bytes(*number))
}

/// The area's length goes before it, so that no area's keys begin as another's do.
fn of_area(tag: Tag, area: &str, number: &[u8]) -> Key {
    let length = u16::try_from(area.len()).unwrap_or(u16::MAX); // the catalog's codes are 255 bytes
    key(tag, &[&length.to_be_bytes(), area.as_bytes(), number])
}

/// The number behind this tag, and nothing else; `None` for any other key.
pub(crate) fn number(tag: Tag, key: &[u8]) -> Option<u64> {
    let fields = key.strip_prefix(&[tag as u8])?;
    fields.try_into().ok().map(u64::from_be_bytes)
}

fn key(tag: Tag, fields: &[&[u8]]) -> Key {
    let mut key = Vec::with_capacity(1 + fields.iter().map(|field| field.len()).sum::<usize>());
    key.push(tag as u8);
    fields.iter().for_each(|field| key.extend_from_slice(field));
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_is_the_order_that_lists_need() {
        let subject = SubjectCode::new([7; 10]);
        assert!(declaration_of(subject, 2) < declaration_of(subject, 1), "the newest first");
        assert!(declaration(1) < declaration(256));
        assert!(revoked(1, PassId::new(u64::MAX)) < revoked(2, PassId::new(0)));
        assert!(revoked_from(2) <= revoked(2, PassId::new(0)));
        assert_eq!(number(Tag::Audit, &audit(300)), Some(300));
        assert_eq!(number(Tag::Audit, &declaration(300)), None);
        assert!(level("W1", 2) < level("W1", 1), "the newest first");
        assert!(!level("W12", 1).starts_with(&levels("W1")), "another area's");
        assert_eq!(level_number(&level("W1", 7)), Some(7));
        assert!(trip_of(subject, 2) < trip_of(subject, 1), "the newest first");
        assert_eq!(newest_first(&trip_of(subject, 9)), Some(9));
        assert!(crossing_of(subject, 2) < crossing_of(subject, 1), "the newest first");
        assert!(manifest(1, 2) < manifest(1, 10) && manifest(1, u32::MAX) < manifest(2, 1));
        assert!(order_of(subject, 2) < order_of(subject, 1), "the newest first");
        assert!(diary_entry(1, 2) < diary_entry(1, 10) && diary_entry(1, u32::MAX) < diary_entry(2, 1));
        assert!(orders_open_from(2) <= order_open(2, 0) && order_open(1, u64::MAX) < order_open(2, 0));
        assert!(trips_open_from(2) <= trip_open(2, 0) && trip_open(1, u64::MAX) < trip_open(2, 0));
    }
}
