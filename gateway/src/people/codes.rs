//! One-time codes: whoever types one has the phone it went to. In memory: a code lives for minutes.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::Rng as _;
use truyvet_schemas::TimeMs;
use truyvet_schemas::person::Document;

use super::config::PeopleConfig;

/// Brings codes to phones.
pub(super) trait CodeSender: Send + Sync {
    /// Sends a code.
    ///
    /// # Errors
    /// It could not be sent.
    fn send(&self, phone: &str, code: &str) -> io::Result<()>;
}

/// Codes that were sent.
pub struct Codes {
    sender: Box<dyn CodeSender>,
    /// So that what is kept tells nothing of document and phone.
    key: [u8; 32],
    sent: Mutex<Sent>,
}

#[derive(Default)]
struct Sent {
    codes: HashMap<[u8; 32], Code>,
    /// Codes to each phone within an hour.
    phones: HashMap<[u8; 32], u32>,
    /// Whose code was sent to which phone when, the oldest first; of the last hour.
    order: VecDeque<(i64, [u8; 32], [u8; 32])>,
}

struct Code {
    code: [u8; 32],
    sent_at: i64,
    tries_left: u32,
}

/// A code is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct CodeSent {
    /// Until when it holds, unix milliseconds.
    pub expires_at: i64,
    /// When another may be asked for, unix milliseconds.
    pub again_at: i64,
}

/// Why no code was sent, or why it does not open the door.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Wait, then ask again.
    #[error("a code was sent a moment ago; ask for another in {retry_after_s} seconds")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// Ask again later.
    #[error("the code cannot be sent now; ask again in a few minutes")]
    NotSent,
    /// Type it again.
    #[error("this is not the code that was sent; look at it again, {tries_left} more tries")]
    Wrong {
        /// Tries before a new code is needed.
        tries_left: u32,
    },
    /// Ask for a new one.
    #[error("there is no code that holds; ask for a new one")]
    Expired,
}

impl Codes {
    pub(super) fn new(sender: Box<dyn CodeSender>) -> Self {
        Self { sender, key: rand::random(), sent: Mutex::default() }
    }

    /// Sends a code to a phone, for a document.
    ///
    /// # Errors
    /// One was sent a moment ago, or it cannot be sent now.
    pub fn send(&self, document: &Document, phone: &str, now: TimeMs) -> Result<CodeSent, CodeError> {
        let (whose, number) = (self.whose(document, phone), self.digest(&["phone", phone]));
        let code = format!("{:06}", rand::rng().random_range(0..1_000_000));
        {
            let mut sent = self.sent.lock();
            sent.forget_before(now);
            sent.may_send(&whose, &number, now)?;
            let digest = self.digest(&["code", &code]);
            sent.codes.insert(whose, Code { code: digest, sent_at: now.get(), tries_left: TRIES });
            *sent.phones.entry(number).or_default() += 1;
            sent.order.push_back((now.get(), whose, number));
        }
        if let Err(error) = self.sender.send(phone, &code) {
            tracing::error!(%error, "a one-time code could not be sent");
            self.sent.lock().codes.remove(&whose);
            return Err(CodeError::NotSent);
        }
        Ok(CodeSent { expires_at: now.get() + HOLDS_MS, again_at: now.get() + AGAIN_AFTER_MS })
    }

    /// Takes a code; each is good once.
    ///
    /// # Errors
    /// It is not the code that was sent, or none holds.
    pub fn redeem(&self, document: &Document, phone: &str, code: &str, now: TimeMs) -> Result<(), CodeError> {
        let whose = self.whose(document, phone);
        let mut sent = self.sent.lock();
        sent.forget_before(now);
        let holds = |code: &&mut Code| code.tries_left > 0 && now.get() < code.sent_at + HOLDS_MS;
        let known = sent.codes.get_mut(&whose).filter(holds);
        let known = known.ok_or(CodeError::Expired)?;
        // Digests under a secret key: comparing them tells nothing of the code.
        if known.code == self.digest(&["code", code.trim()]) {
            sent.codes.remove(&whose);
            return Ok(());
        }
        known.tries_left -= 1;
        Err(CodeError::Wrong { tries_left: known.tries_left })
    }

    fn whose(&self, document: &Document, phone: &str) -> [u8; 32] {
        let country = document.country.as_deref().unwrap_or_default();
        self.digest(&["whose", document.kind.as_str(), country, &document.number, phone])
    }

