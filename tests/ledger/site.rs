//! One fault's own service: its folder, database, processes, sink and operator.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{
    mix::TENANTS,
    plan::StoreKind,
    postgres::{self, Cluster},
    process::{Part, free_address},
    proxy::Wire,
    rest::{OPERATOR, Rest},
    sink::Sink,
    small_disk::SmallDisk,
    trouble::Fallible,
};

/// What all services of a run share.
pub(crate) struct Ground {
    pub(crate) program: PathBuf,
    pub(crate) store: StoreKind,
    /// The server, where the store is PostgreSQL.
    pub(crate) cluster: Option<Arc<Mutex<Cluster>>>,
}

/// A service, furnished and empty.
pub(crate) struct Site {
    pub(crate) parts: Vec<Part>,
    pub(crate) sink: Sink,
    pub(crate) rest: Rest,
    /// The database's name, on PostgreSQL.
    pub(crate) database: String,
    /// Between the last relay process and the database, where there is one.
    pub(crate) wire: Option<Wire>,
    /// Under the database, where it is small.
    pub(crate) disk: Option<SmallDisk>,
    pub(crate) folder: TempDir,
}

/// How the service is spread over processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One process.
    Whole,
    /// One process, its database on a disk that is soon full.
    Cramped,
    /// An API process and two relay processes, `a` and `b`; `b` reaches the database over a wire that can be cut.
    Split,
}

impl Site {
    /// Starts a service; `name` is that of the fault, for folders and databases.
    pub(crate) async fn open(ground: &Ground, name: &'static str, shape: Shape) -> Fallible<Self> {
        let folder = tempfile::Builder::new().prefix("letterhead-ledger-").tempdir()?;
        let sink = Sink::start().await?;
        let address = free_address()?;
        let database = format!("ledger_{name}");
        let mut wire = None;
        let url = match &ground.cluster {
            None => format!("sqlite://{}/store/letterhead.db", folder.path().display()),
            Some(cluster) => {
                let cluster = cluster.lock().await;
                cluster.create(&database).await?;
                wire = Some(Wire::to(cluster.port()).await?);
                postgres::url(cluster.port(), &database)
            }
        };
        let far = wire
            .as_ref()
            .map_or_else(|| url.clone(), |wire| postgres::url(wire.port(), &database));
        let part = |name, health| Part::new(name, &ground.program, folder.path().join(name), health);
        let mut parts = match shape {
            Shape::Whole | Shape::Cramped => vec![part("whole", address)?],
            Shape::Split => vec![
                part("api", address)?.only("api"),
                part("a", free_address()?)?.only("relay"),
                part("b", free_address()?)?.only("relay"),
            ],
        };
        for part in &mut parts {
            let internal = if part.name == "a" || part.name == "b" {
                part.health()
            } else {
                free_address()?
            };
            let place = folder.path().join(part.name);
            configure(part, address, internal, &place.display().to_string());
            part.set("LETTERHEAD_DATABASE_URL", if part.name == "b" { &far } else { &url });
        }
        let store = folder.path().join("store");
        let disk = (shape == Shape::Cramped).then(|| SmallDisk::at(&store)).transpose()?;
        if let (Some(disk), Some(part)) = (&disk, parts.first_mut()) {
            disk.confine(part);
        }
        let rest = furnished(&mut parts, address, sink.port()).await?;
        Ok(Self {
            parts,
            sink,
            rest,
            database,
            wire,
            disk,
            folder,
        })
    }

    /// The one process, or the first.
    pub(crate) fn whole(&mut self) -> Fallible<&mut Part> {
        self.parts
            .first_mut()
            .ok_or_else(|| "the service has no process".into())
    }

    /// A process by its name.
    pub(crate) fn part(&mut self, name: &str) -> Fallible<&mut Part> {
        let found = self.parts.iter_mut().find(|part| part.name == name);
        found.ok_or_else(|| format!("the service has no process {name}").into())
    }

    /// What the processes have counted since each was started.
    pub(crate) async fn possible_duplicates(&self) -> Fallible<usize> {
        let mut counted = 0;
        for part in &self.parts {
            counted += part.possible_duplicates().await?;
        }
        Ok(counted)
    }

    /// Keeps the folder, for whoever wants to know why.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

/// Starts the processes, the first before the others since it migrates, and fills the empty store.
async fn furnished(parts: &mut [Part], address: SocketAddr, sink: u16) -> Fallible<Rest> {
    let mut rest = Rest::at(address)?;
    for (place, part) in parts.iter_mut().enumerate() {
        part.spawn()?;
        part.ready(Duration::from_secs(30)).await?;
        if place == 0 {
            rest = Rest::operator(address).await?;
            rest.furnish(TENANTS, sink).await?;
        }
    }
    Ok(rest)
}

fn configure(part: &mut Part, listen: SocketAddr, internal: SocketAddr, folder: &str) {
    // The name in EHLO tells the sink which process is talking.
    let domain = format!("{}.relay.example", part.name);
    part.counts_at(internal);
    for (variable, value) in [
        ("LETTERHEAD_DATA_DIR", folder),
        ("LETTERHEAD_LISTEN", &listen.to_string()),
        ("LETTERHEAD_INTERNAL_LISTEN", &internal.to_string()),
        ("LETTERHEAD_PUBLIC_URL", &format!("http://{listen}")),
        ("LETTERHEAD_BOOTSTRAP_CLIENT_ID", OPERATOR.0),
        ("LETTERHEAD_BOOTSTRAP_CLIENT_SECRET", OPERATOR.1),
        // One day: longer than any run.
        ("LETTERHEAD_ACCESS_TOKEN_LIFETIME", "86400"),
        ("LETTERHEAD_MASTER_KEY", "bGVkZ2VyLWxlZGdlci1sZWRnZXItbGVkZ2VyLWxlZGc="),
        ("LETTERHEAD_RELAY_DOMAIN", &domain),
        ("LETTERHEAD_EGRESS_ALLOW", "127.0.0.0/8"),
        ("LETTERHEAD_OUTCOME_UNKNOWN_DELAY", "1"),
        ("LETTERHEAD_LOG", "warn"),
    ] {
        part.set(variable, value);
    }
}
