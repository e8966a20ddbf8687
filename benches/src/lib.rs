//! One benchmark a layer.
