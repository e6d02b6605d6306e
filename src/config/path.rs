//! Paths of files that rolewarden looks for while it runs. Documents are read with the configuration, and a wrong path shows
//! at once; one of these would show when it is needed, so what can never be such a path is refused here.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::reader::{Kind, Reading};
use super::secret::io_problem;
use super::yaml::{Node, Value};
use crate::model::{is_dangerous, printable_line};

/// Longest name of a file on any file system of Linux, in bytes.
const LONGEST_NAME: usize = 255;

/// The path of a file. A relative one is found from the folder of the configuration file, wherever rolewarden is started.
pub(super) struct FilePath;

impl Kind for FilePath {
    type Value = PathBuf;

    fn schema(&self) -> Json {
        json!({"type": "string", "title": "the path of a file", "pattern": "^[^~$\\s]([^$]*[^$\\s/])?$"})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<PathBuf> {
        let found = node.value.found();
        let Value::Text(text) = &node.value else {
            reading.problem(node.place, format_args!("expected the path of a file, found {found}"));
            return None;
        };
        if let Some(why) = impossible(text) {
            reading.problem(
                node.place,
                format_args!("expected the path of a file, found {found}: {why}"),
            );
            return None;
        }
        Some(reading.locate(text))
    }
}

/// What keeps a text from being the path of a file that a person could mean.
fn impossible(text: &str) -> Option<&'static str> {
    let too_long = |part: &str| part.len() > LONGEST_NAME;
    let last = text.rsplit('/').next().unwrap_or_default();
    if text.trim().is_empty() {
        Some("it is empty")
    } else if text.contains(is_dangerous) {
        Some("it holds a control character or an invisible one; remove it")
    } else if text.trim() != text {
        Some("it begins or ends with white space; remove it")
    } else if text.starts_with('~') {
        Some("`~` is not replaced here; write the folder out")
    } else if text.contains('$') {
        Some("variables and references are not replaced here; write the path out")
    } else if ["", ".", ".."].contains(&last) {
        Some("it names a folder; add the name of the file")
    } else if text.split('/').any(too_long) {
        Some("a name in it is longer than 255 bytes")
    } else {
        None
    }
}

/// The path of a file that a person makes to stop rolewarden. Its folder must be there: a switch in a folder that does not
/// exist cannot be thrown in a hurry.
pub(super) struct SwitchPath;

impl Kind for SwitchPath {
    type Value = PathBuf;

    fn schema(&self) -> Json {
        FilePath.schema()
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<PathBuf> {
        let path = FilePath.read(node, reading)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let (found, shown) = (node.value.found(), printable_line(&folder.to_string_lossy(), 256));
        let missing = match (reading.around.is_folder)(folder) {
            Ok(true) => return Some(path),
            Ok(false) => true,
            Err(error)
                if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) =>
            {
                true
            }
            Err(error) => {
                let what = io_problem(&error);
                reading.warning(
                    node.place,
                    format_args!(
                        "cannot look into `{shown}` ({what}): the switch counts as thrown, and nothing is written"
                    ),
                );
                false
            }
        };
        if missing {
            reading.problem(
                node.place,
                format_args!(
                    "expected the path of a file in a folder that exists, found {found}: `{shown}` is no folder; make it, or name \
                     another file"
                ),
            );
            return None;
        }
        Some(path)
    }
}
