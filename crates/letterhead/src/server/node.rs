//! Which relay process this is: the same after a restart on the same data folder.

use std::path::Path;

use domain::ids::{IdSource, NodeId};

use super::ensure_folder;
use crate::start_error::StartError;

/// The identity kept in `<data folder>/node.id`, made on the first start.
pub(super) fn identity(data_dir: &Path, ids: &dyn IdSource) -> Result<NodeId, StartError> {
    ensure_folder(data_dir)?;
    let path = data_dir.join("node.id");
    if let Some(known) = std::fs::read_to_string(&path)
        .ok()
        .and_then(|text| text.trim().parse().ok())
    {
        return Ok(known);
    }
    let fresh = NodeId::generate(ids);
    std::fs::write(&path, format!("{fresh}\n")).map_err(|error| {
        StartError::new(
            format!("cannot write {} ({error})", path.display()),
            "make it writable for the account that runs letterhead",
        )
    })?;
    Ok(fresh)
}

/// The host's name, for people.
pub(super) fn name() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = kernel.trim();
    if name.is_empty() {
        "relay".to_owned()
    } else {
        name.to_owned()
    }
}
