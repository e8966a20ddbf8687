//! Passes as pictures: QR codes as SVG and PNG, sheets to print.
