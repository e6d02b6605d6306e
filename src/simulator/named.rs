//! Enums that are also words: one table gives the variants, their text form, an example of each and what `--help` says.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// Longest name of an error code or an element in a text form.
const LONGEST: usize = 64;

/// The text names nothing that the simulator knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// No such name.
    #[error("`{text}` is no {what}: expected one of {names}")]
    Unknown {
        /// The text, printable.
        text: String,
        /// What was to be named.
        what: &'static str,
        /// All names, as they are used.
        names: String,
    },
    /// The name is known, what follows it does not fit.
    #[error("`{text}` does not fit: expected `{usage}`, as in `{example}`")]
    Unfit {
        /// The text, printable.
        text: String,
        /// How the name is used.
        usage: &'static str,
        /// An example of it.
        example: String,
    },
}

/// What may follow a name, behind a colon.
pub(super) trait Part: Display + Sized {
    fn read(text: &str) -> Option<Self>;
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Part for $type {
            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })*
    };
}

numbers!(u64, i64, usize);

/// The HTTP status of an answer.
impl Part for u16 {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|status| (200..=599).contains(status))
    }
}

/// The name of an error code or an element. Each is kept for the life of the process, once, so that a fault can be a
/// small value that is copied.
impl Part for &'static str {
    fn read(text: &str) -> Option<Self> {
        static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=LONGEST).contains(&text.len()) || !text.bytes().all(fits) {
            return None;
        }
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(text) {
            return Some(known);
        }
        let name: &'static str = Box::leak(text.into());
        names.insert(name);
        Some(name)
    }
}

/// Declares the enum. Every variant has its documentation, which `about` gives back, its parts with an example of each,
/// and its name: `Error(status: u16 = 503, code: &'static str = "SlowDown") => "error"` is `error:503:SlowDown`.
macro_rules! named {
    (
        $(#[$outer:meta])*
        pub enum $enum:ident, $what:literal {
            $(
                $(#[doc = $doc:literal])+
                $name:ident $(( $($part:ident: $type:ty = $example:expr),+ ))? => $text:literal,
            )*
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $enum { $( $(#[doc = $doc])+ $name $(( $($type),+ ))?, )* }

        impl $enum {
            /// One of each sort.
            pub const EACH: &[Self] = &[ $( Self::$name $(( $($example),+ ))?, )* ];

            /// Its name, with the names of what follows: `error:STATUS:CODE`.
            pub fn usage(self) -> &'static str {
                match self {
                    $( Self::$name { .. } => concat!($text $(, $(":", stringify!($part)),+ )?), )*
                }
            }

            /// What it is, in a sentence.
            pub fn about(self) -> &'static str {
                match self { $( Self::$name { .. } => concat!($($doc),+).trim_start(), )* }
            }

            fn unfit(self, text: &str) -> $crate::simulator::named::InvalidName {
                $crate::simulator::named::InvalidName::Unfit {
                    text: $crate::model::printable_line(text, 80),
                    usage: self.usage(),
                    example: self.to_string(),
                }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $( Self::$name $(( $($part),+ ))? => {
                        f.write_str($text)?;
                        $( $( write!(f, ":{}", $part)?; )+ )?
                        Ok(())
                    } )*
                }
            }
        }

        impl std::str::FromStr for $enum {
            type Err = $crate::simulator::named::InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut parts = text.split(':');
                match parts.next().unwrap_or_default() {
                    $( $text => {
                        let example = Self::$name $(( $($example),+ ))?;
                        let read = Self::$name $(( $(
                            parts.next()
                                .and_then(<$type as $crate::simulator::named::Part>::read)
                                .ok_or_else(|| example.unfit(text))?
                        ),+ ))?;
                        if parts.next().is_some() { Err(example.unfit(text)) } else { Ok(read) }
                    } )*
                    _ => Err($crate::simulator::named::InvalidName::Unknown {
                        text: $crate::model::printable_line(text, 80),
                        what: $what,
                        names: Self::EACH.iter().map(|one| format!("`{}`", one.usage())).collect::<Vec<_>>().join(", "),
                    }),
                }
            }
        }

        impl serde::Serialize for $enum {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $enum {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(super) use named;
