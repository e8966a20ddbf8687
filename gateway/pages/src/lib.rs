//! What people see in a browser: templates, texts in two languages, scripts.
