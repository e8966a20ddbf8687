//! From a token to what is shown, on one core: the code, its pictures, and a page of eight.
//!
//! ```text
//! cargo bench -p truyvet-qr
//! ```

use divan::Bencher;
use truyvet_qr::{Card, Field, Format, QrCode, pages};

fn main() {
    divan::main();
}

#[divan::bench]
fn code() -> QrCode {
    QrCode::new(TOKEN).expect("is a token")
}

#[divan::bench]
fn token_to_svg() -> String {
    code().svg("04HMA-SW9NF-6YYA")
}

#[divan::bench(args = [4, 8, 40])]
fn token_to_png(pixels_per_module: usize) -> Vec<u8> {
    code().png(pixels_per_module).expect("a size that is made")
}

/// Eight codes that are there already.
#[divan::bench]
fn page_of_eight(bencher: Bencher<'_, '_>) {
    let code = code();
    let fields = [
        Field { label: "Họ và tên", text: "Nguyễn Thị Ánh Nguyệt" },
        Field { label: "Có giá trị đến", text: "08/08/2021 07:00" },
    ];
    let card =
        Card { code: &code, heading: "Phiếu đi lại", number: "04HMA-SW9NF-6YYA", fields: &fields };
    bencher.bench(|| pages(&[card; 8], Format::Eight).collect::<Vec<_>>());
}

/// The pass `valid` of PASS.md.
const TOKEN: &str = concat!(
    "TVP1:AEAACAJDIVTYTK6N56QKDIVDUSS2NJ5IVFQQWKQAMEHR5AABAAAGQ5H777777M7DLR6T7Q25CO52HTUSEJZKQFNMUMFF",
    "MAG7DXPO3NAO6JHEHPZTGNEA7HBT5WBUN6ZNR3DI3ZGRC2P77BESSFST63ARDJ22MMFMKAAA"
);
