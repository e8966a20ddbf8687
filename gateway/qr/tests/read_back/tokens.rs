//! The tokens of PASS.md that an issuer would write into a code.

use std::collections::BTreeMap;

use truyvet_qr::QrCode;

use crate::grey::Grey;

/// Every token of the page by its name, but for the one that shows how keyboards change it.
pub(crate) fn tokens() -> BTreeMap<&'static str, &'static str> {
    let mut tokens = vectors();
    tokens.retain(|name, text| *name != "typed" && text.contains(':'));
    tokens
}

/// Every fenced block ```` ```pass NAME ````.
pub(crate) fn vectors() -> BTreeMap<&'static str, &'static str> {
    let block = |block: &'static str| {
        let (name, rest) = block.split_once('\n').expect("a block has lines");
        (name, rest.split_once("\n```").expect("a block ends").0)
    };
    include_str!("../../../../schemas/PASS.md").split("```pass ").skip(1).map(block).collect()
}

/// The code of a token as a PNG's pixels.
pub(crate) fn picture(token: &str, pixels_per_module: usize) -> Grey {
    let code = QrCode::new(token).expect("a token fits");
    Grey::of_png(&code.png(pixels_per_module).expect("a size that is made"))
}
