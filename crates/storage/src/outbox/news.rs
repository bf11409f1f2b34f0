//! News between processes that share one PostgreSQL: whoever accepts mail says which tenants have some in which lane, and
//! whoever changes settings says so. (LISTEN and NOTIFY, PostgreSQL manual, "Asynchronous Notification".)
//!
//! A NOTIFY takes a lock that is the whole database's until its transaction ends, so that it never is part of a group: a
//! task of its own says what has gathered, in statements that write nothing. What is lost is found by looking, which every
//! worker does each second.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::message::kind::Lane;
use sea_orm::DatabaseConnection;
use sqlx::postgres::PgListener;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::rows::{Sql, Type};
use crate::{Inner, Store};

/// The channel's name.
const CHANNEL: &str = "letterhead";
/// Names told at most in one notification; a payload has to be shorter than 8,000 octets.
const MOST: usize = 180;
/// The least time between two notifications of one process.
const PAUSE: Duration = Duration::from_millis(2);
/// How long to wait after the database was out of reach, and how often to see whether the store is still there.
const AGAIN: Duration = Duration::from_secs(1);

/// What this process has to tell.
pub(crate) struct News {
    me: Uuid,
    waiting: Mutex<HashSet<(i16, Uuid)>>,
    everything: AtomicBool,
    some: Notify,
}

impl News {
    /// The news of the process that is called `me`.
    pub(crate) fn of(me: Uuid) -> Self {
        Self {
            me,
            waiting: Mutex::default(),
            everything: AtomicBool::new(false),
            some: Notify::new(),
        }
    }

    /// A tenant has mail due.
    pub(super) fn joined(&self, lane: Lane, tenant: Uuid) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.insert((lane.rank(), tenant)) {
            self.some.notify_one();
        }
    }

    /// Anything may have changed.
    pub(super) fn changed(&self) {
        self.everything.store(true, Ordering::Release);
        self.some.notify_one();
    }

    /// What has gathered, as a payload: who says it, then `*` or lane and tenant of each.
    fn take(&self) -> String {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let everything = self.everything.swap(false, Ordering::AcqRel);
        let names = if everything || waiting.len() > MOST {
            vec!["*".to_owned()]
        } else {
            waiting
                .into_iter()
                .map(|(lane, tenant)| format!("{lane}:{}", tenant.simple()))
                .collect()
        };
        format!("{} {}", self.me.simple(), names.join(" "))
    }
}

/// Tells the others until the store is gone.
pub(crate) async fn tell(store: Weak<Inner>, pool: DatabaseConnection) {
    loop {
        let Some(inner) = store.upgrade() else {
            return;
        };
        if timeout(AGAIN, inner.news.some.notified()).await.is_err() {
            continue;
        }
        let said = Sql::new(&pool)
            .text("SELECT pg_notify('letterhead', ")
            .value(inner.news.take(), Type::Text)
            .text(")")
            .run(&pool)
            .await;
        if let Err(error) = said {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "other processes were not told of new mail"
            );
        }
        drop(inner);
        sleep(PAUSE).await;
    }
}

/// Hears what others tell until the store is gone.
pub(crate) async fn hear(store: Weak<Inner>, pool: DatabaseConnection) {
    while store.strong_count() > 0 {
        if let Err(error) = listen(&store, &pool).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "not listening for other processes' mail; it is looked for each second"
            );
        }
        sleep(AGAIN).await;
    }
}

async fn listen(store: &Weak<Inner>, pool: &DatabaseConnection) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool.get_postgres_connection_pool()).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let heard = timeout(AGAIN, listener.try_recv()).await;
        let Some(inner) = store.upgrade() else {
            return Ok(());
        };
        let store = Store { inner };
        match heard {
            Err(_nothing) => {}
            Ok(Ok(Some(notification))) => store.heard(notification.payload()),
            // The connection was lost and is made anew: whatever was told meanwhile is unknown.
            Ok(Ok(None)) => store.look_around(),
            Ok(Err(error)) => return Err(error),
        }
    }
}

impl Store {
    fn heard(&self, payload: &str) {
        let mut words = payload.split(' ');
        let me = self.inner.news.me.simple().to_string();
        if words.next().is_none_or(|who| who == me) {
            return;
        }
        for word in words {
            let name = word.split_once(':').and_then(|(lane, tenant)| {
                let lane = lane.parse().ok().and_then(Lane::of_rank)?;
                Some((lane, Uuid::try_parse(tenant).ok()?))
            });
            match name {
                Some((lane, tenant)) => self.inner.lanes.join(lane, tenant),
                None => self.look_around(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_names_each_tenant_once_or_says_that_anything_may_have_changed() {
        let news = News::of(Uuid::nil());
        let tenant = Uuid::from_u128(7);
        news.joined(Lane::Urgent, tenant);
        news.joined(Lane::Urgent, tenant);
        assert_eq!(news.take(), format!("{} 0:{}", news.me.simple(), tenant.simple()));
        for n in 0..=MOST {
            news.joined(Lane::Background, Uuid::from_u128(n as u128));
        }
        assert!(news.take().ends_with(" *"));
        for n in 0..MOST {
            news.joined(Lane::Background, Uuid::from_u128(u128::MAX - n as u128));
        }
        assert!(news.take().len() < 8000);
        news.changed();
        assert!(news.take().ends_with(" *"));
    }
}
