//! `coexist schema`.

use coexist_model::Exit;
use coexist_plan::FileKind;

use crate::args::{SchemaArgs, WrittenFile};
use crate::say;

/// Prints the schema of one kind of file, as it lies in `docs/schema`.
pub(crate) fn schema(args: &SchemaArgs) -> Exit {
    let kind = match args.file {
        WrittenFile::Matrix => FileKind::Matrix,
        WrittenFile::Recipe => FileKind::Recipe,
        WrittenFile::Image => FileKind::Image,
    };
    say::say(&coexist_plan::schema(kind), Exit::Clean)
}
