//! `docs/configuration.md`, made from the table, so that the documentation cannot say something else than the program.

use std::fmt::Write;

use super::{
    setting::{About, Fallback, Place, Secrecy},
    table,
};

const INTRODUCTION: &str = "\
# Configuration

<!-- Made by `letterhead config reference`; a test fails where the two differ. -->

Every setting is a flag, an environment variable or a key of a TOML file (`--config FILE`), in that order of precedence.

- A variable that ends in `_FILE` names a file that holds the value, for example a mounted secret; setting both is an error.
- An empty value is the empty list where a list is meant, elsewhere the same as no value.
- An unknown flag or key of the file is an error, an unknown `LETTERHEAD_` variable a warning.
- Flags can be seen by other users of the machine: give secrets in a file.
- `letterhead config check` names every fault; `letterhead config show` prints each value and where it comes from.
";

/// The reference as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    for about in table::ALL {
        describe(&mut text, about);
    }
    text
}

fn describe(text: &mut String, about: &About) {
    let key = match about.place {
        Place::Everywhere => format!(", key `{}`", about.key),
        Place::OutsideTheFile => String::new(),
    };
    let default = match about.default {
        Fallback::Fixed("") => "empty".to_owned(),
        Fallback::Fixed(value) | Fallback::Derived(value) => format!("`{value}`"),
        Fallback::Absent(meaning) => meaning.to_owned(),
    };
    let secrecy = match about.secrecy {
        Secrecy::Public => "",
        Secrecy::Secret => " Secret: never shown.",
        Secrecy::Partly(_) => " Passwords in it are never shown.",
    };
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\n## `{}`\n\n{}{secrecy}\n\nFlag `--{} {}`{key}. Default: {default}.\n",
        about.variable(),
        about.description,
        about.long_flag(),
        about.form,
    );
}
