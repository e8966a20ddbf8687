#[rustfmt::skip] // kept as the compiler writes it, so that it can be compared
pub(crate) mod wire;
