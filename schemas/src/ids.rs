//! Dense ids. A code is what people and programs outside see; an id is its number inside.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The id with this number.
            pub const fn new(number: u32) -> Self {
                Self(number)
            }

            /// The id's number.
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The id's number as an index into a dense array.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        const _: () = assert!(size_of::<$name>() == 4);
    };
}

id!(
    /// Who or what carries a pass. Handed out in extents, so that neighbours have near numbers.
    SubjectId
);
id!(
    /// Where passes are scanned.
    SiteId
);
id!(
    /// A node of the administrative tree.
    AreaId
);
id!(
    /// What sends scans: a checkpoint's device, or an import.
    DeviceId
);