    fn digest(&self, parts: &[&str]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

impl Sent {
    fn may_send(&self, whose: &[u8; 32], phone: &[u8; 32], now: TimeMs) -> Result<(), CodeError> {
        let too_many = |until: i64| {
            let retry_after_s = (until - now.get()).max(0).unsigned_abs().div_ceil(1_000);
            Err(CodeError::TooMany { retry_after_s })
        };
        if let Some(code) = self.codes.get(whose)
            && now.get() < code.sent_at + AGAIN_AFTER_MS
        {
            return too_many(code.sent_at + AGAIN_AFTER_MS);
        }
        if self.phones.get(phone).is_some_and(|sent| *sent >= PHONE_HOUR_MAX) {
            return too_many(now.get() + HOUR_MS / 2);
        }
        if self.order.len() >= CODES_MAX {
            return too_many(now.get() + AGAIN_AFTER_MS);
        }
        Ok(())
    }

    fn forget_before(&mut self, now: TimeMs) {
        while let Some((at, whose, phone)) = self.order.front().copied()
            && at + HOUR_MS <= now.get()
        {
            self.order.pop_front();
            if self.codes.get(&whose).is_some_and(|code| code.sent_at == at) {
                self.codes.remove(&whose);
            }
            if let Some(sent) = self.phones.get_mut(&phone) {
                *sent -= 1;
                if *sent == 0 {
                    self.phones.remove(&phone);
                }
            }
        }
    }
}

/// The sender that the configuration names.
pub(super) fn sender(data: &Path, config: &PeopleConfig) -> Box<dyn CodeSender> {
    match &config.code_command {
        Some(command) => Box::new(CommandSender(command.clone())),
        None => Box::new(FileSender(data.join(CODES_FILE))),
    }
}

/// Writes codes into a file that its owner alone reads: for trying out, and where somebody reads codes
/// out at a counter.
struct FileSender(std::path::PathBuf);

impl CodeSender for FileSender {
    fn send(&self, phone: &str, code: &str) -> io::Result<()> {
        if self.0.metadata().is_ok_and(|file| file.len() > CODES_FILE_BYTES_MAX) {
            // The one before it goes: its codes have long expired.
            std::fs::rename(&self.0, self.0.with_extension("log.1"))?;
        }
        let mut file: File = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.0)?;
        let line = format!("{} to {phone}: {code}\n", TimeMs::now());
        file.write_all(line.as_bytes())
    }
}

/// Hands codes to a program.
struct CommandSender(Vec<String>);

impl CodeSender for CommandSender {
    fn send(&self, phone: &str, code: &str) -> io::Result<()> {
        let (program, arguments) = self.0.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let input = child.stdin.take();
        let told = input.map_or(Ok(()), |mut input| input.write_all(format!("{phone}\n{code}\n").as_bytes()));
        // A program that does not listen has ended, and says how.
        told.ok();
        let status = ended_in_time(&mut child)?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("{program}: {status}"))) }
    }
}

/// A program that hangs is ended.
fn ended_in_time(child: &mut Child) -> io::Result<ExitStatus> {
    let deadline = Instant::now() + SENDING_MAX;
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(status),
            None if Instant::now() < deadline => std::thread::sleep(SENDING_LOOK),
            None => {
                child.kill()?;
                return child.wait();
            }
        }
    }
}

const SENDING_MAX: Duration = Duration::from_secs(10);
const SENDING_LOOK: Duration = Duration::from_millis(20);

const CODES_FILE: &str = "codes.log";
const CODES_FILE_BYTES_MAX: u64 = 1 << 20;
const HOLDS_MS: i64 = 5 * 60_000;
const AGAIN_AFTER_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const PHONE_HOUR_MAX: u32 = 5;
const TRIES: u32 = 5;

/// Codes in an hour: 400 a second; some 300 MB.
const CODES_MAX: usize = 1_500_000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use truyvet_schemas::person::DocumentKind;

    use super::*;

    #[derive(Clone, Default)]
    struct Pigeonhole(Arc<Mutex<Vec<String>>>);

    impl CodeSender for Pigeonhole {
        fn send(&self, _: &str, code: &str) -> io::Result<()> {
            self.0.lock().push(code.to_owned());
            Ok(())
        }
    }

    fn document(number: &str) -> Document {
        Document { kind: DocumentKind::CitizenId, number: number.to_owned(), country: None }.tidied()
    }

    #[test]
    fn a_code_is_good_once_for_its_document_and_phone_within_its_time() {
        let sent = Pigeonhole::default();
        let codes = Codes::new(Box::new(sent.clone()));
        let (own, other, phone) = (document("001090000001"), document("001090000002"), "+84901234567");
        let at = |ms: i64| TimeMs::new(1_629_400_000_000 + ms);
        let last = || sent.0.lock().last().cloned().expect("a code was sent");
        codes.send(&own, phone, at(0)).expect("the first");
        assert_eq!(codes.send(&own, phone, at(10_000)), Err(CodeError::TooMany { retry_after_s: 50 }));
        assert_eq!(codes.redeem(&other, phone, &last(), at(1)), Err(CodeError::Expired));
        assert_eq!(codes.redeem(&own, "+84900000000", &last(), at(1)), Err(CodeError::Expired));
        assert_eq!(codes.redeem(&own, phone, "12345", at(1)), Err(CodeError::Wrong { tries_left: 4 }));
        assert_eq!(codes.redeem(&own, phone, &format!(" {} ", last()), at(2)), Ok(()));
        assert_eq!(codes.redeem(&own, phone, &last(), at(3)), Err(CodeError::Expired), "once");
        codes.send(&own, phone, at(60_000)).expect("the second");
        assert_eq!(codes.redeem(&own, phone, &last(), at(360_000)), Err(CodeError::Expired), "too late");
    }

    #[test]
    fn guessing_and_flooding_come_to_an_end() {
        let sent = Pigeonhole::default();
        let codes = Codes::new(Box::new(sent.clone()));
        let (own, phone) = (document("001090000001"), "+84901234567");
        let at = |minutes: i64| TimeMs::new(1_629_400_000_000 + minutes * 60_000);
        codes.send(&own, phone, at(0)).expect("the first");
        let right = sent.0.lock()[0].clone();
        for _ in 0..TRIES {
            assert!(matches!(codes.redeem(&own, phone, "x", at(0)), Err(CodeError::Wrong { .. })));
        }
        assert_eq!(codes.redeem(&own, phone, &right, at(0)), Err(CodeError::Expired), "no tries are left");
        for minute in 1..5 {
            codes.send(&document(&format!("00109000001{minute}")), phone, at(minute)).expect("within bounds");
        }
        let more = |minute| codes.send(&own, phone, at(minute));
        assert!(matches!(more(6), Err(CodeError::TooMany { .. })), "five an hour to one phone");
        assert!(more(61).is_ok(), "the first is forgotten after an hour");
        assert!(more(62).is_ok(), "and so is the second");
    }
}
