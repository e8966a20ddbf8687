//! A question asked of an engine of our own: a bar while it is a long one, and Ctrl-C stops it.

use std::process::exit;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{Instant, interval_at};
use truyvet_engine::Asking;

use super::error::CliError;

/// Asks, and gives what was said. Ctrl-C stops the question; when it is over, or a second time, the
/// program.
///
/// # Errors
/// Ctrl-C cannot be heard.
pub(super) fn watched<T>(asking: &Arc<Asking>, ask: impl FnOnce() -> T) -> Result<T, CliError> {
    let deaf = |e| CliError::Failed(format!("Ctrl-C cannot be heard: {e}"));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(deaf)?;
    let (end, ended) = oneshot::channel();
    let (cleared, is_cleared) = bounded(1);
    let (heard, is_heard) = bounded(1);
    let asking = Arc::clone(asking);
    let watch = move || runtime.block_on(watch(&asking, ended, &heard, &cleared));
    thread::Builder::new().name("watch".to_owned()).spawn(watch).map_err(deaf)?;
    is_heard.recv().map_err(|_| CliError::Failed("Ctrl-C cannot be heard".to_owned()))?;
    let said = ask();
    end.send(()).ok();
    // The bar is gone before the answer is written.
    is_cleared.recv().ok();
    Ok(said)
}

async fn watch(
    asking: &Asking,
    mut ended: oneshot::Receiver<()>,
    is_heard: &Sender<()>,
    is_cleared: &Sender<()>,
) {
    let Ok(mut interrupts) = signal(SignalKind::interrupt()) else { return };
    is_heard.send(()).ok();
    let mut redraw = interval_at(Instant::now() + SHOWN_AFTER, REDRAWN_EVERY);
    let bar = bar();
    let mut is_over = false;
    loop {
        tokio::select! {
            _ = interrupts.recv() => {
                if is_over || asking.is_stopped() {
                    exit(1);
                }
                asking.stop();
            }
            _ = &mut ended, if !is_over => {
                is_over = true;
                bar.finish_and_clear();
                is_cleared.send(()).ok();
            }
            _ = redraw.tick(), if !is_over => draw(&bar, asking.progress()),
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent} % {elapsed} (Ctrl-C stops)");
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Most questions do not tell how far they have come, and end before there is anything to see.
fn draw(bar: &ProgressBar, (step, all): (u64, u64)) {
    if all > 0 {
        bar.set_length(all);
        bar.set_position(step);
    }
}

const SHOWN_AFTER: Duration = Duration::from_millis(500);
const REDRAWN_EVERY: Duration = Duration::from_millis(100);
